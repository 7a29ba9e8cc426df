package compile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Records are the rows of a case and what is expected of them, held against the environment's metadata. The error is
// [Problems] where they do not fit.
func Records(ctx context.Context, r dataverse.Reader, f *policy.TestFile, c *policy.TestCase) ([]policy.TestRecord, []policy.TestExpect, error) {
	m := newModel(ctx, r)
	var problems policy.Problems
	bad := func(at policy.Pos, message, hint string) { problems = append(problems, f.Problem(at, message, hint)) }
	var out []policy.TestRecord
	for _, label := range slices.Sorted(maps.Keys(c.Rows)) {
		row := c.Rows[label]
		t := m.get(row.Table)
		if m.err != nil {
			return nil, nil, m.err
		}
		if t == nil {
			bad(row.At["table"].Pos, fmt.Sprintf("unknown table `%s`", row.Table), m.didYouMean(row.Table))
			continue
		}
		record := policy.TestRecord{Label: label, Table: row.Table, ID: policy.TestID(label), Values: map[string]any{}, Pos: row.Pos, At: map[string]policy.Pos{}}
		for _, column := range slices.Sorted(maps.Keys(row.Values)) {
			at := row.At[column].Pos
			a := testColumn(t, column, at, bad)
			if a == nil {
				continue
			}
			v, why, hint := testValue(c, a, row.Values[column])
			if why != "" {
				bad(at, fmt.Sprintf("`%s` of `%s`: %s", column, row.Table, why), hint)
				continue
			}
			record.Values[column], record.At[column] = v, at
		}
		out = append(out, record)
	}
	expect := slices.Clone(c.Expect)
	for i := range expect {
		expect[i].Retained = maps.Clone(expect[i].Retained)
		expected(m, c, &expect[i], bad)
	}
	if m.err != nil {
		return nil, nil, m.err
	}
	if len(problems) > 0 {
		return nil, nil, problems.Sorted([]string{f.Path})
	}
	return out, expect, nil
}

// expected checks the columns that an expectation names, and turns the values that they are to have into those of a record.
func expected(m *model, c *policy.TestCase, x *policy.TestExpect, bad func(at policy.Pos, message, hint string)) {
	row := c.Rows[x.Label]
	t := m.get(row.Table)
	if t == nil {
		return // told of the row
	}
	for _, column := range slices.Sorted(maps.Keys(x.Retained)) {
		at := x.At["retained "+column]
		a := testColumn(t, column, at, bad)
		if a == nil || x.Retained[column] == nil {
			continue
		}
		v, why, hint := testValue(c, a, x.Retained[column])
		if why != "" {
			bad(at, fmt.Sprintf("`%s` of `%s`: %s", column, row.Table, why), hint)
			continue
		}
		if _, list := v.([]any); list {
			bad(at, fmt.Sprintf("`%s` of `%s` are parties, which are rows of their own", column, row.Table), "expect the activity to be kept, freed or deleted")
			continue
		}
		x.Retained[column] = v
	}
	for _, column := range x.Erased {
		testColumn(t, column, x.At["erased "+column], bad)
	}
}

func testColumn(t *table, column string, at policy.Pos, bad func(at policy.Pos, message, hint string)) *dataverse.Attribute {
	a := t.Attributes[column]
	if a == nil {
		bad(at, fmt.Sprintf("unknown column `%s` of `%s`", column, t.LogicalName), cmp.Or(t.didYouMean(column, slices.Collect(maps.Keys(t.Attributes))),
			"a column of the company's own is declared under `columns`"))
	}
	return a
}

// testValue is a column's value, with the labels of other rows looked up.
func testValue(c *policy.TestCase, a *dataverse.Attribute, v any) (value any, why, hint string) {
	refer := func(label string) (policy.TestRef, bool) {
		row := c.Rows[label]
		if row == nil {
			return policy.TestRef{}, false
		}
		return policy.TestRef{Table: row.Table, ID: policy.TestID(label)}, true
	}
	labels := slices.Sorted(maps.Keys(c.Rows))
	switch {
	case isLookup(a):
		label, _ := v.(string)
		to, ok := refer(label)
		if !ok {
			return nil, "a lookup points at another row of the case, by its name", policy.DidYouMean(label, labels)
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
				return nil, "a party is another row of the case, by its name, or an address", policy.DidYouMean(text, labels)
			}
		}
		return parties, "", ""
	}
	if _, list := v.([]any); list {
		return nil, "it takes one value", ""
	}
	why, hint = testOption(a, v)
	return v, why, hint
}
