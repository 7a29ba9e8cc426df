package purge

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge/ask"
	"github.com/gallra/gallra/retention/purge/environment"
)

// scheduleBatch is how many persons' dates one request writes.
const scheduleBatch = 100

// announcement is a change of a person's purge date that is about to be written.
type announcement struct {
	entry   ledger.Entry
	purgeOn retention.Date // what stands on the row: the announced date, or a later one that people have put it off to
	action  retention.Action
	subject *compile.Subject
	etag    string
	reason  string
}

// schedule writes the purge dates that the plan changes, each announced in the ledger before, and collects who is due.
func (r *runner) schedule(ctx context.Context, plan *plan.Plan) error {
	masters := make(map[environment.Ref]uuid.UUID)
	var waiting []announcement
	var seen []ledger.Entry
	for i := range plan.Decisions {
		planned := plan.Decisions[i]
		d, p := &planned, planned.Person
		if day := r.written(); day > r.Today && d.NoticedOn == r.Today && d.Changes(p.Columns) {
			laid := d.PurgeOn
			d.Decision = retention.Decide(p.Person, r.Policy.RulesFor(p.Table, p.Class), day)
			if !d.Unspread.IsZero() { // as much later as it was laid out
				d.Unspread, d.PurgeOn = d.PurgeOn, d.PurgeOn+laid-d.Unspread
			}
		}
		who := environment.Ref{Table: p.Table, ID: p.ID}
		if p.Master != uuid.Nil {
			masters[who] = p.Master
		}
		if r.Only != nil && !r.Only(p.Table, p.ID, d.Action) {
			continue
		}
		if d.Restored {
			r.restored = append(r.restored, due{Ref: who, class: p.Class})
		}
		entry := ledger.Entry{Table: p.Table, ID: p.ID, PurgeOn: d.AnnouncedOn(), NoticedOn: d.NoticedOn, Ground: d.GroundID()}
		switch {
		case d.Action == retention.Purge && d.Unasked && !r.Ledger.Purging(keyOf(who)):
			r.unasked[who] = true
			r.summary.subject(p.Table).Unasked++
		case d.Action == retention.Purge && !r.may(who, d.PurgeOn):
			r.summary.subject(p.Table).Unapproved++
		case d.Action == retention.Purge && d.Stage != nil:
			base := p.Ended
			if base.IsZero() {
				base = d.NoticedOn // nothing has justified them since
			}
			r.staged = append(r.staged, due{Ref: who, class: p.Class, stage: p.Stage.Done, base: base})
		case d.Action == retention.Purge:
			r.due = append(r.due, due{Ref: who, class: p.Class})
		case d.Action == retention.Hold:
			if d.Unproven(p.Trace) {
				seen = append(seen, ledger.Entry{Kind: ledger.Held, Table: p.Table, ID: p.ID})
			}
		case d.Changes(p.Columns):
			entry.Kind = kindOf(d)
			waiting = append(waiting, announcement{entry: entry, purgeOn: d.PurgeOn, action: d.Action, subject: r.Policy.Subject(p.Table), etag: p.ETag, reason: d.Reason()})
		case d.Unproven(p.Trace):
			entry.Kind = ledger.Seen
			seen = append(seen, entry)
		}
		if len(seen) == scheduleBatch {
			if err := r.Ledger.Append(seen...); err != nil {
				return err
			}
			seen = seen[:0]
		}
		if len(waiting) == scheduleBatch {
			if err := r.announce(ctx, waiting); err != nil {
				return err
			}
			waiting = waiting[:0]
			r.progress(Progress{Phase: "schedule", Done: i + 1, Total: len(plan.Decisions)})
		}
	}
	for i := range r.due {
		for at, ok := masters[r.due[i].Ref]; ok && r.due[i].depth < len(masters); at, ok = masters[environment.Ref{Table: r.due[i].Table, ID: at}] {
			r.due[i].depth++
		}
	}
	if err := r.Ledger.Append(seen...); err != nil {
		return err
	}
	if len(waiting) == 0 {
		return nil
	}
	return r.announce(ctx, waiting)
}

// words asks the persons whom the plan names, and takes back words that are about another date by now.
func (r *runner) words(ctx context.Context, plan *plan.Plan, e *evaluate.Evaluation) error {
	a := r.asker()
	taken, left, err := a.TakeBack(ctx, func(x ledger.Ask) ask.Stand {
		switch _, there := e.Person(x.Table, x.ID, evaluate.EvaluateOptions{}); {
		case r.Policy.Subject(x.Table) == nil:
			return ask.Rescued
		case !there:
			return ask.Gone
		case r.Ledger.Trace(x.Table, x.ID).PurgeOn != x.PurgeOn:
			return ask.Rescued
		}
		return ask.Near
	})
	if r.summary.TakenBack += taken; err != nil {
		return err
	}
	if left > 0 {
		r.Log.Warn("tasks by which persons were asked could not be taken back: the next run tries again", "tasks", left)
	}
	var all []ask.Word
	for i := range plan.Decisions {
		d := &plan.Decisions[i]
		who := environment.Ref{Table: d.Person.Table, ID: d.Person.ID}
		if on := r.Ledger.Trace(who.Table, who.ID).PurgeOn; d.Ask && !on.IsZero() && (r.Only == nil || r.Only(who.Table, who.ID, d.Action)) {
			all = append(all, ask.Word{Ref: who, Class: d.Person.Class, PurgeOn: on})
		}
	}
	asked, failed, err := a.Put(ctx, all)
	r.summary.Asked += asked
	for _, f := range failed {
		r.told(Outcome{Table: f.Table, ID: f.ID, Action: retention.Wait, Status: ledger.Failed, Code: environment.Code(f.Err)})
	}
	return err
}

