package purge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// The search for residue. It reads with queries of its own what should be gone, and knows nothing of how it was done.

// verify looks for what is left of purged persons: rows that should be gone, the recycle bin and its references, and
// audit history by id, and columns of rows that stay; what other rows and kept ones say is only mentioned.
func (r *runner) verify(ctx context.Context, subject *compile.Subject, done []*work) error {
	if len(done) == 0 {
		return nil
	}
	expected := make(map[ref]ledger.Key) // rows that should be gone, and whose they were
	touched := make(map[ref]ledger.Key)
	names := make(map[ledger.Key]string) // what a row that cannot be emptied must not be called
	inBin := make(map[ref]bool)
	for _, w := range done {
		who := ledger.Key{Table: w.table, ID: w.id}
		for _, g := range w.gone {
			expected[g] = who
		}
		for _, b := range w.binned {
			// Known and said: it is final when the recycle bin gives it up.
			days, _ := r.tables.settings.Binned(b.table)
			inBin[b] = true
			r.summary.Mentions = append(r.summary.Mentions, Finding{Person: who, Where: "bin-until", Table: b.table, ID: b.id, Count: days})
		}
		if w.do == policy.Delete {
			expected[w.ref] = who
		}
		names[who] = fold(w.row.Text(subject.PrimaryName))
		for table, ids := range w.rows {
			for _, id := range ids {
				touched[ref{table, id}] = who
			}
		}
	}
	if err := r.verifyGone(ctx, expected); err != nil {
		return err
	}
	if err := r.verifyAnonymous(ctx, subject, done); err != nil {
		return err
	}
	if err := r.verifyRelated(ctx, done); err != nil {
		return err
	}
	maps.DeleteFunc(expected, func(g ref, _ ledger.Key) bool { return inBin[g] })
	if err := r.verifyBin(ctx, expected, names); err != nil {
		return err
	}
	if err := r.verifyAudit(ctx, touched); err != nil {
		return err
	}
	return r.mentions(ctx, subject, done)
}

func byTable[V any](rows map[ref]V) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(rows), ref.compare) {
		out[r.table] = append(out[r.table], r.id)
	}
	return out
}

func (r *runner) verifyGone(ctx context.Context, expected map[ref]ledger.Key) error {
	tables := byTable(expected)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := r.tables.table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // it has gone meanwhile, and its rows with it
		}
		if err != nil {
			return err
		}
		var qs []dataverse.Query
		for ids := range slices.Chunk(tables[table], maxIDs) {
			qs = append(qs, dataverse.Query{Table: table, Select: []string{t.PrimaryID}, Filter: idFilter(t.PrimaryID, ids)})
		}
		answers, err := batched{r.Client}.queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			id := row.ID(t.PrimaryID)
			r.residue(Finding{Person: expected[ref{table, id}], Where: "row", Table: table, ID: id})
		}
	}
	return nil
}

// verifyAnonymous reads the rows that stay: a locked column is silently left unchanged by an update.
func (r *runner) verifyAnonymous(ctx context.Context, subject *compile.Subject, done []*work) error {
	var stay []*work
	for _, w := range done {
		if w.do != policy.Delete {
			stay = append(stay, w)
		}
	}
	if len(stay) == 0 {
		return nil
	}
	rows, err := r.rows(ctx, subject, workIDs(stay))
	if err != nil {
		return err
	}
	for _, w := range stay {
		if row := rows[w.id]; row != nil {
			left := r.erasers[subject.Table].left(w.id, row)
			f := Finding{Person: ledger.Key{Table: w.table, ID: w.id}, Where: "column", Table: w.table, ID: w.id, Count: len(left)}
			switch {
			case len(left) == 0:
			case r.retyped(subject, w, left, row):
				f.Where = "refilled"
				r.summary.Mentions = append(r.summary.Mentions, f)
			default:
				r.residue(f)
			}
		}
	}
	return nil
}

