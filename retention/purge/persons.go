package purge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

func (r *session) inventory(subject *compile.Subject, persons []*inventory.Person) *inventory.List {
	noticed := !slices.ContainsFunc(persons, func(p *inventory.Person) bool { _, asked := r.asked[p.Ref]; return asked })
	return &inventory.List{Tables: r.tables, Reader: environment.Batched{Client: r.Client}, Subject: subject, Persons: persons, Justify: r.justified, Noticed: noticed}
}

func (r *session) builder(inv *inventory.List) *builder {
	return &builder{List: inv, limit: r.operations, jobs: r.Policy.Policy.Engine == policy.BulkDelete}
}

// marks is what the erasure writes into the columns that gallra owns.
func (r *session) marks(s *compile.Subject) map[string]any {
	return marks(s, r.Today)
}

func marks(s *compile.Subject, today retention.Date) map[string]any {
	m := map[string]any{s.Own.AnonymizedOn: today.String()}
	for _, c := range []string{s.Own.PurgeScheduledOn, s.Own.PurgeNoticedOn, s.Own.PurgeReason, s.Own.RetainUntil, s.Own.RetainReason} {
		if c != "" {
			m[c] = nil
		}
	}
	return m
}

// leave says in the ledger that a person was left alone before anything was written for them.
func (r *runner) leave(who environment.Ref, why error) {
	status := ledger.Skipped
	switch why {
	case errBound, inventory.ErrNoRule, inventory.ErrClosed, errTooMany, errMaster, errLate:
		status = ledger.Failed
	}
	if _, word := why.(environment.Reason); !word {
		status = ledger.Failed
	}
	if err := r.Ledger.Append(ledger.Entry{Kind: ledger.Outcome, Table: who.Table, ID: who.ID, Status: status, Code: environment.Code(why)}); err != nil {
		r.Log.Error("ledger", "error", err) // the next append fails as well and ends the run
	}
	r.told(Outcome{Table: who.Table, ID: who.ID, Action: retention.Purge, Status: status, Code: environment.Code(why)})
}

// person is somebody whose turn has come, with the rows that their purge has left in place already, if it is under way.
func (r *session) person(subject *compile.Subject, who environment.Ref, row dataverse.Row) *inventory.Person {
	p := &inventory.Person{Ref: who, Row: row, Class: subject.ClassID, Decided: r.decisions(subject, who), Loose: r.Ledger.Loose(who.Table, who.ID)}
	for _, task := range r.Ledger.AskTasks(who.Table, who.ID) {
		p.Made = append(p.Made, environment.Ref{Table: "task", ID: task})
	}
	for table, ids := range r.Ledger.Stays(who.Table, who.ID) {
		for _, id := range ids {
			if p.Stays == nil {
				p.Stays = make(map[environment.Ref]bool)
			}
			p.Stays[environment.Ref{Table: table, ID: id}] = true
		}
	}
	return p
}

// rows reads everything that a purge erases in the persons' rows, with their versions.
func (r *session) rows(ctx context.Context, subject *compile.Subject, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	return r.rowsBy(ctx, r.Client, subject, ids)
}

func (r *session) rowsBy(ctx context.Context, c dataverse.Writer, subject *compile.Subject, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	return inventory.PersonRows(ctx, environment.Batched{Client: c}, subject, r.eraser(subject), ids)
}

// What the ledger has of decisions.

// key is how the ledger names a decision.
func key(d inventory.Decision, table string) string {
	if d.Do == policy.Anonymize {
		return fmt.Sprintf("%s %s %d", d.Do, table, d.Rule)
	}
	return string(d.Do) + " " + table
}

// decisions reads what the ledger has of a person whose purge is under way.
func (r *session) decisions(subject *compile.Subject, who environment.Ref) map[environment.Ref]inventory.Decision {
	known := r.Ledger.Decided(who.Table, who.ID)
	if known.Policy != r.Policy.Policy.Hash {
		return nil
	}
	out := make(map[environment.Ref]inventory.Decision)
	for what, ids := range known.Rows {
		words := strings.Fields(what)
		d := inventory.Decision{Do: policy.Disposition(words[0]), Rule: inventory.NoRule}
		if len(words) > 2 {
			if n, err := strconv.Atoi(words[2]); err == nil && n < len(subject.Related) {
				d.Rule = n
			}
		}
		if d.Do == policy.Anonymize && d.Rule == inventory.NoRule {
			continue
		}
		for _, id := range ids {
			out[environment.Ref{Table: words[1], ID: id}] = d
		}
	}
	return out
}

// listed are decisions as the ledger has them.
func listed(decisions map[environment.Ref]inventory.Decision) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(decisions), environment.Ref.Compare) {
		what := key(decisions[r], r.Table)
		out[what] = append(out[what], r.ID)
	}
	return out
}