func kindOf(d *plan.Planned) ledger.Kind {
	switch {
	case d.Action == retention.Clear:
		return ledger.Cleared
	case d.Person.Trace.Held:
		return ledger.Released
	case d.Action == retention.Schedule:
		return ledger.Scheduled
	}
	return ledger.Moved
}

// announce writes some dates: first into the ledger, then onto the rows, then into the ledger what stands.
func (r *runner) announce(ctx context.Context, some []announcement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries := make([]ledger.Entry, len(some))
	parts := make([]dataverse.Part, len(some))
	for i, a := range some {
		entries[i] = a.entry
		own := a.subject.Own
		body := map[string]any{own.PurgeScheduledOn: dateValue(a.purgeOn), own.PurgeNoticedOn: dateValue(a.entry.NoticedOn)}
		if own.PurgeReason != "" {
			body[own.PurgeReason] = any(a.reason)
			if a.action == retention.Clear {
				body[own.PurgeReason] = nil
			}
		}
		parts[i].Op = &dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(a.subject.EntitySet, a.entry.ID), Body: body, IfMatch: a.etag}
	}
	first := r.Ledger.Seq() + 1
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	last := r.Ledger.Seq()
	var confirm []ledger.Entry
	var unsure []ledger.Record
	for i, err := range r.batch(ctx, parts) {
		o := Outcome{Table: some[i].entry.Table, ID: some[i].entry.ID, Action: some[i].action, Status: ledger.Done}
		if err != nil {
			var u *dataverse.Uncertain
			if errors.As(err, &u) || errors.Is(err, dataverse.ErrChanged) || ctx.Err() != nil {
				// Nobody knows; or the row changed, by somebody or by this very write, if something on the way sent it twice.
				unsure = append(unsure, ledger.Record{Seq: first + uint64(i), Entry: some[i].entry})
				continue
			}
			confirm = append(confirm, ledger.Entry{Kind: ledger.Void, Table: o.Table, ID: o.ID})
			o.Status, o.Code = ledger.Failed, environment.Code(err)
			if errors.Is(err, dataverse.ErrNotFound) {
				o.Status, o.Code = ledger.Skipped, string(errGone)
				r.summary.ScheduleLeft++
			}
		} else {
			r.summary.subject(o.Table).Written++
		}
		r.told(o)
	}
	stands, err := r.standing(unsure)
	if err != nil {
		// What the ledger does not confirm, the next run looks up.
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		return err
	}
	for _, u := range unsure {
		i := int(u.Seq - first)
		o := Outcome{Table: u.Table, ID: u.ID, Action: some[i].action, Status: ledger.Done}
		if stands[environment.Ref{Table: u.Table, ID: u.ID}] {
			r.summary.subject(o.Table).Written++
		} else {
			confirm = append(confirm, ledger.Entry{Kind: ledger.Void, Table: u.Table, ID: u.ID})
			o.Status, o.Code = ledger.Skipped, string(errChanged) // judged afresh in the next run
			r.summary.ScheduleLeft++
		}
		r.told(o)
	}
	return r.Ledger.Append(append(confirm, ledger.Entry{Kind: ledger.Written, First: first, Last: last})...)
}

func dateValue(d retention.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}

// standing reads which announced dates stand on their rows. A later one that people have put it off to stands for it.
func (r *session) standing(records []ledger.Record) (map[environment.Ref]bool, error) {
	out := make(map[environment.Ref]bool)
	byTable := make(map[string][]ledger.Record)
	for _, rec := range records {
		byTable[rec.Table] = append(byTable[rec.Table], rec)
	}
	for table, records := range byTable {
		s := r.Policy.Subject(table)
		if s == nil {
			continue // the policy does not speak of the table any more: nothing stands that it would rely on
		}
		for some := range slices.Chunk(records, environment.MaxIDs) {
			ids := make([]uuid.UUID, len(some))
			want := make(map[uuid.UUID]ledger.Record, len(some))
			for i, rec := range some {
				ids[i] = rec.ID
				want[rec.ID] = rec
			}
			q := dataverse.Query{Table: table, Select: []string{s.PrimaryID, s.Own.PurgeScheduledOn, s.Own.PurgeNoticedOn}, Filter: environment.IDFilter(s.PrimaryID, ids)}
			answers, err := environment.Batched{Client: r.Client}.Queries(r.writing, []dataverse.Query{q})
			if err != nil {
				return nil, err
			}
			for _, row := range answers[0] {
				id := row.ID(s.PrimaryID)
				rec := want[id]
				out[environment.Ref{Table: table, ID: id}] = stands(rowDate(row, s.Own.PurgeScheduledOn), rec.PurgeOn) && rowDate(row, s.Own.PurgeNoticedOn) == rec.NoticedOn
			}
		}
	}
	return out, nil
}

func stands(onRow, announced retention.Date) bool {
	return onRow == announced || !announced.IsZero() && onRow > announced
}

func rowDate(row dataverse.Row, column string) retention.Date {
	d, _ := retention.DateOnly.Date(row.Text(column), nil)
	return d
}
