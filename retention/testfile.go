package retention

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// TestFile is a company's own tests of its policy: persons and rows, a day, and the verdict expected. [LoadTests] reads
// one; package policytest runs it.
type TestFile struct {
	Policy  string // path of the policy file; empty: the file does not say
	Columns []TestColumn
	Cases   []TestCase

	rows    map[string]*testRow
	sources map[string][]string
	path    string
}

// TestColumn is a column that the company has of its own.
type TestColumn struct {
	Table, Name string
	Type        string // text, yes-no, number, choice, date, date-time, date-time-independent
	Pos         Pos
}

// TestCase is one case.
type TestCase struct {
	Name  string
	Today Date
	// LedgerLost says that the ledger knows nothing; otherwise it proves the dates that stand on the rows.
	LedgerLost bool
	Expect     []TestExpect // in the order of the file
	Pos        Pos

	rows map[string]*testRow
}

// TestExpect is what is expected of a person. What is not said is not looked at.
type TestExpect struct {
	Label  string
	Action string // an action, or none: the row is not judged
	// RetainUntil and PurgeOn are dates, open, or none.
	RetainUntil, PurgeOn string
	Ground               string // an id, manual-extension, or none
	Reason               string // a part of it
	Pos                  Pos
	At                   map[string]Pos // of the single expectations
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
		Today   string              `yaml:"today"`
		Columns []fileTestColumn    `yaml:"columns"`
		Rows    map[string]*testRow `yaml:"rows"`
		Cases   []fileTestCase      `yaml:"cases" jsonschema:"required"`
	}
	fileTestColumn struct {
		placed `yaml:"-"`
		Table  string `yaml:"table" jsonschema:"required"`
		Name   string `yaml:"name" jsonschema:"required"`
		Type   string `yaml:"type" jsonschema:"required,enum=text,enum=yes-no,enum=number,enum=choice,enum=date,enum=date-time,enum=date-time-independent"`
	}
	fileTestCase struct {
		placed `yaml:"-"`
		Name   string                 `yaml:"name" jsonschema:"required"`
		Today  string                 `yaml:"today"`
		Ledger string                 `yaml:"ledger" jsonschema:"enum=whole,enum=lost"`
		Rows   map[string]*testRow    `yaml:"rows" jsonschema:"required"`
		Expect map[string]*testExpect `yaml:"expect" jsonschema:"required"`
	}
	fileExpect struct {
		placed      `yaml:"-"`
		Action      string `yaml:"action" jsonschema:"required,enum=keep,enum=schedule,enum=move,enum=clear,enum=wait,enum=hold,enum=purge,enum=none"`
		RetainUntil string `yaml:"retainUntil"`
		PurgeOn     string `yaml:"purgeOn"`
		Ground      string `yaml:"ground"`
		Reason      string `yaml:"reason"`
	}
)

func (fileTests) kind() string      { return "a file of tests" }
func (fileTestColumn) kind() string { return "a column" }
func (fileTestCase) kind() string   { return "a case" }
func (fileExpect) kind() string     { return "an expectation" }

// testRow is a row: its table and whatever columns it has.
type testRow struct {
	placed
	table  string
	values map[string]any
}

// testExpect is an action alone, or a mapping.
type testExpect struct {
	placed
	fileExpect
}

func (e *testExpect) places() *placed { return &e.placed }

// LoadTests reads a file of tests. The error is [Problems] where the file is wrong.
func LoadTests(path string) (*TestFile, error) {
	l := &loader{policy: &Policy{sources: map[string][]string{}}}
	var file fileTests
	if err := l.readPlain(path, &file); err != nil {
		return nil, err
	}
	t := &TestFile{rows: file.Rows, sources: l.policy.sources, path: path}
	if file.Policy != "" {
		t.Policy = filepath.Join(filepath.Dir(path), file.Policy)
	}
	for i := range file.Columns {
		c := &file.Columns[i]
		if !strings.Contains(c.Name, "_") && c.Name != "" {
			l.problem(c.at["name"].Pos, fmt.Sprintf("`%s` is no column of a company's own", c.Name), "its name begins with the publisher's prefix, such as nord_followupon")
		}
		t.Columns = append(t.Columns, TestColumn{Table: c.Table, Name: c.Name, Type: c.Type, Pos: c.pos})
	}
	names := map[string]bool{}
	for i := range file.Cases {
		c := &file.Cases[i]
		if names[c.Name] && c.Name != "" {
			l.problem(c.at["name"].Pos, fmt.Sprintf("two cases have the name `%s`", c.Name), "")
		}
		names[c.Name] = true
		t.Cases = append(t.Cases, l.testCase(c, &file))
	}
	if file.has("cases") && len(file.Cases) == 0 && len(l.problems) == 0 {
		l.problem(file.at["cases"].Pos, "`cases` has no entries", "a case has a name, rows, and what is expected of the persons among them")
	}
	if len(l.problems) > 0 {
		return nil, l.problems.sorted([]string{path})
	}
	return t, nil
}

