package metadata

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// definer reads the bodies of definitions.
type definer struct {
	engine *store.Engine
	tx     *store.Tx
	schema *schema.Schema // the one being changed
	prefix int64          // the option value prefix of the solution's publisher
	old    *schema.Column // what a PUT replaces: options stay, they have messages of their own
}

// abstractTypes are the types of which a body must say which one it is.
var abstractTypes = map[string]bool{"AttributeMetadata": true, "RelationshipMetadataBase": true, "OptionSetMetadataBase": true}

// metaBody checks a body against its metadata type: @odata.type is needed, and an unknown property is an error.
func metaBody(body map[string]any, within string) (*metaType, error) {
	name, _ := body["@odata.type"].(string)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "#"), wire.CRMNamespace)
	if name == "" {
		if abstractTypes[within] {
			return nil, wire.BadPayload("", "A type named '"+wire.CRMNamespace+within+"' is abstract or needs the annotation '@odata.type'.")
		}
		name = within
	}
	t := metaTypes()[name]
	if t == nil && name != "ComplexLookupAttributeMetadata" || t != nil && !t.is(within) {
		return nil, wire.BadPayload("", "A type named '"+wire.CRMNamespace+name+"' could not be resolved by the model.")
	}
	if t == nil {
		t = metaTypes()["LookupAttributeMetadata"]
	}
	for _, key := range slices.Sorted(maps.Keys(body)) {
		prop, annotation, _ := strings.Cut(key, "@")
		if prop == "" || annotation != "" && annotation != "odata.bind" || prop == "Lookup" && t.name == "OneToManyRelationshipMetadata" || prop == "HasChanged" {
			continue
		}
		if t.prop(prop) == "" {
			return nil, wire.BadPayload("", "The property '"+prop+"' does not exist on type '"+wire.CRMNamespace+t.name+"'. Make sure to only use property names that are defined by the type.")
		}
	}
	return t, nil
}

// labelTexts reads a Label: the text in English and the texts in other languages.
func labelTexts(v any) (string, map[int]string) {
	m, _ := v.(map[string]any)
	list, _ := m["LocalizedLabels"].([]any)
	var english1 string
	var others map[int]string
	for _, x := range list {
		l, _ := x.(map[string]any)
		text, _ := l["Label"].(string)
		language := wholeNumber(l["LanguageCode"], English)
		if language == English {
			english1 = text
			continue
		}
		if others == nil {
			others = map[int]string{}
		}
		others[language] = text
	}
	return english1, others
}

func wholeNumber(v any, otherwise int) int {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return int(i)
		}
	}
	return otherwise
}

