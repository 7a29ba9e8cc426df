package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// TestTable is a table that the company has of its own. Its primary name is the publisher's prefix and "_name"; an activity
// has a subject instead.
type TestTable struct {
	Name     string
	Activity bool
	Pos      Pos
}

// Prefix is the publisher's.
func (t TestTable) Prefix() string { return prefixOf(t.Name) }

// TestColumn is a column that the company has of its own.
type TestColumn struct {
	Table, Name string
	Type        string // text, yes-no, number, choice, date, date-time, date-time-independent, lookup
	// To are the tables that a lookup may point at, OnDelete what the delete of such a row does with the one that points:
	// remove-link, restrict or cascade.
	To       []string
	OnDelete string
	Required bool
	Options  []TestOption // of a choice
	Pos      Pos
	At       map[string]Pos
}

// Prefix is the publisher's.
func (c TestColumn) Prefix() string { return prefixOf(c.Name) }

func prefixOf(name string) string {
	prefix, _, _ := strings.Cut(name, "_")
	return prefix
}

// TestOption is a value of a choice.
type TestOption struct {
	Value int
	Label string
}

type (
	fileTestTable struct {
		placed   `yaml:"-"`
		Name     string `yaml:"name" jsonschema:"required"`
		Activity bool   `yaml:"activity"`
	}
	fileTestColumn struct {
		placed   `yaml:"-"`
		Table    string      `yaml:"table" jsonschema:"required"`
		Name     string      `yaml:"name" jsonschema:"required"`
		Type     string      `yaml:"type" jsonschema:"required,enum=text,enum=yes-no,enum=number,enum=choice,enum=date,enum=date-time,enum=date-time-independent,enum=lookup"`
		To       testTargets `yaml:"to"`
		OnDelete string      `yaml:"onDelete" jsonschema:"enum=remove-link,enum=restrict,enum=cascade"`
		Required bool        `yaml:"required"`
		Options  testOptions `yaml:"options"`
	}
)

func (fileTestTable) kind() string  { return "a table" }
func (fileTestColumn) kind() string { return "a column" }

// testTargets are tables: one, or a list of them.
type testTargets []string

// readNode reads the tables that a lookup may point at.
func (t *testTargets) readNode(r *strictReader, key string, n ast.Node) {
	v, ok := r.plain(n)
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	for _, item := range list {
		name, text := item.(string)
		if !ok || !text || name == "" {
			r.problem(r.pos(n), fmt.Sprintf("`%s` is a table, or a list of them", key), "such as to: contact, or to: [contact, account]")
			return
		}
		*t = append(*t, name)
	}
}

// testOptions are the values of a choice, with their labels.
type testOptions []TestOption

// readNode reads a choice's values.
func (o *testOptions) readNode(r *strictReader, key string, n ast.Node) {
	values, ok := pairs(n)
	if !ok {
		r.problem(r.pos(n), fmt.Sprintf("`%s` is numbers and their labels, not %s", key, typeName(n)), "such as options: {1: Gold, 2: Silver}")
		return
	}
	for _, pair := range values {
		var number *ast.IntegerNode
		if k, ok := pair.Key.(*ast.IntegerNode); ok {
			number = k
		}
		value, ok := integer(number)
		label, text := r.plain(pair.Value)
		name, _ := label.(string)
		switch {
		case !ok || value < 0 || value > 1<<31-1:
			r.problem(r.pos(pair), fmt.Sprintf("`%s` is no number of an option", pair.Key.GetToken().Value), "such as options: {1: Gold, 2: Silver}")
		case !text || name == "":
			r.problem(r.pos(pair.Value), fmt.Sprintf("the option %d needs a label", value), "")
		case slices.ContainsFunc(*o, func(x TestOption) bool { return x.Value == int(value) }):
			r.problem(r.pos(pair), fmt.Sprintf("the option %d stands twice", value), "")
		default:
			*o = append(*o, TestOption{int(value), name})
		}
	}
}

// testSchema checks the company's own tables and columns by themselves.
func (l *loader) testSchema(t *TestFile, file *fileTests) {
	own := func(at Pos, what, name, example string) {
		if !strings.Contains(name, "_") && name != "" {
			l.problem(at, fmt.Sprintf("`%s` is no %s of a company's own", name, what), "its name begins with the publisher's prefix, such as "+example)
		}
		if name != strings.ToLower(name) {
			l.problem(at, fmt.Sprintf("`%s` is no logical name", name), "did you mean `"+strings.ToLower(name)+"`?")
		}
	}
	for i := range file.Tables {
		f := &file.Tables[i]
		own(f.At["name"].Pos, "table", f.Name, "nord_membership")
		if slices.ContainsFunc(t.Tables, func(o TestTable) bool { return o.Name == f.Name && f.Name != "" }) {
			l.problem(f.At["name"].Pos, fmt.Sprintf("the table `%s` stands twice", f.Name), "")
		}
		t.Tables = append(t.Tables, TestTable{Name: f.Name, Activity: f.Activity, Pos: f.Pos})
	}
	for i := range file.Columns {
		f := &file.Columns[i]
		own(f.At["name"].Pos, "column", f.Name, "nord_followupon")
		c := TestColumn{Table: f.Table, Name: f.Name, Type: f.Type, To: f.To, OnDelete: f.OnDelete, Required: f.Required, Options: f.Options, Pos: f.Pos, At: map[string]Pos{}}
		for key, p := range f.At {
			c.At[key] = p.Pos
		}
		if slices.ContainsFunc(t.Columns, func(o TestColumn) bool { return o.Table == c.Table && o.Name == c.Name && c.Name != "" }) {
			l.problem(c.At["name"], fmt.Sprintf("the column `%s` of `%s` stands twice", c.Name, c.Table), "")
		}
		if c.Type == "lookup" && !f.has("to") {
			l.problem(c.Pos, "a lookup needs `to`", "the table that it points at, such as to: contact")
		}
		for _, key := range []string{"to", "onDelete"} {
			if f.has(key) && c.Type != "lookup" && c.Type != "" {
				l.problem(c.At[key], fmt.Sprintf("`%s` is of a lookup, and `%s` is a %s", key, c.Name, c.Type), "")
			}
		}
		if f.has("options") && c.Type != "choice" && c.Type != "" {
			l.problem(c.At["options"], fmt.Sprintf("`options` are those of a choice, and `%s` is a %s", c.Name, c.Type), "")
		}
		t.Columns = append(t.Columns, c)
	}
}
