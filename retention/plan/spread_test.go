package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

// someone is a person of a plan that a test decides about.
type someone struct {
	table  string
	person retention.Person
	master uuid.UUID
	notice retention.Period
}

func (x *someone) rules() retention.Rules {
	return retention.Rules{Notice: x.notice, ManualExtension: retention.Period{Months: 12}}
}

// nightOf plans a night as NewPlan does, over persons in the order of table and id.
func nightOf(all []*someone, tables []string, limits policy.Limits, today retention.Date) *Plan {
	p := &Plan{AsOf: today}
	for _, table := range tables {
		t := TableTotals{Table: table, Actions: map[retention.Action]int{}}
		for _, x := range all {
			if x.table != table {
				continue
			}
			rules := x.rules()
			d := retention.Decide(x.person, rules, today)
			t.Persons++
			t.Actions[d.Action]++
			if d.Action != retention.Keep {
				p.Decisions = append(p.Decisions, Planned{Person: evaluate.PersonRow{Person: x.person, Table: table, Master: x.master}, Decision: d, rules: &rules})
			}
		}
		p.Tables = append(p.Tables, t)
	}
	p.spread(limits)
	return p
}

// crowd is n persons of a table whom nothing justifies, by id.
func crowd(table string, n int, notice retention.Period) (all []*someone) {
	for i := range n {
		x := &someone{table: table, notice: notice}
		x.person.ID[0], x.person.ID[15], x.person.Ground = 1, byte(i), retention.NoGround
		all = append(all, x)
	}
	return all
}

// stand puts a date that was announced onto somebody's row.
func (x *someone) stand(on, noticed retention.Date) {
	x.person.PurgeOn, x.person.NoticedOn = on, noticed
	x.person.Trace = retention.Trace{PurgeOn: on, NoticedOn: noticed}
}

