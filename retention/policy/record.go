package policy

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// WriteRecord prints the policy in words, as Markdown: the part of the record of processing (article 30 GDPR) that a data
// protection officer files, in the policy's language. It needs no environment, and then names tables and columns as the database
// does. With one it names them as people do, says which categories of data there are, and where persons stand.
func (p *Policy) WriteRecord(w io.Writer, in *Surroundings) error {
	return p.WriteRecordIn(w, p.Language, in)
}

// WriteRecordIn is [Policy.WriteRecord] in another language. What the policy says itself stands as it is written.
func (p *Policy) WriteRecordIn(w io.Writer, language string, in *Surroundings) error {
	if in == nil {
		in = &Surroundings{}
	}
	r := &Prose{say: words.In("record", language), called: in.Called}
	r.line("# ", "title")
	r.Line("")
	r.parties(&p.Head)
	environment := "environment.sandboxes"
	if p.Environment.AllowProduction {
		environment = "environment.production"
	}
	r.line("", environment, p.Environment.Organization, p.TimeZone, p.Hash)
	r.Line("")
	r.line("", "intro", r.period(p.Notice), r.period(p.ManualExtension))
	r.Line("")
	r.line("", "limits", r.count("persons", p.Limits.Purges), r.percent(p.Limits.Share), r.say.Number(p.Limits.Canary))
	if !p.Limits.Spread.IsZero() {
		r.line("", "limits.spread", r.period(p.Limits.Spread))
	}
	if p.Asks() {
		r.line("", "limits.asks", r.count("persons", p.Limits.Asks))
	}
	if p.Limits.Operations > 0 {
		r.line("", "limits.operations", r.count("operations", p.Limits.Operations))
	}
	if p.Engine == BulkDelete {
		r.Line("")
		r.line("", "bulk-delete")
	}
	r.Line("")
	if p.Approval != NoApproval {
		r.line("", "approval")
		if p.Approval == ByList {
			r.line("", "approval.list")
		}
		r.Line("")
	}
	r.line("", "evidence")
	if r.called == nil {
		r.Line("")
		r.line("", "unnamed")
	}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		r.of = s.Table
		persons := Sentence(s.Table)
		if r.called != nil {
			if rows, found := r.called.Table(s.Table); found {
				persons = rows
			}
		}
		r.Line("")
		r.Line("## %s", persons)
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
				title := r.say.T("class", k.ID)
				if k.Who != "" {
					title = k.Who
				}
				r.Line("## %s, %s", persons, title)
			}
			r.data(in.Data[name])
			r.subject(rules, p.Notice)
			switch {
			case len(rules.Related) == 0:
			case len(s.Classes) > 0 && len(s.Related) > 0 && &rules.Related[0] == &s.Related[0]:
				alike = append(alike, rules)
				r.Line("")
				r.line("", "related.below")
			default:
				r.Line("")
				r.line("### ", "related")
				r.related(rules.Related, rules.Purge == Delete)
			}
			if standing, asked := in.Where[name]; asked {
				r.standing(rules, standing)
			}
		}
		if len(alike) > 0 {
			r.Line("")
			r.line("## ", "related.of", persons)
			r.related(s.Related, slices.ContainsFunc(alike, func(k *Subject) bool { return k.Purge == Delete }))
		}
	}
	r.rows(p)
	if len(p.Head.parties()) > 0 {
		r.signature()
	}
	r.named()
	_, err := io.WriteString(w, r.String())
	return err
}

// classes says of which class a person is.
func (r *Prose) classes(s *Subject) {
	r.Line("")
	r.line("", "classes")
	r.Line("")
	r.head("head.class", "head.whose", "head.holds")
	for i := range s.Classes {
		k := &s.Classes[i]
		who, what := r.say.T("class.rest"), r.say.T("class.rules")
		switch {
		case k.For != "" && k.Who != "":
			who = k.Who + " (" + r.whose(k.For) + ")"
		case k.For != "":
			who = r.whose(k.For)
		case k.Who != "":
			who = k.Who
		}
		if k.Unjudged {
			what = r.say.T("class.unjudged", k.Why)
		}
		r.Line("| %s | %s | %s |", k.ID, cell(who), cell(what))
	}
}

// whose says whom a filter on the person's own row is about.
func (r *Prose) whose(filter string) string {
	if r.called == nil {
		return "`" + filter + "`"
	}
	return r.filter(r.of, filter) + r.note("`"+filter+"`")
}

