package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// defineKey makes an alternate key. Page: define-alternate-keys-entity.
func (ch *change) defineKey(t *table, body map[string]any) error {
	if _, err := metaBody(body, "EntityKeyMetadata"); err != nil {
		return err
	}
	k := &alternateKey{SchemaName: textOf(body, "SchemaName"), defined: madeNow(ch.now())}
	k.Name = strings.ToLower(k.SchemaName)
	if err := ch.checkName(k.SchemaName, ch.publisher); err != nil {
		return err
	}
	k.Label, k.labels = texts(body["DisplayName"])
	list, _ := body["KeyAttributes"].([]any)
	for _, x := range list {
		name, _ := x.(string)
		c := t.column(name)
		if c == nil {
			return newFault(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, name)
		}
		switch c.kind {
		case kindDecimal, kindInteger, kindString, kindDateTime, kindLookup, kindPicklist:
		default:
			return badArgument("The column '%s' of the type %s cannot be part of a key.", name, c.Type)
		}
		if c.secured {
			return newFault(http.StatusBadRequest, "0x80060896", "The column '%s' is secured and cannot be part of a key.", name)
		}
		k.Columns = append(k.Columns, name)
	}
	switch {
	case len(k.Columns) == 0 || len(k.Columns) > 16:
		return badArgument("A key has between 1 and 16 columns.")
	case len(t.keys) >= 10:
		return badArgument("A table has at most 10 keys.")
	}
	for _, other := range t.keys {
		if other.Name == k.Name {
			return newFault(http.StatusBadRequest, "0x80060893", "An entity key with the name %s already exists.", k.Name)
		}
		a, b := slices.Sorted(slices.Values(other.Columns)), slices.Sorted(slices.Values(k.Columns))
		if slices.Equal(a, b) {
			return newFault(http.StatusBadRequest, "0x80060894", "An entity key with the same attributes already exists.")
		}
	}
	edited := ch.schema.edit(t.Name)
	k.failed = ch.tx.collides(edited, k)
	edited.keys = append(edited.keys, k)
	ch.indexLater(t.Name)
	ch.made(componentKey, k.metadataID, "EntityDefinitions("+keyOf(ch.call.path.segments[0])+")/Keys("+k.metadataID.String()+")")
	return nil
}

func (ch *change) deleteKey(t *table, s segment) error {
	name, byName := cutKey(s.key, "LogicalName")
	id, _ := s.id()
	for i, k := range t.keys {
		if byName && k.Name == strings.ToLower(name) || !byName && k.metaID(t) == id {
			edited := ch.schema.edit(t.Name)
			edited.keys = slices.Delete(edited.keys, i, i+1)
			ch.indexLater(t.Name)
			return nil
		}
	}
	return newFault(http.StatusNotFound, "0x80040217", "Could not find EntityKey '%s'.", s.key)
}

// reactivateKey is ReactivateEntityKey: the index of a key that failed is built again. Page: define-alternate-keys-entity.
func (s *metadataService) reactivateKey(c *call) (*answer, error) {
	_, err := s.changeMetadata(c, "prvWriteEntity", func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		t := ch.schema.tables[textOf(body, "EntityLogicalName")]
		if t == nil {
			return badArgument("There is no table '%s'.", textOf(body, "EntityLogicalName"))
		}
		name := textOf(body, "EntityKeyLogicalName")
		i := slices.IndexFunc(t.keys, func(k *alternateKey) bool { return k.Name == name })
		switch {
		case i < 0:
			return newFault(http.StatusNotFound, "0x80040217", "Could not find EntityKey '%s'.", name)
		case !t.keys[i].failed:
			return newFault(http.StatusBadRequest, "0x80060897", "Cannot reactivate the entity key %s: it has not failed.", name)
		}
		again := *t.keys[i]
		again.failed = ch.tx.collides(t, &again)
		ch.schema.edit(t.Name).keys[i] = &again
		return nil
	})
	if err != nil {
		return nil, err
	}
	return noContent(), nil
}

// indexLater gives the rows of a table their new indexes; they read the schema that is being made.
func (ch *change) indexLater(name string) {
	old := ch.tx.schema
	ch.tx.schema = ch.schema
	ch.tx.reindex(name)
	ch.tx.schema = old
}
