package plan

import (
	"time"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// Reason says in words for the sales staff why a person has the date that they have: which ground ended and when. It is
// made of the policy's own words and of dates, so it holds no personal data. The ground is the one that
// d.Retention names, nil if none does. Nothing is decided by what it says, in whatever language.
func Reason(w *words.Words, d retention.Decision, g *compile.Ground, c retention.Columns, r retention.Rules) string {
	say := reasons{w}
	var text string
	switch {
	case d.Unreadable:
		return say.T("unreadable")
	case d.Ground == retention.ByHand:
		text = say.T("by-hand", say.date(d.Until))
	case d.Ground == retention.NoGround && !d.Trigger.IsZero(): // stages were done
		text = say.T("since", say.date(d.Trigger))
	case g == nil || d.Until.IsZero():
		text = say.T("nothing")
	case d.Until == retention.Open && (g.Date != nil || g.SinceChanged()):
		text = say.T("missing", policy.Sentence(g.Why), g.DateName())
	case d.Until == retention.Open:
		text = policy.Sentence(g.Why)
	default:
		text = say.counted(d.Term, g)
		if d.Action == retention.Keep || d.Action == retention.Clear || d.PurgeOn == d.Until {
			text = say.T("until", text, say.date(d.Until))
		}
	}
	if d.Ground == retention.OtherRow {
		text = say.T("other-row", text)
	}
	switch d.Extension {
	case retention.ExtensionNoReason:
		text += ". " + say.T("extension.no-reason", say.date(c.ExtendedUntil))
	case retention.ExtensionTooFar:
		text += ". " + say.T("extension.too-far", say.date(c.ExtendedUntil), say.period(r.ManualExtension))
	}
	switch d.PutOff {
	case retention.ExtensionCounts:
		text += ". " + say.T("put-off", say.date(d.PurgeOn))
	case retention.ExtensionNoReason:
		text += ". " + say.T("put-off.no-reason", say.date(c.PurgeOn))
	case retention.ExtensionTooFar:
		text += ". " + say.T("put-off.too-far", say.date(c.PurgeOn), say.period(r.ManualExtension))
	}
	return policy.Shorten(text, policy.MaxReason)
}

// reasons are the words of the subject reason.
type reasons struct{ *words.Words }

// Reasons are the words in which a policy's reasons stand on the rows.
func Reasons(p *policy.Policy) *words.Words { return words.In("reason", p.Language) }

func (say reasons) date(d retention.Date) string {
	if d == 0 || d == retention.Open {
		return d.String()
	}
	return say.Date(d.Time(), " ")
}

func (say reasons) period(p retention.Period) string {
	return say.Period(p.Years, p.Months, p.Weeks, p.Days)
}

// counted is the arithmetic of a ground with a date: Opportunity closed 14 May 2024, kept 24 months.
func (say reasons) counted(r retention.Term, g *compile.Ground) string {
	if r.Trigger.IsZero() {
		return say.T("missing.kept", policy.Sentence(g.Why), g.DateName(), say.terms(r, g))
	}
	trigger := g.Trigger
	if g.WhenLost() && trigger == "" {
		return say.T("lost.kept", policy.Sentence(g.Why), say.date(r.Trigger), say.terms(r, g))
	}
	if trigger == "" {
		trigger = policy.Sentence(g.DateName()) + ":"
	}
	text := trigger + " " + say.date(r.Trigger)
	switch {
	case g.Bounded(r.Trigger, r.Until):
		return say.T("kept", text, say.terms(r, g))
	case g.Keep.IsZero():
		return text
	case g.Until != "" && g.Keep.From == retention.TheDate:
		return say.T("more", text, say.period(g.Keep.Period))
	}
	return say.T("kept", text, say.terms(r, g))
}

// terms are for how long the ground keeps somebody after its date: 7 years from the end of 2026.
func (say reasons) terms(r retention.Term, g *compile.Ground) string {
	if g.Bounded(r.Trigger, r.Until) {
		return say.T("at-most", say.period(g.AtMost.Period), g.BoundName())
	}
	k := g.Keep
	if k.From == retention.TheDate || r.Trigger == 0 || r.Trigger == retention.Open {
		return say.period(k.Period)
	}
	end := k.Start(r.Trigger) - 1
	last, year := say.date(end), ""
	if _, month, day := end.Time().Date(); k.From == retention.EndOfYear && month == time.December && day == 31 {
		last, year = end.Time().Format("2006"), ".year"
	}
	if k.Period.IsZero() {
		return say.T("to"+year, last)
	}
	return say.T("from"+year, say.period(k.Period), last)
}
