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

// Records are the rows of a case, held against the environment's metadata. The error is [Problems] where they do not fit.
func Records(ctx context.Context, r dataverse.Reader, f *policy.TestFile, c *policy.TestCase) ([]policy.TestRecord, error) {
	m := newModel(ctx, r)
	var problems policy.Problems
	bad := func(at policy.Pos, message, hint string) { problems = append(problems, f.Problem(at, message, hint)) }
	var out []policy.TestRecord
	for _, label := range slices.Sorted(maps.Keys(c.Rows)) {
		row := c.Rows[label]
		t := m.get(row.Table)
		if m.err != nil {
			return nil, m.err
		}
		if t == nil {
			bad(row.At["table"].Pos, fmt.Sprintf("unknown table `%s`", row.Table), policy.DidYouMean(row.Table, m.names()))
			continue
		}
		record := policy.TestRecord{Label: label, Table: row.Table, ID: policy.TestID(label), Values: map[string]any{}, Pos: row.Pos, At: map[string]policy.Pos{}}
		for _, column := range slices.Sorted(maps.Keys(row.Values)) {
			at := row.At[column].Pos
			a := t.Attributes[column]
			if a == nil {
				bad(at, fmt.Sprintf("unknown column `%s` of `%s`", column, row.Table), cmp.Or(policy.DidYouMean(column, slices.Collect(maps.Keys(t.Attributes))),
					"a column of the company's own is declared under `columns`"))
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
	if len(problems) > 0 {
		return nil, problems.Sorted([]string{f.Path})
	}
	return out, nil
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
	return v, "", ""
}
