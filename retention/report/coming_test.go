package report_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/report"
)

// Names, addresses and owners are those of the rows, whichever way the persons were found.
func TestReadNames(t *testing.T) {
	w := newWorld(t)
	check := func(c *report.Coming) {
		t.Helper()
		if len(c.Persons) < 20 {
			t.Fatalf("%d persons", len(c.Persons))
		}
		for i := range c.Persons {
			p := &c.Persons[i]
			row, err := w.client.Get(t.Context(), c.TableOf(p), p.ID, dataverse.Query{Select: []string{"fullname", "emailaddress1", "_ownerid_value"}, Annotations: true})
			w.must(err)
			if p.Name == "" || p.Name != row.Text("fullname") || p.Email != row.Text("emailaddress1") {
				t.Errorf("%s %s: %q %q, the row has %q %q", c.TableOf(p), p.ID, p.Name, p.Email, row.Text("fullname"), row.Text("emailaddress1"))
			}
			if o := c.OwnerOf(p); o.ID != row.ID("_ownerid_value") || o.Name == "" || o.Name != row.Formatted("_ownerid_value") || o.Table != "systemuser" {
				t.Errorf("owner %+v, the row has %s", *o, row.Formatted("_ownerid_value"))
			}
		}
	}
	first := report.New(w.plan()) // nobody has a date yet: they are read by their ids
	w.must(first.ReadNames(t.Context(), w.client, w.checked, report.NamesOptions{}))
	check(first)
	w.run("first")
	again := report.New(w.plan())
	rows := 0
	w.must(again.ReadNames(t.Context(), w.client, w.checked, report.NamesOptions{Progress: func(_ string, n int) { rows += n }}))
	check(again)
	if rows != len(again.Persons) {
		t.Errorf("%d rows were read for %d persons", rows, len(again.Persons))
	}
	if i := slices.IndexFunc(again.Persons, func(p report.Person) bool { return p.Note != "" }); i >= 0 {
		t.Logf("a note: %q", again.Persons[i].Note)
	}
}

// With the mask nothing is read that names a person.
func TestReadNamesMasked(t *testing.T) {
	w := newWorld(t)
	c := report.New(w.plan())
	w.must(c.ReadNames(t.Context(), w.client, w.checked, report.NamesOptions{Mask: true}))
	owned := false
	for i := range c.Persons {
		if p := &c.Persons[i]; p.Name+p.Email+p.Note != "" {
			t.Fatalf("%+v", p)
		}
		o := c.OwnerOf(&c.Persons[i])
		owned = owned || o.ID != uuid.Nil
		if o.ID != uuid.Nil && o.Name == "" { // whoever is to look at the list is told
			t.Fatalf("%+v", o)
		}
	}
	if !owned {
		t.Error("nobody has an owner")
	}
}

// The weeks, the lists of owners and the plan tell the same numbers.
func TestNumbersAddUp(t *testing.T) {
	w := newWorld(t)
	w.run("first")
	w.server.Advance(40 * 24 * 3600e9)
	plan := w.plan()
	c := report.New(plan)
	w.must(c.ReadNames(t.Context(), w.client, w.checked, report.NamesOptions{}))
	want := 0
	for _, week := range plan.Coming(10) {
		want += week.Persons
	}
	if want == 0 || c.Due() != want {
		t.Errorf("%d due, the plan has %d", c.Due(), want)
	}
	for _, by := range []report.By{report.ByGround, report.ByOwner} {
		for _, series := range []int{1, 2, 6, 0} {
			tl := c.Timeline(by, 10, series, nil)
			persons, parts, groups := 0, 0, 0
			for _, week := range tl.Weeks {
				persons += week.Persons
				for _, n := range week.Shares {
					parts += n
				}
			}
			for _, s := range tl.Series {
				groups += s.Persons
			}
			if persons != want || parts != want || groups != want || series > 0 && len(tl.Series) > series {
				t.Errorf("by %v in %d series: %d in weeks, %d in parts, %d in groups, want %d", by, series, persons, parts, groups, want)
			}
		}
	}
	byWeek := c.Timeline(report.ByGround, 10, 0, nil)
	for _, week := range plan.Coming(10) {
		i := slices.IndexFunc(byWeek.Weeks, func(x report.Week) bool { return x.Monday == week.Monday })
		if i < 0 || byWeek.Weeks[i].Persons != week.Persons || byWeek.Weeks[i].Later != week.Later {
			t.Errorf("week %s: the plan has %d", week.Monday, week.Persons)
		}
	}
	due, all := 0, 0
	for _, l := range c.ByOwner() {
		due += l.Due
		all += len(l.Persons)
		if !slices.IsSortedFunc(l.Persons, func(a, b *report.Person) int { return cmp.Compare(uint32(a.PurgeOn-1), uint32(b.PurgeOn-1)) }) {
			t.Errorf("%s: not by date", l.Owner.Name)
		}
	}
	if due != want || all != len(c.Persons) {
		t.Errorf("the owners have %d due of %d", due, all)
	}
	if !slices.IsSortedFunc(c.Owners, func(a, b report.Owner) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }) {
		t.Error("owners are not by name")
	}
	if n := c.Timeline(report.ByGround, 10, 0, func(p *report.Person) bool { return c.TableOf(p) == "lead" }); len(n.Series) == 0 {
		t.Error("no leads")
	} else if sum := n.Series[0].Persons; sum >= want {
		t.Errorf("%d leads of %d", sum, want)
	}
	if c.Count(retention.Purge)+c.Count(retention.Wait) == 0 || c.Everybody() < 50 {
		t.Errorf("%+v", c.Tables)
	}
}
