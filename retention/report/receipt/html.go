package receipt

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// subject is whose texts a receipt says.
const subject = "receipt"

// WriteHTML prints the receipt for the data subject: one page that needs nothing else, prints on A4 and runs no script. It
// holds ids, counts, dates and what the policy says, and no personal data.
func (r *Receipt) WriteHTML(w io.Writer, p *policy.Policy, language string) error {
	zone := p.TimeZone
	if zone == nil {
		zone = time.UTC
	}
	say := words.In(subject, language)
	type line struct{ What, How string }
	page := struct {
		*words.Words
		R       *Receipt
		On      string
		Erased  []line
		Kept    []line
		Left    []line
		Aside   []line
		Clean   bool // somebody was erased and searched for, and nothing was found that should be gone
		Unread  []line
		Reach   []line
		Despite []line
	}{Words: say, R: r, On: retention.DateOf(r.Ended, zone).String() + r.Ended.In(zone).Format(" 15:04 MST")}
	name := func(table string) string {
		if n, ok := say.Lookup("table." + table); ok {
			return n
		}
		return table
	}
	for _, x := range r.Rows {
		how, ok := say.Lookup("row." + string(x.Do))
		switch {
		case x.Do == "" || !ok:
			page.Left = append(page.Left, line{name(x.Table) + " " + x.ID.String(), say.T("not-erased") + " (" + x.Code + ")"})
		default:
			page.Erased = append(page.Erased, line{name(x.Table) + " " + x.ID.String(), how})
			page.Clean = r.Residue == 0
		}
	}
	for _, t := range r.Places {
		where := name(t.Table)
		if leads, ok := say.Lookup("leads." + string(t.Leads)); ok {
			if !strings.HasPrefix(leads, ",") { // where the language wants a comma there
				where += " "
			}
			where += leads
		}
		var until []string
		for _, end := range t.Ends {
			until = append(until, ending(say, end))
		}
		goes := strings.Join(until, " ")
		for _, n := range []struct {
			count int
			what  string
		}{{t.Deleted, "deleted"}, {t.Anonymized, "anonymized"}, {t.TakenOff, "taken-off"}} {
			if n.count > 0 {
				how := fmt.Sprintf("%d %s", n.count, say.T(n.what))
				if n.what == "anonymized" {
					how = sentences(how, goes)
				}
				page.Erased = append(page.Erased, line{where, how})
			}
		}
		var reasons []string
		for _, why := range t.Why {
			reasons = append(reasons, policy.Reason(say.Language, why))
		}
		why := strings.Join(reasons, "; ")
		if t.Kept > 0 {
			page.Kept = append(page.Kept, line{fmt.Sprintf("%s: %d", where, t.Kept), sentences(cmp.Or(why, say.T("kept.why")), goes)})
		}
		if t.Freed > 0 {
			how := say.T("freed")
			if why != "" {
				how = why + ". " + how
			}
			page.Kept = append(page.Kept, line{fmt.Sprintf("%s: %d", where, t.Freed), sentences(how, goes)})
		}
	}
	for _, x := range r.Aside {
		l := line{name(x.Table), policy.Reason(say.Language, x.Why)}
		if x.Do == personmap.Unreachable {
			l.How = say.T("aside.unreachable")
		}
		if !slices.Contains(page.Aside, l) {
			page.Aside = append(page.Aside, l)
		}
	}
	if r.Audit.Deleted > 0 {
		page.Erased = append(page.Erased, line{say.T("history"), fmt.Sprintf("%d %s", r.Audit.Deleted, say.T("deleted"))})
	}
	for _, table := range slices.Sorted(maps.Keys(r.Mentions)) {
		page.Left = append(page.Left, line{fmt.Sprintf("%s: %d", name(table), r.Mentions[table]), say.T("mentions")})
	}
	if r.Residue > 0 {
		page.Left = append(page.Left, line{fmt.Sprint(r.Residue), say.T("residue")})
	}
	for _, g := range r.Despite {
		why, basis := groundWords(p, g)
		page.Despite = append(page.Despite, line{why, basisWords(say, basis)})
	}
	known := func(x Place) line {
		key := "place." + string(x.Key)
		if what, ok := say.Lookup(key); ok {
			return line{what, say.T(key + ".how")}
		}
		return line{x.Place, x.Remedy}
	}
	for _, x := range r.Unread {
		page.Unread = append(page.Unread, known(x))
	}
	for _, x := range r.ByHand {
		page.Reach = append(page.Reach, known(x))
	}
	return receiptPage.Execute(w, page)
}

