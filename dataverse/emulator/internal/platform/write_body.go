package platform

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Input is the body of a create or an update: the row's own columns, and what belongs to other rows.
type Input struct {
	Values   store.Values
	parents  []Nested   // single-valued navigation properties with a row to create first
	Children []Nested   // collection-valued ones with rows to create after
	adopted  []adoption // existing rows to be put into a collection
}

// Nested is a row inside the body of another one: a deep insert.
type Nested struct {
	relation *schema.Relationship
	across   *schema.ManyToMany
	nav      string
	rows     []map[string]any
}

type adoption struct {
	relation *schema.Relationship
	across   *schema.ManyToMany
	nav      string
	rows     []store.Ref
}

const bindSuffix = "@odata.bind"

// ReadBody takes a body apart. Names are case-sensitive; an annotation other than odata.bind is ignored; a column that
// the caller may not set is checked and dropped, as the platform does. Page: create-entity-web-api.
func (w *Writer) ReadBody(t *schema.Table, body map[string]any, creating bool) (*Input, error) {
	in := &Input{Values: store.Values{}}
	for _, name := range MemberNames(body) {
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

func (w *Writer) readMember(t *schema.Table, in *Input, name string, v any, creating bool) error {
	if navs := w.Schema.SingleValued(t, name); navs != nil {
		return w.readParent(t, in, navs, name, v, creating)
	}
	if c := t.Column(name); c != nil && c.Kind != schema.KindLookup && c.Kind != schema.KindPartyList {
		if w.Engine.Options.DatesNeedZone && !wire.Zoned(c, v) {
			return wire.WrongType(t, c, v, "System.FormatException: String was not recognized as a valid DateTimeOffset; a time zone is required.")
		}
		value, err := wire.ParseValue(t, c, v)
		if err != nil {
			return err
		}
		if value == nil && c.Required == "SystemRequired" && c.Name != t.ID {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, t.Name)
		}
		if c.Name != t.ID && (creating && c.NoCreate || !creating && c.NoUpdate) {
			return nil
		}
		in.Values[c.Index] = value
		return nil
	}
	if strings.HasPrefix(name, "_") && strings.HasSuffix(name, "_value") {
		if c := t.Column(strings.TrimSuffix(name[1:], "_value")); c != nil && c.Kind == schema.KindLookup {
			return wire.BadQuery("CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.")
		}
	}
	if relation, across := w.collection(t, name); relation != nil || across != nil {
		rows, err := ReadObjects(t, name, v)
		if err != nil {
			return err
		}
		if !creating && (relation == nil || relation.Referencing != "activityparty") {
			return wire.BadQuery("Deep update is not supported: the navigation property '%s' cannot be set in an update.", name)
		}
		in.Children = append(in.Children, Nested{relation, across, name, rows})
		return nil
	}
	return noInput(t, name)
}

// noInput is the error for a property that the table does not have.
func noInput(t *schema.Table, name string) *wire.Error {
	return wire.BadPayload(t.Name, fmt.Sprintf("An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property '%s' was found in entity 'Microsoft.Dynamics.CRM.%s'. ---> Microsoft.OData.ODataException: Does not support untyped value in non-open type.", name, t.Name)).Of(t.Name, name)
}

func (w *Writer) readParent(t *schema.Table, in *Input, navs []*schema.Relationship, name string, v any, creating bool) error {
	c := t.Column(navs[0].Attribute)
	switch v := v.(type) {
	case nil:
		return setLookup(t, in, c, nil, creating)
	case map[string]any:
		if !creating {
			return wire.BadQuery("Deep update is not supported: the navigation property '%s' cannot be set in an update.", name)
		}
		in.parents = append(in.parents, Nested{relation: navs[0], nav: name, rows: []map[string]any{v}})
		return nil
	}
	return wire.BadPayload(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartObject' node was expected.", name))
}

// setLookup sets a lookup unless the caller may not.
func setLookup(t *schema.Table, in *Input, c *schema.Column, v any, creating bool) error {
	if v == nil && c.Required == "SystemRequired" {
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, t.Name)
	}
	if creating && c.NoCreate || !creating && c.NoUpdate {
		return nil
	}
	in.Values[c.Index] = v
	return nil
}

func (w *Writer) readBind(t *schema.Table, in *Input, nav string, v any, creating bool) error {
	if navs := w.Schema.SingleValued(t, nav); navs != nil {
		c := t.Column(navs[0].Attribute)
		if v == nil {
			return setLookup(t, in, c, nil, creating)
		}
		text, ok := v.(string)
		if !ok {
			return wire.BadPayload(t.Name, fmt.Sprintf("The value of the annotation 'odata.bind' of the property '%s' is not a string.", nav))
		}
		to, err := w.reference(text)
		if err != nil {
			return err
		}
		for _, r := range navs {
			if w.Schema.MayPointAt(r, to.Table) {
				return setLookup(t, in, c, sharedRef(w.Schema, to), creating)
			}
		}
		return wire.BadQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, to.Table)
	}
	relation, across := w.collection(t, nav)
	if relation == nil && across == nil {
		return wire.BadPayload(t.Name, fmt.Sprintf("An undeclared property '%s' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.", nav)).Of(t.Name, nav)
	}
	list, ok := v.([]any)
	if !ok || !creating {
		return wire.BadQuery("The collection-valued navigation property '%s' takes an array of references, and only when the record is created.", nav)
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

// sharedRef is r with the schema's own copy of the table's name, so that rows hold one string.
func sharedRef(s *schema.Schema, r store.Ref) store.Ref {
	if t := s.Tables[r.Table]; t != nil {
		return store.Ref{Table: t.Name, ID: r.ID}
	}
	return r
}

// collection is the relationship behind a collection-valued navigation property.
func (w *Writer) collection(t *schema.Table, nav string) (*schema.Relationship, *schema.ManyToMany) {
	if m := t.Across[nav]; m != nil {
		return nil, m
	}
	return t.ToMany[nav], nil
}

// ReadObjects reads a property that is an array of JSON objects.
func ReadObjects(t *schema.Table, name string, v any) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, wire.BadPayload(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartArray' node was expected.", name))
	}
	out := make([]map[string]any, len(list))
	for i, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wire.BadPayload(t.Name, fmt.Sprintf("An unexpected node was found when reading the navigation property '%s'. A 'StartObject' node was expected.", name))
		}
		out[i] = m
	}
	return out, nil
}