func (l *loader) testCase(f *fileTestCase, file *fileTests) TestCase {
	c := TestCase{Name: f.Name, LedgerLost: f.Ledger == "lost", Pos: f.pos, rows: map[string]*testRow{}}
	text, at := f.Today, f.at["today"].Pos
	if text == "" {
		text, at = file.Today, file.at["today"].Pos
	}
	var err error
	switch c.Today, err = ParseDate(text); {
	case text == "" && !l.blamed(f.pos):
		l.problem(f.pos, "no `today`: on which day is the policy to judge?", "say it in the case, or for all cases at the top of the file")
	case text != "" && err != nil && !l.blamed(at):
		l.problem(at, err.Error(), "")
	}
	maps.Copy(c.rows, file.Rows)
	for label, row := range f.Rows {
		if file.Rows[label] != nil {
			l.problem(row.pos, fmt.Sprintf("`%s` is a row of all cases already, at %s", label, file.Rows[label].pos), "give it another name")
		}
		c.rows[label] = row
	}
	for label, e := range f.Expect {
		x := TestExpect{Label: label, Action: e.Action, RetainUntil: e.RetainUntil, PurgeOn: e.PurgeOn, Ground: e.Ground, Reason: e.Reason, Pos: e.placed.pos, At: map[string]Pos{}}
		for key, p := range e.fileExpect.at {
			x.At[key] = p.Pos
		}
		if c.rows[label] == nil {
			l.problem(x.Pos, fmt.Sprintf("the case has no row `%s`", label), didYouMean(label, slices.Sorted(maps.Keys(c.rows))))
		}
		for key, text := range map[string]string{"retainUntil": e.RetainUntil, "purgeOn": e.PurgeOn} {
			if _, err := ParseDate(text); err != nil && text != "" && text != "none" && (text != "open" || key == "purgeOn") {
				l.problem(x.At[key], fmt.Sprintf("`%s`: %v", key, err), "or none, where there is no date")
			}
		}
		c.Expect = append(c.Expect, x)
	}
	slices.SortFunc(c.Expect, func(a, b TestExpect) int { return cmp.Compare(a.Pos.Line, b.Pos.Line) })
	if f.has("expect") && len(c.Expect) == 0 && !l.blamed(f.at["expect"].Pos) {
		l.problem(f.at["expect"].Pos, "the case expects nothing", "")
	}
	return c
}

// readPlain reads a file that is no part of the policy.
func (l *loader) readPlain(path string, v any) error {
	b, noText, err := readText(path)
	if err != nil {
		return fmt.Errorf("read the tests: %w", err)
	}
	l.policy.sources[path] = strings.Split(string(b), "\n")
	if len(noText) > 0 {
		l.problems = append(l.problems, noText...)
		return nil
	}
	l.problems = append(l.problems, readStrict(path, b, v)...)
	return nil
}

