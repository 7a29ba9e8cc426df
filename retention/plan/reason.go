package plan

import (
	"fmt"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// Reason says in words for the sales staff why a person has the date that they have: which ground ended and when. It is
// made of the policy's own words and of dates, so it holds no personal data. The ground is the one that
// d.Retention names, nil if none does.
func Reason(d retention.Decision, g *compile.Ground, c retention.Columns, r retention.Rules) string {
	var text string
	switch {
	case d.Unreadable:
		return "A date about this person cannot be read: nothing is done until it is mended"
	case d.Ground == retention.ByHand:
		text = "Extended by hand until " + d.Until.Words()
	case g == nil || d.Until.IsZero():
		text = "Nothing registered justifies keeping this person"
	case d.Until == retention.Open && g.Date != nil:
		text = fmt.Sprintf("%s; the date that the period would be counted from is missing (%s)", policy.Sentence(g.Why), g.DateName())
	case d.Until == retention.Open:
		text = policy.Sentence(g.Why)
	default:
		text = counted(d.Term, g)
		if d.Action == retention.Keep || d.Action == retention.Clear || d.PurgeOn == d.Until {
			text += ", until " + d.Until.Words()
		}
	}
	if d.Ground == retention.OtherRow {
		text += " (on another row of the same person)"
	}
	switch d.Extension {
	case retention.ExtensionNoReason:
		text += fmt.Sprintf(". The extension until %s does not count, because it has no reason: enter one, or it lapses", c.ExtendedUntil.Words())
	case retention.ExtensionTooFar:
		text += fmt.Sprintf(". The extension until %s does not count, because it lies more than %s ahead: enter an earlier date", c.ExtendedUntil.Words(), r.ManualExtension)
	}
	switch d.PutOff {
	case retention.ExtensionCounts:
		text += ". Put off by hand until " + d.PurgeOn.Words()
	case retention.ExtensionNoReason:
		text += fmt.Sprintf(". The purge date %s that was entered by hand does not count, because the extension has no reason: enter one first", c.PurgeOn.Words())
	case retention.ExtensionTooFar:
		text += fmt.Sprintf(". The purge date %s that was entered by hand does not count, because it lies more than %s ahead: enter an earlier one", c.PurgeOn.Words(), r.ManualExtension)
	}
	return policy.Shorten(text, policy.MaxReason)
}

// counted is the arithmetic of a ground with a date: Opportunity closed 14 May 2024, kept 24 months.
func counted(r retention.Term, g *compile.Ground) string {
	if r.Trigger.IsZero() {
		return fmt.Sprintf("%s; the date that the period would be counted from is missing (%s), kept %s", policy.Sentence(g.Why), g.DateName(), g.Terms(r.Trigger, r.Until))
	}
	trigger := g.Trigger
	if g.WhenLost() && trigger == "" {
		return fmt.Sprintf("%s until %s, kept %s", policy.Sentence(g.Why), r.Trigger.Words(), g.Terms(r.Trigger, r.Until))
	}
	if trigger == "" {
		trigger = policy.Sentence(g.DateName()) + ":"
	}
	text := trigger + " " + r.Trigger.Words()
	switch {
	case g.Bounded(r.Trigger, r.Until):
		text += ", kept " + g.Terms(r.Trigger, r.Until)
	case g.Keep.IsZero():
	case g.Until != "" && g.Keep.From == retention.TheDate:
		text += ", and " + g.Keep.String() + " more"
	default:
		text += ", kept " + g.Terms(r.Trigger, r.Until)
	}
	return text
}
