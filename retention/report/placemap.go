package report

import (
	"cmp"
	"html/template"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// shownPlaces is how many places a picture has; the table beneath has all that hold rows.
const shownPlaces = 60

// PlaceMap is a person map as a page shows it: a picture, and a table that says the same.
type PlaceMap struct {
	Subject string
	Title   string
	Picture template.HTML
	Rows    []PlaceRow
	Empty   int // further places, which hold no rows
}

// PlaceRow is a place in words.
type PlaceRow struct {
	Table, Column, Via          string
	Called                      policy.Spelled // the place in the words of the app, and as the database has it
	Place, Leads, Does, By, Why string
	Count                       string
	Holds, Binds                bool // rows that stay and point at the person; they keep the person's own row
}

// NewPlaceMap says a map in a language, by what people call tables and columns; called may be nil.
func NewPlaceMap(m *personmap.Map, l Lang, called policy.Called) (*PlaceMap, error) {
	name := func(p *personmap.Place) policy.Spelled { return placeSaid(called, p.Table, p.Column, p.Key()) }
	v := &PlaceMap{Subject: m.Subject, Title: l.T("map.title", l.TableWord(m.Name()))}
	rows := func(n int) string { return l.words().N("map.rows", n, Number(n)) }
	var b strings.Builder
	err := m.WriteSVG(&b, personmap.Picture{Title: v.Title, Treatment: l.Treatment, Most: shownPlaces, Rows: rows, Subject: l.TableWord(m.Subject),
		Place: func(p *personmap.Place) string {
			text := name(p).Text
			if p.Via == "" {
				return text
			}
			return text + " ▸ " + tableSaid(called, p.Via)
		},
		More: func(n int) string { return l.words().N("map.more", n, Number(n)) }})
	if err != nil {
		return nil, err
	}
	v.Picture = template.HTML(b.String()) //nolint:gosec // WriteSVG escapes
	for _, p := range m.Places {
		if p.Rows == 0 {
			v.Empty++
			continue
		}
		row := PlaceRow{Table: p.Table, Column: p.Column, Via: p.Via, Place: p.Key(), Leads: l.known("map.leads.", string(p.Kind)), Does: l.Treatment(p.Do), Why: policy.Reason(string(l), p.Why), Count: "?"}
		row.Holds, row.Binds = (p.Kind == personmap.Lookup || p.Kind == personmap.Party) && p.Via == "" && (p.Do == personmap.Kept || p.Do == personmap.Anonymized), p.Binds
		if p.Rows > 0 {
			row.Count = Number(p.Rows)
		}
		row.Called = name(&p)
		if p.Via != "" {
			row.Place = l.T("map.of", row.Place, p.Via)
			row.Called.Text = l.T("map.of", row.Called.Text, tableSaid(called, p.Via))
		}
		if row.Called.Technical != "" {
			row.Called.Technical = row.Place
		}
		if p.Binds {
			row.Does = l.T("map.binds", row.Does)
		}
		switch {
		case p.Set != "":
			row.By = l.T("map.set", p.Set)
		case p.Rule >= 0:
			row.By = l.T("map.line", p.Line)
		}
		v.Rows = append(v.Rows, row)
	}
	slices.SortStableFunc(v.Rows, func(a, b PlaceRow) int { return cmp.Compare(a.Place, b.Place) })
	return v, nil
}

// placeSaid is a place as people call it, the column after the rows; its key where nobody knows.
func placeSaid(called policy.Called, table, column, key string) policy.Spelled {
	if called == nil {
		return policy.Spelled{Text: key}
	}
	text, found := called.Table(table)
	if !found {
		return policy.Spelled{Text: key}
	}
	if c, known := called.Column(table, column); known && c.Label != "" {
		text += ", " + c.Label
	}
	return policy.Spelled{Text: text, Technical: key}
}

// tableSaid is what people call the rows of a table.
func tableSaid(called policy.Called, table string) string {
	if called != nil {
		if rows, found := called.Table(table); found {
			return rows
		}
	}
	return table
}

// Standing are the rows as a record has them.
func (v *PlaceMap) Standing() []policy.Standing {
	out := []policy.Standing{}
	for _, x := range v.Rows {
		out = append(out, policy.Standing{Table: x.Table, Column: x.Column, Via: x.Via, Place: x.Place, Leads: x.Leads, Rows: x.Count, Does: x.Does, By: x.By, Why: x.Why, Kept: x.Holds, Binds: x.Binds})
	}
	return out
}

// Treatment says what a purge does with the rows of a place.
func (l Lang) Treatment(do personmap.Treatment) string { return l.known("map.do.", string(do)) }
