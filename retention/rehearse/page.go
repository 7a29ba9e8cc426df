package rehearse

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

const subject = "rehearsal"

// Languages are those that the page comes in, English first.
func Languages() []string { return words.Languages(subject) }

//go:embed page.html.tmpl
var pageText string

// Parts are the parts of the page as templates, for whoever shows a rehearsal within a page of their own: rehearsal-about, -months,
// -groups, -places, -rails, -service, -found, -unexpected, -against take a [View], and -difference a [Difference]. They use what
// [Functions] gives.
//
//go:embed parts.html.tmpl
var Parts string

const pageCSS = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #8884;font-weight:400}
thead th,tfoot *{font-weight:600}.num{text-align:right;font-variant-numeric:tabular-nums}.legend,.plain{list-style:none;padding:0}.legend li{display:inline-block;margin-right:1rem}
.swatch{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem}.scroll{overflow-x:auto}code,.id{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
.only-narrow{display:none}@media(max-width:40rem){.only-wide{display:none}.only-narrow{display:block}}
`

// Groups are the persons of all months by table, class and the ground that kept them last.
func (r *Result) Groups() (all []Group) {
	for _, m := range r.Months {
		for _, g := range m.Groups {
			i := slices.IndexFunc(all, func(x Group) bool { return x.Table == g.Table && x.Class == g.Class && x.Ground == g.Ground })
			if i < 0 {
				i = len(all)
				all = append(all, Group{Table: g.Table, Class: g.Class, Ground: g.Ground})
			}
			all[i].Scheduled += g.Scheduled
			all[i].Rescued += g.Rescued
			all[i].Purged += g.Purged
		}
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Class, b.Class), strings.Compare(a.Ground, b.Ground))
	})
	return all
}

// View is a rehearsal as its page shows it.
type View struct {
	*Result
	ByMonth, ByTable Picture
	Largest          float64 // share of a table that goes in one night, the largest of all nights
	own              func(table string, id uuid.UUID) string
}

// Picture is a chart, for wide and for narrow screens, and what its colours mean.
type Picture struct {
	Wide, Narrow template.HTML
	Series       []string
}

// View draws the rehearsal in a language. Own gives the address of a person's page in what shows it; nil: there is none.
func (r *Result) View(language string, own func(table string, id uuid.UUID) string) (*View, error) {
	say := words.In(subject, language)
	v := &View{Result: r, own: own}
	var err error
	persons := report.Chart{ID: "persons", Title: say.T("chart.persons"), Desc: say.T("chart.persons.description"), Series: []string{say.T("scheduled"), say.T("rescued"), say.T("purged")}}
	for _, m := range r.Months {
		persons.Bars = append(persons.Bars, report.Bar{Label: m.Month, Parts: []int{m.Scheduled, m.Rescued, m.Purged}})
	}
	if v.ByMonth, err = drawn(persons); err != nil {
		return nil, err
	}
	rows := report.Chart{ID: "rows", Title: say.T("chart.rows"), Desc: say.T("chart.rows.description"), Series: []string{say.T("deleted"), say.T("anonymized"), say.T("kept"), say.T("freed"), say.T("shared")}}
	for _, t := range r.Tables {
		rows.Bars = append(rows.Bars, report.Bar{Label: short(t.Table), Title: t.Table, Parts: []int{t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared}})
	}
	if v.ByTable, err = drawn(rows); err != nil {
		return nil, err
	}
	_, v.Largest = r.Limits()
	return v, nil
}

// TakenAt is when the snapshot was taken, as people read it.
func (r *Result) TakenAt() string {
	at, err := time.Parse(time.RFC3339, r.Taken)
	if err != nil {
		return r.Taken
	}
	return at.Format("2006-01-02 15:04 MST")
}

// short is a table's name as it fits under a bar.
func short(name string) string {
	const most = 9
	if len(name) <= most+1 {
		return name
	}
	return name[:most] + "…"
}

// someone is a person as the page names them.
type someone struct {
	Table, Own, Href string
	ID               uuid.UUID
}

// Someone is for the templates.
func (v *View) Someone(table string, id uuid.UUID) someone {
	p := someone{Table: table, ID: id}
	if v.Link == "" { // the id is nobody's
		return p
	}
	p.Href = v.Href(table, id.String())
	if v.own != nil {
		p.Own = v.own(table, id)
	}
	return p
}

// WriteHTML writes the rehearsal as one page that needs nothing else: no script, no font. Its own content security policy forbids all
// but its style sheet. It holds ids, counts and names of tables. Beside is how another policy differs; nil where there is none.
func (r *Result) WriteHTML(w io.Writer, policy, language string, beside *Difference) error {
	css := pageCSS + report.ChartCSS
	sum := sha256.Sum256([]byte(css))
	view, err := r.View(language, nil)
	if err != nil {
		return err
	}
	page := struct {
		*View
		Beside                    *Difference
		Language, PolicyFile, CSP string
		CSS                       template.CSS
	}{view, beside, language, policy, "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'", template.CSS(css)} //nolint:gosec // our own text
	same := func(table string) string { return table }
	t, err := template.New("page").Funcs(Functions(language)).Funcs(template.FuncMap{"table": same, "one": same}).Parse(pageText)
	if err == nil {
		t, err = t.New("parts").Parse(Parts)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if err := t.ExecuteTemplate(out, "page", &page); err != nil {
		return err
	}
	return out.Flush()
}

// Functions are what [Parts] use, in a language; table and one, which name a table and a row of it, are whoever's shows them.
func Functions(language string) template.FuncMap {
	w := words.In(subject, language)
	const between = "\u00a0"
	day := func(d retention.Date) string {
		if d.IsZero() {
			return "–"
		}
		return w.ShortDate(d.Time(), between)
	}
	return template.FuncMap{
		"say": func(key string, args ...any) string {
			for i, a := range args {
				switch a := a.(type) {
				case retention.Date:
					args[i] = day(a)
				case int:
					args[i] = w.Number(a)
				}
			}
			return w.T(key, args...)
		},
		"number": w.Number, "signed": func(n int) string {
			if n > 0 {
				return "+" + w.Number(n)
			}
			return w.Number(n)
		},
		"minus": func(a, b int) int { return a - b }, "share": policy.Percentage, "on": day,
		"round": func(f float64) string { return strconv.FormatFloat(f, 'g', 2, 64) },
	}
}

// Href is where a person is opened in the CRM.
func (r *Result) Href(table, id string) string { return r.Link + "&etn=" + table + "&id=" + id }

func drawn(c report.Chart) (p Picture, err error) {
	p.Series = c.Series
	id := c.ID
	for i, html := range []*template.HTML{&p.Wide, &p.Narrow} {
		c.ID = id + []string{"-wide", "-narrow"}[i]
		c.Width, c.Height = []int{960, 340}[i], []int{280, 260}[i]
		var b strings.Builder
		if err := report.Timeline(&b, c); err != nil {
			return p, err
		}
		*html = template.HTML(b.String()) //nolint:gosec // Timeline escapes
	}
	return p, nil
}
