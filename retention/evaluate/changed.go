package evaluate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// Change is what the audit history told of a ground that counts from changes, and the ledger does not know: the day on which a row
// changed, or on which a change took the ground away from a person. Without an id it says up to which day that was read.
type Change struct {
	Subject, Ground string // the ground's column stands behind its id
	Table           string // of the row, or of the person
	ID              uuid.UUID
	On              retention.Date
}

// late is how long audit history may take to appear: so much of what was read before is read again.
var late = retention.Period{Days: 7}

// detailsAtOnce is how many changes are asked for side by side whom they led to before.
const detailsAtOnce = 8

// histories reads what the audit history says of grounds that count from changes, or with known alone what the ledger remembers.
func (e *Evaluation) histories(ctx context.Context, r dataverse.Reader, o EvaluateOptions, known bool) error {
	for _, t := range e.tables {
		for i := range t.subject.Grounds {
			g := &t.subject.Grounds[i]
			if g.Change == nil {
				continue
			}
			h := &history{table: t, g: g, name: g.ID + "." + g.Change.Column, fresh: map[uuid.UUID]retention.Date{}}
			if o.Changes != nil {
				h.known = o.Changes(t.subject.Table, h.name)
			}
			if t.histories == nil {
				t.histories = map[int32]*history{}
			}
			t.histories[g.Index] = h
			if known || !g.Change.Audited {
				continue
			}
			if err := h.read(ctx, r, e); err != nil {
				return fmt.Errorf("read when `%s` of %s changed: %w", g.Change.Column, g.Change.Table, err)
			}
			for _, id := range slices.SortedFunc(maps.Keys(h.fresh), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
				if on := h.fresh[id]; on > h.remembered(id) {
					e.Changes = append(e.Changes, Change{t.subject.Table, h.name, h.holder(), id, on})
				}
			}
			if e.Today > h.known.Read {
				e.Changes = append(e.Changes, Change{Subject: t.subject.Table, Ground: h.name, On: e.Today})
			}
		}
	}
	return nil
}

// history is what is known of a ground that counts from changes.
type history struct {
	table *personTable
	g     *compile.Ground
	name  string
	known retention.History
	fresh map[uuid.UUID]retention.Date // of rows; of a ground that a change takes away, of persons
}

// holder is the table of the ids: that of the rows, or of the persons.
func (h *history) holder() string {
	if h.g.WhenLost() {
		return h.table.subject.Table
	}
	return h.g.Change.Table
}

func (h *history) remembered(id uuid.UUID) retention.Date {
	if h == nil || h.known.On == nil {
		return 0
	}
	return h.known.On(h.holder(), id)
}

// on is the latest change of a row, or that took the ground away from a person; zero: none is known.
func (h *history) on(id uuid.UUID) retention.Date {
	if h == nil {
		return 0
	}
	return max(h.fresh[id], h.remembered(id))
}

// audited is a row of the audit history: of which row, when, and which of the columns that matter changed.
type audited struct {
	id, row uuid.UUID
	on      retention.Date
	column  bool // the one that the ground counts from
	asked   bool // one that its filter asks of
}

// read reads what the audit history has of the table since it was read last. Of a ground that a change takes away what is so old that
// it gives nothing any more is left out; a row that matches may have changed at any time.
func (h *history) read(ctx context.Context, r dataverse.Reader, e *Evaluation) error {
	filter := "objecttypecode eq '" + h.g.Change.Table + "' and operation eq 2"
	since := h.known.Read.Sub(late)
	if h.known.Read.IsZero() {
		since = e.Today.Sub(h.g.Keep.Period).Sub(retention.Period{Years: 1})
	}
	if h.g.WhenLost() || !h.known.Read.IsZero() {
		filter += " and createdon ge " + since.String() + "T00:00:00Z"
	}
	zone := e.Checked.Policy.TimeZone
	var found []audited
	q := dataverse.Query{Table: "audit", Select: []string{"auditid", "_objectid_value", "attributemask", "createdon"}, Filter: filter}
	for row, err := range r.Rows(ctx, q) {
		if err != nil {
			return err
		}
		at, ok := row.Time("createdon")
		if !ok {
			continue
		}
		a := audited{id: row.ID("auditid"), row: row.ID("objectid"), on: retention.DateOf(at, zone)}
		for number := range strings.SplitSeq(row.Text("attributemask"), ",") {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			a.column = a.column || err == nil && n == h.g.Change.Number
			a.asked = a.asked || err == nil && slices.Contains(h.g.Change.Asked, n)
		}
		if a.column || a.asked {
			found = append(found, a)
		}
	}
	switch {
	case !h.g.WhenLost():
		for _, a := range found {
			if a.column {
				h.note(a.row, a.on)
			}
		}
		return nil
	case h.g.Change.Old != "":
		return h.replaced(ctx, r, found)
	}
	return h.former(ctx, r, found)
}

func (h *history) note(id uuid.UUID, on retention.Date) { h.fresh[id] = max(h.fresh[id], on) }

