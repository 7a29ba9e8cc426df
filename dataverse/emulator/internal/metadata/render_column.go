package metadata

import (
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// columnTypes are the metadata type, AttributeType and AttributeTypeName of each type of column. The older AttributeType
// says Virtual for the newer types. Page: entity-attribute-metadata.
var columnTypes = map[string][3]string{
	"String":              {"StringAttributeMetadata", "String", "StringType"},
	"Memo":                {"MemoAttributeMetadata", "Memo", "MemoType"},
	"Lookup":              {"LookupAttributeMetadata", "Lookup", "LookupType"},
	"Customer":            {"LookupAttributeMetadata", "Customer", "CustomerType"},
	"Owner":               {"LookupAttributeMetadata", "Owner", "OwnerType"},
	"Picklist":            {"PicklistAttributeMetadata", "Picklist", "PicklistType"},
	"State":               {"StateAttributeMetadata", "State", "StateType"},
	"Status":              {"StatusAttributeMetadata", "Status", "StatusType"},
	"Boolean":             {"BooleanAttributeMetadata", "Boolean", "BooleanType"},
	"DateTime":            {"DateTimeAttributeMetadata", "DateTime", "DateTimeType"},
	"Integer":             {"IntegerAttributeMetadata", "Integer", "IntegerType"},
	"BigInt":              {"BigIntAttributeMetadata", "BigInt", "BigIntType"},
	"Decimal":             {"DecimalAttributeMetadata", "Decimal", "DecimalType"},
	"Double":              {"DoubleAttributeMetadata", "Double", "DoubleType"},
	"Money":               {"MoneyAttributeMetadata", "Money", "MoneyType"},
	"Uniqueidentifier":    {"UniqueIdentifierAttributeMetadata", "Uniqueidentifier", "UniqueidentifierType"},
	"Image":               {"ImageAttributeMetadata", "Virtual", "ImageType"},
	"File":                {"FileAttributeMetadata", "Virtual", "FileType"},
	"MultiSelectPicklist": {"MultiSelectPicklistAttributeMetadata", "Virtual", "MultiSelectPicklistType"},
	"PartyList":           {"LookupAttributeMetadata", "PartyList", "PartyListType"},
	"EntityName":          {"EntityNameAttributeMetadata", "EntityName", "EntityNameType"},
	"ManagedProperty":     {"ManagedPropertyAttributeMetadata", "ManagedProperty", "ManagedPropertyType"},
	"Virtual":             {"AttributeMetadata", "Virtual", "VirtualType"},
}

// companions are the columns that only mirror c: the name behind a lookup, the label of a choice. They follow from the
// platform's rule and exist in metadata only; no row holds them and no query of rows can select them.
func companions(t *schema.Table, c *schema.Column) []*schema.Column {
	mirror := func(suffix, typ string) *schema.Column {
		name := c.Name + suffix
		if t.Column(name) != nil || c.AttributeOf != "" {
			return nil
		}
		return &schema.Column{Name: name, SchemaName: c.SchemaName + strings.ToUpper(suffix[:1]) + suffix[1:], Type: typ,
			AttributeOf: c.Name, MaxLength: 100, NoCreate: true, NoUpdate: true, Logical: true, Kind: schema.KindNames[typ],
			Index: -1, Custom: c.Custom, Audit: false, Defined: schema.Defined{CreatedOn: c.CreatedOn}}
	}
	var out []*schema.Column
	add := func(m *schema.Column) {
		if m != nil {
			out = append(out, m)
		}
	}
	switch c.Type {
	case "Lookup", "Customer", "Owner":
		add(mirror("name", "String"))
		if c.Type != "Lookup" {
			add(mirror("type", "EntityName"))
		}
		for _, target := range c.Targets {
			if target == "systemuser" || target == "account" || target == "contact" {
				add(mirror("yominame", "String"))
				break
			}
		}
	case "Picklist", "State", "Status", "Boolean", "MultiSelectPicklist":
		add(mirror("name", "Virtual"))
	}
	return out
}

func renderColumns(s *schema.Schema, t *schema.Table) []object {
	out := make([]object, 0, len(t.Columns)*3/2)
	number := len(t.Columns) // companions come after the columns: audit rows name those by theirs
	for _, c := range t.Columns {
		out = append(out, metaColumn(s, t, c, c.Number()))
		for _, m := range companions(t, c) {
			number++
			out = append(out, metaColumn(s, t, m, number))
		}
	}
	return out
}

// anyColumn finds a column or companion by its logical name.
func anyColumn(t *schema.Table, name string) *schema.Column {
	if c := t.Column(name); c != nil {
		return c
	}
	for _, c := range t.Columns {
		if strings.HasPrefix(name, c.Name) {
			for _, m := range companions(t, c) {
				if m.Name == name {
					return m
				}
			}
		}
	}
	return nil
}

func columnLabel(c *schema.Column) string {
	if c.Label != "" || len(c.Labels) > 0 {
		return c.Label
	}
	return displayName(c.SchemaName)
}

// metaColumn is one column's metadata with the properties of its derived type.
func metaColumn(s *schema.Schema, t *schema.Table, c *schema.Column, number int) object {
	types := columnTypes[c.Type]
	id := columnID(c, t)
	standard := !c.Custom
	primary := c.Name == t.ID
	mirror := c.AttributeOf != ""
	settable := !mirror && !primary
	required := c.Required
	if required == "" {
		required = "None"
	}
	var of any
	if mirror {
		of = c.AttributeOf
	}
	securable := settable && !c.Logical && c.Kind != schema.KindVirtual && c.Kind != schema.KindPartyList
	display := labelOf(columnLabel(c), c.Labels, standard, id)
	if mirror { // the platform gives them no name of their own
		display = labelOf("", nil, standard, id)
	}
	p := map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "AttributeOf": of, "AttributeType": types[1],
		"AttributeTypeName": map[string]any{"Value": types[2]}, "ColumnNumber": number,
		"Description": labelOf(c.Description[English], c.Description, standard, id), "DisplayName": display,
		"DeprecatedVersion": nil, "IntroducedVersion": introducedVersion(c.Custom), "EntityLogicalName": t.Name,
		"IsAuditEnabled":    managedProperty(c.Audit && settable, settable, "canmodifyauditsettings"),
		"IsCustomAttribute": c.Custom, "IsPrimaryId": primary, "IsPrimaryName": c.Name == t.PrimaryName && t.PrimaryName != "",
		"IsValidODataAttribute": !mirror, "IsValidForCreate": !c.NoCreate, "IsValidForRead": !c.NoRead, "IsValidForUpdate": !c.NoUpdate,
		"CanBeSecuredForRead": securable, "CanBeSecuredForCreate": securable && !c.NoCreate, "CanBeSecuredForUpdate": securable && !c.NoUpdate,
		// Columns made by a customiser say false here although they can be queried.
		"IsSecured": c.Secured, "IsRetrievable": standard && !c.NoRead, "IsFilterable": false, "IsSearchable": false, "IsManaged": standard,
		"IsGlobalFilterEnabled": managedProperty(false, settable, "canmodifyglobalfiltersettings"),
		"IsSortableEnabled":     managedProperty(false, settable, "canmodifyissortablesettings"),
		"LinkedAttributeId":     nil, "LogicalName": c.Name,
		"IsCustomizable": managedProperty(true, false, "iscustomizable"), "IsRenameable": managedProperty(settable, false, "isrenameable"),
		"IsValidForAdvancedFind": managedProperty(settable && !c.NoRead, settable, "canmodifysearchsettings"),
		"IsValidForForm":         settable, "IsRequiredForForm": false, "IsValidForGrid": !mirror && !c.NoRead,
		"RequiredLevel":               map[string]any{"Value": required, "CanBeChanged": required != "SystemRequired" && settable, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
		"CanModifyAdditionalSettings": managedProperty(settable, settable, "canmodifyadditionalsettings"),
		"SchemaName":                  c.SchemaName, "ExternalName": nil, "IsLogical": c.Logical, "IsDataSourceSecret": false,
		"InheritsFrom": nil, "CreatedOn": timeText(creationDate(&c.Defined)), "ModifiedOn": timeText(creationDate(&c.Defined)), "SourceType": sourceType(c),
		"AutoNumberFormat": c.AutoNumber, "Settings": []any{},
	}
	maps.Copy(p, typeProperties(s, t, c))
	return object{types[0], p}
}

// sourceType is 0 for a column with a value of its own; nil where the type of column cannot be computed.
func sourceType(c *schema.Column) any {
	switch c.Kind {
	case schema.KindString, schema.KindPicklist, schema.KindBoolean, schema.KindDateTime, schema.KindInteger, schema.KindDecimal, schema.KindMoney, schema.KindMultiSelect:
		return c.Source
	}
	return nil
}

// typeProperties are the properties that only the column's own type has.
func typeProperties(s *schema.Schema, t *schema.Table, c *schema.Column) map[string]any {
	switch c.Kind {
	case schema.KindString:
		format := c.Format
		if format == "" {
			format = "Text"
		}
		return map[string]any{"Format": oldFormat(format), "FormatName": valueObject(format), "ImeMode": "Auto", "MaxLength": c.MaxLength,
			"YomiOf": nil, "IsLocalizable": false, "DatabaseLength": c.MaxLength * 2, "FormulaDefinition": "", "SourceTypeMask": 0}
	case schema.KindMemo:
		format := c.Format
		if format == "" {
			format = "TextArea"
		}
		return map[string]any{"Format": oldFormat(format), "FormatName": valueObject(format), "ImeMode": "Auto", "MaxLength": c.MaxLength, "IsLocalizable": false}
	case schema.KindLookup, schema.KindPartyList:
		format := "None"
		if strings.HasPrefix(c.Name, "regarding") {
			format = "Regarding"
		}
		targets := c.Targets
		if targets == nil {
			targets = []string{}
		}
		return map[string]any{"Targets": targets, "Format": format}
	case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindMultiSelect, schema.KindEntityName:
		p := map[string]any{"DefaultFormValue": defaultNumber(c), "OptionSet": nil, "GlobalOptionSet": nil}
		switch {
		case c.Kind == schema.KindEntityName:
			p["IsEntityReferenceStored"] = false
		case c.OptionSet != "":
			set := metaOptionSet(s, s.OptionSets[c.OptionSet])
			p["OptionSet"], p["GlobalOptionSet"] = set.props, set.props
		default:
			p["OptionSet"] = localOptionSet(t, c)
		}
		if c.Kind == schema.KindPicklist || c.Kind == schema.KindMultiSelect {
			p["FormulaDefinition"], p["SourceTypeMask"] = "", 0
			p["ParentPicklistLogicalName"], p["ChildPicklistLogicalNames"] = nil, []string{}
		}
		return p
	case schema.KindBoolean:
		standard, _ := c.Default.(bool)
		return map[string]any{"DefaultValue": standard, "FormulaDefinition": "", "SourceTypeMask": 0,
			"OptionSet": localOptionSet(t, c), "GlobalOptionSet": nil}
	case schema.KindDateTime:
		behavior, format := c.Behavior, c.Format
		if behavior == "" {
			behavior = "UserLocal"
		}
		if format == "" {
			format = "DateAndTime"
		}
		return map[string]any{"MinSupportedValue": "1753-01-01T00:00:00Z", "MaxSupportedValue": "9999-12-30T23:59:59Z",
			"Format": format, "ImeMode": "Auto", "SourceTypeMask": 0, "FormulaDefinition": "", "DateTimeBehavior": valueObject(behavior),
			"CanChangeDateTimeBehavior": managedProperty(behavior == "UserLocal" && c.Custom, false, "canchangedatetimebehavior")}
	case schema.KindInteger:
		format := c.Format
		if format == "" {
			format = "None"
		}
		return map[string]any{"Format": format, "MinValue": boundOr(c.Min, -2147483648), "MaxValue": boundOr(c.Max, 2147483647), "FormulaDefinition": "", "SourceTypeMask": 0}
	case schema.KindBigInt:
		return map[string]any{"MinValue": int64(-9223372036854775808), "MaxValue": int64(9223372036854775807)}
	case schema.KindDecimal:
		return map[string]any{"MinValue": boundOr(c.Min, -100000000000), "MaxValue": boundOr(c.Max, 100000000000), "Precision": precision(c), "ImeMode": "Auto", "FormulaDefinition": "", "SourceTypeMask": 0}
	case schema.KindDouble:
		return map[string]any{"MinValue": boundOr(c.Min, -100000000000), "MaxValue": boundOr(c.Max, 100000000000), "Precision": precision(c), "ImeMode": "Auto"}
	case schema.KindMoney:
		var of any
		if c.CalculationOf != "" {
			of = c.CalculationOf
		}
		return map[string]any{"MinValue": boundOr(c.Min, -922337203685477), "MaxValue": boundOr(c.Max, 922337203685477), "Precision": precision(c),
			"PrecisionSource": 2, "CalculationOf": of, "ImeMode": "Auto", "FormulaDefinition": "", "SourceTypeMask": 0, "IsBaseCurrency": c.CalculationOf != ""}
	case schema.KindImage:
		return map[string]any{"IsPrimaryImage": t.PrimaryImage() == c.Name, "CanStoreFullImage": !c.Thumbnail, "MaxSizeInKB": c.MaxKB(), "MaxHeight": nil, "MaxWidth": nil}
	case schema.KindFile:
		return map[string]any{"MaxSizeInKB": c.MaxKB()}
	}
	return nil
}

// oldFormat is what Format says of a text whose FormatName is a format: those that are younger than Format are Text. Page:
// format-and-formatname-columns.
func oldFormat(format string) string {
	switch format {
	case "Phone", "Json", "RichText":
		return "Text"
	}
	return format
}

func valueObject(v string) map[string]any { return map[string]any{"Value": v} }

// boundOr is a limit as JSON writes it, without a fraction where it has none.
func boundOr(v *float64, otherwise int64) any {
	if v == nil {
		return otherwise
	}
	if whole := int64(*v); float64(whole) == *v {
		return whole
	}
	return *v
}

func precision(c *schema.Column) int {
	if c.Precision == nil {
		return 2
	}
	return *c.Precision
}

func defaultNumber(c *schema.Column) int {
	if d, ok := c.Default.(float64); ok {
		return int(d)
	}
	return -1
}

// localOptionSet is the option set of a column whose options are its own. Its name is table_column.
func localOptionSet(t *schema.Table, c *schema.Column) map[string]any {
	id := uuid.NewSHA1(columnID(c, t), []byte("optionset"))
	kinds := map[schema.Kind]string{schema.KindState: "State", schema.KindStatus: "Status", schema.KindBoolean: "Boolean"}
	typ := kinds[c.Kind]
	if typ == "" {
		typ = "Picklist"
	}
	p := optionSetBase(id, t.Name+"_"+c.Name, typ, c.Custom)
	p["DisplayName"], p["Description"] = labelOf(columnLabel(c), c.Labels, !c.Custom, id), labelOf("", nil, !c.Custom, id)
	if c.Kind == schema.KindBoolean {
		for i, name := range []string{"FalseOption", "TrueOption"} {
			o := c.Option(i)
			if o == nil {
				o = &schema.Option{Value: i, Label: [2]string{"No", "Yes"}[i]}
			}
			p[name] = metaOption(c, o, id)
		}
		return p
	}
	options := make([]any, 0, len(c.Options))
	for i := range c.Options {
		o := metaOption(c, &c.Options[i], id)
		if c.Kind == schema.KindState {
			o["DefaultStatus"] = firstStatus(t, c.Options[i].Value)
		}
		options = append(options, o)
	}
	p["Options"], p["ParentOptionSetName"] = options, nil
	return p
}

// firstStatus is the status reason that a row gets with a state when none is named, nil if the state has none.
func firstStatus(t *schema.Table, state int) any {
	if c := t.Column("statuscode"); c != nil {
		for i := range c.Options {
			if s := c.Options[i].State; s != nil && *s == state {
				return c.Options[i].Value
			}
		}
	}
	return nil
}

func optionSetBase(id uuid.UUID, name, typ string, custom bool) map[string]any {
	return map[string]any{"MetadataId": id.String(), "HasChanged": nil, "IsCustomOptionSet": custom, "IsGlobal": false, "IsManaged": !custom,
		"IsCustomizable": managedProperty(true, false, "iscustomizable"), "Name": name, "ExternalTypeName": nil, "OptionSetType": typ,
		"IntroducedVersion": introducedVersion(custom)}
}

// metaOptionSet is a global choice. Page: create-update-optionsets.
func metaOptionSet(s *schema.Schema, o *schema.OptionSet) object {
	id := optionSetID(o)
	custom := o.MetadataID != uuid.Nil
	p := optionSetBase(id, o.Name, "Picklist", custom)
	p["IsGlobal"] = true
	p["DisplayName"], p["Description"] = labelOf(o.Label, o.Labels, false, id), labelOf(o.Description[English], o.Description, false, id)
	options := make([]any, 0, len(o.Options))
	for i := range o.Options {
		options = append(options, metaOption(&schema.Column{Custom: custom}, &o.Options[i], id))
	}
	p["Options"], p["ParentOptionSetName"] = options, nil
	return object{"OptionSetMetadata", p}
}

func metaOption(c *schema.Column, o *schema.Option, set uuid.UUID) map[string]any {
	id := uuid.NewSHA1(set, []byte{byte(o.Value >> 24), byte(o.Value >> 16), byte(o.Value >> 8), byte(o.Value)})
	m := map[string]any{"Value": o.Value, "Label": labelOf(o.Label, o.Labels, !c.Custom, id), "Description": labelOf(o.Description[English], o.Description, !c.Custom, id),
		"Color": nil, "IsManaged": !c.Custom, "ExternalValue": nil, "ParentValues": []any{}, "Tag": nil, "IsHidden": false, "MetadataId": nil, "HasChanged": nil}
	switch {
	case c.Kind == schema.KindStatus:
		m["@odata.type"] = "#Microsoft.Dynamics.CRM.StatusOptionMetadata"
		state := 0
		if o.State != nil {
			state = *o.State
		}
		m["State"], m["TransitionData"] = state, nil
		if o.TransitionData != "" {
			m["TransitionData"] = o.TransitionData
		}
	case c.Kind == schema.KindState:
		m["@odata.type"] = "#Microsoft.Dynamics.CRM.StateOptionMetadata"
		m["InvariantName"] = o.Label
	}
	return m
}
