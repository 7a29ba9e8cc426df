package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// reviseQuote is ReviseQuote: a new draft with all that the quote says, its lines as well; the quote itself is closed as
// revised and stays, a full copy of the person's addresses. Page: actions/revisequote.
func (s *messageService) reviseQuote(c *call) (*answer, error) {
	const closed, revised = 3, 7
	var made uuid.UUID
	var chosen string
	err := s.change(c, func(w *writer) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		for _, name := range []string{"QuoteId", "ColumnSet"} {
			if body[name] == nil {
				return missingArgument(name, "ReviseQuote")
			}
		}
		text, _ := body["QuoteId"].(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return badArgument("The QuoteId is not an id.")
		}
		t := w.schema.tables["quote"]
		if chosen, err = t.columnSet(body["ColumnSet"]); err != nil {
			return err
		}
		r := w.data[t.Name].get(id)
		if r == nil {
			return noRow(t.Name, id.String())
		}
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
		if err := w.allow("Create", t, nil); err != nil {
			return err
		}
		if from := t.int(r, "statecode"); from != 1 && from != closed {
			return newFault(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be revised.", t.stateLabel(from))
		}
		v := w.copyable(t, r)
		v.set(t, "quotenumber", t.get(r, "quotenumber"))
		v.set(t, "revisionnumber", t.int(r, "revisionnumber")+1)
		draft, err := w.insert(t, v)
		if err != nil {
			return err
		}
		made = draft.id
		lines := w.schema.tables["quotedetail"]
		var list []*row
		w.pointers(lines, lines.column("quoteid"), ref{t.Name, r.id}, func(x *row) bool {
			list = append(list, x)
			return true
		})
		for _, x := range list {
			v := w.copyable(lines, x)
			v.set(lines, "quoteid", ref{t.Name, made})
			if _, err := w.insert(lines, v); err != nil {
				return err
			}
		}
		v = values{}
		v.set(t, "statecode", int64(closed))
		v.set(t, "statuscode", int64(revised))
		_, err = w.save(t, r, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	sn := c.view()
	t := sn.schema.tables["quote"]
	row := sn.data[t.Name].get(made)
	if row == nil {
		return nil, noRow(t.Name, made.String())
	}
	b, err := encodeRow(c, t, row, &queryOptions{values: map[string]string{"$select": chosen}})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: b}, nil
}

// copyable are the values of a row that a create may set, without its key and state.
func (w *writer) copyable(t *table, r *row) values {
	v := values{}
	for _, c := range t.Columns {
		switch {
		case c.NoCreate, c.Name == t.ID, c.kind == kindState, c.kind == kindStatus, c.Name == "overriddencreatedon":
		default:
			if x := r.get(c.index); x != nil {
				v[c.index] = x
			}
		}
	}
	return v
}
