package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

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
	for _, t := range e.tables {
		if err := t.readSome(ctx, r, ids[t.subject.Table], o); err != nil {
			return err
		}
	}
	if err := e.otherRows(ctx, r, o); err != nil {
		return err
	}
	for _, t := range e.tables {
		if err := t.classify(ctx, r, t.ids()); err != nil {
			return err
		}
		close(t.ready)
	}
	var failed error
	group, ctx := errgroup.WithContext(ctx)
	e.grounds(ctx, group, r, o, func(g *compile.Ground, t *personTable) []compile.Read {
		lasting := func(r compile.Read) compile.Read {
			if o.Lasting {
				return g.Lasting(r, o.Today)
			}
			return r
		}
		var reads []compile.Read
		if g.Person.ByValue() {
			for some := range slices.Chunk(t.textsOf(g.Person.Columns), compile.MaxPersons) {
				padding, err := g.Padding(ctx, r, o.Padded, some)
				if err != nil && failed == nil {
					failed = err
				}
				reads = append(reads, lasting(g.ReadingFor(nil, some, padding)))
			}
			return reads
		}
		for some := range slices.Chunk(t.ids(), compile.MaxPersons) {
			reads = append(reads, lasting(g.ReadingFor(some, nil, nil)))
		}
		return reads
	})
	if err := cmp.Or(group.Wait(), failed); err != nil {
		return err
	}
	e.afterwards(o)
	e.join()
	return nil
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

// readSome reads the persons with these ids.
func (t *personTable) readSome(ctx context.Context, r dataverse.Reader, ids []uuid.UUID, o EvaluateOptions) error {
	for some := range slices.Chunk(ids, compile.MaxPersons) {
		terms := make([]string, len(some))
		for i, id := range some {
			terms[i] = t.subject.PrimaryID + " eq " + id.String()
		}
		if err := t.readWhere(ctx, r, terms, nil, o); err != nil {
			return err
		}
	}
	return nil
}

// readWhere reads the persons for whom one of the terms is true and whose identity is wanted, if that matters.
func (t *personTable) readWhere(ctx context.Context, r dataverse.Reader, terms []string, wanted func([]byte) bool, o EvaluateOptions) error {
	for some := range slices.Chunk(terms, compile.MaxPersons) {
		read := t.subject.Persons
		read.Filter = compile.And(read.Filter, strings.Join(some, " or "))
		if err := t.read(ctx, r, read, wanted, o); err != nil {
			return err
		}
	}
	return nil
}

// otherRows reads the other rows of the human beings that are there: those with the same identity, and those that were
// merged. What is found may lead on, as far as it goes: nothing is asked for twice, so that it ends.
func (e *Evaluation) otherRows(ctx context.Context, r dataverse.Reader, o EvaluateOptions) error {
	asked := map[string]bool{}
	for {
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
		group, groupCtx := errgroup.WithContext(ctx)
		found := false
		for _, t := range e.tables {
			merged := t.mergedTerms(asked)
			equal, err := t.identityTerms(ctx, r, o, slices.Sorted(maps.Keys(identities)), asked)
			if err != nil {
				return cmp.Or(group.Wait(), err)
			}
			if len(merged)+len(equal) == 0 {
				continue
			}
			found = true
			group.Go(func() error {
				if err := t.readWhere(groupCtx, r, merged, nil, o); err != nil {
					return err
				}
				return t.readWhere(groupCtx, r, equal, wanted, o)
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if !found {
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
	for _, id := range t.ids() {
		terms = append(terms, t.subject.Master+" eq "+id.String())
	}
	return t.unasked(terms, asked)
}
