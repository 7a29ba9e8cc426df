package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// postGlobalOptionSetDefinitions makes a global choice. Page: create-update-optionsets.
func (s *metadataService) postGlobalOptionSetDefinitions(c *call) (*answer, error) {
	if len(c.path.segments) != 1 || c.path.segments[0].hasKey {
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, "prvCreateOptionSet", func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		if _, err := metaBody(body, "OptionSetMetadataBase"); err != nil {
			return err
		}
		if t := textOf(body, "OptionSetType"); t != "Picklist" {
			return badArgument("The OptionSetType '%s' cannot be created.", t)
		}
		o := &optionSet{Name: strings.ToLower(textOf(body, "Name")), defined: madeNow(ch.now())}
		if err := ch.checkName(o.Name, ch.publisher); err != nil {
			return err
		}
		if ch.schema.optionSets[o.Name] != nil {
			return newFault(http.StatusBadRequest, "0x80047010", "An object with the specified name %s already exists.", o.Name)
		}
		if o.Options, err = ch.options(body); err != nil {
			return err
		}
		o.Label, o.labels = texts(body["DisplayName"])
		if o.Label == "" && len(o.labels) == 0 {
			return badArgument("The DisplayName of the option set '%s' is missing.", o.Name)
		}
		o.description = allTexts(body["Description"])
		ch.schema.optionSets[o.Name] = o
		ch.made(componentOptionSet, o.metadataID, "GlobalOptionSetDefinitions("+o.metadataID.String()+")")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return noContent().set("OData-EntityId", ch.address).set("Location", ch.address), nil
}

// putGlobalOptionSetDefinitions changes the names and texts of a global choice; its options have messages of their own.
func (s *metadataService) putGlobalOptionSetDefinitions(c *call) (*answer, error) {
	return s.changeOptionSet(c, "prvWriteOptionSet", func(ch *change, o *optionSet) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		if _, err := metaBody(body, "OptionSetMetadataBase"); err != nil {
			return err
		}
		next := *o
		merge := strings.EqualFold(c.header.Get("MSCRM.MergeLabels"), "true")
		text, others := texts(body["DisplayName"])
		next.Label, next.labels = merged(merge, o.Label, o.labels, text, others)
		_, next.description = merged(merge, "", o.description, "", allTexts(body["Description"]))
		ch.schema.optionSets[o.Name] = &next
		return nil
	})
}

// deleteGlobalOptionSetDefinitions takes a global choice away that no column uses.
func (s *metadataService) deleteGlobalOptionSetDefinitions(c *call) (*answer, error) {
	return s.changeOptionSet(c, "prvDeleteOptionSet", func(ch *change, o *optionSet) error {
		by := 0
		for _, t := range ch.schema.tables {
			for _, col := range t.Columns {
				if col.optionSet == o.Name {
					by++
				}
			}
		}
		if by > 0 {
			return inUse("OptionSet", o.metaID().String(), by)
		}
		delete(ch.schema.optionSets, o.Name)
		return nil
	})
}

func (s *metadataService) changeOptionSet(c *call, privilege string, fn func(*change, *optionSet) error) (*answer, error) {
	p := c.path.segments
	if len(p) != 1 || !p[0].hasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, privilege, func(ch *change) error {
		o, err := ch.schema.optionSetAt("GlobalOptionSetDefinitions(" + p[0].key + ")")
		if err != nil {
			return err
		}
		return fn(ch, o)
	})
	if err != nil {
		return nil, err
	}
	return noContent(), nil
}

// The messages that change options. Each names a column, or a global set. Page:
// create-update-column-definitions-using-web-api; reference: InsertOptionValue and its like.

func (s *metadataService) insertOptionValue(c *call) (*answer, error) { return s.insertValue(c, false) }
func (s *metadataService) insertStatusValue(c *call) (*answer, error) { return s.insertValue(c, true) }

func (s *metadataService) insertValue(c *call, status bool) (*answer, error) {
	added := 0
	err := s.changeOptions(c, status, func(ch *change, body map[string]any, options []option) ([]option, error) {
		o := option{Value: wholeNumber(body["Value"], -1)}
		o.Label, o.labels = texts(body["Label"])
		o.description = allTexts(body["Description"])
		if o.Label == "" && len(o.labels) == 0 {
			return nil, badArgument("The Label of the option is missing.")
		}
		if body["Value"] == nil {
			o.Value = int(ch.prefix * 10000)
			for hasOption(options, o.Value) >= 0 {
				o.Value++
			}
		}
		if o.Value < 0 {
			return nil, badArgument("An option's value must be a whole number that is not negative.")
		}
		if hasOption(options, o.Value) >= 0 {
			return nil, newFault(http.StatusBadRequest, "0x80044310", "The picklist value already exists.  Picklist values must be unique.")
		}
		if status {
			state := wholeNumber(body["StateCode"], -1)
			if state < 0 {
				return nil, badArgument("The StateCode of the status is missing.")
			}
			o.State = &state
		}
		added = o.Value
		return append(slices.Clone(options), o), nil
	})
	if err != nil {
		return nil, err
	}
	name := "InsertOptionValueResponse"
	if status {
		name = "InsertStatusValueResponse"
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + name, "NewOptionValue": added}), nil
}

