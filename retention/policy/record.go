package policy

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention"
)

// WriteRecord prints the policy in words, as Markdown: the part of the record of processing (article 30 GDPR) that a data
// protection officer files. It needs no environment; with one it says where persons stand, by subject table.
func (p *Policy) WriteRecord(w io.Writer, where map[string][]Standing) error {
	r := &Prose{}
	r.Line("# Retention of personal data in the CRM")
	r.Line("")
	r.Line("Environment: organisation `%s`, %s. Calendar of %s. Policy `%s`.", p.Environment.Organization,
		map[bool]string{true: "production allowed", false: "sandboxes only"}[p.Environment.AllowProduction], p.TimeZone, p.Hash)
	r.Line("")
	r.Line("A person is kept for as long as one of the grounds below holds. When the last has ended, the coming purge stands on the "+
		"person for %s, visible to the sales staff. If nothing justifies the person on that day, the person is purged. "+
		"Nobody is purged under a legal hold. Staff may extend by hand, with a reason, by at most %s at a time.", p.Notice, p.ManualExtension)
	r.Line("")
	r.Line("One run purges at most %s, and at most %s of a table's persons; otherwise it purges nobody. The first %d are purged alone and looked for, before the rest follows.",
		Count(p.Limits.Purges, "person"), Percentage(p.Limits.Share), p.Limits.Canary)
	if !p.Limits.Spread.IsZero() {
		r.Line("Where one night would give more persons the same purge date than one run may purge, their dates are laid out over %s from that day on. Nobody's date is earlier for it, and a date that was announced stands.", p.Limits.Spread)
	}
	if p.Limits.Operations > 0 {
		r.Line("One run asks at most %s of the service; who has not had their turn by then has it in the next run.", Count(p.Limits.Operations, "operation"))
	}
	if p.Engine == BulkDelete {
		r.Line("")
		r.Line("Related rows that go are deleted by Dataverse's bulk delete service, after the person has been anonymised and before the person's row is deleted; nothing of them stays in the recycle bin.")
	}
	r.Line("")
	if p.Approval != NoApproval {
		r.Line("A changed policy purges nobody before somebody else than who runs it has approved it (four eyes); the approval stands in the ledger.")
		if p.Approval == ByList {
			r.Line("A person goes only when named in a plan that somebody else than who runs the policy has approved under this very policy; whoever is not stays until then, and an approval that is not used within 7 days lapses.")
		}
		r.Line("")
	}
	r.Line("Evidence of every announcement, rescue and purge stands in an append-only, hash-chained ledger, which holds no personal data.")
	for i := range p.Subjects {
		s := &p.Subjects[i]
		r.Line("")
		r.Line("## %s", Sentence(s.Table))
		if len(s.Classes) > 0 {
			r.classes(s)
		}
		var alike []*Subject // classes that take the subject's rules for related rows
		for j, rules := range s.Judged() {
			name := s.Table
			if len(s.Classes) > 0 {
				k := &s.Classes[j]
				if k.Unjudged {
					continue
				}
				name += "/" + k.ID
				r.Line("")
				title := "class " + k.ID
				if k.Who != "" {
					title = k.Who
				}
				r.Line("## %s, %s", Sentence(s.Table), title)
			}
			r.subject(rules, p.Notice)
			switch {
			case len(rules.Related) == 0:
			case len(s.Classes) > 0 && len(s.Related) > 0 && &rules.Related[0] == &s.Related[0]:
				alike = append(alike, rules)
				r.Line("")
				r.Line("What happens to related rows stands below, for all classes that have no rules of their own.")
			default:
				r.Line("")
				r.Line("### What happens to related rows")
				r.related(rules.Related, rules.Purge == Delete)
			}
			if standing, asked := where[name]; asked {
				r.standing(rules, standing)
			}
		}
		if len(alike) > 0 {
			r.Line("")
			r.Line("## %s, what happens to related rows", Sentence(s.Table))
			r.related(s.Related, slices.ContainsFunc(alike, func(k *Subject) bool { return k.Purge == Delete }))
		}
	}
	r.rows(p)
	_, err := io.WriteString(w, r.String())
	return err
}

// Standing is a place where persons of a subject table stand in an environment, in words.
type Standing struct {
	Place, Leads, Rows, Does, By, Why string
	// Kept tells of a place whose rows stay that they hold the person, Binds, or lose their link to them.
	Kept, Binds bool
}

func (r *Prose) standing(s *Subject, all []Standing) {
	r.Line("")
	r.Line("### Where a person stands")
	r.Line("")
	r.Line("These places hold rows in the environment. Whatever else can lead to a person holds none.")
	r.Line("")
	r.Line("| place | leads by | rows | what a purge does | the person | by | reason |")
	r.Line("|---|---|---|---|---|---|---|")
	for _, x := range all {
		r.Line("| `%s` | %s | %s | %s | %s | %s | %s |", cell(x.Place), cell(x.Leads), x.Rows, cell(x.Does), s.freedOrBound(x), cell(x.By), cell(x.Why))
	}
}

