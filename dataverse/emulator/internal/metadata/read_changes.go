package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// metaExpression is an EntityQueryExpression, or one of its parts. Page: query-schema-definitions.
type metaExpression struct {
	Properties *struct {
		AllProperties bool
		PropertyNames []string
	}
	Criteria          *metaCriteria
	AttributeQuery    *metaExpression
	RelationshipQuery *metaExpression
	KeyQuery          *metaExpression
	LabelQuery        *struct {
		FilterLanguages      []int
		MissingLabelBehavior int
	}
}

type metaCriteria struct {
	FilterOperator string
	Conditions     []metaCondition
	Filters        []metaCriteria
}

type metaCondition struct {
	PropertyName      string
	ConditionOperator string
	Value             struct {
		Type  string
		Value string
	}
}

// retrieveMetadataChanges answers with the definitions that a query describes, those of derived types whole, or with
// what has changed since an earlier answer. Pages: query-schema-definitions, cache-schema-data.
func (s *Service) retrieveMetadataChanges(c *wire.Call) (*wire.Answer, error) {
	if err := checkReadRight(c, []wire.Segment{{Name: "EntityDefinitions"}}); err != nil {
		return nil, err
	}
	meta := schemaFor(c)
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	var q metaExpression
	if text, given := args["Query"]; given && text != "null" {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&q); err != nil {
			return nil, wire.BadPayload("", "The parameter 'Query' is not an EntityQueryExpression.")
		}
	}
	if v := args["AppModuleId"]; v != "null" && v != "" {
		return nil, wire.NotEmulated(s.Engine, "RetrieveMetadataChanges with AppModuleId")
	}
	filters, err := deletedFilters(args["DeletedMetadataFilters"])
	if err != nil {
		return nil, err
	}
	since := int64(-1)
	if text := args["ClientVersionStamp"]; text != "" && text != "null" {
		stamp, err := wire.TextArgument(text)
		if err != nil {
			return nil, err
		}
		if since, err = s.readStamp(stamp); err != nil {
			return nil, err
		}
	}
	m := &metaChanges{schema: meta, since: since, languages: q.languages()}
	entities, err := m.tables(&q, args["Query"])
	if err != nil {
		return nil, err
	}
	rest := wire.OK(map[string]any{
		"@odata.context":     c.Base + "/$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse",
		"ServerVersionStamp": strconv.FormatInt(meta.Version, 10) + "!" + s.Clock.Now().Format(query.StampLayout),
		"DeletedMetadata":    deleted(meta, since, filters),
	}).Bytes()
	body := append(rest[:len(rest)-1], `,"EntityMetadata":[`...)
	return wire.OK(slices.Concat(body, bytes.Join(entities, []byte(",")), []byte("]}"))), nil
}

// deletedKinds are the kinds of DeletedMetadataFilters whose deletes are known, in the order of their values. Labels have
// no definitions of their own here. Page: webapi/reference/deletedmetadatafilters.
var deletedKinds = []string{"Default", "Attribute", "Relationship", "OptionSet"}

var deletedMasks = map[string]int{"Default": 1, "Entity": 1, "Attribute": 2, "Relationship": 4, "Label": 8, "OptionSet": 16, "All": 31}

// deletedFilters reads the parameter, an enumeration with flags. Left out it is 0: none.
func deletedFilters(text string) (int, error) {
	if text == "" || text == "null" {
		return 0, nil
	}
	bad := wire.BadArgument("The DeletedMetadataFilters %s is not valid.", text)
	name, quoted := strings.CutPrefix(text, wire.CRMNamespace+"DeletedMetadataFilters'")
	name, closed := strings.CutSuffix(name, "'")
	if !quoted || !closed {
		return 0, bad
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < 1 || n > deletedMasks["All"] {
			return 0, bad
		}
		return n, nil
	}
	mask := 0
	for part := range strings.SplitSeq(name, ",") {
		m := deletedMasks[strings.TrimSpace(part)]
		if m == 0 {
			return 0, bad
		}
		mask |= m
	}
	return mask, nil
}

// deleted is a DeletedMetadataCollection: the definitions deleted since a version, whatever the query asks for. Without a version of the
// client nothing did. Page: RetrieveMetadataChangesResponse.DeletedMetadata, webapi/reference/guidcollection.
func deleted(s *schema.Schema, since int64, filters int) map[string]any {
	keys, lists := []any{}, []any{}
	for _, kind := range deletedKinds {
		var ids []any
		for _, g := range s.Deleted {
			if since >= 0 && g.Version > since && g.Kind == kind && filters&deletedMasks[kind] != 0 {
				ids = append(ids, g.ID.String())
			}
		}
		if ids != nil {
			keys, lists = append(keys, kind), append(lists, map[string]any{"Items": ids})
		}
	}
	return map[string]any{"Count": len(keys), "IsReadOnly": false, "Keys": keys, "Values": lists}
}

