package purge

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// The guard rails of an erasure that somebody asked for.
const (
	HoldForbids   policy.Rail = "legal-hold"   // a legal hold: nothing lifts it but its release
	GroundForbids policy.Rail = "ground-holds" // a ground still justifies the person and was not named
)

// The guard rails that can stop a verb and be passed over, as far as the policy lets them be. What stands elsewhere cannot:
// an erasure and a reapplication judge nobody by a plan, so that no limit on shares and no ground that came out empty stops them,
// and a data subject's request is one human being.
var (
	RunBypass     = policy.Bypassable
	EraseBypass   = []policy.Rail{policy.Drift}
	ReapplyBypass = []policy.Rail{policy.TooMany, policy.Drift}
)

// Erase carries out a data subject's request: it purges some rows now, without notice, with the care of a run. What was
// begun by runs before is finished first.
//
// The rows have to be all that belong to the human being; [AllRows] finds them. While a legal hold stands on one of them,
// or a ground that despite does not name justifies one, nobody is purged and the error is a [*StopError]. The same is
// asked again at the last look; each ground that was passed over stands in the ledger.
func Erase(ctx context.Context, d Deps, who []evaluate.PersonRef, despite []string) (*Summary, error) {
	return carryOut(ctx, d, func(r *runner, ctx context.Context) error {
		if err := r.ready(ctx); err != nil {
			return err
		}
		if err := r.unchanged(ctx); err != nil {
			return err
		}
		if err := r.follow(ctx); err != nil {
			return err
		}
		who = slices.DeleteFunc(slices.Clone(who), func(p evaluate.PersonRef) bool { return r.taken[environment.Ref{Table: p.Table, ID: p.ID}] })
		all, err := Assess(ctx, d.Client, d.Policy, evaluate.Known(d.Ledger, d.Today), who)
		if err != nil {
			return err
		}
		if rails := forbidden(all, despite); len(rails) > 0 {
			return r.stop(rails...)
		}
		r.ask(all, func(evaluate.PersonRef) []string { return despite })
		return r.purge(ctx)
	})
}

// unchanged stops the run where the environment changed in what a rule depends on. Where that is passed over for whom
// somebody asked for, it is not written down as known: the night's run, which is about everybody, is still to be stopped by it.
func (r *runner) unchanged(ctx context.Context) error {
	drift, err := r.drift(ctx)
	if err != nil {
		return err
	}
	if err := r.halt(drift); err != nil {
		return err
	}
	if len(drift) > 0 {
		return nil
	}
	return r.remember()
}

// forbidden are the guard rails that an erasure runs into.
func forbidden(all []Assessment, despite []string) []plan.GuardRail {
	var rails []plan.GuardRail
	named := make(map[plan.Holding]bool)
	for i := range all {
		a := &all[i]
		if a.Held {
			by := a.HeldBy
			if by.Table == "" {
				by = a.PersonRef
			}
			rails = append(rails, plan.NewRail(HoldForbids, "hold", by.Table, by.ID).At(a.Table, ""))
		}
		for _, h := range a.Forbids(despite) {
			if named[h] {
				continue
			}
			named[h] = true
			basis := ""
			if h.Basis != "" {
				basis = " (" + h.Basis + ")"
			}
			key := "ground-forbids"
			if h.Until == retention.Open {
				key = "ground-forbids.open"
			}
			rails = append(rails, plan.GuardRail{Rail: GroundForbids, Table: h.Table, Ground: h.Ground, Sentence: words.Say("rail."+key, h.Ground, basis, h.Table, h.Until), Remedy: words.Say("rail.ground-forbids.do", h.Ground)})
		}
	}
	return rails
}

// Returned is somebody who was purged and is there again.
type Returned struct {
	ledger.Purged
	Assessment
	// Written tells that the row stayed when the person was purged and was written to since: what stands there has not come
	// out of a backup, and is judged like everybody.
	Written bool
}

