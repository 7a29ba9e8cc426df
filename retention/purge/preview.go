package purge

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// Forecast is what a purge of one person would do.
type Forecast struct {
	Table string
	ID    uuid.UUID
	Do    policy.Disposition // with the person's row
	// Bound tells that a kept row cannot be freed, so that the person is anonymised instead of deleted, or left alone
	// if the policy says so. By are those rows' tables.
	Bound bool
	By    []string
	// Counts are the related rows by what would be done and table, such as "delete email"; Places by the place of the person
	// map, such as "delete email.party".
	Counts, Places map[string]int
	// Code says why the person would be left alone; empty if they would not.
	Code string
}

// Preview tells what a purge of some persons of a subject table would do to the rows that belong to them. It takes a
// client that cannot write, and known is what the ledger knows of others on their rows, and the day. Persons who are not there are left out.
func Preview(ctx context.Context, client dataverse.Reader, checked *compile.Policy, known evaluate.EvaluateOptions, table string, ids []uuid.UUID) ([]Forecast, error) {
	p, err := newPreviewer(ctx, client, checked, known)
	if err != nil {
		return nil, err
	}
	return p.of(ctx, table, ids)
}

// previewer previews persons. What costs a whole table is asked once, however many they are.
type previewer struct {
	client  dataverse.Reader
	checked *compile.Policy
	tables  *environment.Tables
	known   evaluate.EvaluateOptions
}

func newPreviewer(ctx context.Context, client dataverse.Reader, checked *compile.Policy, known evaluate.EvaluateOptions) (*previewer, error) {
	tables, err := environment.ReadTables(ctx, client, checked)
	if err != nil {
		return nil, err
	}
	known.Padded = tables.Padded
	return &previewer{client, checked, tables, known}, nil
}

// previewsAtOnce is how many chunks of persons are previewed side by side.
const previewsAtOnce = 4

// of previews persons of a subject table, in their order.
func (p *previewer) of(ctx context.Context, table string, ids []uuid.UUID) ([]Forecast, error) {
	subject := p.checked.Subject(table)
	justify := func(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
		return justified(ctx, p.client, p.checked, p.known, others, everybody)
	}
	classes, err := evaluate.Classes(ctx, p.client, subject, ids)
	if err != nil {
		return nil, err
	}
	var chunks [][]Forecast
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(previewsAtOnce)
	var lock sync.Mutex
	for number, rules := range subject.Judged() {
		own := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return classes(id) != number })
		for some := range slices.Chunk(own, environment.MaxIDs) {
			lock.Lock()
			at := len(chunks)
			chunks = append(chunks, nil)
			lock.Unlock()
			group.Go(func() error {
				found, err := forecast(ctx, environment.From(p.client), p.tables, rules, justify, p.known.Today, some)
				lock.Lock()
				defer lock.Unlock()
				chunks[at] = found
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(chunks...)
	if len(subject.Classes) > 0 {
		place := make(map[uuid.UUID]int, len(ids))
		for i, id := range ids {
			place[id] = i
		}
		slices.SortStableFunc(out, func(a, b Forecast) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	}
	return out, nil
}

// everybody may go: a preview asks for no approval.
func everybody(environment.Ref, retention.Date) bool { return true }

// forecast previews some persons together.
func forecast(ctx context.Context, from environment.Reader, tables *environment.Tables, subject *compile.Subject,
	justify func(context.Context, map[string][]uuid.UUID) (inventory.Judgement, error), today retention.Date, ids []uuid.UUID) ([]Forecast, error) {
	def, err := tables.Table(ctx, subject.Table)
	if err != nil {
		return nil, err
	}
	own := inventory.ErasePerson(def, subject, tables.Persons)
	rows, err := inventory.PersonRows(ctx, from, subject, own, ids)
	if err != nil {
		return nil, err
	}
	holds, err := tables.Holds(ctx, from)
	if err != nil {
		return nil, err
	}
	held, err := holds.Protects(ctx, refsOf(subject.Table, ids))
	if err != nil {
		return nil, err
	}
	var persons []*inventory.Person
	for _, id := range ids {
		if rows[id] != nil {
			persons = append(persons, &inventory.Person{Ref: environment.Ref{Table: subject.Table, ID: id}, Row: rows[id], Holds: holds})
		}
	}
	inv := &inventory.List{Tables: tables, Reader: from, Subject: subject, Persons: persons, Justify: justify}
	if err := inv.Take(ctx); err != nil {
		return nil, err
	}
	var out []Forecast
	for _, p := range persons {
		f := Forecast{Table: subject.Table, ID: p.ID, Do: subject.Purge, Bound: subject.Purge == policy.Delete && p.Bound()}
		for _, b := range p.Binding {
			if !slices.Contains(f.By, b.Table) {
				f.By = append(f.By, b.Table)
			}
		}
		w, err := (&builder{List: inv}).own(ctx, p, own, marks(subject, today))
		_, protected := held[p.Ref]
		switch {
		case protected:
			f.Code = string(errHeld)
		case p.Err != nil:
			f.Code = environment.Code(p.Err)
		case err != nil:
			f.Code = environment.Code(err)
		case f.Bound && subject.WhenBound == policy.BoundFail:
			f.Code = string(errBound)
		}
		if err == nil {
			f.Do, f.Places, f.Counts = w.do, w.counts, make(map[string]int)
			for what, n := range w.counts {
				table, _, _ := strings.Cut(what, ".")
				f.Counts[table] += n
			}
		}
		out = append(out, f)
	}
	return out, nil
}
