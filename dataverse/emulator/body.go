package emulator

import (
	"fmt"
	"net/http"
	"strings"
)

// input is the body of a create or an update: the row's own columns, and what belongs to other rows.
type input struct {
	values   values
	parents  []nested   // single-valued navigation properties with a row to create first
	children []nested   // collection-valued ones with rows to create after
	adopted  []adoption // existing rows to be put into a collection
}

// nested is a row inside the body of another one: a deep insert.
type nested struct {
	relation *relationship
	across   *manyToMany
	nav      string
	rows     []map[string]any
}

type adoption struct {
	relation *relationship
	across   *manyToMany
	nav      string
	rows     []ref
}

const bindSuffix = "@odata.bind"

// readBody takes a body apart. Names are case-sensitive; an annotation other than odata.bind is ignored; a column that
// the caller may not set is checked and dropped, as the platform does. Page: create-entity-web-api.
func (w *writer) readBody(t *table, body map[string]any, creating bool) (*input, error) {
	in := &input{values: values{}}
	for _, name := range memberNames(body) {
		var err error
		switch v := body[name]; {
		case strings.HasSuffix(name, bindSuffix):
			err = w.readBind(t, in, strings.TrimSuffix(name, bindSuffix), v, creating)
		case strings.Contains(name, "@"):
		default:
			err = w.readMember(t, in, name, v, creating)
		}
		if err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (w *writer) readMember(t *table, in *input, name string, v any, creating bool) error {
	if navs := w.schema.singles(t, name); navs != nil {
		return w.readParent(t, in, navs, name, v, creating)
	}
	if c := t.column(name); c != nil && c.kind != kindLookup && c.kind != kindPartyList {
		value, err := parseValue(t, c, v)
		if err != nil {
			return err
		}
		if value == nil && c.Required == "SystemRequired" && c.Name != t.ID {
			return newFault(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, t.Name)
		}
		if c.Name != t.ID && (creating && c.NoCreate || !creating && c.NoUpdate) {
			return nil
		}
		in.values[c.index] = value
		return nil
	}
	if strings.HasPrefix(name, "_") && strings.HasSuffix(name, "_value") {
		if c := t.column(strings.TrimSuffix(name[1:], "_value")); c != nil && c.kind == kindLookup {
			return badQuery("CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.")
		}
	}
	if relation, across := w.collection(t, name); relation != nil || across != nil {
		rows, err := objects(t, name, v)
		if err != nil {
			return err
		}
		if !creating && (relation == nil || relation.Referencing != "activityparty") {
			return badQuery("Deep update is not supported: the navigation property '%s' cannot be set in an update.", name)
		}
		in.children = append(in.children, nested{relation, across, name, rows})
		return nil
	}
	return noInput(t, name)
}

// noInput is the error for a property that the table does not have.
func noInput(t *table, name string) *fault {
	return payloadFault(t.Name, fmt.Sprintf("An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property '%s' was found in entity 'Microsoft.Dynamics.CRM.%s'. ---> Microsoft.OData.ODataException: Does not support untyped value in non-open type.", name, t.Name))
}

func (w *writer) readParent(t *table, in *input, navs []*relationship, name string, v any, creating bool) error {
	c := t.column(navs[0].Attribute)
	switch v := v.(type) {
	case nil:
		return setLookup(t, in, c, nil, creating)
	case map[string]any:
		if !creating {
			return badQuery("Deep update is not supported: the navigation property '%s' cannot be set in an update.", name)
		}
		in.parents = append(in.parents, nested{relation: navs[0], nav: name, rows: []map[string]any{v}})
		return nil
	}
	return payloadFault(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartObject' node was expected.", name))
}

// setLookup sets a lookup unless the caller may not.
func setLookup(t *table, in *input, c *column, v any, creating bool) error {
	if v == nil && c.Required == "SystemRequired" {
		return newFault(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, t.Name)
	}
	if creating && c.NoCreate || !creating && c.NoUpdate {
		return nil
	}
	in.values[c.index] = v
	return nil
}

func (w *writer) readBind(t *table, in *input, nav string, v any, creating bool) error {
	if navs := w.schema.singles(t, nav); navs != nil {
		c := t.column(navs[0].Attribute)
		if v == nil {
			return setLookup(t, in, c, nil, creating)
		}
		text, ok := v.(string)
		if !ok {
			return payloadFault(t.Name, fmt.Sprintf("The value of the annotation 'odata.bind' of the property '%s' is not a string.", nav))
		}
		to, err := w.reference(text)
		if err != nil {
			return err
		}
		for _, r := range navs {
			if w.schema.reaches(r, to.Table) {
				return setLookup(t, in, c, w.schema.ref(to), creating)
			}
		}
		return badQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, to.Table)
	}
	relation, across := w.collection(t, nav)
	if relation == nil && across == nil {
		return payloadFault(t.Name, fmt.Sprintf("An undeclared property '%s' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.", nav))
	}
	list, ok := v.([]any)
	if !ok || !creating {
		return badQuery("The collection-valued navigation property '%s' takes an array of references, and only when the record is created.", nav)
	}
	a := adoption{relation: relation, across: across, nav: nav}
	for _, v := range list {
		text, _ := v.(string)
		to, err := w.reference(text)
		if err != nil {
			return err
		}
		a.rows = append(a.rows, to)
	}
	in.adopted = append(in.adopted, a)
	return nil
}

// ref is r with the table's name that the schema shares.
func (s *schema) ref(r ref) ref {
	if t := s.tables[r.Table]; t != nil {
		return ref{t.Name, r.ID}
	}
	return r
}

// collection is the relationship behind a collection-valued navigation property.
func (w *writer) collection(t *table, nav string) (*relationship, *manyToMany) {
	if m := t.across[nav]; m != nil {
		return nil, m
	}
	return t.toMany[nav], nil
}

func objects(t *table, name string, v any) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, payloadFault(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartArray' node was expected.", name))
	}
	out := make([]map[string]any, len(list))
	for i, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, payloadFault(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartObject' node was expected.", name))
		}
		out[i] = m
	}
	return out, nil
}
