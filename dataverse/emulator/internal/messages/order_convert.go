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

// conversion makes an order of a quote, or an invoice of an order, with the lines; it copies names and addresses of persons.
type conversion struct {
	action, parameter  string
	from, to           string
	fromLines, toLines string
}

// convertQuote is ConvertQuoteToSalesOrder: an active quote is won by it, a won one stays as it is. Page:
// ConvertQuoteToSalesOrder Action; ConvertQuoteToSalesOrderRequest Class.
func (s *Service) convertQuote(c *wire.Call) (*wire.Answer, error) {
	x := conversion{action: "ConvertQuoteToSalesOrder", parameter: "QuoteId", from: "quote", to: "salesorder", fromLines: "quotedetail", toLines: "salesorderdetail"}
	return s.convert(c, x, func(w *platform.Writer, t *schema.Table, r *store.Row, body map[string]any) error {
		const won = 2
		if body["ProcessInstanceId"] != nil {
			return wire.NotEmulated(s.Engine, "ConvertQuoteToSalesOrder with ProcessInstanceId")
		}
		state := store.Int(t, r, "statecode")
		if state == won {
			return nil
		}
		if state != 1 {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "The quote is in the state %s and cannot be converted.", platform.StateLabel(t, state))
		}
		status, err := wire.IntMember(body, "QuoteCloseStatus", -1)
		if err != nil {
			return err
		}
		closing, err := closingStatus(t, won, int64(status))
		if err != nil {
			return err
		}
		activity := map[string]any{"quoteid@odata.bind": "/quotes(" + r.ID.String() + ")", "subject": "Quote Close - " + store.Text(t, r, "name")}
		for name, column := range map[string]string{"QuoteCloseSubject": "subject", "QuoteCloseDescription": "description", "QuoteCloseDate": "actualend"} {
			if body[name] != nil {
				activity[column] = body[name]
			}
		}
		q := w.Schema.Tables["quoteclose"]
		in, err := w.ReadBody(q, activity, true)
		if err != nil {
			return err
		}
		if _, err := w.CreateFrom(q, in); err != nil {
			return err
		}
		v := store.Values{}
		v.Set(t, "statecode", int64(won))
		v.Set(t, "statuscode", closing)
		v.Set(t, "closedon", store.NowFor(t, w.Now, "closedon"))
		_, err = w.Save(t, r, v)
		return err
	})
}

// convertOrder is ConvertSalesOrderToInvoice. The order becomes Invoiced: no page says. Page: ConvertSalesOrderToInvoice
// Action.
func (s *Service) convertOrder(c *wire.Call) (*wire.Answer, error) {
	x := conversion{action: "ConvertSalesOrderToInvoice", parameter: "SalesOrderId", from: "salesorder", to: "invoice", fromLines: "salesorderdetail", toLines: "invoicedetail"}
	return s.convert(c, x, func(w *platform.Writer, t *schema.Table, r *store.Row, body map[string]any) error {
		const canceled, invoiced = 2, 4
		if body["ProcessInstanceId"] != nil {
			return wire.NotEmulated(s.Engine, "ConvertSalesOrderToInvoice with ProcessInstanceId")
		}
		state := store.Int(t, r, "statecode")
		if state == canceled {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "The order is in the state %s and cannot be converted.", platform.StateLabel(t, state))
		}
		v := store.Values{}
		v.Set(t, "statecode", int64(invoiced))
		v.Set(t, "statuscode", platform.FirstStatus(t, invoiced))
		_, err := w.Save(t, r, v)
		return err
	})
}

// convert makes the new row and lets finish bring the old one to its end.
func (s *Service) convert(c *wire.Call, x conversion, finish func(*platform.Writer, *schema.Table, *store.Row, map[string]any) error) (*wire.Answer, error) {
	var made uuid.UUID
	var chosen string
	err := s.Change(c, func(w *platform.Writer) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		for _, name := range []string{x.parameter, "ColumnSet"} {
			if body[name] == nil {
				return wire.MissingArgument(name, x.action)
			}
		}
		text, _ := body[x.parameter].(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return wire.BadArgument("The %s is not an id.", x.parameter)
		}
		from, to := w.Schema.Tables[x.from], w.Schema.Tables[x.to]
		if chosen, err = wire.ReadColumnSet(to, body["ColumnSet"]); err != nil {
			return err
		}
		r := w.Data[from.Name].Get(id)
		if r == nil {
			return wire.NoRow(from.Name, id.String())
		}
		if err := w.CheckRight("Write", from, r); err != nil {
			return err
		}
		if err := w.CheckRight("Create", to, nil); err != nil {
			return err
		}
		if err := finish(w, from, r, body); err != nil {
			return err
		}
		v := copyTo(from, to, r)
		v.Set(to, from.ID, store.Ref{Table: from.Name, ID: r.ID})
		fresh, err := w.Insert(to, v)
		if err != nil {
			return err
		}
		made = fresh.ID
		return convertLines(w, x, r.ID, made)
	})
	if err != nil {
		return nil, err
	}
	sn := c.View()
	t := sn.Schema.Tables[x.to]
	r := sn.Data[t.Name].Get(made)
	if r == nil { // deleted by somebody else in the meantime
		return nil, wire.NoRow(t.Name, made.String())
	}
	b, err := query.EncodeRow(c, t, r, &wire.QueryOptions{Values: map[string]string{"$select": chosen}})
	if err != nil {
		return nil, err
	}
	return &wire.Answer{Status: http.StatusOK, Body: b}, nil
}

func convertLines(w *platform.Writer, x conversion, from, to uuid.UUID) error {
	lines, fresh := w.Schema.Tables[x.fromLines], w.Schema.Tables[x.toLines]
	back, ahead := w.Schema.Tables[x.from].ID, w.Schema.Tables[x.to].ID
	var list []*store.Row
	platform.EachPointing(&w.Tx.Snapshot, lines, lines.Column(back), store.Ref{Table: x.from, ID: from}, func(r *store.Row) bool {
		list = append(list, r)
		return true
	})
	for _, r := range list {
		v := copyTo(lines, fresh, r)
		v.Set(fresh, ahead, store.Ref{Table: x.to, ID: to})
		v.Set(fresh, lines.ID, store.Ref{Table: lines.Name, ID: r.ID})
		if _, err := w.Insert(fresh, v); err != nil {
			return err
		}
	}
	return nil
}

// copyTo are a row's values for a new row of another table: what both have by name and kind, and a create may set.
func copyTo(t *schema.Table, to *schema.Table, r *store.Row) store.Values {
	v := store.Values{}
	for _, c := range to.Columns {
		from := t.Column(c.Name)
		switch {
		case from == nil || from.Kind != c.Kind, c.NoCreate, c.Name == to.ID, c.Name == "overriddencreatedon", c.Name == "importsequencenumber",
			c.Kind == schema.KindState, c.Kind == schema.KindStatus, c.Kind == schema.KindImage, c.Kind == schema.KindFile:
		default:
			if x := r.Get(from.Index); x != nil {
				v[c.Index] = x
			}
		}
	}
	return v
}
