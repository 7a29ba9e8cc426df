package metadata

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// defineColumn makes a column.
func (ch *change) defineColumn(t *schema.Table, body map[string]any) error {
	c, err := ch.column(body)
	if err != nil {
		return err
	}
	switch c.Type {
	case "Lookup":
		return wire.BadArgument("A lookup is created with its relationship: POST RelationshipDefinitions.")
	case "State", "Status", "Uniqueidentifier", "EntityName":
		return wire.BadArgument("A column of the type %s cannot be created.", c.Type)
	}
	if err := ch.newColumn(t, c); err != nil {
		return err
	}
	ch.made(componentColumn, c.MetadataID, "EntityDefinitions("+keyOf(ch.call.Path.Segments[0])+")/Attributes("+c.MetadataID.String()+")")
	return nil
}

// keyOf repeats the key of a path in the address of what was made under it.
func keyOf(s wire.Segment) string { return s.Key }

// newColumn adds a checked column to a table.
func (ch *change) newColumn(t *schema.Table, c *schema.Column) error {
	if err := ch.checkName(c.SchemaName, ch.publisher); err != nil {
		return err
	}
	if t.Intersect || t.Ownership == "None" {
		return wire.NewError(http.StatusBadRequest, "0x8004f026", "The evaluation of the current component(name=Entity, id=%s) in the current operation (Create) failed during managed property evaluation of condition: 'Managed Property Name: cancreateattributes; Component Type: Entity.'", TableID(t))
	}
	if anyColumn(t, c.Name) != nil {
		return wire.NewError(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
	}
	c.Custom = true
	labels, description := c.Labels, c.Description
	c.Defined = madeNow(ch.now())
	c.Labels, c.Description = labels, description
	addColumn(editTable(ch.schema, t.Name), c)
	switch c.Type {
	case "Money":
		ch.addBase(t, c)
	case "File":
		ch.addFileName(t, c)
	case "Image":
		if c.Primary {
			ch.onePrimaryImage(t.Name, c.Name)
		}
		ch.addImageParts(t, c)
	}
	t2 := ch.schema.Tables[t.Name]
	for _, i := range t2.Indexed {
		if i == c.Index {
			ch.indexLater(t.Name)
		}
	}
	return nil
}

// addBase makes the column that holds a Money column's amount in the base currency.
func (ch *change) addBase(t *schema.Table, c *schema.Column) {
	addColumn(editTable(ch.schema, t.Name), &schema.Column{Name: c.Name + "_base", SchemaName: c.SchemaName + "_Base", Label: c.Label + " (Base)", Type: "Money",
		Min: c.Min, Max: c.Max, Precision: c.Precision, NoCreate: true, NoUpdate: true, CalculationOf: c.Name, Custom: true, Audit: true, Defined: madeNow(ch.now())})
}

// addFileName makes the column that holds a file's name, and the relationship to the table's files. Page:
// file-column-data.
func (ch *change) addFileName(t *schema.Table, c *schema.Column) {
	addColumn(editTable(ch.schema, t.Name), &schema.Column{Name: c.Name + "_name", SchemaName: c.SchemaName + "_Name", Label: c.Label, Type: "String", Format: "Text",
		MaxLength: 200, NoCreate: true, NoUpdate: true, Custom: true, Audit: true, Defined: madeNow(ch.now())})
	files := ch.schema.Tables["fileattachment"]
	if !slices.Contains(files.Column("objectid").Targets, t.Name) {
		ch.mayPoint(files.Name, "objectid", t, "_FileAttachments", "Cascade")
	}
}

// addImageParts makes the columns that go with an image. Page: image-column-data.
func (ch *change) addImageParts(t *schema.Table, c *schema.Column) {
	for _, part := range []struct{ suffix, typ string }{{"Id", "Uniqueidentifier"}, {"_Timestamp", "BigInt"}, {"_URL", "String"}} {
		made := &schema.Column{Name: c.Name + strings.ToLower(part.suffix), SchemaName: c.SchemaName + part.suffix, Label: c.Label, Type: part.typ,
			NoCreate: true, NoUpdate: true, Custom: true, Audit: true, Defined: madeNow(ch.now())}
		if part.typ != "Uniqueidentifier" {
			made.AttributeOf = c.Name
		}
		if part.typ == "String" {
			made.Format, made.MaxLength = "Url", 200
		}
		addColumn(editTable(ch.schema, t.Name), made)
	}
}