// becomes says what becomes of a person of a subject, step by step.
func (r *Prose) becomes(s *Subject, notice retention.Period) {
	r.Line("")
	if s.Notice != notice {
		r.line("", "notice", r.period(s.Notice))
		r.Line("")
	}
	switch {
	case s.Purge == Anonymize:
		r.line("", "purge.anonymises")
	case s.WhenBound == BoundAnonymize:
		r.line("", "purge.deletes-or-anonymises")
	default:
		r.line("", "purge.deletes-or-fails")
	}
	if len(s.Stages) > 0 {
		r.stages(s.Stages)
	}
	r.asks(s.Ask)
	if s.Purge == Anonymize || s.WhenBound == BoundAnonymize {
		these, much := "survives", "survives.much"
		if s.Purge == Delete {
			these, much = "survives.in-place", "survives.much.in-place"
		}
		if len(s.Retain) > 0 {
			r.line("", these, r.columns("", s.Retain))
		}
		if len(s.Coarsen) > 0 {
			r.line("", much, r.coarse(s.Coarsen))
		}
	}
	if s.Identity != "" {
		r.line("", "identity", r.column("", s.Identity))
	}
}

func (r *Prose) subject(s *Subject, notice retention.Period) {
	r.becomes(s, notice)
	r.Line("")
	r.line("### ", "grounds")
	r.Line("")
	if len(s.Grounds) == 0 {
		r.line("", "grounds.none")
		return
	}
	r.head("head.ground", "head.reason", "head.basis", "head.period", "head.which")
	for i := range s.Grounds {
		g := &s.Grounds[i]
		r.Line("| %s | %s | %s | %s | %s |", g.ID, cell(g.Why), r.basis(g.Basis), cell(g.period(r)), cell(g.rows(r)))
	}
	r.years(s.Grounds)
}

// years says what the periods mean that count from a column which may hold a year, by its name or by what happened then: the policy alone
// cannot tell whether it does.
func (r *Prose) years(grounds []Ground) {
	var columns []string
	for i := range grounds {
		g := &grounds[i]
		date := g.After + g.Until
		column := date[strings.LastIndex(date, "/")+1:]
		if column == "" || !yearWord.MatchString(column+" "+g.Trigger) {
			continue
		}
		said := "`" + column + "`"
		if r.called != nil {
			_, c, found := r.way([]string{r.tableOr(g.Table)}, date)
			if found && c.Date {
				continue // it holds a date, and no year
			}
			said = r.column(g.Table, date)
		}
		if !slices.Contains(columns, said) {
			columns = append(columns, said)
		}
	}
	if len(columns) == 0 {
		return
	}
	r.Line("")
	r.line("", "years", strings.Join(columns, ", "))
}

// related says what happens to related rows when their person goes; deletes tells whether the person's row does.
func (r *Prose) related(rules []RelatedRule, deletes bool) {
	r.Line("")
	r.line("", "first")
	r.Line("")
	r.head("head.rows", "head.happens", "head.reason")
	for _, alike := range r.inSets(r.spelledOut(rules)) {
		rule := &alike[0]
		r.Line("| %s | %s | %s |", cell(r.together(alike)), cell(rule.disposition(r)), cell(Reason(r.say.Language, rule.Why)))
	}
	if deletes {
		r.Line("")
		r.line("", "related.binds")
	}
}

// stages says what comes before the purge.
func (r *Prose) stages(stages []Stage) {
	r.Line("")
	for i := range stages {
		st := &stages[i]
		when := r.say.T("stage.first")
		if i > 0 {
			when = r.say.T("stage.after", r.period(st.After.Period))
			if st.After.From != retention.TheDate {
				when = r.after(st.After, r.say.T("stage.day"), false)
			}
		}
		what := r.say.T("stage.purge")
		switch st.Do {
		case Archive:
			what = r.say.T("stage.archive", st.Team)
		case Reduce:
			what = r.say.T("stage.reduce")
			if len(st.Erase) > 0 {
				what += " " + r.say.T("stage.erase", r.columns("", st.Erase))
			}
			if len(st.Coarsen) > 0 {
				what += " " + r.say.T("stage.coarsen", r.coarse(st.Coarsen))
			}
			for _, rule := range st.Related {
				what += fmt.Sprintf(" %s: %s.", sentenceCase(rule.rows(r)), rule.disposition(r))
			}
		}
		r.Line("%d. %s, %s", i+1, sentenceCase(when), what)
	}
	r.Line("")
	r.line("", "stages.announced")
	r.Line("")
}

// yearWord finds the word year in the languages that columns are named in.
var yearWord = regexp.MustCompile(`(?i)year|jahr|ann[eé]e|\bår|_(aar|ar)(_|\b)|årtal|jaar|vuosi`)

// asks says how persons are asked before the purge.
func (r *Prose) asks(a *Ask) {
	if a == nil {
		return
	}
	r.line("", "ask", sentenceCase(r.period(a.Before)), a.Queue)
	if a.Required.IsZero() {
		r.line("", "ask.optional")
		return
	}
	r.line("", "ask.required", r.period(a.Required))
}

// coarse says how coarse each column becomes.
func (r *Prose) coarse(all []Coarsened) string {
	var parts []string
	for _, c := range all {
		if c.By.Unit == "" {
			parts = append(parts, r.say.T("coarse.letters", strconv.Itoa(c.By.Step), r.column("", c.Column)))
			continue
		}
		parts = append(parts, r.say.T("coarse."+c.By.Unit, r.column("", c.Column)))
	}
	return strings.Join(parts, "; ")
}

