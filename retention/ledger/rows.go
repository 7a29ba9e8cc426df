package ledger

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/policy"
)

// EndedRow is a row whose own period is over and that a run has begun to delete or to empty.
type EndedRow struct {
	Key
	Rule      string
	Do        policy.Disposition
	Rows      map[string][]uuid.UUID // every row that was touched, its own included
	Counts    map[string]int
	Concluded bool   // what became of it stands in the ledger; what is missing is the sweep
	last      moment // of that
}

// endRow takes note of a row whose own period is over.
func (s *state) endRow(k Key, r Record) {
	e := s.ending[k]
	switch {
	case r.Kind == Ending:
		s.ending[k] = &EndedRow{Key: k, Rule: r.Entry.Ground, Do: r.Do, Rows: r.Rows, Counts: r.Counts}
		if e != nil && e.Concluded { // emptied before, and not swept to the end
			for table, ids := range e.Rows {
				for _, id := range ids {
					if !slices.Contains(s.ending[k].Rows[table], id) {
						s.ending[k].Rows[table] = append(s.ending[k].Rows[table], id)
					}
				}
			}
		}
	case e == nil:
	case r.Status != Done:
		delete(s.ending, k)
	default:
		e.Concluded, e.last, e.Counts = true, s.moment(r), nil
		for table, ids := range e.Rows {
			s.touched[table] += len(ids)
		}
	}
}

// EndedRows lists the rows that a run has begun to end by their own period and that are not at their end: without an outcome, or
// not yet swept of their audit history by a later run that found nothing. They are ordered by table and id.
func (l *Ledger) EndedRows() []EndedRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]EndedRow, 0, len(l.state.ending))
	for _, e := range l.state.ending {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b EndedRow) int { return a.Compare(b.Key) })
	return out
}

// KeptBy is whose purges have left rows of a table in place.
type KeptBy struct{ Subject, Class, Table string }

// Kept lists the rows that purges in an organisation have left in place by a rule. It reads the whole ledger from its storage.
func (l *Ledger) Kept(ctx context.Context, organization uuid.UUID) (map[KeptBy]map[uuid.UUID]bool, error) {
	var run Entry
	stays := make(map[Key][]map[string][]uuid.UUID)
	classes := make(map[Key]string)
	out := make(map[KeptBy]map[uuid.UUID]bool)
	for r, err := range l.Records(ctx) {
		if err != nil {
			return nil, err
		}
		k := Key{r.Table, r.ID}
		switch {
		case r.Kind == Start:
			run = r.Entry
		case run.Organization != organization:
		case r.Kind == Intent, r.Kind == Ahead:
			if classes[k] = r.Class; len(r.Stays) > 0 {
				stays[k] = append(stays[k], r.Stays)
			}
		case r.Kind == Outcome && (r.Status == Done || r.Code == WrittenSince):
			for _, some := range stays[k] {
				for table, ids := range some {
					by := KeptBy{r.Table, classes[k], table}
					if out[by] == nil {
						out[by] = make(map[uuid.UUID]bool)
					}
					for _, id := range ids {
						out[by][id] = true
					}
				}
			}
			delete(stays, k)
			delete(classes, k)
		case r.Kind == Outcome && r.Code != NotBegun:
			delete(stays, k)
			delete(classes, k) // what a later purge leaves in place it says itself
		}
	}
	return out, nil
}