func textOf(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// valueOf is the Value of a complex property such as RequiredLevel.
func valueOf(m map[string]any, name string) any {
	inner, _ := m[name].(map[string]any)
	return inner["Value"]
}

func boolOf(v any, otherwise bool) bool {
	if b, ok := v.(bool); ok {
		return b
	}
	return otherwise
}

// columnNames are the types of columns that a body can make, by metadata type.
var columnNames = map[string]string{
	"StringAttributeMetadata": "String", "MemoAttributeMetadata": "Memo", "BooleanAttributeMetadata": "Boolean",
	"DateTimeAttributeMetadata": "DateTime", "PicklistAttributeMetadata": "Picklist",
	"MultiSelectPicklistAttributeMetadata": "MultiSelectPicklist", "IntegerAttributeMetadata": "Integer",
	"BigIntAttributeMetadata": "BigInt", "DecimalAttributeMetadata": "Decimal", "DoubleAttributeMetadata": "Double",
	"MoneyAttributeMetadata": "Money", "ImageAttributeMetadata": "Image", "FileAttributeMetadata": "File",
	"LookupAttributeMetadata": "Lookup", "StateAttributeMetadata": "State", "StatusAttributeMetadata": "Status",
	"UniqueIdentifierAttributeMetadata": "Uniqueidentifier", "EntityNameAttributeMetadata": "EntityName",
}

// column reads the definition of a column. Page: create-update-column-definitions-using-web-api.
func (d *definer) column(body map[string]any) (*schema.Column, error) {
	mt, err := metaBody(body, "AttributeMetadata")
	if err != nil {
		return nil, err
	}
	if err := takes(d.engine, "AttributeMetadata", body); err != nil {
		return nil, err
	}
	c := &schema.Column{SchemaName: textOf(body, "SchemaName"), Type: columnNames[mt.name], Audit: true, AutoNumber: textOf(body, "AutoNumberFormat")}
	if c.AutoNumber != "" && (c.Type != "String" || !store.ValidNumberFormat(c.AutoNumber)) {
		return nil, wire.BadArgument("The AutoNumberFormat '%s' is not valid.", c.AutoNumber)
	}
	c.Name = strings.ToLower(c.SchemaName)
	if c.Type == "" {
		return nil, wire.BadArgument("A column of the type %s cannot be defined.", mt.name)
	}
	if textOf(body, "@odata.type") == "" || c.SchemaName == "" {
		return nil, wire.BadArgument("The SchemaName of the column is missing.")
	}
	if said := textOf(body, "AttributeType"); said != "" && said != columnTypes[c.Type][1] && mt.name != "LookupAttributeMetadata" {
		return nil, wire.BadArgument("AttributeType '%s' does not fit %s.", said, mt.name)
	}
	if said, _ := valueOf(body, "AttributeTypeName").(string); said != "" && said != columnTypes[c.Type][2] && mt.name != "LookupAttributeMetadata" {
		return nil, wire.BadArgument("AttributeTypeName '%s' does not fit %s.", said, mt.name)
	}
	c.Label, c.Labels = labelTexts(body["DisplayName"])
	if c.Label == "" && len(c.Labels) == 0 {
		return nil, wire.BadArgument("The DisplayName of the column '%s' is missing.", c.SchemaName)
	}
	c.Description = allTexts(body["Description"])
	for _, texts := range []map[int]string{c.Labels, c.Description} {
		if err := spoken(&d.tx.Snapshot, texts); err != nil {
			return nil, err
		}
	}
	level, _ := valueOf(body, "RequiredLevel").(string)
	if level != "" && !hasMember("AttributeRequiredLevel", level) {
		return nil, wire.BadPayload("", "The value '"+level+"' is not a member of "+wire.CRMNamespace+"AttributeRequiredLevel.")
	}
	if level != "None" {
		c.Required = level
	}
	c.Audit = boolOf(valueOf(body, "IsAuditEnabled"), true)
	c.Secured = boolOf(body["IsSecured"], false)
	return c, d.typed(c, body)
}

func allTexts(v any) map[int]string {
	text, others := labelTexts(v)
	if text == "" {
		return others
	}
	if others == nil {
		others = map[int]string{}
	}
	others[English] = text
	return others
}

// stringFormats are the formats of text columns. Page: entity-attribute-metadata.
var stringFormats = []string{"Text", "TextArea", "Email", "Phone", "PhoneticGuide", "TickerSymbol", "Url", "VersionNumber", "Json", "RichText"}

// typed reads what belongs to the column's own type.
func (d *definer) typed(c *schema.Column, body map[string]any) error {
	bounds := func(low, high float64) error {
		c.Min, c.Max = number(body["MinValue"], low), number(body["MaxValue"], high)
		if *c.Min > *c.Max || *c.Min < low || *c.Max > high {
			return wire.BadArgument("MinValue and MaxValue of the column '%s' are out of range.", c.SchemaName)
		}
		return nil
	}
	precise := func(most, otherwise int) error {
		p := wholeNumber(body["Precision"], otherwise)
		if p < 0 || p > most {
			return wire.BadArgument("The Precision of the column '%s' must be between 0 and %d.", c.SchemaName, most)
		}
		c.Precision = &p
		return nil
	}
	switch c.Type {
	case "String", "Memo":
		most, format := 4000, "Text"
		if c.Type == "Memo" {
			most = 1048576
		}
		if f, _ := valueOf(body, "FormatName").(string); f != "" {
			format = f
		} else if d.old != nil {
			format = d.old.Format // "On Update operation, system only considers the FormatName value": format-and-formatname-columns
		} else if f := textOf(body, "Format"); f != "" {
			format = f
		}
		// "Only allowed for non-SQL data provider", says format-and-formatname-columns of these two.
		if format != "" && !slices.Contains(stringFormats, format) || format == "RichText" && c.Type == "String" || format == "Json" && c.Type == "Memo" {
			return wire.BadArgument("The format '%s' is not a format of text.", format)
		}
		c.Format = format
		c.MaxLength = wholeNumber(body["MaxLength"], 0)
		if c.MaxLength < 1 || c.MaxLength > most {
			return wire.NewError(http.StatusBadRequest, "0x80044203", "The MaxLength of the column '%s' must be between 1 and %d.", c.SchemaName, most)
		}
	case "Boolean":
		set, _ := body["OptionSet"].(map[string]any)
		c.Default = boolOf(body["DefaultValue"], false)
		if d.old != nil {
			c.Options = d.old.Options
			return nil
		}
		if len(set) == 0 {
			return wire.BadArgument("The OptionSet of the column '%s' is missing.", c.SchemaName)
		}
		for _, name := range []string{"FalseOption", "TrueOption"} {
			o, _ := set[name].(map[string]any)
			text, others := labelTexts(o["Label"])
			want := map[string]int{"FalseOption": 0, "TrueOption": 1}[name]
			if text == "" && len(others) == 0 || wholeNumber(o["Value"], -1) != want {
				return wire.BadArgument("The %s of the column '%s' needs the value %d and a label.", name, c.SchemaName, want)
			}
			c.Options = append(c.Options, schema.Option{Value: want, Label: text, Defined: schema.Defined{Labels: others}})
		}
	case "DateTime":
		return d.dateTime(c, body)
	case "Picklist", "MultiSelectPicklist":
		return d.choice(c, body)
	case "Integer":
		if f := textOf(body, "Format"); f != "" && f != "None" {
			if !hasMember("IntegerFormat", f) {
				return wire.BadArgument("The format '%s' is not a format of whole numbers.", f)
			}
			c.Format = f
		}
		return bounds(-2147483648, 2147483647)
	case "Decimal":
		if err := bounds(-100000000000, 100000000000); err != nil {
			return err
		}
		return precise(10, 2)
	case "Double":
		if err := bounds(-100000000000, 100000000000); err != nil {
			return err
		}
		return precise(5, 2)
	case "File", "Image":
		most, otherwise := schema.MaxFileKB, schema.FileKB
		if c.Type == "Image" {
			most, otherwise = schema.MaxImageKB, schema.ImageKB
		}
		kb := wholeNumber(body["MaxSizeInKB"], otherwise)
		if kb < 1 || kb > most {
			return wire.BadArgument("The MaxSizeInKB of the column '%s' must be between 1 and %d.", c.SchemaName, most)
		}
		size := float64(kb)
		c.Max = &size
		if c.Type == "Image" {
			c.Primary = boolOf(body["IsPrimaryImage"], d.old != nil && d.old.Primary)
			c.Thumbnail = !boolOf(body["CanStoreFullImage"], d.old == nil || !d.old.Thumbnail)
		}
	case "Money":
		if err := bounds(-922337203685477, 922337203685477); err != nil {
			return err
		}
		return precise(4, 2)
	}
	return nil
}

func number(v any, otherwise float64) *float64 {
	if n, ok := v.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return &f
		}
	}
	return &otherwise
}