// stampDays is how long a stamp is good: organization.expiresubscriptionsindays.
const stampDays = 90

func (s *Service) readStamp(stamp string) (int64, error) {
	number, date, found := strings.Cut(stamp, "!")
	version, err := strconv.ParseInt(number, 10, 64)
	at, err2 := time.Parse(query.StampLayout, date)
	if !found || err != nil || err2 != nil {
		return 0, wire.BadArgument("The ClientVersionStamp '%s' is not valid.", stamp)
	}
	if s.Clock.Now().Sub(at) > stampDays*24*time.Hour {
		return 0, wire.NewError(http.StatusBadRequest, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.")
	}
	return version, nil
}

func (q *metaExpression) languages() map[int]bool {
	if q.LabelQuery == nil || len(q.LabelQuery.FilterLanguages) == 0 {
		return nil
	}
	out := map[int]bool{}
	for _, l := range q.LabelQuery.FilterLanguages {
		out[l] = true
	}
	return out
}

// metaChanges makes the answer.
type metaChanges struct {
	schema    *schema.Schema
	since     int64 // the version that the client has, -1: none
	languages map[int]bool
}

// tables are the definitions as a list. What the query, as it came, shows of a table by itself is rendered once;
// relationships are several tables' affair.
func (m *metaChanges) tables(q *metaExpression, asked string) ([][]byte, error) {
	alone := !slices.ContainsFunc([]string{"OneToManyRelationships", "ManyToOneRelationships", "ManyToManyRelationships"}, q.wants)
	question := fmt.Sprintf("changes since %d: %s", m.since, asked)
	var list [][]byte
	for _, name := range m.schema.TableNames() {
		t := m.schema.Tables[name]
		if m.since >= 0 && t.ChangedVersion <= m.since {
			continue
		}
		var r *Rendered
		if alone {
			r = RenderedOf(m.schema, t)
		}
		text, err := r.Text(question, func() (DefinitionText, error) {
			body, err := m.table(t, q)
			if err != nil || body == nil {
				return DefinitionText{}, err
			}
			return DefinitionText{body: wire.OK(body).Bytes()}, nil
		})
		if err != nil {
			return nil, err
		}
		if text.body != nil {
			list = append(list, text.body)
		}
	}
	return list, nil
}

// table is the definition of a table, nil where the query leaves it out.
func (m *metaChanges) table(t *schema.Table, q *metaExpression) (map[string]any, error) {
	o := metaTable(m.schema, t)
	keep, err := q.Criteria.matches(o, "EntityMetadata")
	if err != nil || !keep {
		return nil, err
	}
	body, err := m.body(o, q, "EntityMetadata")
	if err != nil {
		return nil, err
	}
	for nav, part := range map[string]*metaExpression{"Attributes": q.AttributeQuery, "Keys": q.KeyQuery, "OneToManyRelationships": q.RelationshipQuery,
		"ManyToOneRelationships": q.RelationshipQuery, "ManyToManyRelationships": q.RelationshipQuery} {
		if !q.wants(nav) {
			body[nav] = nil
			continue
		}
		if part == nil {
			part = &metaExpression{}
		}
		list, parts := []any{}, []object(nil)
		if nav == "Attributes" {
			parts = columnsOnce(m.schema, t)
		} else {
			parts = navigate(m.schema, o, nav)
		}
		for _, x := range parts {
			if c := anyColumn(t, fmt.Sprint(x.props["LogicalName"])); nav == "Attributes" && m.since >= 0 && c != nil && c.ChangedVersion <= m.since {
				continue
			}
			keep, err := part.Criteria.matches(x, strings.TrimPrefix(metaTypes()["EntityMetadata"].prop(nav), "N[]:"))
			if err != nil {
				return nil, err
			}
			if !keep {
				continue
			}
			inner, err := m.body(x, part, x.typ)
			if err != nil {
				return nil, err
			}
			inner["@odata.type"] = "#" + wire.CRMNamespace + "Complex" + x.typ
			list = append(list, inner)
		}
		body[nav] = list
	}
	return body, nil
}

// wants tells whether a property is asked for.
func (q *metaExpression) wants(name string) bool {
	return q.Properties != nil && (q.Properties.AllProperties || slices.Contains(q.Properties.PropertyNames, name))
}

// body is a definition as a complex type: what was not asked for is null, and what derived types have stands in place.
func (m *metaChanges) body(o object, q *metaExpression, typ string) (map[string]any, error) {
	t := metaTypes()[typ]
	if q.Properties != nil {
		for _, name := range q.Properties.PropertyNames {
			if !knownProperty(t, name) {
				return nil, wire.NewError(http.StatusBadRequest, "0x80040203", "The property '%s' does not exist on %s.", name, typ)
			}
		}
	}
	body := map[string]any{}
	t.all(func(name, kind string) {
		switch {
		case strings.HasPrefix(kind, "N[]"):
		case name == "MetadataId", name == "LogicalName", name == "SchemaName" && t.is("RelationshipMetadataBase"), q.wants(name):
			body[name] = m.label(o.props[name])
		default:
			body[name] = nil
		}
	})
	body["HasChanged"] = m.since >= 0
	return body, nil
}

// knownProperty also knows the properties of types that derive from t: a query of columns may ask for all of them.
func knownProperty(t *metaType, name string) bool {
	if t.prop(name) != "" {
		return true
	}
	root := t
	for root.base != nil && root.base.name != "MetadataBase" {
		root = root.base
	}
	for _, x := range metaTypes() {
		if x.is(root.name) && x.prop(name) != "" {
			return true
		}
	}
	return false
}

// label leaves out the languages that were not asked for, however deep they lie.
func (m *metaChanges) label(v any) any {
	if m.languages == nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for k, x := range v {
			out[k] = m.label(x)
		}
		if list, isLabel := out["LocalizedLabels"].([]any); isLabel {
			out["LocalizedLabels"] = slices.DeleteFunc(slices.Clone(list), func(x any) bool {
				l, _ := x.(map[string]any)
				language, _ := l["LanguageCode"].(int)
				return !m.languages[language]
			})
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = m.label(x)
		}
		return out
	}
	return v
}

