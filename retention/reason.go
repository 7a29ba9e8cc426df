package retention

import (
	"fmt"
	"strings"
)

// MaxReason is how many letters the column with the purge's reason holds.
const MaxReason = 500

// Reason says in words for the sales staff why a person has the date that they have: which ground ended and when. It is
// made of the policy's own words and of dates, so it holds no personal data. The ground is the one that
// d.Retention names, nil if none does.
func Reason(d Decision, g *CheckedGround, c Columns, r Rules) string {
	var text string
	switch {
	case d.Ground == ByHand:
		text = "Extended by hand until " + d.Until.Words()
	case g == nil || d.Until.IsZero():
		text = "Nothing registered justifies keeping this person"
	case d.Until == Open && g.Date != nil:
		text = fmt.Sprintf("%s; the date that the period would be counted from is missing (%s)", sentence(g.Why), g.DateName())
	case d.Until == Open:
		text = sentence(g.Why)
	default:
		text = counted(d.Retention, g)
		if d.Action == Keep || d.Action == Clear || d.PurgeOn == d.Until {
			text += ", until " + d.Until.Words()
		}
	}
	if d.Ground == OtherRow {
		text += " (on another row of the same person)"
	}
	switch d.Extension {
	case ExtensionNoReason:
		text += fmt.Sprintf(". The extension until %s does not count, because it has no reason: enter one, or it lapses", c.ExtendedUntil.Words())
	case ExtensionTooFar:
		text += fmt.Sprintf(". The extension until %s does not count, because it lies more than %s ahead: enter an earlier date", c.ExtendedUntil.Words(), r.ManualExtension)
	}
	return shorten(text, MaxReason)
}

// counted is the arithmetic of a ground with a date: Opportunity closed 14 May 2024, kept 24 months.
func counted(r Retention, g *CheckedGround) string {
	trigger := g.Trigger
	if trigger == "" {
		trigger = sentence(g.DateName()) + ":"
	}
	text := trigger + " " + r.Trigger.Words()
	switch {
	case g.Keep.IsZero():
	case g.Until != "":
		text += ", and " + g.Keep.String() + " more"
	default:
		text += ", kept " + g.Keep.String()
	}
	return text
}

// DateName is what people call the date that the ground counts from.
func (g *CheckedGround) DateName() string {
	switch {
	case g.Date == nil:
		return ""
	case g.Date.Name != "":
		return g.Date.Name
	}
	return g.Date.Column
}

// sentence begins with a capital and ends without a full stop, so that something may follow.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[0])) + string(r[1:])
}

// shorten cuts a text at a word, so that it has at most n letters.
func shorten(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	cut := string(r[:n-1])
	if i := strings.LastIndexByte(cut, ' '); i > 0 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,.;:") + "…"
}
