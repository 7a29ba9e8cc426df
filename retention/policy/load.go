package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/retention"
)

// The defaults of a policy.
var (
	DefaultNotice          = retention.Period{Months: 2}
	DefaultManualExtension = retention.Period{Months: 12}
	DefaultLimits          = Limits{Purges: 500, Share: 0.05, Canary: 5, Rows: 5000, RowShare: 0.05, Asks: 500}
)

// Load reads a policy file and all that it includes. The error is [Problems] where the policy is wrong: all that is
// wrong with it, not only the first. Nothing is held against an environment yet; see [Check].
func Load(path string) (*Policy, error) {
	l := &loader{hash: sha256.New(), policy: &Policy{
		Dir:             filepath.Dir(path),
		Notice:          DefaultNotice,
		Engine:          WebAPI,
		Limits:          DefaultLimits,
		ManualExtension: DefaultManualExtension,
		Sources:         map[string][]string{},
	}}
	var file filePolicy
	if err := l.read(path, &file); err != nil {
		return nil, err
	}
	if file.At == nil { // not YAML at all
		return nil, l.problems
	}
	l.header(&file)
	l.subjects(file.Subjects, path)
	l.include(file.Include, path, file.At["include"])
	l.rows(file.Rows)
	if len(l.policy.Subjects) == 0 && len(l.problems) == 0 {
		l.problem(file.Pos, "the policy names no subject table: there is nobody to judge", "add `subjects:` with a table that holds persons, such as contact")
	}
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted(l.policy.Files)
	}
	l.policy.Hash = "sha256:" + hex.EncodeToString(l.hash.Sum(nil))
	return l.policy, nil
}

type loader struct {
	policy   *Policy
	problems Problems
	hash     hash.Hash
}

func (l *loader) problem(at Pos, message, hint string) {
	l.problems = append(l.problems, l.policy.Problem(at, message, hint))
}

// blamed tells whether there is a problem at that place already, which another one would only repeat.
func (l *loader) blamed(at Pos) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Pos == at })
}

// Problem makes a problem with its line of source.
func (p *Policy) Problem(at Pos, message, hint string) Problem {
	out := Problem{Pos: at, Message: message, Hint: hint}
	if lines := p.Sources[at.File]; at.Line > 0 && at.Line <= len(lines) {
		out.Source = strings.TrimRight(lines[at.Line-1], "\r")
	}
	return out
}

// read reads one YAML file into v and notes it as part of the policy.
func (l *loader) read(path string, v any) error {
	b, noText, err := l.text(path)
	if err != nil {
		return err
	}
	l.policy.Files = append(l.policy.Files, path)
	l.policy.Sources[path] = strings.Split(string(b), "\n")
	if len(noText) > 0 {
		l.problems = append(l.problems, noText...)
		return nil
	}
	l.problems = append(l.problems, readStrict(path, b, v)...)
	return nil
}

// text reads a file and lets its text count for the policy's hash, whatever its line ends are. Its length goes first, so
// that text cannot wander from one file to the next unseen.
func (l *loader) text(path string) ([]byte, Problems, error) {
	b, noText, err := readText(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the policy: %w", err)
	}
	binary.Write(l.hash, binary.BigEndian, uint64(len(b))) // a hash never fails
	l.hash.Write(b)
	return b, noText, nil
}