// matches evaluates a MetadataFilterExpression; nil lets everything through.
func (f *metaCriteria) matches(o object, typ string) (bool, error) {
	if f == nil || len(f.Conditions) == 0 && len(f.Filters) == 0 {
		return true, nil
	}
	or := f.FilterOperator == "Or"
	if !or && f.FilterOperator != "And" && f.FilterOperator != "" {
		return false, wire.BadArgument("The FilterOperator '%s' is not valid.", f.FilterOperator)
	}
	all, one := true, false
	take := func(b bool) { all, one = all && b, one || b }
	for i := range f.Conditions {
		b, err := f.Conditions[i].holds(o, typ)
		if err != nil {
			return false, err
		}
		take(b)
	}
	for i := range f.Filters {
		b, err := f.Filters[i].matches(o, typ)
		if err != nil {
			return false, err
		}
		take(b)
	}
	if or {
		return one, nil
	}
	return all, nil
}

// holds compares one property. A value comes as text, with its .NET type.
func (c *metaCondition) holds(o object, typ string) (bool, error) {
	kind := metaTypes()[typ].prop(c.PropertyName)
	switch {
	case kind == "" && !knownProperty(metaTypes()[typ], c.PropertyName), c.PropertyName == "SourceType":
		return false, wire.BadArgument("The property '%s' cannot be used in a condition.", c.PropertyName)
	case kind == "C:Label", strings.HasPrefix(kind, "N"), strings.HasPrefix(kind, "[]"):
		return false, wire.BadArgument("The property '%s' cannot be used in a condition.", c.PropertyName)
	}
	v := o.props[c.PropertyName]
	if m, isComplex := v.(map[string]any); isComplex {
		v = m["Value"]
	}
	have := fmt.Sprint(v)
	if v == nil {
		have = ""
	}
	same := func(text string) bool { return strings.EqualFold(have, text) }
	switch c.ConditionOperator {
	case "Equals":
		return same(c.Value.Value), nil
	case "NotEquals":
		return !same(c.Value.Value), nil
	case "In", "NotIn":
		var list []string
		if json.Unmarshal([]byte(c.Value.Value), &list) != nil {
			list = strings.Split(c.Value.Value, ",")
		}
		return slices.ContainsFunc(list, func(x string) bool { return same(strings.TrimSpace(x)) }) == (c.ConditionOperator == "In"), nil
	case "GreaterThan", "LessThan":
		a, err1 := strconv.ParseFloat(have, 64)
		b, err2 := strconv.ParseFloat(c.Value.Value, 64)
		if err1 != nil || err2 != nil {
			return false, nil
		}
		return a > b && c.ConditionOperator == "GreaterThan" || a < b && c.ConditionOperator == "LessThan", nil
	}
	return false, wire.BadArgument("The ConditionOperator '%s' is not valid.", c.ConditionOperator)
}