// freedOrBound says what a row that stays means for the person's own row.
func (s *Subject) freedOrBound(x Standing) string {
	switch {
	case s.Purge != Delete || !x.Kept:
		return ""
	case !x.Binds:
		return "is freed: the row loses its link"
	case s.WhenBound == BoundFail:
		return "is bound: the purge fails"
	}
	return "is bound: anonymised in place"
}

type Prose struct{ strings.Builder }

func (r *Prose) Line(format string, args ...any) {
	fmt.Fprintf(r, format+"\n", args...)
}

// classes says of which class a person is.
func (r *Prose) classes(s *Subject) {
	r.Line("")
	r.Line("Persons are told apart by classes. The first line that a person's row matches decides.")
	r.Line("")
	r.Line("| class | whose row | what holds for them |")
	r.Line("|---|---|---|")
	for i := range s.Classes {
		k := &s.Classes[i]
		who, what := "everybody else", "the rules below"
		switch {
		case k.For != "" && k.Who != "":
			who = k.Who + " (`" + k.For + "`)"
		case k.For != "":
			who = "`" + k.For + "`"
		case k.Who != "":
			who = k.Who
		}
		if k.Unjudged {
			what = "not judged by this policy: " + k.Why
		}
		r.Line("| %s | %s | %s |", k.ID, cell(who), cell(what))
	}
}

func (r *Prose) subject(s *Subject, notice retention.Period) {
	r.Line("")
	if s.Notice != notice {
		r.Line("A coming purge stands on the person for at least %s before it happens.", s.Notice)
		r.Line("")
	}
	switch {
	case s.Purge == Anonymize:
		r.Line("A purge anonymises the row: it stays, emptied of the person.")
	case s.WhenBound == BoundAnonymize:
		r.Line("A purge deletes the row. Rows that are kept are freed from it where their lookup may be empty; where one stays bound, the row is anonymised in place instead.")
	default:
		r.Line("A purge deletes the row. Rows that are kept are freed from it where their lookup may be empty and does not forbid the delete (Restrict); where one stays bound, or forbids it, the purge fails and is reported.")
	}
	if len(s.Stages) > 0 {
		r.stages(s.Stages)
	}
	if s.Purge == Anonymize || s.WhenBound == BoundAnonymize {
		these, much := "These columns survive", "Of these columns"
		if s.Purge == Delete {
			these, much = "On a row that is anonymised in place these columns survive", "On a row that is anonymised in place, of these columns"
		}
		if len(s.Retain) > 0 {
			r.Line("%s, for statistics: %s.", these, codes(s.Retain))
		}
		if len(s.Coarsen) > 0 {
			r.Line("%s this much survives: %s.", much, coarseWords(s.Coarsen))
		}
	}
	if s.Identity != "" {
		r.Line("Rows with the same `%s` are one human being: what justifies one justifies all.", s.Identity)
	}
	r.Line("")
	r.Line("### Who is kept, why and for how long")
	r.Line("")
	if len(s.Grounds) == 0 {
		r.Line("Nothing justifies keeping these persons.")
		return
	}
	r.Line("| ground | reason | lawful basis, art. 6(1) | for how long | which rows |")
	r.Line("|---|---|---|---|---|")
	for i := range s.Grounds {
		g := &s.Grounds[i]
		r.Line("| %s | %s | %s | %s | %s |", g.ID, cell(g.Why), basisWords[g.Basis], cell(g.period()), cell(g.rows()))
	}
}

// related says what happens to related rows when their person goes; deletes tells whether the person's row does.
func (r *Prose) related(rules []RelatedRule, deletes bool) {
	r.Line("")
	r.Line("The first line that a row matches decides.")
	r.Line("")
	r.Line("| rows | what happens | reason |")
	r.Line("|---|---|---|")
	for _, rule := range spelledOut(rules) {
		r.Line("| %s | %s | %s |", cell(rule.rows()), cell(rule.disposition()), cell(rule.Why))
	}
	if deletes {
		r.Line("")
		r.Line("A kept row binds a person whose row is deleted, if its lookup may not be empty; otherwise it loses its link and the person goes. Only an environment knows which: with one set, this record says it for every place.")
	}
}

// stages says what comes before the purge.
func (r *Prose) stages(stages []Stage) {
	r.Line("")
	for i := range stages {
		st := &stages[i]
		when := "On the day on which the last ground has ended, and no earlier than the notice allows"
		if i > 0 {
			when = sentenceCase(st.After.String()) + " after the last ground ended"
			if st.After.From != retention.TheDate {
				when = sentenceCase(st.After.After("the day", false)) + " on which the last ground ended"
			}
		}
		what := "the purge follows."
		switch st.Do {
		case Archive:
			what = "the row is archived: it becomes inactive and belongs to the team “" + st.Team + "” (restriction of processing). A ground that returns gives it back."
		case Reduce:
			what = "the row is reduced:"
			if len(st.Erase) > 0 {
				what += " " + codes(st.Erase) + " are emptied."
			}
			if len(st.Coarsen) > 0 {
				what += " This much survives: " + coarseWords(st.Coarsen) + "."
			}
		}
		r.Line("%d. %s, %s", i+1, when, what)
	}
	r.Line("")
	r.Line("Each of these is announced on the row, for the same time as a purge.")
	r.Line("")
}