func TestSpread(t *testing.T) {
	today := date("2026-11-24")
	notice := retention.Period{Months: 2}
	perDay := func(p *Plan) (out []string) {
		n := map[retention.Date]int{}
		for _, d := range p.Decisions {
			n[d.PurgeOn]++
		}
		for day := date("2027-01-01"); day < date("2027-06-01"); day++ {
			if n[day] > 0 {
				out = append(out, fmt.Sprintf("%s %d", day, n[day]))
			}
		}
		return out
	}
	days := func(n int) retention.Period { return retention.Period{Days: n} }
	tests := []struct {
		name    string
		all     []*someone
		limits  policy.Limits
		prepare func([]*someone)
		want    []string
	}{
		{"as many as the limit allows stay", crowd("contact", 10, notice), policy.Limits{Purges: 10, Share: 1, Spread: days(4)}, nil, []string{"2027-01-24 10"}},
		{"one more, and all are laid out", crowd("contact", 11, notice), policy.Limits{Purges: 10, Share: 1, Spread: days(4)}, nil,
			[]string{"2027-01-24 3", "2027-01-25 2", "2027-01-26 2", "2027-01-27 2", "2027-01-28 2"}},
		{"without a spread none are", crowd("contact", 11, notice), policy.Limits{Purges: 10, Share: 1}, nil, []string{"2027-01-24 11"}},
		{"whoever has a date of these days counts", crowd("contact", 12, notice), policy.Limits{Purges: 4, Share: 1, Spread: days(3)},
			func(all []*someone) {
				for _, x := range all[:4] { // the second day is full
					x.stand(date("2027-01-25"), date("2026-11-01"))
				}
			}, []string{"2027-01-24 3", "2027-01-25 4", "2027-01-26 3", "2027-01-27 2"}},
		{"the share shrinks with the table", crowd("contact", 20, notice), policy.Limits{Purges: 100, Share: 0.5, Spread: days(3)}, nil,
			[]string{"2027-01-24 10", "2027-01-25 5", "2027-01-26 2", "2027-01-27 3"}}, // 18 fit: the last day has the rest
		{"whom nothing is known to justify for longer are counted by their own day", append(crowd("contact", 3, notice), crowd("lead", 3, retention.Period{Months: 2, Days: 1})...),
			policy.Limits{Purges: 2, Share: 1, Spread: days(2)}, nil, []string{"2027-01-24 2", "2027-01-25 1", "2027-01-26 2", "2027-01-27 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prepare != nil {
				tt.prepare(tt.all)
			}
			if got := perDay(nightOf(tt.all, []string{"contact", "lead"}, tt.limits, today)); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}

	// A row that was merged into another goes first, whatever their ids: the other waits for it.
	all := crowd("contact", 8, notice)
	all[7].master, all[6].master = all[0].person.ID, all[7].person.ID
	p := nightOf(all, []string{"contact"}, policy.Limits{Purges: 1, Share: 1, Spread: days(7)}, today)
	for i, want := range []string{"2027-01-26", "2027-01-27", "2027-01-28", "2027-01-29", "2027-01-30", "2027-01-31", "2027-01-24", "2027-01-25"} {
		if got := p.Decisions[i].PurgeOn.String(); got != want {
			t.Errorf("person %d goes on %s, want %s", i, got, want)
		}
	}
}

// TestSpreadLaws: nobody is earlier than without a spread or later than by its length; whom it does not concern keeps their
// decision; no day has more than the limits allow where that is possible; the next night changes nothing.
func TestSpreadLaws(t *testing.T) { rapid.Check(t, spreadLaws) }

func spreadLaws(t *rapid.T) {
	today := date("2026-11-24")
	tables := []string{"contact", "lead"}[:rapid.IntRange(1, 2).Draw(t, "tables")]
	notices := []retention.Period{{Months: 2}, {Months: 2, Days: 3}}[:rapid.IntRange(1, 2).Draw(t, "notices")]
	limits := policy.Limits{Purges: rapid.IntRange(1, 30).Draw(t, "purges"), Share: rapid.SampledFrom([]float64{0.05, 0.1, 0.3, 1}).Draw(t, "share"),
		Spread: retention.Period{Days: rapid.IntRange(1, 25).Draw(t, "spread")}}
	natural := today.Add(notices[0])
	var all []*someone
	for _, table := range tables {
		some := crowd(table, rapid.IntRange(0, 120).Draw(t, table), notices[0])
		for _, x := range some {
			x.notice = rapid.SampledFrom(notices).Draw(t, "notice")
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				x.person.Until, x.person.Ground = retention.Open, 0
			case 1:
				x.stand(natural+retention.Date(rapid.IntRange(-5, 30).Draw(t, "date")), today-retention.Date(40))
			case 2:
				x.stand(today-2, today-100)
			case 3: // a ground that ends with the notice
				x.person.Until, x.person.Trigger, x.person.Ground = natural, natural-300, 0
			}
		}
		all = append(all, some...)
	}
	plain := limits
	plain.Spread = retention.Period{}
	before, after := nightOf(all, tables, plain, today), nightOf(all, tables, limits, today)

	moved := 0
	lastOf := map[string]retention.Date{}
	for i := range after.Decisions {
		a, b := &before.Decisions[i], &after.Decisions[i]
		switch {
		case a.Person.ID != b.Person.ID || a.Action != b.Action || a.NoticedOn != b.NoticedOn || a.Reason() != b.Reason():
			t.Fatalf("%+v became %+v", a.Decision, b.Decision)
		case b.PurgeOn < a.PurgeOn || b.PurgeOn > a.PurgeOn.Add(limits.Spread) || a.Action != retention.Schedule && b.PurgeOn != a.PurgeOn:
			t.Fatalf("%s %s: %s became %s", b.Action, b.Person.ID, a.PurgeOn, b.PurgeOn)
		case b.PurgeOn != a.PurgeOn:
			moved++
		}
		if b.Action == retention.Schedule {
			group := b.Person.Table + a.PurgeOn.String()
			if b.PurgeOn < lastOf[group] {
				t.Fatalf("%s has an earlier date than somebody with a smaller id", b.Person.ID)
			}
			lastOf[group] = b.PurgeOn
		}
	}
	if over := overLimits(before, limits); len(over) == 0 && moved > 0 {
		t.Fatalf("%d dates were laid out, and no day has too many", moved)
	}
	if len(notices) == 1 && fits(before, limits) {
		if over := overLimits(after, limits); len(over) > 0 {
			t.Fatalf("%v have more than a run may purge", over)
		}
	}
	for _, x := range all {
		for i := range after.Decisions {
			if d := &after.Decisions[i]; d.Person.ID == x.person.ID && d.Person.Table == x.table && d.Action == retention.Schedule {
				x.stand(d.PurgeOn, d.NoticedOn)
			}
		}
	}
	next := nightOf(all, tables, limits, today+1)
	for i := range next.Decisions {
		if d := &next.Decisions[i]; d.Person.NoticedOn == today && (d.Action != retention.Wait || d.Changes(d.Person.Columns) || d.Unproven(d.Person.Trace)) {
			t.Fatalf("the next night: %+v", d.Decision)
		}
	}
}

