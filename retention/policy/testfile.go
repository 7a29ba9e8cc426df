package policy

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// TestFile is a company's own tests of its policy: persons and rows, a day, and the verdict expected. [LoadTests] reads
// one; package policytest runs it.
type TestFile struct {
	Policy string // path of the policy file; empty: the file does not say
	// Schema is a snapshot whose definitions the CRM of every case has; empty: what every environment has.
	Schema   string
	SchemaAt Pos
	Tables   []TestTable
	Columns  []TestColumn
	Cases    []TestCase

	rows    map[string]*testRow
	sources map[string][]string
	Path    string
}

// TestCase is one case.
type TestCase struct {
	Name  string
	Today retention.Date
	// LedgerLost says that the ledger knows nothing; otherwise it proves the dates that stand on the rows.
	LedgerLost bool
	// Lost are the days on which the ledger saw a row lose a ground, for grounds that go on after that.
	Lost []TestLoss
	// Changed are the days on which the audit history has the change that a ground counts from: of a row that matches, or of a person
	// whom a change took the ground from.
	Changed []TestLoss
	// Asked are the days on which persons were asked before their purge.
	Asked  []TestAsked
	Expect []TestExpect // in the order of the file
	Pos    Pos

	Rows map[string]*testRow // of the later days as well
	// Later are days after Today, in their order: each is judged by what the nights before it have left.
	Later []TestDay
}

// TestDay is a later day of a case.
type TestDay struct {
	Today  retention.Date
	New    []string // rows that have come since the day before
	Expect []TestExpect
	Pos    Pos
}

// TestRecord is a row of a case, held against the metadata.
type TestRecord struct {
	Label, Table string
	ID           uuid.UUID
	Values       map[string]any // by logical name: string, int64, float64, bool, TestRef, or for parties []any of strings and TestRefs
	Pos          Pos
	At           map[string]Pos // of its columns
}

// TestRef is a lookup's value.
type TestRef struct {
	Table string
	ID    uuid.UUID
}

// The types below are a test file as it is written.
type (
	fileTests struct {
		placed  `yaml:"-"`
		Policy  string              `yaml:"policy"`
		Schema  string              `yaml:"schema"`
		Today   string              `yaml:"today"`
		Tables  []fileTestTable     `yaml:"tables"`
		Columns []fileTestColumn    `yaml:"columns"`
		Rows    map[string]*testRow `yaml:"rows"`
		Cases   []fileTestCase      `yaml:"cases" jsonschema:"required"`
	}
	fileTestCase struct {
		placed `yaml:"-"`
		Name   string                 `yaml:"name" jsonschema:"required"`
		Today  string                 `yaml:"today"`
		Ledger string                 `yaml:"ledger" jsonschema:"enum=whole,enum=lost"`
		Lost   map[string]*testValues `yaml:"lost"`
		// Changed is by row and ground, as Lost is.
		Changed map[string]*testValues `yaml:"changed"`
		Asked   testValues             `yaml:"asked"`
		Rows    map[string]*testRow    `yaml:"rows" jsonschema:"required"`
		Expect  map[string]*testExpect `yaml:"expect" jsonschema:"required"`
		Later   []fileTestDay          `yaml:"later"`
	}
	fileTestDay struct {
		placed `yaml:"-"`
		Today  string                 `yaml:"today" jsonschema:"required"`
		Rows   map[string]*testRow    `yaml:"rows"`
		Expect map[string]*testExpect `yaml:"expect" jsonschema:"required"`
	}
)

func (fileTests) kind() string    { return "a file of tests" }
func (fileTestCase) kind() string { return "a case" }
func (fileTestDay) kind() string  { return "a later day" }

// testRow is a row: its table and whatever columns it has.
type testRow struct {
	placed
	Table  string
	Values map[string]any
}

// LoadTests reads a file of tests. The error is [Problems] where the file is wrong.
func LoadTests(path string) (*TestFile, error) {
	l := &loader{policy: &Policy{Sources: map[string][]string{}}}
	var file fileTests
	if err := l.readPlain(path, &file); err != nil {
		return nil, err
	}
	t := &TestFile{rows: file.Rows, sources: l.policy.Sources, Path: path}
	if file.Policy != "" {
		t.Policy = filepath.Join(filepath.Dir(path), file.Policy)
	}
	if file.Schema != "" {
		t.Schema, t.SchemaAt = filepath.Join(filepath.Dir(path), file.Schema), file.At["schema"].Pos
	}
	l.testSchema(t, &file)
	names := map[string]bool{}
	for i := range file.Cases {
		c := &file.Cases[i]
		if names[c.Name] && c.Name != "" {
			l.problem(c.At["name"].Pos, fmt.Sprintf("two cases have the name `%s`", c.Name), "")
		}
		names[c.Name] = true
		t.Cases = append(t.Cases, l.testCase(c, &file))
	}
	if file.has("cases") && len(file.Cases) == 0 && len(l.problems) == 0 {
		l.problem(file.At["cases"].Pos, "`cases` has no entries", "a case has a name, rows, and what is expected of them")
	}
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted([]string{path})
	}
	return t, nil
}

