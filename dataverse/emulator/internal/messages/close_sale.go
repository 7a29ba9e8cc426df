package messages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// winOpportunity and loseOpportunity close an opportunity: the only way to do so. Pages: WinOpportunity, LoseOpportunity.
func (s *Service) winOpportunity(c *wire.Call) (*wire.Answer, error) {
	return s.closeOpportunity(c, platform.WinMessage, 1, platform.ActionWin)
}

func (s *Service) loseOpportunity(c *wire.Call) (*wire.Answer, error) {
	return s.closeOpportunity(c, platform.LoseMessage, 2, platform.ActionLose)
}

func (s *Service) closeOpportunity(c *wire.Call, message string, state, action int64) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		in, status, err := readClosing(w, c, "OpportunityClose", "opportunityclose")
		if err != nil {
			return err
		}
		t, r, err := closedRow(w, in, "opportunityclose", "opportunity")
		if err != nil {
			return err
		}
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
		if store.Int(t, r, "statecode") != 0 {
			return wire.NewError(http.StatusBadRequest, "0x80040515", "The opportunity has already been closed.")
		}
		if status, err = closingStatus(t, state, status); err != nil {
			return err
		}
		if openQuotes(w, r.ID) {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "The opportunity cannot be closed because it has draft or active quotes. Close the quotes first.")
		}
		return w.Act(message, t, r, func(r *store.Row) error { return closeDeal(w, t, r, in, state, status, action) })
	})
}

// closeDeal writes the activity that closes an opportunity, and its state.
func closeDeal(w *platform.Writer, t *schema.Table, r *store.Row, in *platform.Input, state, status, action int64) error {
	x := w.Schema.Tables["opportunityclose"]
	in.Values.SetDefault(x, "actualend", store.NowFor(x, w.Now, "actualend"))
	in.Values.SetDefault(x, "subject", "Opportunity Close - "+platform.StateLabel(t, state)+" - "+store.Text(t, r, "name"))
	if _, err := w.CreateFrom(x, in); err != nil {
		return err
	}
	v := store.Values{}
	v.Set(t, "statecode", state)
	v.Set(t, "statuscode", status)
	v.Set(t, "actualclosedate", store.DayOf(in.Values.After(x, nil, "actualend")))
	if revenue := in.Values.After(x, nil, "actualrevenue"); revenue != nil {
		v.Set(t, "actualvalue", revenue)
	}
	return withAction(w, action, func() error {
		_, err := w.Save(t, r, v)
		return err
	})
}

// withAction runs fn; the audit history calls the changes of fn by the action.
func withAction(w *platform.Writer, action int64, fn func() error) error {
	before := w.Action
	w.Action = action
	defer func() { w.Action = before }()
	return fn()
}

// readClosing reads the two parameters of an action that closes a row.
func readClosing(w *platform.Writer, c *wire.Call, parameter, table string) (*platform.Input, int64, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, 0, err
	}
	name := c.Path.Segments[0].Name
	row, ok := body[parameter].(map[string]any)
	if !ok {
		return nil, 0, wire.MissingArgument(parameter, name)
	}
	if body["Status"] == nil {
		return nil, 0, wire.MissingArgument("Status", name)
	}
	status, err := wire.IntMember(body, "Status", -1)
	if err != nil {
		return nil, 0, err
	}
	in, err := w.ReadBody(w.Schema.Tables[table], row, true)
	return in, int64(status), err
}

// closedRow is the row that a closing activity closes.
func closedRow(w *platform.Writer, in *platform.Input, activity, name string) (*schema.Table, *store.Row, error) {
	x, t := w.Schema.Tables[activity], w.Schema.Tables[name]
	of, ok := in.Values.After(x, nil, t.ID).(store.Ref)
	if !ok {
		return nil, nil, wire.NewError(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity '%s'.", t.ID, activity)
	}
	r := w.Data[t.Name].Get(of.ID)
	if r == nil {
		return nil, nil, wire.NoRow(t.Name, of.ID.String())
	}
	return t, r, nil
}

// closingStatus is the status that a closing action asks for: -1 is the state's first.
func closingStatus(t *schema.Table, state, status int64) (int64, error) {
	if status == -1 {
		return platform.FirstStatus(t, state), nil
	}
	if !platform.StatusFits(t, state, status) {
		return 0, platform.BadStatus(t, state, status)
	}
	return status, nil
}

// openQuotes tells whether an opportunity has quotes that are drafts or active.
func openQuotes(w *platform.Writer, opportunity uuid.UUID) bool {
	t := w.Schema.Tables["quote"]
	open := false
	platform.EachPointing(&w.Tx.Snapshot, t, t.Column("opportunityid"), store.Ref{Table: "opportunity", ID: opportunity}, func(r *store.Row) bool {
		open = store.Int(t, r, "statecode") <= 1
		return !open
	})
	return open
}

// winQuote and closeQuote close an active quote. Pages: WinQuote, CloseQuote.
func (s *Service) winQuote(c *wire.Call) (*wire.Answer, error) {
	return s.finishQuote(c, platform.WinMessage, 2)
}

func (s *Service) closeQuote(c *wire.Call) (*wire.Answer, error) {
	return s.finishQuote(c, platform.CloseMessage, 3)
}

func (s *Service) finishQuote(c *wire.Call, message string, state int64) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		in, status, err := readClosing(w, c, "QuoteClose", "quoteclose")
		if err != nil {
			return err
		}
		t, r, err := closedRow(w, in, "quoteclose", "quote")
		if err != nil {
			return err
		}
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
		if from := store.Int(t, r, "statecode"); from != 1 && (state == 2 || from != 0) {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be closed.", platform.StateLabel(t, from))
		}
		if status, err = closingStatus(t, state, status); err != nil {
			return err
		}
		return w.Act(message, t, r, func(r *store.Row) error {
			x := w.Schema.Tables["quoteclose"]
			in.Values.SetDefault(x, "subject", "Quote Close - "+store.Text(t, r, "name"))
			if _, err := w.CreateFrom(x, in); err != nil {
				return err
			}
			v := store.Values{}
			v.Set(t, "statecode", state)
			v.Set(t, "statuscode", status)
			v.Set(t, "closedon", store.NowFor(t, w.Now, "closedon"))
			_, err = w.Save(t, r, v)
			return err
		})
	})
}