// Again tells whether the person can be purged again, and if not why: a legal hold, or a ground that did not stand in the
// way when they were purged.
func (p *Returned) Again() (reason string, ok bool) {
	switch {
	case p.Held:
		return string(errHeld), false
	case p.Written:
		return string(errWritten), false
	case len(p.Forbids(p.Despite)) > 0:
		return string(errJustified), false
	}
	return "", true
}

// Back finds whom the ledger says was purged in this organisation and whose row is there again and not anonymised, as
// after the environment was restored. Unnamed are the tables of purged persons that the policy does not judge any more.
func Back(ctx context.Context, d Deps) (back []Returned, unnamed []string, err error) {
	purged, err := d.Ledger.Purged(ctx, d.Policy.Organization)
	if err != nil {
		return nil, nil, err
	}
	byTable := make(map[string][]ledger.Purged)
	for _, p := range purged {
		byTable[p.Table] = append(byTable[p.Table], p)
		if d.Policy.Subject(p.Table) == nil && !slices.Contains(unnamed, p.Table) {
			unnamed = append(unnamed, p.Table)
		}
	}
	for i := range d.Policy.Subjects {
		s := &d.Policy.Subjects[i]
		for some := range slices.Chunk(byTable[s.Table], environment.MaxIDs) {
			ids := make([]uuid.UUID, len(some))
			for i, p := range some {
				ids[i] = p.ID
			}
			e, err := evaluate.EvaluatePersons(ctx, d.Client, d.Policy, s.Table, ids, evaluate.EvaluateOptions{Today: d.Today, Lasting: true})
			if err != nil {
				return nil, nil, err
			}
			var there []evaluate.PersonRef
			var who []ledger.Purged
			for _, p := range some {
				if _, found := e.Person(s.Table, p.ID, evaluate.EvaluateOptions{Today: d.Today}); found {
					there, who = append(there, evaluate.PersonRef{Table: s.Table, ID: p.ID}), append(who, p)
				}
			}
			all, err := assessThere(ctx, d.Client, d.Policy, evaluate.Known(d.Ledger, d.Today), there)
			if err != nil {
				return nil, nil, err
			}
			written, err := writtenAfter(ctx, d, s, who)
			if err != nil {
				return nil, nil, err
			}
			for _, a := range all {
				i := slices.IndexFunc(who, func(p ledger.Purged) bool { return p.ID == a.ID })
				back = append(back, Returned{Purged: who[i], Assessment: a, Written: written[a.ID]})
			}
		}
	}
	return back, unnamed, nil
}

// writtenAfter tells which rows that stayed when their persons were purged have not come out of a backup: they were changed
// after the purge (a restore brings the time of the last change back, which was before it), and a run has judged them as
// new ones since, or somebody else than gallra has changed them and they do not have the purge date by which they were
// purged. In doubt a row is none of these, as one that was restored and then put under a legal hold.
func writtenAfter(ctx context.Context, d Deps, s *compile.Subject, who []ledger.Purged) (map[uuid.UUID]bool, error) {
	stayed := make(map[uuid.UUID]ledger.Purged)
	var ids []uuid.UUID
	for _, p := range who {
		if p.Stayed {
			stayed[p.ID], ids = p, append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	t, err := d.Client.Table(ctx, s.Table)
	if err != nil || t.Attributes["modifiedon"] == nil || t.Attributes["modifiedby"] == nil {
		return nil, err
	}
	actors := make(map[uuid.UUID]bool)
	for _, r := range d.Ledger.Runs() {
		actors[r.Actor] = true
	}
	written := make(map[uuid.UUID]bool)
	q := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID, "modifiedon", "_modifiedby_value", s.Own.PurgeScheduledOn}, Filter: environment.IDFilter(s.PrimaryID, ids)}
	for row, err := range d.Client.Rows(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.Table, err)
		}
		p := stayed[row.ID(s.PrimaryID)]
		changed, ok := row.Time("modifiedon")
		due, dated := row.Time(s.Own.PurgeScheduledOn)
		former := dated && !due.After(p.At)
		written[p.ID] = ok && !changed.Before(p.At.Truncate(time.Second)) && (p.Judged || !actors[row.ID("modifiedby")] && !former)
	}
	return written, nil
}