func (l *loader) testCase(f *fileTestCase, file *fileTests) TestCase {
	c := TestCase{Name: f.Name, LedgerLost: f.Ledger == "lost", Pos: f.Pos, Rows: map[string]*testRow{}}
	text, at := f.Today, f.At["today"].Pos
	if text == "" {
		text, at = file.Today, file.At["today"].Pos
	}
	var err error
	switch c.Today, err = retention.ParseDate(text); {
	case text == "" && !l.blamed(f.Pos):
		l.problem(f.Pos, "no `today`: on which day is the policy to judge?", "say it in the case, or for all cases at the top of the file")
	case text != "" && err != nil && !l.blamed(at):
		l.problem(at, err.Error(), "")
	}
	maps.Copy(c.Rows, file.Rows)
	for label, row := range f.Rows {
		if file.Rows[label] != nil {
			l.problem(row.Pos, fmt.Sprintf("`%s` is a row of all cases already, at %s", label, file.Rows[label].Pos), "give it another name")
		}
		c.Rows[label] = row
	}
	c.Expect = l.testExpects(&c, f.Expect)
	l.testLosses(&c, f.Lost, f.Changed)
	l.testAsked(&c, &f.Asked)
	if f.has("expect") && len(c.Expect) == 0 && !l.blamed(f.At["expect"].Pos) {
		l.problem(f.At["expect"].Pos, "the case expects nothing", "")
	}
	for i := range f.Later {
		l.testDay(&c, &f.Later[i])
	}
	return c
}

// testDay reads a later day of a case.
func (l *loader) testDay(c *TestCase, f *fileTestDay) {
	d, before := TestDay{Pos: f.Pos}, c.Today
	if n := len(c.Later); n > 0 {
		before = c.Later[n-1].Today
	}
	var err error
	switch d.Today, err = retention.ParseDate(f.Today); {
	case f.Today == "" || l.blamed(f.At["today"].Pos):
	case err != nil:
		l.problem(f.At["today"].Pos, err.Error(), "")
	case d.Today <= before && before != 0:
		l.problem(f.At["today"].Pos, fmt.Sprintf("%s is no later than the day before it, %s", d.Today, before), "the days of a case stand in their order")
	}
	for label, row := range f.Rows {
		if known := c.Rows[label]; known != nil {
			l.problem(row.Pos, fmt.Sprintf("`%s` is a row already, at %s", label, known.Pos), "a later day can add rows, under other names")
			continue
		}
		c.Rows[label] = row
		d.New = append(d.New, label)
	}
	slices.Sort(d.New)
	d.Expect = l.testExpects(c, f.Expect)
	if f.has("expect") && len(d.Expect) == 0 && !l.blamed(f.At["expect"].Pos) {
		l.problem(f.At["expect"].Pos, "the day expects nothing", "")
	}
	c.Later = append(c.Later, d)
}

// testExpects checks what is expected on a day, in the order of the file.
func (l *loader) testExpects(c *TestCase, all map[string]*testExpect) (out []TestExpect) {
	for label, e := range all {
		out = append(out, l.testExpect(c, label, e))
	}
	slices.SortFunc(out, func(a, b TestExpect) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return out
}

// readPlain reads a file that is no part of the policy.
func (l *loader) readPlain(path string, v any) error {
	b, noText, err := readText(path)
	if err != nil {
		return fmt.Errorf("read the tests: %w", err)
	}
	l.policy.Sources[path] = strings.Split(string(b), "\n")
	if len(noText) > 0 {
		l.problems = append(l.problems, noText...)
		return nil
	}
	l.problems = append(l.problems, readStrict(path, b, v)...)
	return nil
}

// readNode reads a row.
func (t *testRow) readNode(r *strictReader, key string, n ast.Node) {
	t.Pos, t.At = r.pos(n), map[string]Place{}
	what := "the row `" + key + "`"
	if t.Values = r.columns(what, &t.placed, n, false); t.Values == nil {
		return
	}
	t.Table, _ = t.Values["table"].(string)
	delete(t.Values, "table")
	if t.Table == "" {
		r.problem(t.Pos, what+" does not say its `table`", "such as table: contact")
	}
}

// columns reads columns and their values, none where they are something else. A column without a value is left out, or is nil
// where that says something.
func (r *strictReader) columns(what string, at *placed, n ast.Node, empty bool) map[string]any {
	if n = r.resolve(n); n == nil {
		return nil
	}
	list, ok := pairs(n)
	if !ok {
		r.problem(at.Pos, fmt.Sprintf("%s is columns and their values, not %s", what, typeName(n)), "")
		return nil
	}
	values := map[string]any{}
	for _, pair := range list {
		column := pair.Key.GetToken().Value
		if at.has(column) {
			r.problem(r.pos(pair), fmt.Sprintf("`%s` stands twice in %s", column, what), "")
			continue
		}
		at.At[column] = Place{Pos: r.pos(pair.Value)}
		v, ok := r.plain(pair.Value)
		switch {
		case !ok:
			r.problem(r.pos(pair.Value), fmt.Sprintf("`%s` cannot be %s", column, typeName(pair.Value)), "")
		case v != nil || empty:
			values[column] = v
		}
	}
	return values
}

// plain is a scalar or a list of them.
func (r *strictReader) plain(n ast.Node) (any, bool) {
	n = r.resolve(n)
	switch n := n.(type) {
	case *ast.NullNode:
		return nil, true
	case *ast.StringNode, *ast.LiteralNode:
		return strings.TrimSpace(scalarText(n)), true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode:
		return integer(n)
	case *ast.FloatNode:
		return n.Value, true
	case *ast.SequenceNode:
		list := []any{}
		for _, item := range n.Values {
			v, ok := r.plain(item)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		return list, true
	}
	return nil, false
}

// TestID is the id of a row: the same label always has the same.
func TestID(label string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("gallra policy test "+label))
}

// Problem is a problem of the file, with its line of source.
func (f *TestFile) Problem(at Pos, message, hint string) Problem {
	return (&Policy{Sources: f.sources}).Problem(at, message, hint)
}
