package purge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
)

// Rows that were anonymised in place stay, and are judged no more. Whatever somebody writes on them later would be there for
// ever: it is looked for, and told.

// maxRefilled is how many rows are named; the others are counted.
const maxRefilled = 100

// maxRefilledColumns is how many columns one query asks about. Each takes three conditions at most, of 500.
const maxRefilledColumns = 150

// RefilledRemedy is what can be done about rows that were anonymised and hold something again.
const RefilledRemedy = "look at them: if it is somebody new, or the same person again, empty the column that marks an anonymised row (gallra_anonymizedon), and the row is judged like every other from the next run on; otherwise empty the columns by hand"

// Refilled finds the rows of persons that are marked as anonymised and hold something again, or still, in a column that the
// policy erases. It asks once a table (and once more for each 150 columns), however many rows there are. The last of a
// table's findings tells in More how many others there are.
func Refilled(ctx context.Context, client dataverse.Reader, policy *compile.Policy, tables ...string) ([]Finding, error) {
	persons := make(map[string]bool)
	for i := range policy.Subjects {
		persons[policy.Subjects[i].Table] = true
	}
	var all []Finding
	for _, table := range tables {
		s := policy.Subject(table)
		if s == nil || s.Own.AnonymizedOn == "" {
			continue
		}
		t, err := client.Table(ctx, table)
		if err != nil {
			return nil, err
		}
		e := erasePerson(t, s.Retain, owned(s.Own), persons)
		found := make(map[ledger.Key]int) // of those that are named, where they stand
		more := 0
		for _, q := range e.refilled(s.Own.AnonymizedOn) {
			for row, err := range client.Rows(ctx, q) {
				if err != nil {
					return nil, fmt.Errorf("look for anonymised rows that hold something: %w", err)
				}
				n := len(e.left(row.ID(t.PrimaryID), row))
				who := ledger.Key{Table: table, ID: row.ID(t.PrimaryID)}
				if n == 0 {
					continue
				}
				if at, known := found[who]; known {
					all[at].Count += n
				} else if len(found) < maxRefilled {
					found[who] = len(all)
					all = append(all, Finding{Person: who, Where: "refilled", Table: table, ID: who.ID, Count: n})
				} else {
					more++
				}
			}
		}
		if more > 0 {
			all[len(all)-1].More = more
		}
	}
	return all, nil
}

// refilled are the queries for rows that are marked as anonymised and in which a column that was erased is not empty.
func (e *eraser) refilled(mark string) []dataverse.Query {
	var qs []dataverse.Query
	var terms, columns []string
	flush := func() {
		if len(terms) > 0 {
			qs = append(qs, dataverse.Query{Table: e.table.LogicalName, Select: append([]string{e.table.PrimaryID}, columns...),
				Filter: mark + " ne null and (" + strings.Join(terms, " or ") + ")"})
		}
		terms, columns = nil, nil
	}
	for _, c := range e.columns {
		if c.blind || c.large || c.attr.Type == "File" {
			continue
		}
		term := c.wire + " ne null"
		if isText(c.attr) {
			term = "(" + term + " and " + c.wire + " ne " + odata.Quote(placeholder)
			if c.unique {
				term += " and not startswith(" + c.wire + ",'purged ')"
			}
			term += ")"
		}
		terms, columns = append(terms, term), append(columns, c.wire)
		if len(terms) == maxRefilledColumns {
			flush()
		}
	}
	flush()
	return qs
}

// refilled tells of the rows that were anonymised in place and written to since.
func (r *runner) refilled(ctx context.Context) error {
	var tables []string
	for i := range r.Policy.Subjects {
		if t := r.Policy.Subjects[i].Table; r.Ledger.InPlace(t) {
			tables = append(tables, t)
		}
	}
	found, err := Refilled(ctx, r.Client, r.Policy, tables...)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, dataverse.ErrUnauthorized):
		return err
	case err != nil:
		r.Log.Warn("anonymised rows were not searched", "code", code(err))
		r.unread(Place{"Anonymised rows", "They were not searched for what has been written to them since: gallra doctor looks again."})
		return nil
	}
	told := make(map[ledger.Key]bool)
	for _, f := range r.summary.Mentions {
		if f.Where == "refilled" {
			told[f.Person] = true
		}
	}
	for _, f := range found {
		if !told[f.Person] || f.More > 0 {
			r.summary.Mentions = append(r.summary.Mentions, f)
		}
	}
	return nil
}
