package store

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// told is all that can be read of a snapshot's table: rows, what points where, keys, texts, and what was deleted.
type told struct {
	Rows, Links, Key, Texts, Deleted map[string]string
	Version                          int64
}

const (
	linkColumn = 1
	textColumn = 2
)

func tellAll(s *Snapshot, tab *schema.Table) map[Content]told {
	out := map[Content]told{}
	for i, content := range []map[string]*Rows{s.Data, s.Bin, s.Retained} {
		r := content[tab.Name]
		if r.Len() == 0 && (r == nil || r.Deleted == nil || r.Deleted.Len() == 0) {
			continue // a table without rows may be absent
		}
		all := told{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, s.Version}
		r.Scan(uuid.Nil, func(x *Row) bool {
			all.Rows[x.ID.String()] = ETag(x)
			return true
		})
		r.Links[linkColumn].Scan(func(l Link) bool { all.Links[l.Target.String()+l.ID.String()] = "points"; return true })
		r.Keys["key"].tree.Scan(func(e keyEntry) bool { all.Key[e.key] = e.id.String(); return true })
		r.values(textColumn).Scan(func(e keyEntry) bool { all.Texts[e.key+e.id.String()] = "text"; return true })
		if r.Deleted != nil {
			r.Deleted.Scan(func(d Deletion) bool { all.Deleted[d.ID.String()] = ETag(&Row{Version: d.Version}); return true })
		}
		out[Content(i)] = all
	}
	return out
}

func numbered(n int) (id uuid.UUID) {
	id[15] = byte(n)
	return id
}

// TestTransactionsGoBack writes at random, in and out of savepoints that lie in one another, and holds what is there after each way back
// against what was there when the savepoint was made, and what readers see against what was committed.
func TestTransactionsGoBack(t *testing.T) {
	columns := []*schema.Column{{Name: "thingid", Index: 0, Kind: schema.KindGUID}, {Name: "parentid", Index: linkColumn, Kind: schema.KindLookup}, {Name: "name", Index: textColumn, Kind: schema.KindString}}
	tab := &schema.Table{Name: "thing", ID: "thingid", Columns: columns, Indexed: []int{linkColumn}, Tracked: true,
		Keys: []*schema.AlternateKey{{Name: "key", Columns: []string{"name"}}}}
	rapid.Check(t, func(t *rapid.T) {
		s := &Store{}
		s.Now.Store(&Snapshot{Data: map[string]*Rows{}, Bin: map[string]*Rows{}, Retained: map[string]*Rows{}})
		for range rapid.IntRange(1, 3).Draw(t, "transactions") {
			before := s.View()
			seen := tellAll(before, tab)
			tx := s.Begin()
			after := 0
			randomWork(t, tx, tab, 0, &after)
			want := tellAll(&tx.Snapshot, tab)
			if d := cmp.Diff(seen, tellAll(before, tab)); d != "" {
				t.Fatalf("a reader sees a transaction at work (-before +now)\n%s", d)
			}
			if rapid.Bool().Draw(t, "rollback") {
				tx.Rollback()
				want = seen
			} else {
				tx.Commit()
			}
			if d := cmp.Diff(want, tellAll(s.View(), tab)); d != "" {
				t.Fatalf("(-want +committed)\n%s", d)
			}
			if len(tx.changes) > 0 {
				t.Fatalf("%d changes are still noted", len(tx.changes))
			}
		}
	})
}

func randomWork(t *rapid.T, tx *Tx, tab *schema.Table, depth int, after *int) {
	for range rapid.IntRange(0, 6).Draw(t, "steps") {
		id := numbered(rapid.IntRange(1, 9).Draw(t, "row"))
		in := rapid.SampledFrom(Contents).Draw(t, "content")
		row := func() *Row {
			return (&Row{ID: id}).With(Values{linkColumn: Ref{Table: "thing", ID: numbered(rapid.IntRange(1, 4).Draw(t, "parent"))}, textColumn: rapid.SampledFrom([]string{"a", "B", "c"}).Draw(t, "name")}, tx.NextVersion())
		}
		switch what := rapid.IntRange(0, 8).Draw(t, "what"); {
		case what < 3:
			tx.Put(tab, row())
		case what == 3:
			tx.PutIn(in, tab, row())
		case what == 4:
			tx.Remove(tab, id)
		case what == 5:
			tx.RemoveFrom(in, tab, id)
		case what == 6:
			if rapid.Bool().Draw(t, "gone") {
				tx.Replace(in, tab.Name, nil)
			} else {
				tx.Apart(in, tab)
			}
		case what == 7: // who walks through rows sees them as they were when the walk began
			var walked []uuid.UUID
			var all []uuid.UUID
			tx.Data[tab.Name].Scan(uuid.Nil, func(x *Row) bool { all = append(all, x.ID); return true })
			tx.Data[tab.Name].Scan(uuid.Nil, func(x *Row) bool {
				walked = append(walked, x.ID)
				tx.Remove(tab, x.ID)
				tx.Put(tab, row())
				return true
			})
			if !slices.Equal(all, walked) {
				t.Fatalf("walked through %v of %v", walked, all)
			}
		case depth < 3:
			was, hooks := tellAll(&tx.Snapshot, tab), len(tx.after)
			sp := tx.Savepoint()
			randomWork(t, tx, tab, depth+1, after)
			tx.After(func() { *after++ })
			if rapid.Bool().Draw(t, "release") {
				tx.Release(sp)
				continue
			}
			tx.RollbackTo(sp)
			if d := cmp.Diff(was, tellAll(&tx.Snapshot, tab)); d != "" || len(tx.after) != hooks {
				t.Fatalf("(-at the savepoint +gone back)\n%s", d)
			}
		}
	}
}

// TestAnOperationCostsWhatItTouches: within a transaction a table is copied once, however many savepoints there are, and changes are
// noted for no longer than somebody may go back.
func TestAnOperationCostsWhatItTouches(t *testing.T) {
	tab := &schema.Table{Name: "thing", ID: "thingid", Columns: []*schema.Column{{Name: "thingid", Kind: schema.KindGUID}}}
	s := &Store{}
	s.Now.Store(&Snapshot{Data: map[string]*Rows{tab.Name: NewRows(tab)}})
	tx := s.Begin()
	copies := map[*Rows]bool{}
	for n := range 50 {
		sp := tx.Savepoint()
		tx.Put(tab, &Row{ID: numbered(n)})
		tx.Release(sp)
		copies[tx.Data[tab.Name]] = true
	}
	tx.Commit()
	if len(copies) != 1 || s.View().Rows(tab.Name).Len() != 50 || len(tx.changes) > 0 {
		t.Errorf("%d copies for %d rows, %d changes noted", len(copies), s.View().Rows(tab.Name).Len(), len(tx.changes))
	}
}
