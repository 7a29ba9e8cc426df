package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// maxMade is how many of the rows that were made in a table are looked at.
const maxMade = 5_000

// told are the traces of everybody whom a run has purged.
type told struct {
	mu  sync.Mutex
	all []*traces
}

// remember keeps the traces of a chunk for the end of the run.
func (m *Memory) remember(t *traces) {
	m.told.mu.Lock()
	defer m.told.mu.Unlock()
	if len(t.names)+len(t.addresses) > 0 {
		m.told.all = append(m.told.all, t)
	}
}

// Made looks for rows that came into being since a moment by the writes of the run itself: a plug-in that logs what is changed, as
// gallra's own user or as the service's, copies a name into a row that nothing leads to. Tables that cannot be read are passed over:
// text of others is named as a place that no search reaches.
func (s *Searcher) Made(ctx context.Context, since time.Time) error {
	s.Known.told.mu.Lock()
	all := slices.Clone(s.Known.told.all)
	s.Known.told.mu.Unlock()
	if len(all) == 0 || since.IsZero() {
		return nil
	}
	tables, err := s.Client.Tables(ctx)
	if err != nil {
		return err
	}
	by := "_createdby_value eq " + s.Actor.String()
	if system := s.Tables.Settings.System; system != uuid.Nil {
		by += " or _createdby_value eq " + system.String()
	}
	filter := fmt.Sprintf("createdon ge %s and (%s)", since.UTC().Truncate(time.Second).Format(time.RFC3339), by)
	var of []dataverse.TableSummary
	var qs []dataverse.Query
	for _, t := range tables {
		if t.Intersect || t.Elsewhere || t.Activity && !personmap.Is(t.LogicalName, personmap.Common) || !t.Custom && !personmap.Is(t.LogicalName, personmap.Noted) {
			continue
		}
		of, qs = append(of, t), append(qs, dataverse.Query{Set: t.EntitySet, Filter: filter})
	}
	const together = 50
	for first := 0; first < len(qs); first += together {
		last := min(first+together, len(qs))
		if err := s.madeIn(ctx, s.Reader, of[first:last], qs[first:last], all); err == nil {
			continue
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
		for i := first; i < last; i++ { // one of them cannot be read: the others can
			if err := s.madeIn(ctx, environment.OneByOne{Client: s.Client}, of[i:i+1], qs[i:i+1], all); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				s.Log.Debug("rows that were made meanwhile could not be read", "table", of[i].LogicalName, "code", environment.Code(err))
			}
		}
	}
	return nil
}

// madeIn looks into the rows of some tables.
func (s *Searcher) madeIn(ctx context.Context, from environment.Reader, of []dataverse.TableSummary, qs []dataverse.Query, all []*traces) error {
	var found []Finding
	rows := make([]int, len(qs))
	err := from.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		rows[i]++
		for who, n := range toldIn(row, all) {
			found = append(found, Finding{Person: who, Where: "made", Table: of[i].LogicalName, ID: row.ID(of[i].PrimaryID), Count: n})
		}
		return rows[i] < maxMade
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return strings.Compare(a.Table+a.ID.String()+a.Person.ID.String(), b.Table+b.ID.String()+b.Person.ID.String())
	})
	for _, f := range found {
		s.Mention(f)
	}
	return nil
}

// toldIn counts the columns of a row in which each person can be told.
func toldIn(row dataverse.Row, all []*traces) map[ledger.Key]int {
	found := make(map[ledger.Key]int)
	for column := range row {
		text := row.Text(column)
		if text == "" || strings.Contains(column, "@") || strings.HasSuffix(column, "_value") {
			continue
		}
		folded := environment.Fold(text)
		for _, t := range all {
			in := make(map[ledger.Key]bool)
			for who, name := range t.names {
				if containsWord(folded, name) {
					in[who] = true
				}
			}
			for address, holders := range t.addresses {
				if containsWord(folded, address) {
					for _, who := range holders {
						in[who] = true
					}
				}
			}
			for _, who := range t.holders(text) {
				in[who] = true
			}
			for who := range in {
				found[who]++
			}
		}
	}
	return found
}
