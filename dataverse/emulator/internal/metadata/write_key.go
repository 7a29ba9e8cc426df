package metadata

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// defineKey makes an alternate key. Page: define-alternate-keys-entity.
func (ch *change) defineKey(t *schema.Table, body map[string]any) error {
	if _, err := metaBody(body, "EntityKeyMetadata"); err != nil {
		return err
	}
	k := &schema.AlternateKey{SchemaName: textOf(body, "SchemaName"), Defined: madeNow(ch.now())}
	k.Name = strings.ToLower(k.SchemaName)
	if err := ch.checkName(k.SchemaName, ch.publisher); err != nil {
		return err
	}
	k.Label, k.Labels = labelTexts(body["DisplayName"])
	list, _ := body["KeyAttributes"].([]any)
	for _, x := range list {
		name, _ := x.(string)
		c := t.Column(name)
		if c == nil {
			return wire.NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, name)
		}
		switch c.Kind {
		case schema.KindDecimal, schema.KindInteger, schema.KindString, schema.KindDateTime, schema.KindLookup, schema.KindPicklist:
		default:
			return wire.BadArgument("The column '%s' of the type %s cannot be part of a key.", name, c.Type)
		}
		if c.Secured {
			return wire.NewError(http.StatusBadRequest, "0x80060896", "The column '%s' is secured and cannot be part of a key.", name)
		}
		k.Columns = append(k.Columns, name)
	}
	switch {
	case len(k.Columns) == 0 || len(k.Columns) > 16:
		return wire.BadArgument("A key has between 1 and 16 columns.")
	case len(t.Keys) >= 10:
		return wire.BadArgument("A table has at most 10 keys.")
	}
	for _, other := range t.Keys {
		if other.Name == k.Name {
			return wire.NewError(http.StatusBadRequest, "0x80060893", "An entity key with the name %s already exists.", k.Name)
		}
		a, b := slices.Sorted(slices.Values(other.Columns)), slices.Sorted(slices.Values(k.Columns))
		if slices.Equal(a, b) {
			return wire.NewError(http.StatusBadRequest, "0x80060894", "An entity key with the same attributes already exists.")
		}
	}
	edited := editTable(ch.schema, t.Name)
	k.Failed = ch.tx.HasDuplicateKey(edited, k)
	edited.Keys = append(edited.Keys, k)
	ch.indexLater(t.Name)
	ch.made(componentKey, k.MetadataID, "EntityDefinitions("+keyOf(ch.call.Path.Segments[0])+")/Keys("+k.MetadataID.String()+")")
	return nil
}

func (ch *change) deleteKey(t *schema.Table, s wire.Segment) error {
	name, byName := cutKey(s.Key, "LogicalName")
	id, _ := s.ID()
	for i, k := range t.Keys {
		if byName && k.Name == strings.ToLower(name) || !byName && keyID(k, t) == id {
			edited := editTable(ch.schema, t.Name)
			edited.Keys = slices.Delete(edited.Keys, i, i+1)
			ch.indexLater(t.Name)
			return nil
		}
	}
	return wire.NewError(http.StatusNotFound, "0x80040217", "Could not find EntityKey '%s'.", s.Key)
}

// reactivateKey is ReactivateEntityKey: the index of a key that failed is built again. Page: define-alternate-keys-entity.
func (s *Service) reactivateKey(c *wire.Call) (*wire.Answer, error) {
	_, err := s.changeMetadata(c, "prvWriteEntity", func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		t := ch.schema.Tables[textOf(body, "EntityLogicalName")]
		if t == nil {
			return wire.BadArgument("There is no table '%s'.", textOf(body, "EntityLogicalName"))
		}
		name := textOf(body, "EntityKeyLogicalName")
		i := slices.IndexFunc(t.Keys, func(k *schema.AlternateKey) bool { return k.Name == name })
		switch {
		case i < 0:
			return wire.NewError(http.StatusNotFound, "0x80040217", "Could not find EntityKey '%s'.", name)
		case !t.Keys[i].Failed:
			return wire.NewError(http.StatusBadRequest, "0x80060897", "Cannot reactivate the entity key %s: it has not failed.", name)
		}
		again := *t.Keys[i]
		again.Failed = ch.tx.HasDuplicateKey(t, &again)
		editTable(ch.schema, t.Name).Keys[i] = &again
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// indexLater gives the rows of a table their new indexes; they read the schema that is being made.
func (ch *change) indexLater(name string) {
	old := ch.tx.Schema
	ch.tx.Schema = ch.schema
	reindex(ch.tx, name)
	ch.tx.Schema = old
}
