package messages

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// criteria is the part of a QueryExpression's filter that the emulator's jobs know: and, or, and comparisons of a
// column with values. What it does not know it refuses by name, never treats as true.
type criteria struct {
	or         bool
	conditions []jobCondition
	filters    []*criteria
}

type jobCondition struct {
	column   string
	operator string
	values   []any
}

// jobOperators are the condition operators by name with those of FetchXML, and how many values they take (-1: any).
var jobOperators = map[string]struct {
	fetch  string
	values int
}{
	"Equal": {"eq", 1}, "NotEqual": {"ne", 1}, "In": {"in", -1}, "NotIn": {"not-in", -1}, "Null": {"null", 0},
	"NotNull": {"not-null", 0}, "GreaterThan": {"gt", 1}, "GreaterEqual": {"ge", 1}, "LessThan": {"lt", 1},
	"LessEqual": {"le", 1},
}

// readQuerySet reads the queries of a job. Page: delete-data-bulk.
func readQuerySet(w *platform.Writer, v any) ([]*bulkQuery, error) {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil, wire.BadArgument("The QuerySet of BulkDelete cannot be empty.")
	}
	var out []*bulkQuery
	for _, v := range list {
		q, ok := v.(map[string]any)
		if !ok {
			return nil, wire.BadArgument("The QuerySet of BulkDelete must hold QueryExpressions.")
		}
		name, _ := q["EntityName"].(string)
		t := w.Schema.Tables[name]
		if t == nil {
			return nil, wire.NoTable(400, "0x80041102", name)
		}
		if err := deletable(t); err != nil {
			return nil, err
		}
		if err := w.CheckRight("Delete", t, nil); err != nil {
			return nil, err
		}
		if kind, _ := q["@odata.type"].(string); kind != "" && !strings.HasSuffix(kind, "QueryExpression") {
			return nil, wire.NotEmulated(w.Engine, "BulkDelete with "+kind)
		}
		source, _ := q["DataSource"].(string)
		if source != "" && source != "retained" {
			return nil, wire.NotEmulated(w.Engine, "BulkDelete with DataSource "+source)
		}
		if links, _ := q["LinkEntities"].([]any); len(links) > 0 {
			return nil, wire.NotEmulated(w.Engine, "BulkDelete with LinkEntities")
		}
		if q["TopCount"] != nil {
			return nil, wire.NotEmulated(w.Engine, "BulkDelete with TopCount")
		}
		where, err := readCriteria(w, t, q["Criteria"])
		if err != nil {
			return nil, err
		}
		out = append(out, &bulkQuery{t.Name, where, source == "retained"})
	}
	return out, nil
}

func readCriteria(w *platform.Writer, t *schema.Table, v any) (*criteria, error) {
	c := &criteria{}
	if v == nil {
		return c, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wire.BadArgument("The Criteria of a QueryExpression must be a FilterExpression.")
	}
	switch m["FilterOperator"] {
	case nil, "And":
	case "Or":
		c.or = true
	default:
		return nil, wire.BadArgument("The FilterOperator must be 'And' or 'Or'.")
	}
	conditions, _ := m["Conditions"].([]any)
	for _, v := range conditions {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wire.BadArgument("A condition of a QueryExpression must be a ConditionExpression.")
		}
		condition, err := readCondition(w, t, m)
		if err != nil {
			return nil, err
		}
		c.conditions = append(c.conditions, condition)
	}
	filters, _ := m["Filters"].([]any)
	for _, v := range filters {
		f, err := readCriteria(w, t, v)
		if err != nil {
			return nil, err
		}
		c.filters = append(c.filters, f)
	}
	return c, nil
}

func readCondition(w *platform.Writer, t *schema.Table, m map[string]any) (jobCondition, error) {
	out := jobCondition{}
	out.column, _ = m["AttributeName"].(string)
	c := t.Column(out.column)
	if c == nil {
		return out, wire.NewError(400, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, out.column)
	}
	out.operator, _ = m["Operator"].(string)
	operator, known := jobOperators[out.operator]
	if !known {
		return out, wire.NotEmulated(w.Engine, "BulkDelete with the operator "+out.operator)
	}
	list, _ := m["Values"].([]any)
	if operator.values >= 0 && len(list) != operator.values || operator.values < 0 && len(list) == 0 {
		return out, wire.BadArgument("The condition operator '%s' takes another number of values.", out.operator)
	}
	for _, v := range list {
		if o, ok := v.(map[string]any); ok {
			v = o["Value"]
		}
		value, err := conditionValue(t, c, v)
		if err != nil {
			return out, err
		}
		out.values = append(out.values, value)
	}
	return out, nil
}

