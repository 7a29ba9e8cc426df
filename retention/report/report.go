package report

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/search"
)

// Report is what is coming and what was done, ready to be printed.
type Report struct {
	Coming *Coming
	Last   *LastRun // nil: no run stands in the ledger
	Rails  []plan.GuardRail
	Facts  Facts
	Places []search.Place // what is out of reach
	Maps   []*personmap.Map
	Names  policy.Called // what people call tables and columns; nil: the database's names stand

	URL     string // of the environment, for links to the rows; empty: none
	Name    string // of the environment, for the title
	Made    time.Time
	Version string
	Mask    bool
	// EachOwner gives each owner a page, a workbook and a sheet of their own.
	EachOwner bool
	Lang      Lang
}

// Facts are what the policy says and the data lacks.
type Facts struct {
	Justified []Justified
	Kept      []Kept
	Left      []Kept // not looked at
	Notice    retention.Period
}

// Justified is a ground and whom it keeps.
type Justified struct {
	Table, Ground, Why, Basis string
	Trigger                   string // what the ground is called by
	Rows, Persons             int
	Gaps                      int  // rows that lack the date that the ground counts from
	GapsKeep                  bool // such rows keep their person until they are mended
	DateColumn                string
}

// called is what people call the ground, with its id.
func (j *Justified) called() string {
	if j.Trigger == "" {
		return j.Ground
	}
	return j.Trigger + " (" + j.Ground + ")"
}

// Kept is a rule that keeps or leaves rows of the purged.
type Kept struct{ Subject, Table, Why string }

// FactsOf takes the figures out of a plan and the words out of its policy.
func FactsOf(plan *plan.Plan, c *compile.Policy) Facts {
	f := Facts{Notice: c.Policy.Notice}
	at := map[string]int{}
	for _, g := range plan.Grounds {
		s := c.Subject(g.Table)
		j := Justified{Table: g.Table, Ground: g.Ground, Rows: g.Rows, Persons: g.Persons, Gaps: g.Gaps}
		if i := at[g.Table]; s != nil && i < len(s.Grounds) && s.Grounds[i].ID == g.Ground { // they come in the policy's order
			ground := &s.Grounds[i]
			j.Trigger, j.Why, j.Basis, j.GapsKeep = ground.Trigger, ground.Why, ground.Basis, ground.MissingDate == policy.MissingKeeps
			if ground.Date != nil {
				if j.DateColumn = ground.Date.Name; j.DateColumn == "" {
					j.DateColumn = ground.Date.Column
				}
			}
		}
		at[g.Table]++
		f.Justified = append(f.Justified, j)
	}
	for i := range c.Subjects {
		for _, r := range c.Subjects[i].Related {
			rule := Kept{c.Subjects[i].Table, r.Table, r.Why}
			switch {
			case r.Do == policy.Retain && !slices.Contains(f.Kept, rule):
				f.Kept = append(f.Kept, rule)
			case r.Do == policy.Leave && !slices.Contains(f.Left, rule):
				f.Left = append(f.Left, rule)
			}
		}
	}
	return f
}

// Gaps are the grounds some of whose rows lack their date.
func (f *Facts) Gaps() []Justified {
	var gaps []Justified
	for _, j := range f.Justified {
		if j.Gaps > 0 {
			gaps = append(gaps, j)
		}
	}
	return gaps
}

// TableCalled is what people call the rows of a table: as the lists do, or else as the app does.
func (r *Report) TableCalled(table string) string {
	if text, ok := r.Lang.words().Lookup("table." + table); ok {
		return text
	}
	return tableSaid(r.Names, table)
}

// PlaceCalled is a place of the person map as people call it; its key where nobody knows.
func (r *Report) PlaceCalled(place string) string {
	table, column, _ := strings.Cut(place, ".")
	return placeSaid(r.Names, table, column, place).Text
}

// Link is the address of a row in Dynamics 365, empty where the environment's is not known.
func (r *Report) Link(table string, id uuid.UUID) string {
	if r.URL == "" || table == "" || id == uuid.Nil {
		return ""
	}
	return r.URL + "/main.aspx?etn=" + table + "&pagetype=entityrecord&id=" + id.String()
}

// Called is how the person is shown: by name, or where names are left out or missing by the first letters of the id.
func (r *Report) Called(p *Person) string {
	if p.Name != "" && !r.Mask {
		return p.Name
	}
	return short(p.ID)
}

// CalledOwner is how the owner is shown. Owners are called by name with the mask as well: they are who is to look at the list.
func (r *Report) CalledOwner(o *Owner) string {
	switch {
	case o.ID == uuid.Nil:
		return r.Lang.T("without-an-owner")
	case o.Name == "":
		return r.Lang.T("owner") + " " + short(o.ID)
	}
	return o.Name
}

// Why is the reason that stands on the row; with what the staff wrote of an extension, unless names are left out.
func (r *Report) Why(p *Person) string {
	why := r.Coming.Reason(p)
	if p.Note != "" && !r.Mask && r.Coming.GroundOf(p).ID == retention.ManualExtension {
		why += ": “" + p.Note + "”"
	}
	return why
}

func short(id uuid.UUID) string { return id.String()[:8] }
