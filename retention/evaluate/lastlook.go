package evaluate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/compile"
)

// EvaluatePersons evaluates some persons of a subject table as [Evaluate] does all: the same rules over the same
// queries, restricted to these persons. It is the last look before a purge, and what an explanation rests on.
//
// The other rows of the same human beings are evaluated as well, since what justifies one row justifies all. A person
// who is not there any more, or is anonymised, is missing in the answer.
func EvaluatePersons(ctx context.Context, r dataverse.Reader, c *compile.Policy, table string, ids []uuid.UUID, o EvaluateOptions) (*Evaluation, error) {
	e := newEvaluation(c, o.Today)
	if err := e.some(ctx, r, map[string][]uuid.UUID{table: ids}, o); err != nil {
		return nil, err
	}
	return e, nil
}

// some evaluates the persons with these ids, by subject table.
func (e *Evaluation) some(ctx context.Context, r dataverse.Reader, ids map[string][]uuid.UUID, o EvaluateOptions) error {
	for _, t := range e.tables {
		t.texts = map[string]map[string]bool{}
	}
	for table := range ids {
		if e.Checked.Subject(table) == nil {
			return fmt.Errorf("the policy has no subject %s", table)
		}
	}
	if err := e.histories(ctx, r, o, o.Lasting); err != nil { // a run has read them, and the ledger remembers
		return err
	}
	if err := e.persons(ctx, r, ids, o); err != nil {
		return err
	}
	for _, t := range e.tables {
		if err := t.classify(ctx, r, t.ids(), EvaluateOptions{}); err != nil {
			return err
		}
		close(t.ready)
	}
	queries, err := e.queries(ctx, o, func(g *compile.Ground, t *personTable) ([]compile.Read, error) {
		reads, err := t.readsOf(ctx, r, g, o)
		if o.Lasting {
			for i := range reads {
				reads[i] = g.Lasting(reads[i], o.Today)
			}
		}
		return reads, err
	})
	if err != nil {
		return err
	}
	var all []dataverse.Selection
	var ends []func() error
	for _, q := range queries {
		rows, end := q.selection()
		all, ends = append(all, rows), append(ends, end)
	}
	if err := dataverse.ScanAll(ctx, r, all); err != nil {
		return err
	}
	for _, end := range ends {
		if err := end(); err != nil {
			return err
		}
	}
	for _, t := range e.tables {
		for _, own := range t.own {
			if err := own.fold(ctx); err != nil {
				return err
			}
		}
	}
	e.afterwards(o)
	e.join()
	return nil
}

// readsOf are the queries by which a ground is asked for, of the persons of the table.
func (t *personTable) readsOf(ctx context.Context, r dataverse.Reader, g *compile.Ground, o EvaluateOptions) (reads []compile.Read, err error) {
	if g.Person.ByValue() {
		for some := range slices.Chunk(t.textsOf(g.Person.Columns), compile.MaxPersons) {
			padding, err := g.Padding(ctx, r, o.Padded, some)
			if err != nil {
				return nil, err
			}
			reads = append(reads, g.ReadingFor(nil, some, padding))
		}
		return reads, nil
	}
	for some := range slices.Chunk(t.ids(), compile.MaxPersons) {
		reads = append(reads, g.ReadingFor(some, nil, nil))
	}
	return reads, nil
}

func (t *personTable) ids() []uuid.UUID {
	ids := make([]uuid.UUID, t.entries.len())
	for i := range ids {
		ids[i] = t.entries.at(i).id
	}
	return ids
}

func (t *personTable) textsOf(columns []string) []string {
	all := map[string]bool{}
	for _, c := range columns {
		maps.Copy(all, t.texts[c])
	}
	return slices.Sorted(maps.Keys(all))
}

// someTerms is a condition for persons of a table, one of the terms, whose identity is wanted, if that matters.
type someTerms struct {
	t      *personTable
	terms  []string
	wanted func([]byte) bool
}

