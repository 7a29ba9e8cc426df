package console

import (
	"slices"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// sentence says in one sentence what becomes of a person and why.
func (t tongue) sentence(page *personPage, x *plan.Explanation, today retention.Date) string {
	d := &x.Decision
	switch {
	case d.Unreadable:
		return d.ReasonIn(words.In("reason", t.Language)) + "."
	case page.Held:
		return t.T("keeps.hold")
	case page.HeldWith || page.HeldBy != nil || page.State == retention.Hold:
		return t.T("keeps.held")
	case page.State == retention.Keep || page.State == retention.Clear:
		return t.keeps(d)
	}
	return t.because(d, t.goes(page, d, today), today)
}

// keeps says why somebody stays.
func (t tongue) keeps(d *plan.Planned) string {
	switch {
	case d.Decision.Ground == retention.ByHand:
		return t.T("keeps.extended", d.Until)
	case d.Ground == nil:
	case d.Until == retention.Open && (d.Ground.Date != nil || d.Ground.SinceChanged()):
	case d.Until == retention.Open:
		return t.T("keeps.open", policy.Sentence(d.Ground.Why))
	case !d.Until.IsZero():
		return t.T("keeps.until", d.Until, policy.Sentence(d.Ground.Why))
	}
	return t.T("keeps.because", d.ReasonIn(words.In("reason", t.Language)))
}

// goes says when somebody goes.
func (t tongue) goes(page *personPage, d *plan.Planned, today retention.Date) string {
	switch {
	case page.State == plan.Stuck:
		return t.T("goes.stuck")
	case d.Stage != nil:
		return t.T("goes.stage", d.PurgeOn)
	case page.State == retention.Purge && page.Unapproved:
		return t.T("goes.unapproved")
	case d.Unasked:
		return t.T("goes.unasked")
	case page.State == retention.Purge:
		return t.T("goes.next")
	case page.State == retention.Schedule:
		return t.T("goes.dated", d.PurgeOn)
	case page.State == retention.Move:
		return t.T("goes.moved", d.PurgeOn)
	case d.PurgeOn <= today+1:
		return t.T("goes.tomorrow")
	}
	return t.T("goes.on", d.PurgeOn)
}

// because adds the reason to what is said of somebody who goes.
func (t tongue) because(d *plan.Planned, goes string, today retention.Date) string {
	ended := d.Until <= today
	switch {
	case d.Decision.Ground == retention.ByHand && ended:
		return t.T("because.extended", goes, d.Until)
	case d.Ground != nil && !d.Until.IsZero() && d.Until != retention.Open && d.Stage == nil && ended:
		return t.T("because.ended", goes, policy.Sentence(d.Ground.Why), d.Until)
	case d.Ground != nil && !d.Until.IsZero() && d.Until != retention.Open && d.Stage == nil:
		return t.T("because.ends", goes, policy.Sentence(d.Ground.Why), d.Until)
	case d.Ground == nil && d.Until.IsZero() && d.Stage == nil:
		return t.T("because.nothing", goes)
	}
	return t.T("because.that", goes, d.ReasonIn(words.In("reason", t.Language)))
}

// unapprovedAt tells whether the person waits for somebody else's approval.
func (b *reading) unapprovedAt(page *personPage) bool {
	return slices.ContainsFunc(b.waiting.persons, func(p awaited) bool { return p.Table == page.Table && p.ID == page.ID })
}
