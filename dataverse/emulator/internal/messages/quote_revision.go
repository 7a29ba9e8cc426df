package messages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// reviseQuote is ReviseQuote: it copies the quote and its lines to a new draft and closes the quote as revised. The closed
// quote keeps the person's addresses in full. Page: actions/revisequote.
func (s *Service) reviseQuote(c *wire.Call) (*wire.Answer, error) {
	const closed, revised = 3, 7
	var made uuid.UUID
	var chosen string
	err := s.Change(c, func(w *platform.Writer) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		for _, name := range []string{"QuoteId", "ColumnSet"} {
			if body[name] == nil {
				return wire.MissingArgument(name, "ReviseQuote")
			}
		}
		text, _ := body["QuoteId"].(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return wire.BadArgument("The QuoteId is not an id.")
		}
		t := w.Schema.Tables["quote"]
		if chosen, err = wire.ReadColumnSet(t, body["ColumnSet"]); err != nil {
			return err
		}
		r := w.Data[t.Name].Get(id)
		if r == nil {
			return wire.NoRow(t.Name, id.String())
		}
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
		if err := w.CheckRight("Create", t, nil); err != nil {
			return err
		}
		if from := store.Int(t, r, "statecode"); from != 1 && from != closed {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be revised.", platform.StateLabel(t, from))
		}
		v := copyable(w, t, r)
		v.Set(t, "quotenumber", store.Value(t, r, "quotenumber"))
		v.Set(t, "revisionnumber", store.Int(t, r, "revisionnumber")+1)
		draft, err := w.Insert(t, v)
		if err != nil {
			return err
		}
		made = draft.ID
		lines := w.Schema.Tables["quotedetail"]
		var list []*store.Row
		platform.EachPointing(&w.Tx.Snapshot, lines, lines.Column("quoteid"), store.Ref{Table: t.Name, ID: r.ID}, func(x *store.Row) bool {
			list = append(list, x)
			return true
		})
		for _, x := range list {
			v := copyable(w, lines, x)
			v.Set(lines, "quoteid", store.Ref{Table: t.Name, ID: made})
			if _, err := w.Insert(lines, v); err != nil {
				return err
			}
		}
		v = store.Values{}
		v.Set(t, "statecode", int64(closed))
		v.Set(t, "statuscode", int64(revised))
		_, err = w.Save(t, r, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	sn := c.View()
	t := sn.Schema.Tables["quote"]
	row := sn.Data[t.Name].Get(made)
	if row == nil {
		return nil, wire.NoRow(t.Name, made.String())
	}
	b, err := query.EncodeRow(c, t, row, &wire.QueryOptions{Values: map[string]string{"$select": chosen}})
	if err != nil {
		return nil, err
	}
	return &wire.Answer{Status: http.StatusOK, Body: b}, nil
}

// copyable are the values of a row that a create may set, without its key and state.
func copyable(w *platform.Writer, t *schema.Table, r *store.Row) store.Values {
	v := store.Values{}
	for _, c := range t.Columns {
		switch {
		case c.NoCreate, c.Name == t.ID, c.Kind == schema.KindState, c.Kind == schema.KindStatus, c.Name == "overriddencreatedon":
		default:
			if x := r.Get(c.Index); x != nil {
				v[c.Index] = x
			}
		}
	}
	return v
}