func sentenceCase(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// coarseWords say how coarse each column becomes.
func coarseWords(all []Coarsened) string {
	var parts []string
	for _, c := range all {
		what := "the " + c.By.Unit + " of `" + c.Column + "`"
		if c.By.Unit == "" {
			what = fmt.Sprintf("the first %d letters of `%s` (of a number, the multiple of %d below it)", c.By.Step, c.Column, c.By.Step)
		}
		parts = append(parts, what)
	}
	return strings.Join(parts, "; ")
}

// basisWords are the lawful bases as the regulation's letters have them.
var basisWords = map[string]string{
	"consent":              "(a) consent",
	"contract":             "(b) contract, or steps before one",
	"legal-obligation":     "(c) legal obligation",
	"vital-interests":      "(d) vital interests",
	"public-task":          "(e) public task",
	"legitimate-interests": "(f) legitimate interests",
}

// period says in words for how long the ground keeps a person.
func (g *Ground) period() string {
	date := g.After + g.Until
	if g.FetchXML != "" && !g.Keep.IsZero() {
		date = "the query's date"
	} else if date != "" {
		date = "`" + date + "`"
	}
	if g.WhenLost() {
		return g.holds() + ", and " + g.Keep.String() + " from the day on which that was found to have ended"
	}
	if date == "" {
		return g.holds()
	}
	text := g.Keep.After(date, g.Until != "")
	if g.Trigger != "" {
		text += " (“" + g.Trigger + "”)"
	}
	if !g.AtMost.IsZero() {
		text += "; at most " + g.AtMost.Period.String() + " after `" + g.AtMost.After + "`"
	}
	switch {
	case g.InsteadOf != "":
		text += "; where the date is missing, counted from `" + g.InsteadOf + "`"
	case g.MissingDate == MissingKeeps:
		text += "; where the date is missing, until somebody enters it"
	}
	return text
}

// holds says for how long a ground without a date keeps a person.
func (g *Ground) holds() string {
	switch {
	case g.View != "":
		return "for as long as the view shows the person"
	case g.FetchXML != "":
		return "for as long as the query finds the person"
	case g.Table == "":
		return "for as long as the row says so"
	}
	return "for as long as there is such a row"
}

func (g *Ground) rows() string {
	switch {
	case g.View != "":
		return "view “" + g.View + "”"
	case g.FetchXML != "":
		return "a FetchXML query"
	}
	return rowsInWords(g.Table, g.Link, g.Party, g.Where)
}

func (r *RelatedRule) rows() string {
	if r.Table == AnyTable {
		return "whatever else leads to the person, rows of business excepted"
	}
	switch {
	case r.Set != "":
		return "those of the set `" + r.Set + "`"
	case r.Behind != "":
		return rowsInWords(r.Table, "the person's own "+r.Behind, "", r.Where)
	case r.Do == Leave && r.Link == "" && r.Party == "":
		return "`" + r.Table + "`"
	}
	return rowsInWords(r.Table, r.Link, r.Party, r.Where)
}

// partyWords are the parts that people take in activities, where the language's own word is none.
var partyWords = map[string]string{"from": "sender", "to": "recipient", "cc": "recipient of a copy", "bcc": "recipient of a blind copy",
	"required-attendee": "required participant", "optional-attendee": "optional participant"}

func rowsInWords(table, link, party, where string) string {
	var parts []string
	switch {
	case table == "":
		parts = append(parts, "the person's own row")
	case party == "any":
		parts = append(parts, "`"+table+"` that the person takes part in")
	case party != "":
		parts = append(parts, "`"+table+"` that the person takes part in as "+cmp.Or(partyWords[party], party))
	default:
		parts = append(parts, "`"+table+"` by `"+link+"`")
	}
	if where != "" {
		parts = append(parts, "where `"+where+"`")
	}
	return strings.Join(parts, " ")
}

func (r *RelatedRule) disposition() string {
	switch {
	case r.Do == Delete:
		return "deleted"
	case r.Do == Retain:
		return "kept" + r.ending()
	case r.Do == Leave:
		return "left as they are, and not looked at"
	case len(r.Erase) > 0:
		return "kept without " + codes(r.Erase) + r.ending()
	}
	return "anonymised, except " + codes(r.Keep) + r.ending()
}

func codes(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// cell keeps a text within its cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// Count is a number of things: 1 person, 2 persons.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