func hasOption(options []option, value int) int {
	return slices.IndexFunc(options, func(o option) bool { return o.Value == value })
}

func (s *metadataService) updateOptionValue(c *call) (*answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []option) ([]option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		merge, isBool := body["MergeLabels"].(bool)
		if !isBool {
			return nil, badArgument("MergeLabels is missing.")
		}
		options = slices.Clone(options)
		o := &options[i]
		text, others := texts(body["Label"])
		o.Label, o.labels = merged(merge, o.Label, o.labels, text, others)
		if body["Description"] != nil {
			_, o.description = merged(merge, "", o.description, "", allTexts(body["Description"]))
		}
		return options, nil
	})
}

func noOption(body map[string]any) *fault {
	return newFault(http.StatusBadRequest, "0x8004431a", "The option %v does not exist.", body["Value"])
}

func (s *metadataService) deleteOptionValue(c *call) (*answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []option) ([]option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		return slices.Delete(slices.Clone(options), i, i+1), nil
	})
}

func (s *metadataService) orderOption(c *call) (*answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []option) ([]option, error) {
		list, _ := body["Values"].([]any)
		var out []option
		for _, v := range list {
			i := hasOption(options, wholeNumber(v, -1))
			if i < 0 || hasOption(out, options[i].Value) >= 0 {
				return nil, badArgument("Values must hold each option once.")
			}
			out = append(out, options[i])
		}
		if len(out) != len(options) {
			return nil, badArgument("Values must hold each option once.")
		}
		return out, nil
	})
}

func (s *metadataService) updateStateValue(c *call) (*answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []option) ([]option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		options = slices.Clone(options)
		text, others := texts(body["Label"])
		merge := boolOf(body["MergeLabels"], false)
		options[i].Label, options[i].labels = merged(merge, options[i].Label, options[i].labels, text, others)
		return options, nil
	})
}

func (s *metadataService) optionAnswer(c *call, fn func(*change, map[string]any, []option) ([]option, error)) (*answer, error) {
	if err := s.changeOptions(c, false, fn); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// optionParameters are the parameters that the messages have between them.
var optionParameters = map[string]bool{"OptionSetName": true, "AttributeLogicalName": true, "EntityLogicalName": true, "Value": true, "Label": true,
	"Description": true, "SolutionUniqueName": true, "MergeLabels": true, "Values": true, "StateCode": true, "DefaultStatusCode": true, "ParentValues": true}

// changeOptions runs fn on the options of the column or global set that the body names. Options of a global set change
// in every column that uses it.
func (s *metadataService) changeOptions(c *call, status bool, fn func(*change, map[string]any, []option) ([]option, error)) error {
	body, err := c.decode()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if !optionParameters[name] {
			return payloadFault("", "The parameter '"+name+"' in the request payload is not a valid parameter for the operation '"+c.path.segments[0].name+"'.")
		}
	}
	if name := textOf(body, "SolutionUniqueName"); name != "" {
		c.header = c.header.Clone()
		c.header.Set("MSCRM.SolutionUniqueName", name)
	}
	_, err = s.changeMetadata(c, "prvWriteAttribute", func(ch *change) error {
		if name := textOf(body, "OptionSetName"); name != "" {
			o := ch.schema.optionSets[strings.ToLower(name)]
			if o == nil {
				return newFault(http.StatusNotFound, "0x80040217", "Could not find an optionset with name '%s'.", name)
			}
			next := *o
			if next.Options, err = fn(ch, body, o.Options); err != nil {
				return err
			}
			ch.schema.optionSets[o.Name] = &next
			for _, table := range ch.schema.names() {
				for _, col := range ch.schema.tables[table].Columns {
					if col.optionSet == o.Name {
						changed := *col
						changed.Options = next.Options
						ch.schema.edit(table).replace(&changed)
					}
				}
			}
			ch.done = append(ch.done, component{componentOptionSet, next.metaID()})
			return nil
		}
		t := ch.schema.tables[textOf(body, "EntityLogicalName")]
		if t == nil {
			return newFault(http.StatusNotFound, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", textOf(body, "EntityLogicalName"))
		}
		col := t.column(textOf(body, "AttributeLogicalName"))
		switch {
		case col == nil:
			return newFault(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, textOf(body, "AttributeLogicalName"))
		case status != (col.kind == kindStatus) && c.path.segments[0].name[:6] == "Insert", len(col.Options) == 0 || col.kind == kindBoolean || col.optionSet != "":
			return badArgument("The options of the column '%s' cannot be changed by this message.", col.Name)
		}
		next := *col
		if next.Options, err = fn(ch, body, col.Options); err != nil {
			return err
		}
		ch.schema.edit(t.Name).replace(&next)
		ch.done = append(ch.done, component{componentColumn, col.metaID(t)})
		return nil
	})
	return err
}
