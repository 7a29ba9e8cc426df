package metadata

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// postGlobalOptionSetDefinitions makes a global choice. Page: create-update-optionsets.
func (s *Service) postGlobalOptionSetDefinitions(c *wire.Call) (*wire.Answer, error) {
	if len(c.Path.Segments) != 1 || c.Path.Segments[0].HasKey {
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, "prvCreateOptionSet", func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		if _, err := metaBody(body, "OptionSetMetadataBase"); err != nil {
			return err
		}
		if t := textOf(body, "OptionSetType"); t != "Picklist" {
			return wire.BadArgument("The OptionSetType '%s' cannot be created.", t)
		}
		o := &schema.OptionSet{Name: strings.ToLower(textOf(body, "Name")), Defined: madeNow(ch.now())}
		if err := ch.checkName(o.Name, ch.publisher); err != nil {
			return err
		}
		if ch.schema.OptionSets[o.Name] != nil {
			return wire.NewError(http.StatusBadRequest, "0x80047010", "An object with the specified name %s already exists.", o.Name)
		}
		if o.Options, err = ch.options(body); err != nil {
			return err
		}
		o.Label, o.Labels = labelTexts(body["DisplayName"])
		if o.Label == "" && len(o.Labels) == 0 {
			return wire.BadArgument("The DisplayName of the option set '%s' is missing.", o.Name)
		}
		o.Description = allTexts(body["Description"])
		ch.schema.OptionSets[o.Name] = o
		ch.made(componentOptionSet, o.MetadataID, "GlobalOptionSetDefinitions("+o.MetadataID.String()+")")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent().SetHeader("OData-EntityId", ch.address).SetHeader("Location", ch.address), nil
}

// putGlobalOptionSetDefinitions changes the names and texts of a global choice; its options have messages of their own.
func (s *Service) putGlobalOptionSetDefinitions(c *wire.Call) (*wire.Answer, error) {
	return s.changeOptionSet(c, "prvWriteOptionSet", func(ch *change, o *schema.OptionSet) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		if _, err := metaBody(body, "OptionSetMetadataBase"); err != nil {
			return err
		}
		next := *o
		merge := strings.EqualFold(c.Header.Get("MSCRM.MergeLabels"), "true")
		text, others := labelTexts(body["DisplayName"])
		next.Label, next.Labels = merged(merge, o.Label, o.Labels, text, others)
		_, next.Description = merged(merge, "", o.Description, "", allTexts(body["Description"]))
		ch.schema.OptionSets[o.Name] = &next
		return nil
	})
}

// deleteGlobalOptionSetDefinitions deletes a global choice that no column uses.
func (s *Service) deleteGlobalOptionSetDefinitions(c *wire.Call) (*wire.Answer, error) {
	return s.changeOptionSet(c, "prvDeleteOptionSet", func(ch *change, o *schema.OptionSet) error {
		if o.MetadataID == uuid.Nil {
			return notCustom("OptionSet", optionSetID(o).String())
		}
		by := 0
		for _, t := range ch.schema.Tables {
			for _, col := range t.Columns {
				if col.OptionSet == o.Name {
					by++
				}
			}
		}
		if by > 0 {
			return InUse("OptionSet", optionSetID(o).String(), by)
		}
		delete(ch.schema.OptionSets, o.Name)
		return nil
	})
}

func (s *Service) changeOptionSet(c *wire.Call, privilege string, fn func(*change, *schema.OptionSet) error) (*wire.Answer, error) {
	p := c.Path.Segments
	if len(p) != 1 || !p[0].HasKey {
		return nil, wrongMethod()
	}
	_, err := s.changeMetadata(c, privilege, func(ch *change) error {
		o, err := optionSetAt(ch.schema, "GlobalOptionSetDefinitions("+p[0].Key+")")
		if err != nil {
			return err
		}
		return fn(ch, o)
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// The messages that change options. Each names a column, or a global set. Page:
// create-update-column-definitions-using-web-api; reference: InsertOptionValue and its like.

func (s *Service) insertOptionValue(c *wire.Call) (*wire.Answer, error) {
	return s.insertValue(c, false)
}
func (s *Service) insertStatusValue(c *wire.Call) (*wire.Answer, error) {
	return s.insertValue(c, true)
}

func (s *Service) insertValue(c *wire.Call, status bool) (*wire.Answer, error) {
	added := 0
	err := s.changeOptions(c, status, func(ch *change, body map[string]any, options []schema.Option) ([]schema.Option, error) {
		o := schema.Option{Value: wholeNumber(body["Value"], -1)}
		o.Label, o.Labels = labelTexts(body["Label"])
		o.Description = allTexts(body["Description"])
		if o.Label == "" && len(o.Labels) == 0 {
			return nil, wire.BadArgument("The Label of the option is missing.")
		}
		if body["Value"] == nil {
			o.Value = int(ch.prefix * 10000)
			for hasOption(options, o.Value) >= 0 {
				o.Value++
			}
		}
		if o.Value < 0 {
			return nil, wire.BadArgument("An option's value must be a whole number that is not negative.")
		}
		if hasOption(options, o.Value) >= 0 {
			return nil, wire.NewError(http.StatusBadRequest, "0x80044310", "The picklist value already exists.  Picklist values must be unique.")
		}
		if status {
			state := wholeNumber(body["StateCode"], -1)
			if state < 0 {
				return nil, wire.BadArgument("The StateCode of the status is missing.")
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
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + name, "NewOptionValue": added}), nil
}

func hasOption(options []schema.Option, value int) int {
	return slices.IndexFunc(options, func(o schema.Option) bool { return o.Value == value })
}

func (s *Service) updateOptionValue(c *wire.Call) (*wire.Answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []schema.Option) ([]schema.Option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		merge, isBool := body["MergeLabels"].(bool)
		if !isBool {
			return nil, wire.BadArgument("MergeLabels is missing.")
		}
		options = slices.Clone(options)
		o := &options[i]
		text, others := labelTexts(body["Label"])
		o.Label, o.Labels = merged(merge, o.Label, o.Labels, text, others)
		if body["Description"] != nil {
			_, o.Description = merged(merge, "", o.Description, "", allTexts(body["Description"]))
		}
		return options, nil
	})
}

func noOption(body map[string]any) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x8004431a", "The option %v does not exist.", body["Value"])
}

func (s *Service) deleteOptionValue(c *wire.Call) (*wire.Answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []schema.Option) ([]schema.Option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		return slices.Delete(slices.Clone(options), i, i+1), nil
	})
}

