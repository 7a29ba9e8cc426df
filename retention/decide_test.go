package retention

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func date(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestDecide(t *testing.T) {
	today := date("2026-03-01")
	rules := Rules{Notice: Period{Months: 2}, ManualExtension: Period{Months: 12}}
	none := Term{Ground: NoGround}
	until := func(s string) Term { return Term{Until: date(s), Ground: 0} }
	scheduled := func(on, noticed string) Columns { return Columns{PurgeOn: date(on), NoticedOn: date(noticed)} }
	putOff := func(on string) Columns {
		return Columns{PurgeOn: date(on), NoticedOn: date("2025-12-01"), ExtendReason: true}
	}
	proven := func(on, noticed string) Trace { return Trace{PurgeOn: date(on), NoticedOn: date(noticed)} }

	tests := []struct {
		name   string
		person Person
		want   Decision
	}{
		{"no ground: announced two months ahead",
			Person{Term: none},
			Decision{Action: Schedule, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a person without any ground at all is no ground number nought",
			Person{},
			Decision{Action: Schedule, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a ground that ended long ago is no reason to hurry: the backlog gets the whole notice",
			Person{Term: until("2019-01-01")},
			Decision{Action: Schedule, Term: until("2019-01-01"), PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a ground that ends within the notice gives its own day",
			Person{Term: until("2026-05-01")},
			Decision{Action: Schedule, Term: until("2026-05-01"), PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a ground that ends a day after the notice: no date yet",
			Person{Term: until("2026-05-02")},
			Decision{Action: Keep, Term: until("2026-05-02")}},
		{"an open-ended ground keeps",
			Person{Term: Term{Until: Open}},
			Decision{Action: Keep, Term: Term{Until: Open}}},
		{"an open-ended ground clears the date: a rescue",
			Person{Term: Term{Until: Open}, Columns: scheduled("2026-03-15", "2026-01-15"), Trace: proven("2026-03-15", "2026-01-15")},
			Decision{Action: Clear, Term: Term{Until: Open}}},
		{"a date emptied by hand while a ground holds is cleared in the ledger as well",
			Person{Term: Term{Until: Open}, Trace: proven("2026-03-15", "2026-01-15")},
			Decision{Action: Clear, Term: Term{Until: Open}}},
		{"a ground outlasts the date: a rescue in part",
			Person{Term: until("2026-04-20"), Columns: scheduled("2026-03-15", "2026-01-15"), Trace: proven("2026-03-15", "2026-01-15")},
			Decision{Action: Move, Term: until("2026-04-20"), PurgeOn: date("2026-04-20"), NoticedOn: date("2026-01-15")}},
		{"the day before: wait",
			Person{Columns: scheduled("2026-03-02", "2026-01-02"), Trace: proven("2026-03-02", "2026-01-02")},
			Decision{Action: Wait, Term: none, PurgeOn: date("2026-03-02"), NoticedOn: date("2026-01-02")}},
		{"the day: purge",
			Person{Columns: scheduled("2026-03-01", "2026-01-01"), Trace: proven("2026-03-01", "2026-01-01")},
			Decision{Action: Purge, Term: none, PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01")}},
		{"a ground that ends today does not stand in the way",
			Person{Term: until("2026-03-01"), Columns: scheduled("2026-03-01", "2026-01-01"), Trace: proven("2026-03-01", "2026-01-01")},
			Decision{Action: Purge, Term: until("2026-03-01"), PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01")}},
		{"a ground that ended between the date and today does not move the date into the past",
			Person{Term: until("2026-02-20"), Columns: scheduled("2026-02-10", "2025-12-10"), Trace: proven("2026-02-10", "2025-12-10")},
			Decision{Action: Purge, Term: until("2026-02-20"), PurgeOn: date("2026-02-10"), NoticedOn: date("2025-12-10")}},
		{"due, but noticed a day too late: the date goes to the end of the notice",
			Person{Columns: scheduled("2026-03-01", "2026-01-02"), Trace: proven("2026-03-01", "2026-01-02")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-03-02"), NoticedOn: date("2026-01-02")}},
		{"the notice made longer in the policy counts for dates that stand",
			Person{Columns: scheduled("2026-03-01", "2026-01-20"), Trace: proven("2026-03-01", "2026-01-20")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-03-20"), NoticedOn: date("2026-01-20")}},
		{"a date without a trace gets the whole notice from today",
			Person{Columns: scheduled("2026-03-01", "2025-01-01")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a later date without a trace stays, and is noticed from today",
			Person{Columns: scheduled("2026-09-01", "2025-01-01")},
			Decision{Action: Wait, Term: none, PurgeOn: date("2026-09-01"), NoticedOn: today}},
		{"a date brought forward by hand goes back",
			Person{Columns: scheduled("2026-01-10", "2025-11-10"), Trace: proven("2026-04-10", "2026-02-10")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-04-10"), NoticedOn: date("2026-02-10")}},
		{"a date brought forward by hand changes nothing about the day that was shown",
			Person{Columns: scheduled("2026-01-10", "2025-11-10"), Trace: proven("2026-03-01", "2026-01-01")},
			Decision{Action: Purge, Term: none, PurgeOn: today, NoticedOn: date("2026-01-01")}},
		{"a notice made older by hand counts for nothing",
			Person{Columns: scheduled("2026-04-10", "2020-01-01"), Trace: proven("2026-04-10", "2026-02-10")},
			Decision{Action: Wait, Term: none, PurgeOn: date("2026-04-10"), NoticedOn: date("2026-02-10")}},
		{"a notice put into the future by hand is from today at most",
			Person{Columns: scheduled("2026-04-10", "2030-01-01"), Trace: proven("2026-04-10", "2026-02-10")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a date emptied by hand starts the notice again, and not before the date that was shown",
			Person{Trace: proven("2026-08-01", "2026-02-10")},
			Decision{Action: Schedule, Term: none, PurgeOn: date("2026-08-01"), NoticedOn: today}},
		{"a later date without a trace, further ahead than anybody may extend, goes to the end of the notice",
			Person{Columns: scheduled("2062-03-01", "2026-01-01")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today, PutOff: ExtensionTooFar}},
		{"a date put off by hand with a reason stays, and the ledger holds the announced day",
			Person{Columns: putOff("2026-06-01"), Trace: proven("2026-04-01", "2026-01-01")},
			Decision{Action: Wait, Term: none, PurgeOn: date("2026-06-01"), NoticedOn: date("2026-01-01"), PutOff: ExtensionCounts, Announced: date("2026-04-01")}},
		{"a date put off as far as staff may extend stays",
			Person{Columns: putOff("2027-03-01"), Trace: proven("2026-04-01", "2026-01-01")},
			Decision{Action: Wait, Term: none, PurgeOn: date("2027-03-01"), NoticedOn: date("2026-01-01"), PutOff: ExtensionCounts, Announced: date("2026-04-01")}},
		{"a date put off a day further than staff may extend goes back",
			Person{Columns: putOff("2027-03-02"), Trace: proven("2026-04-01", "2026-01-01")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-04-01"), NoticedOn: date("2026-01-01"), PutOff: ExtensionTooFar}},
		{"a date put off by hand without a reason goes back to the announced day",
			Person{Columns: scheduled("2026-06-01", "2026-01-01"), Trace: proven("2026-04-01", "2026-01-01")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-04-01"), NoticedOn: date("2026-01-01"), PutOff: ExtensionNoReason}},
		{"a date put off until the announced day had come goes back with the whole notice: another day was shown",
			Person{Columns: scheduled("2062-06-01", "2026-01-01"), Trace: proven("2026-03-01", "2026-01-01")},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today, PutOff: ExtensionNoReason}},
		{"a date put off to a day that a ground gives is the ground's",
			Person{Term: until("2026-04-20"), Columns: scheduled("2026-04-20", "2026-01-15"), Trace: proven("2026-03-15", "2026-01-15")},
			Decision{Action: Wait, Term: until("2026-04-20"), PurgeOn: date("2026-04-20"), NoticedOn: date("2026-01-15")}},
		{"a date put off by hand that has come: purge",
			Person{Columns: putOff("2026-03-01"), Trace: proven("2026-02-01", "2025-12-01")},
			Decision{Action: Purge, Term: none, PurgeOn: today, NoticedOn: date("2025-12-01"), PutOff: ExtensionCounts, Announced: date("2026-02-01")}},
		{"a legal hold stops the purge and leaves the date",
			Person{Columns: Columns{PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01"), LegalHold: true}, Trace: proven("2026-03-01", "2026-01-01")},
			Decision{Action: Hold, Term: none, PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01")}},
		{"a legal hold is a hold whatever grounds say",
			Person{Term: Term{Until: Open}, Columns: Columns{LegalHold: true}},
			Decision{Action: Hold, Term: Term{Until: Open}}},
		{"after a hold the notice is whole again",
			Person{Columns: scheduled("2026-03-01", "2026-01-01"), Trace: Trace{PurgeOn: date("2026-03-01"), NoticedOn: date("2026-01-01"), Held: true}},
			Decision{Action: Move, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today}},
		{"a manual extension with a reason keeps",
			Person{Columns: Columns{ExtendedUntil: date("2026-12-01"), ExtendReason: true}},
			Decision{Action: Keep, Term: Term{Until: date("2026-12-01"), Ground: ByHand}, Extension: ExtensionCounts}},
		{"a manual extension as far as allowed counts",
			Person{Columns: Columns{ExtendedUntil: date("2027-03-01"), ExtendReason: true}},
			Decision{Action: Keep, Term: Term{Until: date("2027-03-01"), Ground: ByHand}, Extension: ExtensionCounts}},
		{"a manual extension without a reason does not count",
			Person{Columns: Columns{ExtendedUntil: date("2026-12-01")}},
			Decision{Action: Schedule, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today, Extension: ExtensionNoReason}},
		{"a manual extension a day too far does not count",
			Person{Columns: Columns{ExtendedUntil: date("2027-03-02"), ExtendReason: true}},
			Decision{Action: Schedule, Term: none, PurgeOn: date("2026-05-01"), NoticedOn: today, Extension: ExtensionTooFar}},
		{"a ground that lasts longer than the extension wins",
			Person{Term: Term{Until: Open}, Columns: Columns{ExtendedUntil: date("2026-12-01"), ExtendReason: true}},
			Decision{Action: Keep, Term: Term{Until: Open}, Extension: ExtensionCounts}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Decide(tt.person, rules, today)); diff != "" {
				t.Errorf("Decide(%+v) (-want +got):\n%s", tt.person, diff)
			}
		})
	}
}

// world is one person's row and the ledger, as runs and people change them, with a memory of its own of what was shown.
type world struct {
	person Person
	rules  Rules
	today  Date

	shown  Date // the day since which every run has left a date standing; zero: none stands
	latest Date // the latest date that runs have left standing since then, unless people's own was taken back
	fresh  Date // the notice cannot have begun before this day: a ledger was lost or a hold ended
}

// run is a run that applies what it decides.
func (w *world) run(t *rapid.T) {
	before := w.person
	d := Decide(w.person, w.rules, w.today)
	if before.PurgeOn.IsZero() { // nothing was to be seen
		w.shown = 0
	}
	if !before.LegalHold && before.Trace.Held || before.Trace.PurgeOn.IsZero() {
		w.fresh = w.today
	}
	justified := before.Until > w.today || d.Extension == ExtensionCounts && before.ExtendedUntil > w.today
	switch d.Action {
	case Purge:
		switch {
		case before.LegalHold:
			t.Fatal("purged under a legal hold")
		case justified:
			t.Fatalf("purged although justified: %+v", before)
		case w.shown.IsZero() || w.shown.Add(w.rules.Notice) > w.today:
			t.Fatalf("%s: purged, the date is visible only since %q", w.today, w.shown)
		case w.fresh.Add(w.rules.Notice) > w.today:
			t.Fatalf("%s: purged, the notice began again on %q", w.today, w.fresh)
		case w.latest > w.today:
			t.Fatalf("%s: purged before the date %s that was shown", w.today, w.latest)
		}
	case Hold:
		if d.PurgeOn != before.PurgeOn || d.NoticedOn != before.NoticedOn {
			t.Fatal("a hold changed the dates")
		}
	case Schedule, Move, Wait:
		ahead := max(w.today.Add(w.rules.Notice), w.today.Add(w.rules.Ahead))
		if before.Until > ahead {
			t.Fatalf("a date for somebody whom a ground keeps: %+v", d)
		}
		if d.PurgeOn < before.Trace.PurgeOn || d.PurgeOn < before.PurgeOn && d.PutOff != ExtensionNoReason && d.PutOff != ExtensionTooFar {
			t.Fatalf("the date moved earlier: %+v to %+v", before, d)
		}
		if reach := w.today.Add(w.rules.ManualExtension); d.PurgeOn > max(before.Trace.PurgeOn, reach, ahead) {
			t.Fatalf("a date that nothing explains stands: %+v to %+v", before, d)
		}
		if d.PurgeOn < d.NoticedOn.Add(w.rules.Notice) || d.NoticedOn > w.today {
			t.Fatalf("the date %s is within the notice from %s", d.PurgeOn, d.NoticedOn)
		}
		if before.Until > w.today && d.PurgeOn < before.Until {
			t.Fatalf("the date %s is before the ground's end %s", d.PurgeOn, before.Until)
		}
	case Keep, Clear:
		if !justified {
			t.Fatalf("no date for somebody whom nothing justifies: %+v", before)
		}
		if !d.PurgeOn.IsZero() || !d.NoticedOn.IsZero() {
			t.Fatal("kept with a date")
		}
	}
	if d.Action == Purge { // another person takes the place
		w.person = Person{Term: Term{Ground: NoGround}}
		w.shown, w.latest, w.fresh = 0, 0, 0
		return
	}
	if d.Changes(w.person.Columns) {
		w.person.PurgeOn, w.person.NoticedOn = d.PurgeOn, d.NoticedOn
	}
	if d.Unproven(w.person.Trace) {
		w.person.Trace = d.Proves(w.person.Trace)
	}
	if w.person.PurgeOn.IsZero() {
		w.shown, w.latest = 0, 0
	} else {
		if w.shown.IsZero() {
			w.shown, w.latest = w.today, 0
		}
		if d.Action != Hold { // a hold writes nothing, so it vouches for no date
			w.latest = max(w.latest, w.person.PurgeOn)
			if d.PurgeOn < before.PurgeOn { // people's own date does not count
				w.latest = d.PurgeOn
			}
		}
	}

	again := Decide(w.person, w.rules, w.today)
	if again.Changes(w.person.Columns) || again.Unproven(w.person.Trace) {
		t.Fatalf("%s: a second run writes again: %+v after %+v", w.today, again, d)
	}
	if before.PurgeOn != w.person.PurgeOn && again.Action == Purge {
		t.Fatalf("%s: the date was written and reached by one day's runs: %+v", w.today, again)
	}
}

func TestDecideLaws(t *testing.T) {
	start := date("2026-01-01")
	anyDate := rapid.OneOf(rapid.Just(Date(0)), rapid.Map(rapid.IntRange(-400, 1500), func(n int) Date { return start + Date(n) }))
	period := rapid.Custom(func(t *rapid.T) Period {
		return Period{Months: rapid.IntRange(0, 3).Draw(t, "months"), Weeks: rapid.IntRange(0, 1).Draw(t, "weeks"), Days: rapid.IntRange(0, 9).Draw(t, "days")}
	})
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			rules: Rules{Notice: period.Draw(t, "notice"), Ahead: period.Draw(t, "ahead"), ManualExtension: period.Draw(t, "extension")},
			today: start + Date(rapid.IntRange(0, 365).Draw(t, "start")),
		}
		if w.rules.Notice.IsZero() {
			w.rules.Notice = Period{Days: 1}
		}
		w.person.Ground = NoGround
		t.Repeat(map[string]func(*rapid.T){
			"days pass": func(t *rapid.T) { w.today += Date(rapid.IntRange(1, 40).Draw(t, "days")) },
			"run":       w.run,
			"ground": func(t *rapid.T) {
				w.person.Term = Term{Until: rapid.OneOf(anyDate, rapid.Just(Open)).Draw(t, "until"), Ground: 0}
			},
			"ground gone":         func(t *rapid.T) { w.person.Term = Term{Ground: NoGround} },
			"purge date by hand":  func(t *rapid.T) { w.person.PurgeOn = anyDate.Draw(t, "on") },
			"notice by hand":      func(t *rapid.T) { w.person.NoticedOn = anyDate.Draw(t, "noticed") },
			"hold":                func(t *rapid.T) { w.person.LegalHold = true },
			"release":             func(t *rapid.T) { w.person.LegalHold = false },
			"extension":           func(t *rapid.T) { w.person.ExtendedUntil = anyDate.Draw(t, "extended") },
			"reason of extension": func(t *rapid.T) { w.person.ExtendReason = rapid.Bool().Draw(t, "reason") },
			"ledger lost":         func(t *rapid.T) { w.person.Trace, w.latest = Trace{}, 0 }, // nobody remembers what was shown
		})
	})
}

func TestGroundsNeverHasten(t *testing.T) {
	day := func(t *rapid.T, name string) Date { return Date(740000 + rapid.IntRange(0, 1000).Draw(t, name)) }
	rapid.Check(t, func(t *rapid.T) {
		p := Person{Term: Term{Until: day(t, "until"), Ground: 3}}
		if rapid.Bool().Draw(t, "scheduled") {
			p.PurgeOn, p.NoticedOn = day(t, "on"), day(t, "noticed")
			p.Trace = Trace{PurgeOn: p.PurgeOn, NoticedOn: p.NoticedOn}
		}
		rules := Rules{Notice: Period{Months: 2}}
		today := day(t, "today")
		with := p
		with.Term = p.Term.Later(Term{Until: day(t, "another ground"), Ground: 1})
		before, after := Decide(p, rules, today), Decide(with, rules, today)
		end := func(d Decision) Date { // the day from which the person may be purged
			if d.Action == Keep || d.Action == Clear {
				return Open
			}
			return d.PurgeOn
		}
		if end(after) < end(before) {
			t.Fatalf("one more ground hastens the purge: %+v, then %+v", before, after)
		}
	})
}

func TestLaterIsAnOrder(t *testing.T) {
	any := rapid.Custom(func(t *rapid.T) Term {
		return Term{Until: Date(rapid.IntRange(1, 3).Draw(t, "until")), Ground: int32(rapid.IntRange(-3, 2).Draw(t, "ground")), Trigger: Date(rapid.IntRange(0, 2).Draw(t, "trigger"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := any.Draw(t, "a"), any.Draw(t, "b"), any.Draw(t, "c")
		if a.Later(b) != b.Later(a) {
			t.Fatalf("the order of rows decides: %+v or %+v", a.Later(b), b.Later(a))
		}
		if a.Later(b).Later(c) != a.Later(b.Later(c)) {
			t.Fatal("the grouping of rows decides")
		}
	})
}