// conditionValue reads a value of a condition, which is a text for any type, as the column's.
func conditionValue(t *schema.Table, c *schema.Column, v any) (any, error) {
	s, isText := v.(string)
	switch {
	case v == nil:
		return nil, wire.BadArgument("A condition on '%s' has no value.", c.Name)
	case c.Kind == schema.KindLookup && isText:
		id, err := uuid.Parse(s)
		if err != nil {
			return nil, wire.WrongType(t, c, v, "")
		}
		return id, nil
	case isText && (c.Kind == schema.KindPicklist || c.Kind == schema.KindState || c.Kind == schema.KindStatus || c.Kind == schema.KindInteger ||
		c.Kind == schema.KindBigInt || c.Kind == schema.KindDecimal || c.Kind == schema.KindDouble || c.Kind == schema.KindMoney):
		return wire.ParseValue(t, &schema.Column{Name: c.Name, Precision: c.Precision, Kind: c.Kind}, json.Number(s))
	case isText && c.Kind == schema.KindBoolean:
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return nil, wire.WrongType(t, c, v, "")
		}
		return b, nil
	case isText && c.Kind == schema.KindGUID:
		return wire.ParseValue(t, c, strings.Trim(s, "{}"))
	}
	return wire.ParseValue(t, c, v)
}

// rows calls fn for the rows that the criteria let through. Where the first thing asked for is the key or an indexed
// lookup, only those rows are looked at.
func (c *criteria) rows(from *store.Rows, t *schema.Table, fn func(*store.Row)) {
	visit := func(r *store.Row) bool {
		if r != nil && c.match(t, r) {
			fn(r)
		}
		return true
	}
	if !c.or {
		for _, x := range c.conditions {
			if x.operator != "Equal" && x.operator != "In" {
				continue
			}
			col := t.Column(x.column)
			indexed := slices.Contains(t.Indexed, col.Index)
			if col.Name != t.ID && !indexed {
				continue
			}
			for _, v := range x.values {
				id, _ := v.(uuid.UUID)
				if col.Name == t.ID {
					visit(from.Get(id))
				} else {
					from.Pointing(col.Index, id, visit)
				}
			}
			return
		}
	}
	from.Scan(uuid.Nil, visit)
}

func (c *criteria) match(t *schema.Table, r *store.Row) bool {
	if len(c.conditions)+len(c.filters) == 0 {
		return true
	}
	for _, x := range c.conditions {
		if x.match(t, r) == c.or {
			return c.or
		}
	}
	for _, f := range c.filters {
		if f.match(t, r) == c.or {
			return c.or
		}
	}
	return !c.or
}

func (x jobCondition) match(t *schema.Table, r *store.Row) bool {
	v := store.Value(t, r, x.column)
	if to, ok := v.(store.Ref); ok {
		v = to.ID
	}
	switch x.operator {
	case "Null":
		return v == nil
	case "NotNull":
		return v != nil
	case "In":
		return slices.ContainsFunc(x.values, func(w any) bool { return store.EqualKeyValue(v, w) })
	case "NotIn":
		return v != nil && !slices.ContainsFunc(x.values, func(w any) bool { return store.EqualKeyValue(v, w) })
	case "Equal":
		return store.EqualKeyValue(v, x.values[0])
	case "NotEqual":
		return v == nil || !store.EqualKeyValue(v, x.values[0])
	}
	sign, comparable := orderOf(v, x.values[0])
	if !comparable {
		return false
	}
	switch x.operator {
	case "GreaterThan":
		return sign > 0
	case "GreaterEqual":
		return sign >= 0
	case "LessThan":
		return sign < 0
	}
	return sign <= 0
}

// orderOf compares two values of one type.
func orderOf(a, b any) (int, bool) {
	switch x := a.(type) {
	case int64:
		y, ok := b.(int64)
		return cmp.Compare(x, y), ok
	case float64:
		y, ok := b.(float64)
		return cmp.Compare(x, y), ok
	case store.Instant:
		y, ok := b.(store.Instant)
		return cmp.Compare(x, y), ok
	case store.Day:
		y, ok := b.(store.Day)
		return cmp.Compare(x, y), ok
	case string:
		y, ok := b.(string)
		return strings.Compare(strings.ToLower(x), strings.ToLower(y)), ok
	}
	return 0, false
}

// fetchXML is the query as a job keeps it: with the values that it asks for.
func (q *bulkQuery) fetchXML() string {
	var b strings.Builder
	b.WriteString(`<fetch version="1.0" mapping="logical"`)
	if q.retained {
		b.WriteString(` datasource="retained"`)
	}
	b.WriteString(`><entity name="` + q.table + `">`)
	q.where.fetchXML(&b)
	b.WriteString("</entity></fetch>")
	return b.String()
}

func (c *criteria) fetchXML(b *strings.Builder) {
	kind := "and"
	if c.or {
		kind = "or"
	}
	b.WriteString(`<filter type="` + kind + `">`)
	for _, x := range c.conditions {
		b.WriteString(`<condition attribute="` + x.column + `" operator="` + jobOperators[x.operator].fetch + `">`)
		for _, v := range x.values {
			b.WriteString("<value>")
			_ = xml.EscapeText(b, []byte(fetchValue(v))) // a strings.Builder takes everything
			b.WriteString("</value>")
		}
		b.WriteString("</condition>")
	}
	for _, f := range c.filters {
		f.fetchXML(b)
	}
	b.WriteString("</filter>")
}

func fetchValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case uuid.UUID:
		return v.String()
	case store.Instant:
		return v.Time().Format("2006-01-02T15:04:05Z")
	case store.Day:
		return v.Time().Format("2006-01-02")
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return ""
}