// sentences joins a text and one that follows, if there is one.
func sentences(text, more string) string {
	if more == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + ". " + more
}

// ending says when rows go that are kept: for how long, counted from what, and what then happens.
func ending(say *words.Words, end End) string {
	column := end.After + end.Until
	date, known := say.Lookup("date." + column)
	if !known {
		date = say.T("date", column)
	}
	return say.T("ends", policy.PeriodIn(say.Language, end.Keep, date, end.Until != ""), say.T("then."+string(end.Then)))
}

// basisWords is a lawful basis in words; nothing where a ground states none.
func basisWords(say *words.Words, basis string) string {
	text, _ := say.Lookup("basis." + basis)
	return text
}

func groundWords(p *policy.Policy, id string) (why, basis string) {
	for i := range p.Subjects {
		for _, g := range p.Subjects[i].Grounds {
			if g.ID == id {
				return g.Why, g.Basis
			}
		}
	}
	return id, ""
}

var receiptPage = template.Must(template.New("receipt").Parse(`<!doctype html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.T "title"}}</title>
<style>
@page { size: A4; margin: 20mm }
body { font: 11pt/1.5 Georgia, "Times New Roman", serif; color: #111; background: #fff; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 18pt; line-height: 1.2 } h2 { font-size: 13pt; margin: 1.6em 0 .4em; break-after: avoid }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1.2em; margin: 0 } dt { color: #444 } dd { margin: 0 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #ccc } tr { break-inside: avoid }
th { font-weight: normal; width: 45% } footer { margin-top: 2em; font-size: 9pt; color: #444 } code { font-size: 9pt }
@media print { body { margin: 0; max-width: none; padding: 0 } }
</style>
</head>
<body>
<main>
<h1>{{.T "title"}}</h1>
<p>{{.T "intro"}}</p>
<dl>
<dt>{{.T "when"}}</dt><dd>{{.On}}</dd>
<dt>{{.T "number"}}</dt><dd>{{.R.Run}}</dd>
<dt>{{.T "organization"}}</dt><dd>{{.R.Organization}}</dd>
</dl>
<h2>{{.T "erased"}}</h2>
{{if .Erased}}<table>{{range .Erased}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{else}}<p>{{.T "nothing"}}</p>{{end}}
{{if .Despite}}<h2>{{.T "despite"}}</h2>
<table>{{range .Despite}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{end}}
<h2>{{.T "kept"}}</h2>
{{if .Kept}}<p>{{.T "kept.intro"}}</p>
<table>{{range .Kept}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{else}}<p>{{.T "kept.nothing"}}</p>{{end}}
{{if .Left}}<h2>{{.T "left"}}</h2>
<table>{{range .Left}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{end}}
{{if .Clean}}<p>{{.T "clean"}}</p>{{end}}
{{if .Aside}}<h2>{{.T "aside"}}</h2>
<p>{{.T "aside.intro"}}</p>
<table>{{range .Aside}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{end}}
{{if .Unread}}<h2>{{.T "unread"}}</h2>
<p>{{.T "unread.intro"}}</p>
<table>{{range .Unread}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{end}}
{{if .R.Audit.Pending}}<p>{{.T "pending"}}</p>{{end}}
{{if .Reach}}<h2>{{.T "reach"}}</h2>
<table>{{range .Reach}}<tr><th scope="row">{{.What}}</th><td>{{.How}}</td></tr>{{end}}</table>{{end}}
<footer><p>{{.T "evidence"}} {{.R.Ledger.Entry}}<br><code>{{.R.Ledger.Hash}}</code><br>{{.T "policy"}} <code>{{.R.Policy}}</code></p></footer>
</main>
</body>
</html>
`))
