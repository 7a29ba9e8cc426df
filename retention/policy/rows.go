package policy

import (
	"fmt"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// Rows can have a period of their own, apart from that of the persons on them: those of a rule of `rows`, whoever they belong
// to, and those that a related rule has kept when their person went.

// RowRule is a rule of `rows`: it gives the rows of a table a period, whoever they belong to. Of the rules of a table the first
// that matches a row decides.
type RowRule struct {
	Name  string // its id; where it has none the table's name, with a number from the second rule on
	Table string
	Where string
	Span
	Do     Disposition // Delete or Anonymize
	Erase  []string    // for anonymize: the columns that go …
	Keep   []string    // … or those that stay (retain in the file)
	Why    string
	EvenIf EvenIf

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"` // where each key stands in the file
}

// Span is how long a row is kept, by a date of its own: for that long after the date After, or until the date Until, and that long
// beyond it.
type Span struct {
	After, Until string // a date column or a path over lookups to one
	For          retention.Keeping
	YearEnds     retention.YearEnd // that of For, whose text leaves it out
}

// EvenIf is in spite of what a row goes.
type EvenIf string

// EvenIfJustified lets a row go, or lose columns, although a person on it is justified. A legal hold stops it all the same.
const EvenIfJustified EvenIf = "justified"

// End is what becomes of a row that a related rule keeps when its person goes, once its own date has come. The columns that go by
// Then: anonymize are the rule's.
type End struct {
	Span
	Then Disposition // Delete or Anonymize
}

// Date is the column or path that the span counts from.
func (s Span) Date() string { return s.After + s.Until }

// span reads a period of rows, and finds what is wrong with it.
func (l *loader) span(after, until string, keep retention.Keeping, ends retention.YearEnd, f *placed) Span {
	s := Span{After: after, Until: until, For: keep}
	if s.For.YearEnds = l.policy.YearEnds; f.has("yearEnds") {
		s.For.YearEnds = ends
	}
	bad := func(key, message, hint string) { l.problem(f.At[key].Pos, message, hint) }
	switch {
	case f.has("after") && f.has("until"):
		bad("until", "`after` and `until` exclude each other", "`after` is where the period begins, `until` is itself the end")
	case f.has("after") && !f.has("keep"):
		bad("after", "`after` needs `keep`: for how long after that date?", "such as keep: 3 years")
	case f.has("after") && keep.IsZero() && !l.blamed(f.At["keep"].Pos):
		bad("keep", "a period of no time keeps nothing: every row would go at once", "at least 1 day")
	}
	s.YearEnds = s.For.YearEnds
	return s
}

type fileRow struct {
	placed   `yaml:"-"`
	ID       string            `yaml:"id" jsonschema:"pattern=^[a-z][a-z0-9-]*$,maxLength=60,description=Stands in reports and in the ledger. Default: the table."`
	Table    string            `yaml:"table" jsonschema:"required,description=The table whose rows have a period of their own."`
	Where    string            `yaml:"where" jsonschema:"description=OData filter on the table's rows."`
	After    string            `yaml:"after" jsonschema:"description=A date column\\, or a path over lookups to one: the row is kept for keep after it."`
	Until    string            `yaml:"until" jsonschema:"description=A date that is itself the end\\, and keep is slack."`
	Keep     retention.Keeping `yaml:"keep" jsonschema:"description=Such as 3 years\\, or 7 years from end of year."`
	YearEnds retention.YearEnd `yaml:"yearEnds" jsonschema:"description=The last day of a year for this rule."`
	Do       string            `yaml:"do" jsonschema:"required,enum=delete,enum=anonymize,description=What then happens to the row."`
	Erase    []string          `yaml:"erase" jsonschema:"description=For anonymize: the columns that go."`
	Retain   []string          `yaml:"retain" jsonschema:"description=For anonymize: the columns that stay."`
	Why      string            `yaml:"why" jsonschema:"description=The reason\\, in a sentence."`
	EvenIf   string            `yaml:"evenIf" jsonschema:"enum=justified,description=The row goes although a person on it is justified. Default: it stays as long as one is."`
}

func (fileRow) kind() string { return "a rule of `rows`" }

// rows reads the rules of `rows`, once the subjects are known.
func (l *loader) rows(files []fileRow) {
	for i := range files {
		l.policy.Rows = append(l.policy.Rows, l.row(&files[i]))
	}
	names := map[string]Pos{}
	counts := map[string]int{}
	for i := range l.policy.Rows {
		r := &l.policy.Rows[i]
		if r.Name == "" {
			counts[r.Table]++
			if r.Name = r.Table; counts[r.Table] > 1 {
				r.Name = fmt.Sprintf("%s-%d", r.Table, counts[r.Table])
			}
		}
		if first, twice := names[r.Name]; twice && r.Name != "" {
			at := r.Pos
			if p, ok := r.At["id"]; ok {
				at = p.Pos
			}
			l.problem(at, fmt.Sprintf("two rules of `rows` are called `%s`, the other at %s", r.Name, first), "the ledger and the reports name them: give one of them another `id`")
		}
		names[r.Name] = r.Pos
	}
}

func (l *loader) row(f *fileRow) RowRule {
	r := RowRule{
		Name: f.ID, Table: f.Table, Where: f.Where, Span: l.span(f.After, f.Until, f.Keep, f.YearEnds, &f.placed),
		Do: Disposition(f.Do), Erase: f.Erase, Keep: f.Retain, Why: f.Why, EvenIf: EvenIf(f.EvenIf), Pos: f.Pos, At: f.At,
	}
	bad := func(key, message, hint string) { l.problem(f.At[key].Pos, message, hint) }
	if f.ID != "" && (!groundID.MatchString(f.ID) || len(f.ID) > 60) {
		bad("id", fmt.Sprintf("`%s` cannot be the id of a rule", f.ID), "at most 60 of a-z, 0-9 and -, a letter first")
	}
	switch {
	case f.Table == AnyTable:
		bad("table", "a rule of `rows` names its table: '*' would take rows that nobody thought of", "a rule for each table")
	case l.policy.Subject(f.Table) != nil:
		bad("table", fmt.Sprintf("rows of `%s` are persons: grounds say for how long they are kept", f.Table), "`rows` is for what persons leave behind: mails, notes, calls, cases, orders")
	}
	if !f.has("after") && !f.has("until") {
		l.problem(f.Pos, "a rule of `rows` needs `after` or `until`: a date of the row itself", "such as after: createdon, keep: 3 years")
	}
	if r.Do == Anonymize && f.has("erase") == f.has("retain") {
		bad("do", "do: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay", "")
	}
	for _, key := range []string{"erase", "retain"} {
		if f.has(key) && r.Do == Delete {
			bad(key, fmt.Sprintf("`%s` is for do: anonymize", key), "")
		}
	}
	l.where(f.Where, f.At["where"], ofCaller)
	return r
}

// end reads when a row that the rule keeps goes after all; nil where it stays.
func (l *loader) end(f *fileRelated, bad func(key, message, hint string)) *End {
	var said []string
	for _, key := range []string{"after", "until", "keep", "yearEnds", "then"} {
		if f.has(key) {
			said = append(said, key)
		}
	}
	if len(said) == 0 {
		return nil
	}
	do := Disposition(f.Do)
	if f.Table == AnyTable || do == Delete || do == Leave {
		bad(said[0], fmt.Sprintf("`%s` is for rules that keep rows when their person goes: do: keep and do: anonymize", said[0]), "a period of rows whoever they belong to stands in `rows`, at the top of the policy")
		return nil
	}
	e := &End{Span: l.span(f.After, f.Until, f.Keep, f.YearEnds, &f.placed), Then: Disposition(f.Then)}
	dated := f.has("after") || f.has("until")
	switch {
	case !f.has("then"):
		bad(said[0], fmt.Sprintf("`%s` needs `then`: what happens to the row once its date has come?", said[0]), "then: delete, or then: anonymize with `erase`")
	case !dated:
		bad("then", "`then` needs `after` or `until`: a date of the row itself", "such as after: createdon, keep: 7 years")
	case e.Then == Anonymize && do == Anonymize:
		bad("then", "the row is anonymised when its person goes", "then: delete")
	case e.Then == Anonymize && f.has("erase") == f.has("retain"):
		bad("then", "then: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay", "")
	}
	return e
}

// rowLimits reads the limits of rows that go by a period of their own.
func (l *loader) rowLimits(f *fileLimits) {
	if f.has("rows") {
		l.policy.Limits.Rows = f.Rows
		if f.Rows < 0 {
			l.problem(f.At["rows"].Pos, "`rows` cannot be below 0", "")
		}
	}
	if f.has("rowShare") {
		l.policy.Limits.RowShare = float64(f.RowShare)
	}
}

// EndName is what the end of a subject's rule is called in reports and in the ledger; class is empty where all persons are alike.
func (s *Subject) EndName(class string, rule int) string {
	name, n := s.Table+"."+s.Related[rule].Table, 0
	if class != "" {
		name = s.Table + "." + class + "." + s.Related[rule].Table
	}
	for i := range rule + 1 {
		if s.Related[i].End != nil && s.Related[i].Table == s.Related[rule].Table {
			n++
		}
	}
	if n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}

// suspiciousRows is what is legal but odd about rows with a period of their own.
func (p *Policy) suspiciousRows(warn func(at Pos, message, hint string)) {
	for i := range p.Rows {
		r := &p.Rows[i]
		if longerThanTenYears(r.For.Period) {
			warn(r.At["keep"].Pos, fmt.Sprintf("rows of `%s` are kept for %s", r.Table, r.For), "is that long needed for the purpose?")
		}
		for j := range i {
			if first := &p.Rows[j]; first.Table == r.Table && (first.Where == "" || first.Where == r.Where) {
				warn(r.Pos, fmt.Sprintf("this rule for `%s` never applies: the rule at %s matches all its rows, and the first that matches decides", r.Table, first.Pos), "put the special case first")
				break
			}
		}
	}
}

// rows says which rows have a period of their own, and what then happens.
func (r *Prose) rows(p *Policy) {
	if len(p.Rows) == 0 {
		return
	}
	r.Line("")
	r.line("## ", "rows")
	r.Line("")
	r.line("", "rows.text", r.count("row-count", p.Limits.Rows), r.percent(p.Limits.RowShare))
	r.Line("")
	r.head("head.rule", "head.rows", "head.kept", "head.then", "head.although", "head.reason")
	for i := range p.Rows {
		x := &p.Rows[i]
		rows := "`" + x.Table + "`"
		if x.Where != "" {
			rows = clause(rows, r.say.T("rows.where", x.Where))
		}
		said, found := r.spokenRows(x.Table, "", "", "", x.Where)
		rows = r.spell(said, found, rows)
		although := "no"
		if x.EvenIf == EvenIfJustified {
			although = "yes"
		}
		r.Line("| %s | %s | %s | %s | %s | %s |", x.Name, cell(rows), cell(r.span(x.Table, x.Span)), cell(r.gone(x.Table, x.Do, x.Erase, x.Keep)), r.say.T(although), cell(x.Why))
	}
}

// span says for how long: 7 years after `createdon`.
func (r *Prose) span(table string, s Span) string {
	return r.after(s.For, r.column(table, s.Date()), s.Until != "")
}

// PeriodIn says in a language for how long something is kept after a date that has words of its own, or beyond it where it is itself
// the end.
func PeriodIn(language string, k retention.Keeping, date string, end bool) string {
	r := &Prose{say: words.In("record", language)}
	return r.after(k, date, end)
}

// gone says what becomes of a row whose period is over.
func (r *Prose) gone(table string, do Disposition, erase, retain []string) string {
	switch {
	case do == Delete:
		return r.say.T("do.deleted")
	case len(erase) > 0:
		return r.say.T("do.emptied", r.columns(table, erase))
	}
	return r.say.T("do.anonymised", r.columns(table, retain))
}

// ending says what becomes of a kept row in the end, after what happens to it before.
func (r *Prose) ending(rule *RelatedRule, kept string) string {
	if rule.End == nil {
		return kept
	}
	form := "ending"
	if rule.End.Until != "" && rule.End.For.IsZero() || rule.End.For.From != retention.TheDate && rule.End.For.Period.IsZero() {
		form = "ending.until" // the span says until when
	}
	return r.say.T(form, kept, r.span(rule.Table, rule.End.Span), r.gone(rule.Table, rule.End.Then, rule.Erase, rule.Keep))
}

// endText is the end of a related rule as a policy says it.
func (r *RelatedRule) endText() [][2]string {
	if r.End == nil {
		return nil
	}
	keep, ends := "", ""
	if !r.End.For.IsZero() {
		keep = r.End.For.String()
	}
	if r.End.For.YearEnds != (retention.YearEnd{}) {
		ends = r.End.For.YearEnds.String()
	}
	return [][2]string{{"after", r.End.After}, {"until", r.End.Until}, {"keep", keep}, {"yearEnds", ends}, {"then", string(r.End.Then)}}
}