// verifyBin looks into the recycle bin. Rows may be in it, but empty: with no text other than a placeholder.
func (r *runner) verifyBin(ctx context.Context, expected map[ref]ledger.Key, names map[ledger.Key]string) error {
	if !r.tables.settings.RecycleBin {
		return nil
	}
	tables := byTable(expected)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if !r.tables.binned(table) {
			continue
		}
		t, err := r.tables.table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // it has gone meanwhile, and its rows with it
		}
		if err != nil {
			return err
		}
		columns := eraseTexts(t)
		for ids := range slices.Chunk(tables[table], maxIDs) {
			for row, err := range r.Client.Rows(ctx, dataverse.Query{Table: table, FetchXML: binFetch(t, columns.readable(), ids)}) {
				if err != nil {
					return err
				}
				id := row.ID(t.PrimaryID)
				if n := len(columns.left(id, row)); n > 0 {
					r.residue(Finding{Person: expected[ref{table, id}], Where: "bin", Table: table, ID: id, Count: n})
				}
			}
		}
	}
	if !r.tables.exists("deleteditemreference") {
		return nil
	}
	all := slices.SortedFunc(maps.Keys(expected), ref.compare)
	for some := range slices.Chunk(all, maxIDs) {
		ids := make([]uuid.UUID, len(some))
		who := make(map[uuid.UUID]ref)
		for i, g := range some {
			ids[i], who[g.id] = g.id, g
		}
		q := dataverse.Query{Table: "deleteditemreference", Select: []string{"deleteditemreferenceid", "name", "_deletedobject_value"}, Filter: idFilter("_deletedobject_value", ids)}
		for row, err := range r.Client.Rows(ctx, q) {
			if err != nil {
				return err
			}
			g := who[row.ID("deletedobject")]
			t, err := r.tables.table(ctx, g.table)
			if errors.Is(err, dataverse.ErrNoTable) {
				continue
			}
			if err != nil {
				return err
			}
			name := row.Text("name")
			primary := t.Attributes[t.PrimaryName]
			emptied := r.Policy.Subject(g.table) != nil || primary != nil && primary.ForUpdate
			if name == "" || strings.Contains(name, "purged") || !emptied && fold(name) != names[expected[g]] {
				continue // a connection may well be named after the company that it leads to
			}
			r.residue(Finding{Person: expected[g], Where: "deleted-name", Table: g.table, ID: g.id})
		}
	}
	return nil
}

func binFetch(t *dataverse.Table, columns []string, ids []uuid.UUID) string {
	var b strings.Builder
	b.WriteString(`<fetch datasource="bin"><entity name="` + t.LogicalName + `"><attribute name="` + t.PrimaryID + `"/>`)
	for _, c := range columns {
		b.WriteString(`<attribute name="` + c + `"/>`)
	}
	b.WriteString(`<filter><condition attribute="` + t.PrimaryID + `" operator="in">`)
	for _, id := range ids {
		b.WriteString("<value>" + id.String() + "</value>")
	}
	b.WriteString(`</condition></filter></entity></fetch>`)
	return b.String()
}

// verifyAudit counts audit history that is there all the same. Dataverse writes it with a delay, so it does not stop
// the run: the next one looks again.
func (r *runner) verifyAudit(ctx context.Context, touched map[ref]ledger.Key) error {
	if !r.tables.settings.Audited {
		return nil
	}
	owner := make(map[uuid.UUID]ref)
	var ids []uuid.UUID
	for _, t := range slices.SortedFunc(maps.Keys(touched), ref.compare) {
		owner[t.id] = t
		ids = append(ids, t.id)
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: "audit", Select: []string{"auditid", "_objectid_value"}, Filter: "(" + idFilter("_objectid_value", some) + ") and operation ne 4 and action ne 111"})
	}
	answers, err := batched{r.Client}.queries(ctx, qs)
	if err != nil {
		return err
	}
	count := make(map[ref]int)
	for _, row := range slices.Concat(answers...) {
		count[owner[row.ID("objectid")]]++
	}
	for _, t := range slices.SortedFunc(maps.Keys(count), ref.compare) {
		r.summary.Mentions = append(r.summary.Mentions, Finding{Person: touched[t], Where: "audit", Table: t.table, ID: t.id, Count: count[t]})
	}
	return nil
}

func (r *runner) residue(f Finding) {
	r.summary.Residue = append(r.summary.Residue, f)
	r.Log.Warn("residue", "where", f.Where, "table", f.Table, "id", f.ID, "of", f.Person.ID)
}