// basis is a lawful basis with its letter of article 6(1); nothing where a ground states none.
func (r *Prose) basis(name string) string {
	text, _ := r.say.Lookup("basis." + name)
	return text
}

// period says in words for how long the ground keeps a person.
func (g *Ground) period(r *Prose) string {
	date := g.After + g.Until
	if g.FetchXML != "" && !g.Keep.IsZero() {
		date = r.say.T("query-date")
	} else if date != "" {
		date = r.column(g.Table, date)
	}
	if column := g.Changed(); column != "" {
		switch column := r.column(g.Table, column); {
		case g.UntilChanged() && g.Keep.IsZero():
			return r.say.T("changed.until", g.holds(r), column)
		case g.UntilChanged():
			return r.say.T("changed", r.say.T("changed.beyond", g.holds(r), r.period(g.Keep.Period), column))
		}
		text := r.say.T("changed", r.after(g.Keep, r.say.T("changed.date", r.column(g.Table, column)), false))
		switch {
		case g.InsteadOf != "":
			text += "; " + r.say.T("changed.instead", r.column(g.Table, g.InsteadOf))
		case g.MissingDate == MissingKeeps:
			text += "; " + r.say.T("changed.missing", g.holds(r))
		}
		return text
	}
	if g.WhenLost() {
		return r.say.T("lost", g.holds(r), r.period(g.Keep.Period))
	}
	if date == "" {
		return g.holds(r)
	}
	text := r.after(g.Keep, date, g.Until != "")
	if g.Trigger != "" {
		text += " (" + r.quote(g.Trigger) + ")"
	}
	if !g.AtMost.IsZero() {
		text += "; " + r.say.T("at-most", r.period(g.AtMost.Period), r.column(g.Table, g.AtMost.After))
	}
	switch {
	case g.InsteadOf != "":
		text += "; " + r.say.T("instead", r.column(g.Table, g.InsteadOf))
	case g.MissingDate == MissingKeeps:
		text += "; " + r.say.T("missing")
	}
	return text
}

// holds says for how long a ground without a date keeps a person.
func (g *Ground) holds(r *Prose) string {
	switch {
	case g.View != "":
		return r.say.T("holds.view")
	case g.FetchXML != "":
		return r.say.T("holds.query")
	case g.Table == "":
		return r.say.T("holds.row")
	}
	return r.say.T("holds.rows")
}

func (g *Ground) rows(r *Prose) string {
	switch {
	case g.View != "":
		return r.say.T("rows.view", g.View)
	case g.FetchXML != "":
		return r.say.T("rows.query")
	}
	said, found := r.spokenRows(g.Table, g.Link, g.Party, "", g.Where)
	return r.spell(said, found, r.rowsInWords(g.Table, "`"+g.Link+"`", g.Party, g.Where))
}

func (rule *RelatedRule) rows(r *Prose) string {
	if rule.Table == AnyTable {
		return r.say.T("rows.rest")
	}
	if rule.Set != "" {
		return r.say.T("rows.set", rule.Set)
	}
	said, found := r.spokenRows(rule.Table, rule.Link, rule.Party, rule.Behind, rule.Where)
	return r.spell(said, found, rule.technical(r))
}

// technical are the rule's rows by the names of the database.
func (rule *RelatedRule) technical(r *Prose) string {
	switch {
	case rule.Behind != "":
		return r.rowsInWords(rule.Table, "`"+r.say.T("rows.behind", rule.Behind)+"`", "", rule.Where)
	case rule.Do == Leave && rule.Link == "" && rule.Party == "":
		return "`" + rule.Table + "`"
	}
	return r.rowsInWords(rule.Table, "`"+rule.Link+"`", rule.Party, rule.Where)
}

func (r *Prose) rowsInWords(table, link, party, where string) string {
	var text string
	switch {
	case table == "":
		text = r.say.T("rows.own")
	case party == "any":
		text = r.say.T("rows.party", table)
	case party != "":
		part, known := r.say.Lookup("party." + party)
		if !known {
			part = party
		}
		text = r.say.T("rows.party-as", table, part)
	default:
		text = r.say.T("rows.by", table, link)
	}
	if where != "" {
		text = clause(text, r.say.T("rows.where", where))
	}
	return text
}

func (rule *RelatedRule) disposition(r *Prose) string {
	emptied := ""
	switch {
	case rule.Do == Delete:
		return r.say.T("do.deleted")
	case rule.Do == Retain:
		return r.ending(rule, r.say.T("do.kept"))
	case rule.Do == Leave:
		return r.say.T("do.left")
	case len(rule.Erase) > 0:
		emptied = r.say.T("do.kept-without", r.columns(rule.Table, rule.Erase))
	default:
		emptied = r.say.T("do.anonymised", r.columns(rule.Table, rule.Keep))
	}
	if rule.EvenIf == EvenIfJustified {
		emptied = r.say.T("do.even", emptied)
	}
	return r.ending(rule, emptied)
}