// readNode reads a row.
func (t *testRow) readNode(r *strictReader, key string, n ast.Node) {
	t.pos, t.at, t.values = r.pos(n), map[string]place{}, map[string]any{}
	if n = r.resolve(n); n == nil {
		return
	}
	values, ok := pairs(n)
	if !ok {
		r.problem(t.pos, fmt.Sprintf("the row `%s` is columns and their values, not %s", key, typeName(n)), "")
		return
	}
	for _, pair := range values {
		column := pair.Key.GetToken().Value
		if t.has(column) {
			r.problem(r.pos(pair), fmt.Sprintf("`%s` stands twice in the row `%s`", column, key), "")
			continue
		}
		t.at[column] = place{Pos: r.pos(pair.Value)}
		v, ok := r.plain(pair.Value)
		switch {
		case !ok:
			r.problem(r.pos(pair.Value), fmt.Sprintf("`%s` cannot be %s", column, typeName(pair.Value)), "")
		case column == "table":
			t.table, _ = v.(string)
		case v != nil:
			t.values[column] = v
		}
	}
	if t.table == "" {
		r.problem(t.pos, fmt.Sprintf("the row `%s` does not say its `table`", key), "such as table: contact")
	}
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

// readNode reads an expectation.
func (e *testExpect) readNode(r *strictReader, key string, n ast.Node) {
	e.placed = placed{pos: r.pos(n), at: map[string]place{}}
	if n = r.resolve(n); n == nil {
		return
	}
	if _, ok := pairs(n); ok {
		r.value(key, n, reflect.ValueOf(&e.fileExpect).Elem(), "")
		return
	}
	field, _ := reflect.TypeFor[fileExpect]().FieldByName("Action")
	at := r.value("action", n, reflect.ValueOf(&e.Action).Elem(), field.Tag.Get("jsonschema"))
	e.fileExpect.at = map[string]place{"action": at}
}

// Records are the rows of a case, held against the environment's metadata. The error is [Problems] where they do not fit.
func (f *TestFile) Records(ctx context.Context, r dataverse.Reader, c *TestCase) ([]TestRecord, error) {
	m := newModel(ctx, r)
	var problems Problems
	bad := func(at Pos, message, hint string) { problems = append(problems, f.Problem(at, message, hint)) }
	var out []TestRecord
	for _, label := range slices.Sorted(maps.Keys(c.rows)) {
		row := c.rows[label]
		t := m.get(row.table)
		if m.err != nil {
			return nil, m.err
		}
		if t == nil {
			bad(row.at["table"].Pos, fmt.Sprintf("unknown table `%s`", row.table), didYouMean(row.table, m.names()))
			continue
		}
		record := TestRecord{Label: label, Table: row.table, ID: testID(label), Values: map[string]any{}, Pos: row.pos, At: map[string]Pos{}}
		for _, column := range slices.Sorted(maps.Keys(row.values)) {
			at := row.at[column].Pos
			a := t.Attributes[column]
			if a == nil {
				bad(at, fmt.Sprintf("unknown column `%s` of `%s`", column, row.table), cmp.Or(didYouMean(column, slices.Collect(maps.Keys(t.Attributes))),
					"a column of the company's own is declared under `columns`"))
				continue
			}
			v, why, hint := c.testValue(a, row.values[column])
			if why != "" {
				bad(at, fmt.Sprintf("`%s` of `%s`: %s", column, row.table, why), hint)
				continue
			}
			record.Values[column], record.At[column] = v, at
		}
		out = append(out, record)
	}
	if len(problems) > 0 {
		return nil, problems.sorted([]string{f.path})
	}
	return out, nil
}

// testValue is a column's value, with the labels of other rows looked up.
func (c *TestCase) testValue(a *dataverse.Attribute, v any) (value any, why, hint string) {
	refer := func(label string) (TestRef, bool) {
		row := c.rows[label]
		if row == nil {
			return TestRef{}, false
		}
		return TestRef{row.table, testID(label)}, true
	}
	labels := slices.Sorted(maps.Keys(c.rows))
	switch {
	case isLookup(a):
		label, _ := v.(string)
		to, ok := refer(label)
		if !ok {
			return nil, "a lookup points at another row of the case, by its name", didYouMean(label, labels)
		}
		if len(a.Targets) > 0 && !slices.Contains(a.Targets, to.Table) {
			return nil, fmt.Sprintf("it points at %s, and `%s` is a `%s`", strings.Join(a.Targets, ", "), label, to.Table), ""
		}
		return to, "", ""
	case a.Type == "PartyList":
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		var parties []any
		for _, item := range list {
			text, _ := item.(string)
			to, ok := refer(text)
			switch {
			case ok:
				parties = append(parties, to)
			case strings.Contains(text, "@"):
				parties = append(parties, text)
			default:
				return nil, "a party is another row of the case, by its name, or an address", didYouMean(text, labels)
			}
		}
		return parties, "", ""
	}
	if _, list := v.([]any); list {
		return nil, "it takes one value", ""
	}
	return v, "", ""
}

// testID is the id of a row: the same label always has the same.
func testID(label string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("gallra policy test "+label))
}

// Problem is a problem of the file, with its line of source.
func (f *TestFile) Problem(at Pos, message, hint string) Problem {
	return (&Policy{sources: f.sources}).problem(at, message, hint)
}