// cause is an error without the path that the message names already.
func cause(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func (l *loader) include(paths []string, from string, at Place) {
	for i, name := range paths {
		path := filepath.Join(filepath.Dir(from), name)
		if slices.Contains(l.policy.Files, path) {
			l.problem(at.Item(i), fmt.Sprintf("%s is part of the policy already", name), "name each file once")
			continue
		}
		var file fileInclude
		if err := l.read(path, &file); err != nil {
			l.problem(at.Item(i), fmt.Sprintf("cannot include %s: %s", name, cause(err)), "paths start at the folder of the file that names them")
			continue
		}
		l.subjects(file.Subjects, path)
		l.include(file.Include, path, file.At["include"])
	}
}

func (l *loader) header(f *filePolicy) {
	p := l.policy
	p.Version, p.At = f.Version, f.At
	p.Environment = Environment{Organization: f.Environment.Organization, AllowProduction: f.Environment.AllowProduction}
	if o := p.Environment.Organization; o != "" {
		id, err := uuid.Parse(o)
		if err != nil || len(o) != 36 {
			l.problem(f.Environment.At["organization"].Pos, fmt.Sprintf("`organization` is an id, not `%s`", o),
				"gallra doctor prints it; names can be changed by anybody, ids cannot")
		} else {
			p.Environment.Organization = id.String()
		}
		p.At["organization"] = f.Environment.At["organization"]
	}
	p.At["allowProduction"] = Place{Pos: f.Environment.Pos}
	if f.TimeZone != "" {
		zone, err := time.LoadLocation(f.TimeZone)
		if err != nil || f.TimeZone == "Local" {
			l.problem(f.At["timeZone"].Pos, fmt.Sprintf("unknown time zone `%s`", f.TimeZone), "an IANA name, such as Europe/Stockholm")
		}
		p.TimeZone = zone
	}
	if f.has("notice") {
		p.Notice = f.Notice
		if f.Notice.IsZero() && !l.blamed(f.At["notice"].Pos) {
			l.problem(f.At["notice"].Pos, "a notice of no time is no notice", "at least 1 day")
		}
	}
	if f.has("manualExtension") {
		p.ManualExtension = f.ManualExtension
	}
	if f.Purge.Engine != "" {
		p.Engine = Engine(f.Purge.Engine)
	}
	p.YearEnds, p.Language, p.Head = f.YearEnds, f.Language, f.Record.head()
	if f.Approval != "none" {
		p.Approval = Approval(f.Approval)
	}
	limits := &f.Limits
	if limits.has("asks") {
		p.Limits.Asks = limits.Asks
	}
	if limits.has("purges") {
		p.Limits.Purges = limits.Purges
	}
	if limits.has("share") {
		p.Limits.Share = float64(limits.Share)
	}
	if limits.has("canary") {
		p.Limits.Canary = limits.Canary
	}
	p.Limits.Operations = limits.Operations
	l.spread(limits)
	l.rowLimits(limits)
	for _, name := range limits.Bypass {
		if !slices.Contains(Bypassable, Rail(name)) {
			l.problem(limits.At["bypass"].Pos, fmt.Sprintf("no guard rail `%s` can be bypassed", name), DidYouMean(name, railNames(Bypassable)))
			continue
		}
		p.Bypass = append(p.Bypass, Rail(name))
	}
	for key, n := range map[string]int{"purges": p.Limits.Purges, "canary": p.Limits.Canary, "operations": p.Limits.Operations, "asks": p.Limits.Asks} {
		if n < 0 {
			l.problem(limits.At[key].Pos, fmt.Sprintf("`%s` cannot be below 0", key), "")
		}
	}
	p.Columns = f.Columns.over(DefaultColumns)
}

// over is the columns as they are written, and base for those that are not.
func (f *fileColumns) over(base ColumnNames) ColumnNames {
	return ColumnNames{
		PurgeScheduledOn: cmp.Or(f.PurgeScheduledOn, base.PurgeScheduledOn),
		PurgeNoticedOn:   cmp.Or(f.PurgeNoticedOn, base.PurgeNoticedOn),
		PurgeReason:      cmp.Or(f.PurgeReason, base.PurgeReason),
		RetainUntil:      cmp.Or(f.RetainUntil, base.RetainUntil),
		RetainReason:     cmp.Or(f.RetainReason, base.RetainReason),
		LegalHold:        cmp.Or(f.LegalHold, base.LegalHold),
		AnonymizedOn:     cmp.Or(f.AnonymizedOn, base.AnonymizedOn),
	}
}

func (l *loader) subjects(files map[string]*fileSubject, path string) {
	tables := make([]string, 0, len(files))
	for table := range files {
		tables = append(tables, table)
	}
	slices.SortFunc(tables, func(a, b string) int { // the order of the file
		p, q := files[a].Pos, files[b].Pos
		return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	for _, table := range tables {
		f := files[table]
		if twin := l.policy.Subject(table); twin != nil {
			l.problem(f.Pos, fmt.Sprintf("the subject `%s` stands in two files, also at %s", table, twin.Pos), "a subject's rules are in order, so they stand in one file")
			continue
		}
		l.policy.Subjects = append(l.policy.Subjects, l.subject(table, f, path))
	}
}

func (l *loader) subject(table string, f *fileSubject, path string) Subject {
	s := Subject{
		Table:     table,
		Purge:     Disposition(f.Purge),
		WhenBound: WhenBound(cmp.Or(f.WhenBound, string(BoundAnonymize))),
		Identity:  f.Identity,
		Retain:    f.Retain,
		Coarsen:   f.Coarsen,
		Notice:    l.notice(f.placed, f.Notice, l.policy.Notice),
		Columns:   f.Columns.over(l.policy.Columns),
		Pos:       f.Pos,
		At:        f.At,
	}
	if s.At == nil {
		s.At = map[string]Place{}
	}
	s.At["columns"] = Place{Pos: f.Columns.Pos}
	if !f.has("grounds") && !f.has("classes") {
		l.problem(f.Pos, "a subject needs `grounds`", "")
	}
	if f.has("grounds") && len(f.Grounds) == 0 && !f.has("classes") && !l.blamed(f.At["grounds"].Pos) {
		l.problem(f.At["grounds"].Pos, "`grounds` has no entries", "nothing would justify anybody: name at least one ground")
	}
	if f.has("whenBound") && s.Purge == Anonymize {
		l.problem(f.At["whenBound"].Pos, "`whenBound` is for purge: delete; an anonymised row stays where it is", "")
	}
	ids := map[string]Pos{}
	s.Grounds = l.grounds(table, f.Grounds, path, ids)
	s.Related = l.rules(f.Related)
	if f.has("stages") {
		s.Stages = l.stages(f.Stages, f.At["stages"].Pos)
	}
	if f.has("ask") {
		s.Ask = l.ask(&f.Ask, s.Notice)
	}
	if f.has("classes") {
		l.classes(&s, f, path, ids)
	}
	return s
}

// grounds reads a list of grounds, whose ids are told apart from those that the subject has already.
func (l *loader) grounds(table string, files []fileGround, path string, ids map[string]Pos) (out []Ground) {
	for i := range files {
		g := &files[i]
		if first, ok := ids[g.ID]; ok && g.ID != "" {
			l.problem(g.At["id"].Pos, fmt.Sprintf("two grounds of `%s` have the id `%s`, the other at %s", table, g.ID, first), "the ledger and the reports name grounds by id")
		} else if g.has("id") {
			ids[g.ID] = g.At["id"].Pos
		}
		out = append(out, l.ground(g, path))
	}
	return out
}

func (l *loader) rules(files []fileRelated) (out []RelatedRule) {
	for i := range files {
		out = append(out, l.related(&files[i], i == len(files)-1))
	}
	return out
}

var (
	groundID  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	valueJoin = regexp.MustCompile(`^\s*([^=\s]+)\s*=\s*([^=]+?)\s*$`)
)

func (l *loader) ground(f *fileGround, path string) Ground {
	g := Ground{
		ID: f.ID, Basis: f.Basis, Why: f.Why, Trigger: f.Trigger,
		Table: f.Table, Link: f.Link, Party: f.Party, Where: f.Where, View: f.View,
		After: f.After, Until: f.Until, Keep: f.Keep,
		AtMost: f.AtMost, MissingDate: MissingDate(cmp.Or(f.MissingDate, string(MissingKeeps))),
		MayBeEmpty: f.MayBeEmpty, Rolling: f.Rolling,
		Pos: f.Pos, At: f.At,
	}
	if f.has("id") {
		g.Pos = f.At["id"].Pos
	}
	bad := func(key, message, hint string) { l.problem(f.At[key].Pos, message, hint) }
	if f.ID != "" && (!groundID.MatchString(f.ID) || len(f.ID) > 60) {
		bad("id", fmt.Sprintf("`%s` cannot be the id of a ground", f.ID), "at most 60 of a-z, 0-9 and -, a letter first")
	}
	if len([]rune(f.Trigger)) > 120 {
		bad("trigger", "`trigger` is longer than 120 letters", "it stands in the person's reason, which holds 500")
	}
	whole := ""
	for _, key := range []string{"view", "fetchXml"} {
		if !f.has(key) {
			continue
		}
		if whole != "" {
			bad(key, "a ground has a `view` or `fetchXml`, not both", "make two grounds of it")
		}
		whole = key
		for _, other := range []string{"table", "link", "party", "where", "after", "until", "atMost"} {
			if f.has(other) && (other != "after" || f.After != Lost) {
				bad(other, fmt.Sprintf("`%s` has no meaning beside `%s`", other, key), fmt.Sprintf("the %s says which rows", strings.TrimSuffix(key, "Xml")))
			}
		}
	}
	switch {
	case whole != "":
	case f.has("table"):
		if f.has("link") == f.has("party") {
			l.problem(g.Pos, "a ground on another table needs one of `link` and `party`: how its rows lead to the person", "")
		}
	default:
		for _, key := range []string{"link", "party"} {
			if f.has(key) {
				bad(key, fmt.Sprintf("`%s` without `table` leads from the person to the person", key), "name the `table` that justifies")
			}
		}
		if !f.has("where") && (!f.has("after") || f.After == Lost) && !f.has("until") {
			l.problem(g.Pos, fmt.Sprintf("the ground `%s` holds for everybody, without an end", f.ID), "say which rows, by `table`, `where`, `after`, `until`, `view` or `fetchXml`")
		}
	}
	if f.has("after") && f.has("until") {
		bad("until", "`after` and `until` exclude each other", "`after` is where the period begins, `until` is itself the end")
	}
	if f.has("after") && !f.has("keep") {
		bad("after", "`after` needs `keep`: for how long after that date?", "such as keep: 6 months")
	}
	if f.has("keep") && !f.has("after") && !f.has("until") && whole != "fetchXml" {
		bad("keep", "`keep` needs a date to count from", "add `after` or `until`; without one the ground holds for as long as a row matches")
	}
	l.changed(&g, bad)
	l.dates(f, &g, whole, bad)
	if !f.has("table") && !f.has("where") && whole == "" && !g.UntilChanged() && (f.has("after") && f.After != Lost || f.has("until")) {
		if g.MissingDate == MissingKeeps && f.has("missingDate") && g.InsteadOf == "" {
			bad("missingDate", fmt.Sprintf("the ground `%s` would keep everybody who lacks the date, for ever", f.ID), "say by `where` which of the person's rows it is about")
		}
		g.MissingDate = MissingIgnored // the date itself is what the ground is about
	}
	l.link(f.Link, f.At["link"])
	l.where(f.Where, f.At["where"], g.refusals()...)
	if f.FetchXML != "" {
		g.fetchPath = filepath.Join(filepath.Dir(path), f.FetchXML)
		b, noText, err := l.text(g.fetchPath)
		l.problems = append(l.problems, noText...)
		if err != nil {
			bad("fetchXml", fmt.Sprintf("cannot read %s: %s", f.FetchXML, cause(errors.Unwrap(err))), "paths start at the folder of the file that names them")
		}
		g.FetchXML = string(b)
		l.policy.Sources[g.fetchPath] = strings.Split(g.FetchXML, "\n")
		if err == nil && len(noText) == 0 && strings.TrimSpace(g.FetchXML) == "" {
			bad("fetchXml", f.FetchXML+" is empty", "")
		} else if err == nil && len(noText) == 0 {
			if q, err := fetchxml.Parse(b); err != nil {
				l.problems = append(l.problems, l.policy.NotFetch(err, &g))
			} else {
				l.problems = append(l.problems, l.policy.RefusedFetch(q, &g, f.At["fetchXml"].Pos)...)
			}
		}
	}
	return g
}

// link finds what is wrong with a link by its looks alone.
func (l *loader) link(link string, at Place) {
	if strings.Contains(link, "=") && !valueJoin.MatchString(link) {
		l.problem(at.Pos, fmt.Sprintf("`%s` is not a join by value", link), "column = column of the person, such as msdynmkt_contactpointvalue = emailaddress1")
	}
}

func (l *loader) related(f *fileRelated, last bool) RelatedRule {
	r := RelatedRule{
		Set: f.Set, Table: f.Table, Link: f.Link, Party: f.Party, Behind: f.Behind, Where: f.Where,
		Do: Disposition(f.Do), Erase: f.Erase, Keep: f.Retain, Why: f.Why, EvenIf: EvenIf(f.EvenIf),
		Pos: f.Pos, At: f.At,
	}
	bad := func(key, message, hint string) { l.problem(f.At[key].Pos, message, hint) }
	if f.has("set") {
		l.set(f, bad)
		return r
	}
	r.End = l.end(f, bad)
	for _, key := range []string{"table", "do"} {
		if !f.has(key) {
			l.problem(f.Pos, fmt.Sprintf("a related rule needs `%s`", key), "")
		}
	}
	if f.Table == AnyTable {
		for _, key := range []string{"link", "party", "behind", "where", "erase", "retain", "evenIf"} {
			if f.has(key) {
				bad(key, fmt.Sprintf("`%s` has no meaning for table: '*'", key), "the last rule covers whatever else leads to the person")
			}
		}
		if !last {
			bad("table", "table: '*' is not the last rule", "rules are read in order: those after it would never be reached")
		}
		if f.has("do") && r.Do != Delete && r.Do != "" {
			bad("do", fmt.Sprintf("table: '*' can only be deleted, not `%s`", f.Do), "name the tables that are to be treated otherwise")
		}
		return r
	}
	l.way(f, r.Do, bad)
	if r.Do == Anonymize && f.has("erase") == f.has("retain") {
		bad("do", "do: anonymize needs one of `erase`, the columns that go, and `retain`, those that stay", "")
	}
	for _, key := range []string{"erase", "retain"} {
		if f.has(key) && f.has("do") && r.Do != Anonymize && r.Do != "" && (r.End == nil || r.End.Then != Anonymize) {
			bad(key, fmt.Sprintf("`%s` is for do: anonymize", key), "")
		}
	}
	if f.has("evenIf") && f.has("do") && r.Do != Anonymize && r.Do != "" {
		bad("evenIf", "`evenIf` is for do: anonymize: from a row that is to be deleted the person is taken, and it stays while somebody else on it is justified", "a period of rows whoever they belong to stands in `rows`, at the top of the policy")
	}
	if (r.Do == Retain || r.Do == Leave) && !f.has("why") {
		bad("do", fmt.Sprintf("do: %s needs `why`: the record states why personal data stays", f.Do), "")
	}
	l.link(f.Link, f.At["link"])
	l.where(f.Where, f.At["where"], ofCaller)
	return r
}

// way finds what is wrong with how the rows of a related rule are said to lead to the person.
func (l *loader) way(f *fileRelated, do Disposition, bad func(key, message, hint string)) {
	ways := 0
	for _, key := range []string{"link", "party", "behind"} {
		if f.has(key) {
			ways++
		}
	}
	switch {
	case !f.has("table"):
	case do == Leave && f.has("where"):
		bad("where", "`where` has no meaning for do: leave, whose rows are not read", "leave the whole table or one of its lookups, or say do: keep")
	case do == Leave && ways <= 1:
	case ways != 1:
		l.problem(f.Pos, "a related rule needs one of `link`, `party` and `behind`: how its rows lead to the person", "")
	}
}

// set finds what is wrong with a rule that names a set.
func (l *loader) set(f *fileRelated, bad func(key, message, hint string)) {
	for _, key := range []string{"table", "link", "party", "behind", "where", "do", "erase", "retain", "why", "after", "until", "keep", "yearEnds", "then", "evenIf"} {
		if f.has(key) {
			bad(key, fmt.Sprintf("`%s` has no meaning beside `set`", key), "a rule of your own before the set overrides what it says of a table")
		}
	}
	if SetOf(f.Set) == nil && f.Set != "" {
		var names []string
		for _, s := range Sets() {
			names = append(names, s.Name)
		}
		bad("set", fmt.Sprintf("no set of rules is called `%s`", f.Set), cmp.Or(DidYouMean(f.Set, names), "there are "+strings.Join(names, ", ")))
	}
}