// nights goes through the days that follow: do gets how many have each, by table, all and those newly scheduled, and a plan of
// the persons who are still there. It answers how many of whom go.
func nights(p *Plan, days int, do func(day retention.Date, all, fresh []int, there *Plan) (gone []int)) {
	of := map[string]int{}
	there := &Plan{}
	for i, t := range p.Tables {
		of[t.Table] = i
		there.Tables = append(there.Tables, TableTotals{Table: t.Table, Persons: t.Persons - t.Actions[retention.Purge]})
	}
	all, fresh := map[retention.Date][]int{}, map[retention.Date][]int{}
	for _, d := range p.Decisions {
		if all[d.PurgeOn] == nil {
			all[d.PurgeOn], fresh[d.PurgeOn] = make([]int, len(of)), make([]int, len(of))
		}
		all[d.PurgeOn][of[d.Person.Table]]++
		if d.Action == retention.Schedule {
			fresh[d.PurgeOn][of[d.Person.Table]]++
		}
	}
	none := make([]int, len(of))
	for day := p.AsOf + 1; day <= p.AsOf+retention.Date(days); day++ {
		a, f := all[day], fresh[day]
		if a == nil {
			a, f = none, none
		}
		for i, n := range do(day, a, f, there) {
			there.Tables[i].Persons -= n
		}
	}
}

// stops tells whether a run that purges so many would be stopped.
func stops(there *Plan, purges []int, limits policy.Limits) bool {
	for i, n := range purges {
		there.Tables[i].Actions = map[retention.Action]int{retention.Purge: n}
	}
	return len(there.GuardRails(limits, nil)) > 0
}

// overLimits are the days on which persons who are newly scheduled go and whose run would be stopped, everybody before
// having gone on their day.
func overLimits(p *Plan, limits policy.Limits) (days []retention.Date) {
	nights(p, 150, func(day retention.Date, all, fresh []int, there *Plan) []int {
		if sum(fresh) > 0 && stops(there, all, limits) {
			days = append(days, day)
		}
		return all
	})
	return days
}

// fits tells whether one way is found to lay out dates that all have one day: as many as a run may purge each day, of the
// first table first.
func fits(p *Plan, limits policy.Limits) bool {
	waiting := make([]int, len(p.Tables))
	var first retention.Date
	nights(p, 150, func(day retention.Date, all, fresh []int, there *Plan) []int {
		gone := slices.Clone(all)
		for i, n := range fresh {
			if n > 0 {
				first = day
			}
			waiting[i] += n
			gone[i] -= n
		}
		if first == 0 || day > first.Add(limits.Spread) {
			return gone
		}
		for i := range waiting {
			for waiting[i] > 0 {
				gone[i]++
				if stops(there, gone, limits) {
					gone[i]--
					break
				}
				waiting[i]--
			}
		}
		return gone
	})
	return sum(waiting) == 0
}