// Reapply purges again whoever the ledger says was purged and is back, without notice and with the care of a run. Whom a
// legal hold protects, or a ground that did not stand in the way before, is left alone and told. The limit of one run
// holds here as well.
func Reapply(ctx context.Context, d Deps) (*Summary, error) {
	return carryOut(ctx, d, func(r *runner, ctx context.Context) error {
		if err := r.ready(ctx); err != nil {
			return err
		}
		if err := r.unchanged(ctx); err != nil {
			return err
		}
		if err := r.follow(ctx); err != nil {
			return err
		}
		back, _, err := Back(ctx, r.Deps)
		if err != nil {
			return err
		}
		back = slices.DeleteFunc(back, func(p Returned) bool { return p.Written }) // judged like everybody
		all := make([]Assessment, len(back))
		despite := make(map[evaluate.PersonRef][]string)
		purges := 0
		for i := range back {
			all[i] = back[i].Assessment
			despite[all[i].PersonRef] = back[i].Despite
			if _, ok := back[i].Again(); ok {
				purges++
			}
		}
		if limit := r.limits().Purges; purges > limit {
			err := r.halt([]plan.GuardRail{plan.NewRail(policy.TooMany, "too-many.again", words.Count("persons", purges), limit, strconv.Itoa(purges))})
			if err != nil {
				return err
			}
		}
		r.ask(all, func(p evaluate.PersonRef) []string { return despite[p] })
		return r.purge(ctx)
	})
}

// ask makes rows due that are to be purged without notice, and notes which grounds do not stand in their way.
func (r *runner) ask(all []Assessment, despite func(evaluate.PersonRef) []string) {
	masters := make(map[environment.Ref]uuid.UUID)
	for _, a := range all {
		who := environment.Ref{Table: a.Table, ID: a.ID}
		r.asked[who] = despite(a.PersonRef)
		if a.Master != uuid.Nil {
			masters[who] = a.Master
		}
		r.due = append(r.due, due{Ref: who, class: a.Class})
	}
	for i := range r.due {
		for at, ok := masters[r.due[i].Ref]; ok && r.due[i].depth < len(masters); at, ok = masters[environment.Ref{Table: r.due[i].Table, ID: at}] {
			r.due[i].depth++
		}
	}
}

// weigh is the last look at persons who were asked for: who is justified by a ground that was not named. Grounds that are
// passed over go into the ledger.
func (r *session) weigh(ctx context.Context, table string, ids []uuid.UUID) (justified map[environment.Ref]bool, err error) {
	who := make([]evaluate.PersonRef, len(ids))
	for i, id := range ids {
		who[i] = evaluate.PersonRef{Table: table, ID: id}
	}
	all, err := assessThere(ctx, r.Client, r.Policy, evaluate.Known(r.Ledger, r.Today), who)
	if err != nil {
		return nil, err
	}
	justified = make(map[environment.Ref]bool)
	var passed []ledger.Entry
	for i := range all {
		a := &all[i]
		at := environment.Ref{Table: a.Table, ID: a.ID}
		if justified[at] = len(a.Forbids(r.asked[at])) > 0; justified[at] || a.Held {
			continue
		}
		var names []string
		for _, h := range a.Holding {
			if !slices.Contains(names, h.Ground) {
				names = append(names, h.Ground)
			}
		}
		slices.SortFunc(names, strings.Compare)
		for _, name := range names {
			passed = append(passed, ledger.Entry{Kind: ledger.Bypass, Table: a.Table, ID: a.ID, Guard: ledger.GroundGuard, Ground: name})
		}
	}
	return justified, r.Ledger.Append(passed...)
}
