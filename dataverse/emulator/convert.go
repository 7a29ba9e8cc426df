package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// conversion makes a row of business of another, with its lines: names and addresses of persons are copied along.
type conversion struct {
	action, parameter  string
	from, to           string
	fromLines, toLines string
}

// convertQuote is ConvertQuoteToSalesOrder: an active quote is won by it, a won one stays as it is. Page:
// ConvertQuoteToSalesOrder Action; ConvertQuoteToSalesOrderRequest Class.
func (s *messageService) convertQuote(c *call) (*answer, error) {
	x := conversion{action: "ConvertQuoteToSalesOrder", parameter: "QuoteId", from: "quote", to: "salesorder", fromLines: "quotedetail", toLines: "salesorderdetail"}
	return s.convert(c, x, func(w *writer, t *table, r *row, body map[string]any) error {
		const won = 2
		if body["ProcessInstanceId"] != nil {
			return s.notEmulated("ConvertQuoteToSalesOrder with ProcessInstanceId")
		}
		state := t.int(r, "statecode")
		if state == won {
			return nil
		}
		if state != 1 {
			return newFault(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be converted.", t.stateLabel(state))
		}
		status, err := intMember(body, "QuoteCloseStatus", -1)
		if err != nil {
			return err
		}
		closing, err := t.closingStatus(won, int64(status))
		if err != nil {
			return err
		}
		activity := map[string]any{"quoteid@odata.bind": "/quotes(" + r.id.String() + ")", "subject": "Quote Close - " + t.text(r, "name")}
		for name, column := range map[string]string{"QuoteCloseSubject": "subject", "QuoteCloseDescription": "description", "QuoteCloseDate": "actualend"} {
			if body[name] != nil {
				activity[column] = body[name]
			}
		}
		q := w.schema.tables["quoteclose"]
		in, err := w.readBody(q, activity, true)
		if err != nil {
			return err
		}
		if _, err := w.createFrom(q, in); err != nil {
			return err
		}
		v := values{}
		v.set(t, "statecode", int64(won))
		v.set(t, "statuscode", closing)
		v.set(t, "closedon", t.today(w.now, "closedon"))
		_, err = w.save(t, r, v)
		return err
	})
}

// convertOrder is ConvertSalesOrderToInvoice. The order becomes Invoiced: no page says. Page: ConvertSalesOrderToInvoice Action.
func (s *messageService) convertOrder(c *call) (*answer, error) {
	x := conversion{action: "ConvertSalesOrderToInvoice", parameter: "SalesOrderId", from: "salesorder", to: "invoice", fromLines: "salesorderdetail", toLines: "invoicedetail"}
	return s.convert(c, x, func(w *writer, t *table, r *row, body map[string]any) error {
		const canceled, invoiced = 2, 4
		if body["ProcessInstanceId"] != nil {
			return s.notEmulated("ConvertSalesOrderToInvoice with ProcessInstanceId")
		}
		state := t.int(r, "statecode")
		if state == canceled {
			return newFault(http.StatusBadRequest, "0x80040233", "The order is in the state %s and cannot be converted.", t.stateLabel(state))
		}
		v := values{}
		v.set(t, "statecode", int64(invoiced))
		v.set(t, "statuscode", t.firstStatus(invoiced))
		_, err := w.save(t, r, v)
		return err
	})
}

// convert makes the new row and lets finish bring the old one to its end.
func (s *messageService) convert(c *call, x conversion, finish func(*writer, *table, *row, map[string]any) error) (*answer, error) {
	var made uuid.UUID
	var chosen string
	err := s.change(c, func(w *writer) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		for _, name := range []string{x.parameter, "ColumnSet"} {
			if body[name] == nil {
				return missingArgument(name, x.action)
			}
		}
		text, _ := body[x.parameter].(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return badArgument("The %s is not an id.", x.parameter)
		}
		from, to := w.schema.tables[x.from], w.schema.tables[x.to]
		if chosen, err = to.columnSet(body["ColumnSet"]); err != nil {
			return err
		}
		r := w.data[from.Name].get(id)
		if r == nil {
			return noRow(from.Name, id.String())
		}
		if err := w.allow("Write", from, r); err != nil {
			return err
		}
		if err := w.allow("Create", to, nil); err != nil {
			return err
		}
		if err := finish(w, from, r, body); err != nil {
			return err
		}
		v := from.copyTo(to, r)
		v.set(to, from.ID, ref{from.Name, r.id})
		fresh, err := w.insert(to, v)
		if err != nil {
			return err
		}
		made = fresh.id
		return w.convertLines(x, r.id, made)
	})
	if err != nil {
		return nil, err
	}
	sn := c.view()
	t := sn.schema.tables[x.to]
	r := sn.data[t.Name].get(made)
	if r == nil { // deleted by somebody else in the meantime
		return nil, noRow(t.Name, made.String())
	}
	b, err := encodeRow(c, t, r, &queryOptions{values: map[string]string{"$select": chosen}})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: b}, nil
}

func (w *writer) convertLines(x conversion, from, to uuid.UUID) error {
	lines, fresh := w.schema.tables[x.fromLines], w.schema.tables[x.toLines]
	back, ahead := w.schema.tables[x.from].ID, w.schema.tables[x.to].ID
	var list []*row
	w.pointers(lines, lines.column(back), ref{x.from, from}, func(r *row) bool {
		list = append(list, r)
		return true
	})
	for _, r := range list {
		v := lines.copyTo(fresh, r)
		v.set(fresh, ahead, ref{x.to, to})
		v.set(fresh, lines.ID, ref{lines.Name, r.id})
		if _, err := w.insert(fresh, v); err != nil {
			return err
		}
	}
	return nil
}

// copyTo are a row's values for a new row of another table: what both have by name and kind, and a create may set.
func (t *table) copyTo(to *table, r *row) values {
	v := values{}
	for _, c := range to.Columns {
		from := t.column(c.Name)
		switch {
		case from == nil || from.kind != c.kind, c.NoCreate, c.Name == to.ID, c.Name == "overriddencreatedon", c.Name == "importsequencenumber",
			c.kind == kindState, c.kind == kindStatus, c.kind == kindImage, c.kind == kindFile:
		default:
			if x := r.get(from.index); x != nil {
				v[c.index] = x
			}
		}
	}
	return v
}
