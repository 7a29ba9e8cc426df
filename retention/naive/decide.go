package naive

import (
	"strings"
	"testing"
	"time"
)

// decide is section 3 of the design for one person.
func (p Policy) decide(t testing.TB, n *person, heldElsewhere bool, today time.Time, trace Trace) Verdict {
	onRow := func(column string) time.Time {
		if text := n.row.Text(column); text != "" {
			return p.day(t, column, text)
		}
		return time.Time{}
	}
	standing, noticed := onRow("gallra_purgescheduledon"), onRow("gallra_purgenoticedon")
	answer := func(action string, purgeOn, noticedOn time.Time) Verdict {
		if n.announced.IsZero() {
			n.announced = purgeOn
		}
		return Verdict{Until: words(n.until), Ground: n.ground, Action: action, PurgeOn: words(purgeOn), NoticedOn: words(noticedOn)}
	}
	if n.row["gallra_legalhold"] == true {
		return answer("hold", standing, noticed)
	}
	endOfNotice := plus(t, today, p.notice)
	if n.until.After(latest(endOfNotice, plus(t, today, p.ahead))) {
		if standing.IsZero() && noticed.IsZero() && trace.PurgeOn.IsZero() {
			return answer("keep", time.Time{}, time.Time{})
		}
		return answer("clear", time.Time{}, time.Time{})
	}
	// Nothing justifies the person for longer than the notice. What is past moves no date.
	stillUntil := n.until
	if !stillUntil.After(today) {
		stillUntil = time.Time{}
	}
	if standing.IsZero() {
		// Never earlier than a date that was shown before.
		return answer("schedule", latest(endOfNotice, stillUntil, trace.PurgeOn), today)
	}
	// The notice counts from what the ledger proves. Nothing proves a date that it does not know, and a hold that
	// ended makes the notice begin anew.
	since := today
	proven := !trace.PurgeOn.IsZero() && !trace.NoticedOn.IsZero() && !trace.Held
	if proven {
		since = trace.NoticedOn
		if noticed.After(since) {
			since = noticed
		}
		if noticed.After(today) {
			since = latest(today, trace.NoticedOn)
		}
	}
	date := latest(trace.PurgeOn, stillUntil, plus(t, since, p.notice))
	if standing.After(date) { // people have put it off, which counts as an extension does
		reason := strings.TrimSpace(n.row.Text("gallra_retainreason")) != "" || trace.PurgeOn.IsZero()
		if reason && !standing.After(plus(t, today, p.extension)) {
			if !trace.PurgeOn.IsZero() { // otherwise the ledger may be lost, and the date one that was announced
				n.announced = date
			}
			date = standing
		} else if !date.After(today) {
			date, since = endOfNotice, today
		}
	}
	if heldElsewhere && (!date.After(today) || trace.Held) {
		// Another row of the same human being is held: the date stands, and nobody is purged.
		return answer("hold", standing, noticed)
	}
	switch {
	case !date.After(today):
		return answer("purge", date, since)
	case !date.Equal(standing):
		return answer("move", date, since)
	}
	return answer("wait", date, since)
}