// readWhere reads the persons for whom one of the terms is true.
func readWhere(ctx context.Context, r dataverse.Reader, asked []someTerms, o EvaluateOptions) error {
	var all []dataverse.Selection
	var ends []func()
	for _, a := range asked {
		for some := range slices.Chunk(a.terms, compile.MaxPersons) {
			read := a.t.subject.Persons
			read.Filter = compile.And(read.Filter, strings.Join(some, " or "))
			s, _, end := a.t.reading(read, a.wanted, o)
			all, ends = append(all, s), append(ends, end)
		}
	}
	if err := dataverse.ScanAll(ctx, r, all); err != nil {
		return err
	}
	for _, end := range ends {
		end()
	}
	for _, a := range asked {
		a.t.sort()
	}
	return nil
}

// persons reads the persons with these ids, and the other rows of the same human beings: those with the same identity, and
// those that were merged. What is found may lead on, as far as it goes: nothing is asked for twice, so that it ends.
func (e *Evaluation) persons(ctx context.Context, r dataverse.Reader, ids map[string][]uuid.UUID, o EvaluateOptions) error {
	asked := map[string]bool{}
	var first []someTerms
	for _, t := range e.tables {
		var terms []string
		for _, id := range ids[t.subject.Table] {
			terms = append(terms, t.subject.PrimaryID+" eq "+id.String())
		}
		first = append(first, someTerms{t: t, terms: terms}, someTerms{t: t, terms: t.unasked(t.mergedInto(ids[t.subject.Table]), asked)})
	}
	for next := first; ; {
		if err := readWhere(ctx, r, next, o); err != nil {
			return err
		}
		identities := map[string]bool{}
		same := map[uint64]bool{}
		for _, t := range e.tables {
			for text := range t.texts[t.subject.Identity] {
				identities[text] = true
				if h, ok := hashValue([]byte(text)); ok {
					same[h] = true
				}
			}
		}
		// The service finds more than what is the same: it may take no notice of accents, and padded texts are asked
		// for whatever they say.
		wanted := func(identity []byte) bool {
			h, ok := hashValue(identity)
			return ok && same[h]
		}
		next = nil
		for _, t := range e.tables {
			if merged := t.mergedTerms(asked); len(merged) > 0 {
				next = append(next, someTerms{t: t, terms: merged})
			}
			equal, err := t.identityTerms(ctx, r, o, slices.Sorted(maps.Keys(identities)), asked)
			if err != nil {
				return err
			}
			if len(equal) > 0 {
				next = append(next, someTerms{t, equal, wanted})
			}
		}
		if len(next) == 0 {
			return nil
		}
	}
}

// unasked leaves the conditions that were not asked for already.
func (t *personTable) unasked(terms []string, asked map[string]bool) []string {
	return slices.DeleteFunc(terms, func(term string) bool {
		key := t.subject.Table + " " + term
		before := asked[key]
		asked[key] = true
		return before
	})
}

// identityTerms are the conditions for rows of the table that have one of the identities.
func (t *personTable) identityTerms(ctx context.Context, r dataverse.Reader, o EvaluateOptions, identities []string, asked map[string]bool) ([]string, error) {
	if t.subject.Identity == "" {
		return nil, nil
	}
	terms := make([]string, len(identities))
	for i, text := range identities {
		terms[i] = t.subject.Identity + " eq " + odata.Quote(text)
	}
	if terms = t.unasked(terms, asked); len(terms) == 0 {
		return nil, nil
	}
	if o.Padded == nil {
		return append(terms, compile.Padded(t.subject.Identity)...), nil // again with every new identity
	}
	padding, err := o.Padded.Padding(ctx, r, t.subject.Table, []string{t.subject.Identity}, identities)
	return append(terms, padding[t.subject.Identity]...), err
}

// mergedTerms are the conditions for rows of the table that others were merged into, or that were merged into them.
func (t *personTable) mergedTerms(asked map[string]bool) []string {
	if t.subject.Master == "" {
		return nil
	}
	var terms []string
	for _, at := range slices.Sorted(maps.Keys(t.masters)) {
		if _, ok := t.find(t.masters[at]); !ok {
			terms = append(terms, t.subject.PrimaryID+" eq "+t.masters[at].String())
		}
	}
	return t.unasked(append(terms, t.mergedInto(t.ids())...), asked)
}

// mergedInto are the conditions for rows that were merged into some rows.
func (t *personTable) mergedInto(ids []uuid.UUID) (terms []string) {
	for _, id := range ids {
		if t.subject.Master != "" {
			terms = append(terms, t.subject.Master+" eq "+id.String())
		}
	}
	return terms
}
