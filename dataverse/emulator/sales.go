package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// winOpportunity and loseOpportunity close an opportunity: the only way to do so. Pages: WinOpportunity, LoseOpportunity.
func (s *messageService) winOpportunity(c *call) (*answer, error) {
	return s.closeOpportunity(c, 1, actionWin)
}

func (s *messageService) loseOpportunity(c *call) (*answer, error) {
	return s.closeOpportunity(c, 2, actionLose)
}

func (s *messageService) closeOpportunity(c *call, state, action int64) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		in, status, err := w.closing(c, "OpportunityClose", "opportunityclose")
		if err != nil {
			return err
		}
		t, r, err := w.closed(in, "opportunityclose", "opportunity")
		if err != nil {
			return err
		}
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
		if t.int(r, "statecode") != 0 {
			return newFault(http.StatusBadRequest, "0x80040515", "The opportunity has already been closed.")
		}
		if status, err = t.closingStatus(state, status); err != nil {
			return err
		}
		if w.openQuotes(r.id) {
			return newFault(http.StatusBadRequest, "0x80040233", "The opportunity cannot be closed because it has draft or active quotes. Close the quotes first.")
		}
		x := w.schema.tables["opportunityclose"]
		in.values.setDefault(x, "actualend", x.today(w.now, "actualend"))
		in.values.setDefault(x, "subject", "Opportunity Close - "+t.stateLabel(state)+" - "+t.text(r, "name"))
		if _, err := w.createFrom(x, in); err != nil {
			return err
		}
		v := values{}
		v.set(t, "statecode", state)
		v.set(t, "statuscode", status)
		v.set(t, "actualclosedate", dayIn(in.values.of(x, nil, "actualend")))
		if revenue := in.values.of(x, nil, "actualrevenue"); revenue != nil {
			v.set(t, "actualvalue", revenue)
		}
		return w.act(action, func() error {
			_, err := w.save(t, r, v)
			return err
		})
	})
}

// act runs fn under the name that the audit history gives to what it does.
func (w *writer) act(action int64, fn func() error) error {
	before := w.action
	w.action = action
	defer func() { w.action = before }()
	return fn()
}

// closing reads the two parameters of an action that closes a row.
func (w *writer) closing(c *call, parameter, table string) (*input, int64, error) {
	body, err := c.decode()
	if err != nil {
		return nil, 0, err
	}
	name := c.path.segments[0].name
	row, ok := body[parameter].(map[string]any)
	if !ok {
		return nil, 0, missingArgument(parameter, name)
	}
	if body["Status"] == nil {
		return nil, 0, missingArgument("Status", name)
	}
	status, err := intMember(body, "Status", -1)
	if err != nil {
		return nil, 0, err
	}
	in, err := w.readBody(w.schema.tables[table], row, true)
	return in, int64(status), err
}

// closed is the row that a closing activity closes.
func (w *writer) closed(in *input, activity, name string) (*table, *row, error) {
	x, t := w.schema.tables[activity], w.schema.tables[name]
	of, ok := in.values.of(x, nil, t.ID).(ref)
	if !ok {
		return nil, nil, newFault(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity '%s'.", t.ID, activity)
	}
	r := w.data[t.Name].get(of.ID)
	if r == nil {
		return nil, nil, noRow(t.Name, of.ID.String())
	}
	return t, r, nil
}

// closingStatus is the status that a closing action asks for: -1 is the state's first.
func (t *table) closingStatus(state, status int64) (int64, error) {
	if status == -1 {
		return t.firstStatus(state), nil
	}
	if !t.fits(state, status) {
		return 0, t.badPair(state, status)
	}
	return status, nil
}

// openQuotes tells whether an opportunity has quotes that are drafts or active.
func (w *writer) openQuotes(opportunity uuid.UUID) bool {
	t := w.schema.tables["quote"]
	open := false
	w.pointers(t, t.column("opportunityid"), ref{"opportunity", opportunity}, func(r *row) bool {
		open = t.int(r, "statecode") <= 1
		return !open
	})
	return open
}

// winQuote and closeQuote close an active quote. Pages: WinQuote, CloseQuote.
func (s *messageService) winQuote(c *call) (*answer, error) { return s.finishQuote(c, 2) }

func (s *messageService) closeQuote(c *call) (*answer, error) { return s.finishQuote(c, 3) }

func (s *messageService) finishQuote(c *call, state int64) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		in, status, err := w.closing(c, "QuoteClose", "quoteclose")
		if err != nil {
			return err
		}
		t, r, err := w.closed(in, "quoteclose", "quote")
		if err != nil {
			return err
		}
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
		if from := t.int(r, "statecode"); from != 1 && (state == 2 || from != 0) {
			return newFault(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be closed.", t.stateLabel(from))
		}
		if status, err = t.closingStatus(state, status); err != nil {
			return err
		}
		x := w.schema.tables["quoteclose"]
		in.values.setDefault(x, "subject", "Quote Close - "+t.text(r, "name"))
		if _, err := w.createFrom(x, in); err != nil {
			return err
		}
		v := values{}
		v.set(t, "statecode", state)
		v.set(t, "statuscode", status)
		v.set(t, "closedon", t.today(w.now, "closedon"))
		_, err = w.save(t, r, v)
		return err
	})
}