// dateTime reads the behaviour, which says what is stored, and the format, which only says what is shown. Page:
// behavior-format-date-time-attribute.
func (d *definer) dateTime(c *schema.Column, body map[string]any) error {
	c.Format, c.Behavior = textOf(body, "Format"), "UserLocal"
	if b, _ := valueOf(body, "DateTimeBehavior").(string); b != "" {
		c.Behavior = b
	}
	if c.Format == "" {
		c.Format = "DateAndTime"
		if c.Behavior == "DateOnly" {
			c.Format = "DateOnly"
		}
	}
	if !hasMember("DateTimeFormat", c.Format) {
		return wire.BadPayload("", "The value '"+c.Format+"' is not a member of "+wire.CRMNamespace+"DateTimeFormat.")
	}
	switch c.Behavior {
	case "UserLocal", "TimeZoneIndependent":
	case "DateOnly":
		if c.Format != "DateOnly" {
			return wire.BadArgument("A column with the behavior DateOnly cannot have the format %s.", c.Format)
		}
	default:
		return wire.BadArgument("The DateTimeBehavior '%s' is not valid.", c.Behavior)
	}
	return nil
}

// choice reads the options of a choice column, or the global set that they come from. Page: create-update-optionsets.
func (d *definer) choice(c *schema.Column, body map[string]any) error {
	set, _ := body["OptionSet"].(map[string]any)
	bind := textOf(body, "GlobalOptionSet@odata.bind")
	if bind == "" && boolOf(set["IsGlobal"], false) {
		bind = "GlobalOptionSetDefinitions(Name='" + textOf(set, "Name") + "')"
	}
	if n := wholeNumber(body["DefaultFormValue"], -1); n >= 0 {
		c.Default = float64(n)
	}
	if d.old != nil {
		c.Options, c.OptionSet = d.old.Options, d.old.OptionSet
		return nil
	}
	if bind != "" {
		o, err := optionSetAt(d.schema, bind)
		if err != nil {
			return err
		}
		c.OptionSet, c.Options = o.Name, o.Options
		return nil
	}
	if set == nil {
		return wire.BadArgument("The OptionSet of the column '%s' is missing.", c.SchemaName)
	}
	var err error
	c.Options, err = d.options(set)
	return err
}

