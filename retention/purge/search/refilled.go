package search

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Rows that were anonymised in place stay, and are judged no more. Whatever somebody writes on them later would be there for
// ever: it is looked for, and told.

// maxRefilled is how many rows are named; the others are counted.
const maxRefilled = 100

// maxRefilledColumns is how many columns one query asks about. Each takes three conditions at most, of 500.
const maxRefilledColumns = 150

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
		rule := residueRule{table: t, spared: slices.Concat(s.Survive(), environment.OwnColumns(s.Own)), persons: persons, values: true, fixed: true}
		found := make(map[ledger.Key]int) // of those that are named, where they stand
		more := 0
		for _, q := range rule.refilled(s.Own.AnonymizedOn) {
			for row, err := range client.Rows(ctx, q) {
				if err != nil {
					return nil, fmt.Errorf("look for anonymised rows that hold something: %w", err)
				}
				n := len(rule.columns(row.ID(t.PrimaryID), row))
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

// refilled are the queries for rows that are marked as anonymised and in which a column is not empty that should be. What
// cannot be asked for by a filter is left out, and so is what the processes of the platform write by themselves.
func (r residueRule) refilled(mark string) []dataverse.Query {
	keys := make(map[string]bool)
	for _, k := range r.table.Keys {
		for _, name := range k.Attributes {
			keys[name] = true
		}
	}
	var qs []dataverse.Query
	var terms, columns []string
	flush := func() {
		if len(terms) > 0 {
			qs = append(qs, dataverse.Query{Table: r.table.LogicalName, Select: append([]string{r.table.PrimaryID}, columns...),
				Filter: mark + " ne null and (" + strings.Join(terms, " or ") + ")"})
		}
		terms, columns = nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.table.Attributes)) {
		a := r.table.Attributes[name]
		column := r.asked(a)
		if column == "" {
			continue
		}
		term := column + " ne null"
		if environment.IsText(a) {
			term = "(" + term + " and " + column + " ne " + odata.Quote(environment.Placeholder)
			if keys[name] {
				term += " and not startswith(" + column + ",'purged ')"
			}
			term += ")"
		}
		terms, columns = append(terms, term), append(columns, column)
		if len(terms) == maxRefilledColumns {
			flush()
		}
	}
	flush()
	return qs
}

// processStages is the column that lists the stages of a process which a row went through.
const processStages = "traversedpath"

// asked is what a query asks for to see whether a column is empty, "" for one that it does not ask for.
func (r residueRule) asked(a *dataverse.Attribute) string {
	name := a.LogicalName
	switch {
	case a.Primary, !written(a), !a.ForRead, a.Secured, slices.Contains(r.spared, name), name == processStages, a.MaxLength >= environment.LargeText:
		return ""
	case a.Type == "Image":
		if id := r.table.Attributes[name+"id"]; id != nil && id.ForRead {
			return name + "id"
		}
		return ""
	case a.AttributeOf != "":
		return ""
	case environment.IsText(a):
		return name
	case environment.SystemRequired(a), bookkeeping[name]:
		return ""
	case environment.IsLookup(a):
		if slices.ContainsFunc(a.Targets, func(t string) bool { return r.persons[t] }) {
			return wireName(a)
		}
	case tellsByValue(r.table.LogicalName, a):
		return name
	}
	return ""
}

// Anonymised tells of the rows of some tables that were anonymised in place and written to since, but for those that are
// mentioned already.
func (s *Searcher) Anonymised(ctx context.Context, tables []string, mentioned []Finding) error {
	found, err := Refilled(ctx, s.Client, s.Policy, tables...)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, dataverse.ErrUnauthorized):
		return err
	case err != nil:
		s.Log.Warn("anonymised rows were not searched", "code", environment.Code(err))
		s.unread(Place{Key: AnonymisedRows, Name: "Anonymised rows", Remedy: "They were not searched for what has been written to them since: gallra doctor looks again."})
		return nil
	}
	told := make(map[ledger.Key]bool)
	for _, f := range mentioned {
		if f.Where == "refilled" {
			told[f.Person] = true
		}
	}
	for _, f := range found {
		if !told[f.Person] || f.More > 0 {
			s.Mention(f)
		}
	}
	return nil
}