func (s *Service) orderOption(c *wire.Call) (*wire.Answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []schema.Option) ([]schema.Option, error) {
		list, _ := body["Values"].([]any)
		var out []schema.Option
		for _, v := range list {
			i := hasOption(options, wholeNumber(v, -1))
			if i < 0 || hasOption(out, options[i].Value) >= 0 {
				return nil, wire.BadArgument("Values must hold each option once.")
			}
			out = append(out, options[i])
		}
		if len(out) != len(options) {
			return nil, wire.BadArgument("Values must hold each option once.")
		}
		return out, nil
	})
}

func (s *Service) updateStateValue(c *wire.Call) (*wire.Answer, error) {
	return s.optionAnswer(c, func(ch *change, body map[string]any, options []schema.Option) ([]schema.Option, error) {
		i := hasOption(options, wholeNumber(body["Value"], -1))
		if i < 0 {
			return nil, noOption(body)
		}
		options = slices.Clone(options)
		text, others := labelTexts(body["Label"])
		merge := boolOf(body["MergeLabels"], false)
		options[i].Label, options[i].Labels = merged(merge, options[i].Label, options[i].Labels, text, others)
		return options, nil
	})
}

func (s *Service) optionAnswer(c *wire.Call, fn func(*change, map[string]any, []schema.Option) ([]schema.Option, error)) (*wire.Answer, error) {
	if err := s.changeOptions(c, false, fn); err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// optionParameters are the parameters that the messages have between them.
var optionParameters = map[string]bool{"OptionSetName": true, "AttributeLogicalName": true, "EntityLogicalName": true, "Value": true, "Label": true,
	"Description": true, "SolutionUniqueName": true, "MergeLabels": true, "Values": true, "StateCode": true, "DefaultStatusCode": true, "ParentValues": true}

// changeOptions runs fn on the options of the column or global set that the body names. Options of a global set change
// in every column that uses it.
func (s *Service) changeOptions(c *wire.Call, status bool, fn func(*change, map[string]any, []schema.Option) ([]schema.Option, error)) error {
	body, err := c.Decode()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if !optionParameters[name] {
			return wire.BadPayload("", "The parameter '"+name+"' in the request payload is not a valid parameter for the operation '"+c.Path.Segments[0].Name+"'.")
		}
	}
	if name := textOf(body, "SolutionUniqueName"); name != "" {
		c.Header = c.Header.Clone()
		c.Header.Set("MSCRM.SolutionUniqueName", name)
	}
	_, err = s.changeMetadata(c, "prvWriteAttribute", func(ch *change) error {
		if name := textOf(body, "OptionSetName"); name != "" {
			o := ch.schema.OptionSets[strings.ToLower(name)]
			if o == nil {
				return wire.NewError(http.StatusNotFound, "0x80040217", "Could not find an optionset with name '%s'.", name)
			}
			next := *o
			if next.Options, err = fn(ch, body, o.Options); err != nil {
				return err
			}
			ch.schema.OptionSets[o.Name] = &next
			for _, table := range ch.schema.TableNames() {
				for _, col := range ch.schema.Tables[table].Columns {
					if col.OptionSet == o.Name {
						changed := *col
						changed.Options = next.Options
						replaceInTable(editTable(ch.schema, table), &changed)
					}
				}
			}
			ch.done = append(ch.done, component{componentOptionSet, optionSetID(&next)})
			return nil
		}
		t := ch.schema.Tables[textOf(body, "EntityLogicalName")]
		if t == nil {
			return wire.NoTable(http.StatusNotFound, "0x80060888", textOf(body, "EntityLogicalName"))
		}
		col := t.Column(textOf(body, "AttributeLogicalName"))
		switch {
		case col == nil:
			return wire.NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, textOf(body, "AttributeLogicalName"))
		case status != (col.Kind == schema.KindStatus) && c.Path.Segments[0].Name[:6] == "Insert", len(col.Options) == 0 || col.OptionSet != "",
			col.Kind == schema.KindBoolean && c.Path.Segments[0].Name != "UpdateOptionValue": // its two options may be called otherwise, and that is all
			return wire.BadArgument("The options of the column '%s' cannot be changed by this message.", col.Name)
		}
		next := *col
		if next.Options, err = fn(ch, body, col.Options); err != nil {
			return err
		}
		replaceInTable(editTable(ch.schema, t.Name), &next)
		ch.done = append(ch.done, component{componentColumn, columnID(col, t)})
		return nil
	})
	return err
}