// optionSetAt finds the global set at the end of a path such as /GlobalOptionSetDefinitions(guid).
func optionSetAt(s *schema.Schema, bind string) (*schema.OptionSet, error) {
	if i := strings.LastIndex(bind, "GlobalOptionSetDefinitions"); i >= 0 {
		if p, err := wire.ParsePath(bind[i:]); err == nil && len(p.Segments) == 1 && p.Segments[0].HasKey {
			key := p.Segments[0]
			if name, found := cutKey(key.Key, "Name"); found {
				if o := s.OptionSets[strings.ToLower(name)]; o != nil {
					return o, nil
				}
			} else if id, ok := key.ID(); ok {
				for _, o := range s.OptionSets {
					if optionSetID(o) == id {
						return o, nil
					}
				}
			}
		}
	}
	return nil, wire.NewError(http.StatusNotFound, "0x80040217", "Could not find an optionset at '%s'.", bind)
}

// options reads a list of options. A value left out is given from the publisher's prefix.
func (d *definer) options(set map[string]any) ([]schema.Option, error) {
	list, _ := set["Options"].([]any)
	var out []schema.Option
	seen := map[int]bool{}
	next := int(d.prefix * 10000)
	for _, x := range list {
		m, _ := x.(map[string]any)
		o := schema.Option{Value: wholeNumber(m["Value"], -1)}
		if m["Value"] == nil {
			for seen[next] {
				next++
			}
			o.Value = next
		}
		o.Label, o.Labels = labelTexts(m["Label"])
		o.Description = allTexts(m["Description"])
		if o.Label == "" && len(o.Labels) == 0 {
			return nil, wire.BadArgument("The option %d has no label.", o.Value)
		}
		if o.Value < 0 {
			return nil, wire.BadArgument("An option's value must be a whole number that is not negative.")
		}
		if seen[o.Value] {
			return nil, wire.NewError(http.StatusBadRequest, "0x80044310", "The picklist value already exists.  Picklist values must be unique.")
		}
		seen[o.Value] = true
		out = append(out, o)
	}
	return out, nil
}

// isPrefix tells whether a text can be a customization prefix: "between two and eight characters in length, all alphanumeric
// characters and it must start with a letter. It cannot start with mscrm." Page: customize-entity-metadata.
func isPrefix(s string) bool {
	letter := func(c rune) bool { return c >= 'a' && c <= 'z' }
	for i, c := range s {
		if !letter(c) && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(s) >= 2 && len(s) <= 8 && !strings.HasPrefix(s, "mscrm")
}

// checkName demands a name that begins with a customization prefix: that of the solution's publisher where one is named,
// else any, or that of some publisher (Options.NamesNeedPublisher).
func (d *definer) checkName(name string, publisher *store.Row) error {
	prefix, rest, found := strings.Cut(strings.ToLower(name), "_")
	if !found || rest == "" || !validName(name) {
		return wire.BadArgument("The name '%s' is not valid: it must begin with the customization prefix of a publisher and an underscore, and hold only letters, digits and underscores.", name)
	}
	pub := d.schema.Tables["publisher"]
	column := pub.Column("customizationprefix").Index
	if publisher != nil {
		if own, _ := publisher.Get(column).(string); !strings.EqualFold(own, prefix) {
			return wire.BadArgument("The name '%s' is not valid: the publisher of the solution has the customization prefix '%s'.", name, own)
		}
		return nil
	}
	if !d.engine.Options.NamesNeedPublisher {
		if !isPrefix(prefix) {
			return wire.BadArgument("The name '%s' is not valid: '%s' is no customization prefix.", name, prefix)
		}
		return nil
	}
	known := false
	d.tx.Rows("publisher").Scan(uuid.Nil, func(r *store.Row) bool {
		p, _ := r.Get(column).(string)
		known = strings.EqualFold(p, prefix)
		return !known
	})
	if !known {
		return wire.BadArgument("The name '%s' is not valid: no publisher has the customization prefix '%s'.", name, prefix)
	}
	return nil
}

func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= '0' && c <= '9') {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

// dropFiles removes the files of a deleted column.
func dropFiles(t *store.Tx, table, column string) {
	a := t.Schema.Tables["fileattachment"]
	var gone []uuid.UUID
	t.Data[a.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Text(a, r, "regardingfieldname") == column && store.Lookup(a, r, "objectid").Table == table {
			gone = append(gone, r.ID)
		}
		return true
	})
	for _, id := range gone {
		t.Remove(a, id)
	}
}