// replaced finds whom a lookup led to before it changed: the history has it, one request a change. A row counts that matches the ground
// apart from its lookup, or of which nobody knows what it said then: something that the filter asks of has changed since, or it is gone.
func (h *history) replaced(ctx context.Context, r dataverse.Reader, found []audited) error {
	rows, since := map[uuid.UUID]bool{}, map[uuid.UUID]retention.Date{}
	var changes []audited
	for _, a := range found {
		if a.asked {
			since[a.row] = max(since[a.row], a.on)
		}
		if a.column {
			changes, rows[a.row] = append(changes, a), true
		}
	}
	matching, there := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	if h.g.Where != "" {
		if err := h.some(ctx, r, rows, h.g.Former, func(_ dataverse.Row, id uuid.UUID) { matching[id] = true }); err != nil {
			return err
		}
		if err := h.some(ctx, r, rows, h.g.There, func(_ dataverse.Row, id uuid.UUID) { there[id] = true }); err != nil {
			return err
		}
	}
	persons := make([]uuid.UUID, len(changes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(detailsAtOnce)
	for i, a := range changes {
		if there[a.row] && !matching[a.row] && since[a.row] < a.on {
			continue
		}
		group.Go(func() error {
			var answer struct {
				AuditDetail struct{ OldValue map[string]any }
			}
			if err := r.Read(ctx, "audits("+a.id.String()+")/Microsoft.Dynamics.CRM.RetrieveAuditDetails", &answer); err != nil {
				return err
			}
			text, _ := answer.AuditDetail.OldValue[h.g.Change.Old].(string)
			persons[i], _ = uuid.Parse(text) // none: it was empty
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, id := range persons {
		if id != uuid.Nil {
			h.note(id, changes[i].on)
		}
	}
	return nil
}

// former finds whom rows lead to that would match but for the column that changed.
func (h *history) former(ctx context.Context, r dataverse.Reader, found []audited) error {
	days := map[uuid.UUID]retention.Date{}
	rows := map[uuid.UUID]bool{}
	for _, a := range found {
		if a.column {
			days[a.row], rows[a.row] = max(days[a.row], a.on), true
		}
	}
	matching := map[uuid.UUID]bool{}
	if err := h.some(ctx, r, rows, h.g.Matching, func(_ dataverse.Row, id uuid.UUID) { matching[id] = true }); err != nil {
		return err
	}
	for id := range matching {
		delete(rows, id)
	}
	ids := slices.SortedFunc(maps.Keys(rows), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for some := range slices.Chunk(ids, compile.MaxPersons) {
		read := h.g.Former(some)
		fields := append(slices.Clone(h.g.Person.Fields), read.ID)
		rows := selection("", read, fields, func(row []dataverse.Value) error {
			id, _ := row[len(row)-1].GUID()
			for _, v := range row[:len(row)-1] {
				if person, ok := v.GUID(); ok {
					h.note(person, days[id])
				}
			}
			return nil
		})
		if err := r.Scan(ctx, rows.Query, rows.Columns, rows.Take); err != nil {
			return err
		}
	}
	return nil
}

// some asks a query of the ground for some rows.
func (h *history) some(ctx context.Context, r dataverse.Reader, rows map[uuid.UUID]bool, read func([]uuid.UUID) compile.Read, each func(dataverse.Row, uuid.UUID)) error {
	ids := slices.SortedFunc(maps.Keys(rows), func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) })
	for some := range slices.Chunk(ids, compile.MaxPersons) {
		q := read(some)
		q.Select, q.Expand = []string{string(q.ID)}, ""
		for row, err := range r.Rows(ctx, q.Query()) {
			if err != nil {
				return err
			}
			each(row, row.ID(string(q.ID)))
		}
	}
	return nil
}

// decidedBy notes that the audit history gave a person the day that a ground counts from.
func (t *personTable) decidedBy(at int32, g *compile.Ground, on retention.Date) {
	t.counts.Lock()
	defer t.counts.Unlock()
	if t.byHistory == nil {
		t.byHistory = map[trailKey]retention.Date{}
	}
	k := trailKey{t.number, at, g.Index}
	t.byHistory[k] = max(t.byHistory[k], on)
}

// giveSince lets the persons of a row have what it justifies since a column of it changed: by the audit history, or else since the
// first run that found the row where one before had not.
func (f *folding) giveSince(row uuid.UUID, r reading) {
	on := f.t.histories[f.g.Index].on(row)
	counted := false
	f.t.hold(f.g, f.hits)
	for _, at := range f.hits {
		own := r
		switch {
		case !on.IsZero():
			own.trigger = on
			f.t.decidedBy(at, f.g, on)
		case f.options.Held != nil:
			if since := f.options.Held(f.t.subject.Table, f.t.entries.at(int(at)).id, f.g.ID).Since; !since.IsZero() {
				own.trigger = since
			}
		}
		if own.trigger.IsZero() {
			f.found.Gaps++
			if f.g.MissingDate == policy.MissingIgnored {
				continue
			}
		}
		counted = true
		f.t.give(at, f.given(own))
		if f.t.trail != nil {
			given := f.given(own)
			f.t.trail.add(trailKey{f.t.number, at, f.g.Index}, FoundRow{Table: f.table, ID: row, Date: given.Trigger, Until: given.Until, ByHistory: !on.IsZero()})
		}
	}
	if counted {
		f.found.Rows++
	}
}
