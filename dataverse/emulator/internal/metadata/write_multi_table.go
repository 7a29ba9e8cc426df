package metadata

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// A lookup to several tables has one column and a relationship for each table. Its navigation properties are named after the
// lookup and the table. Pages: multitable-lookup, create-update-column-definitions-using-web-api.

// createCustomerRelationships makes a lookup that points at accounts and contacts, with its two relationships.
func (s *Service) createCustomerRelationships(c *wire.Call) (*wire.Answer, error) {
	return s.createMultiTable(c, "CreateCustomerRelationships", func(ch *change, relations []*schema.Relationship) (string, error) {
		if len(relations) != 2 {
			return "", wire.BadArgument("CreateCustomerRelationships takes two relationships.")
		}
		targets := targetsOf(relations)
		slices.Sort(targets)
		if !slices.Equal(targets, []string{"account", "contact"}) {
			return "", wire.BadArgument("The relationships of a customer lookup lead from one table to account and to contact.")
		}
		return "Customer", nil
	})
}

// createPolymorphicLookup makes a lookup that points at tables of one's choice.
func (s *Service) createPolymorphicLookup(c *wire.Call) (*wire.Answer, error) {
	return s.createMultiTable(c, "CreatePolymorphicLookupAttribute", func(ch *change, relations []*schema.Relationship) (string, error) {
		targets := targetsOf(relations)
		slices.Sort(targets)
		for _, r := range relations {
			if cascading(r) {
				return "", wire.NewError(http.StatusBadRequest, "0x80090426", "The cascade behavior of %s is not supported. The cascade behaviors supported for polymorphic lookup are CascadeAssign=Nocascade, CascadeDelete=RemoveLink, CascadeMerge=Nocascade, CascadeReparent=Nocascade, CascadeShare=Nocascade, CascadeUnshare=Nocascade and CascadeRollupView=Nocascade.", r.Name)
			}
		}
		if len(targets) == 0 || len(slices.Compact(targets)) != len(relations) {
			return "", wire.BadArgument("CreatePolymorphicLookupAttribute takes a relationship for each table that the lookup points at.")
		}
		return "Lookup", nil
	})
}

func targetsOf(relations []*schema.Relationship) []string {
	var out []string
	for _, r := range relations {
		out = append(out, r.Referenced)
	}
	return out
}

// createMultiTable makes a lookup and its relationships in one step. checked says of which type the column is.
func (s *Service) createMultiTable(c *wire.Call, action string, checked func(*change, []*schema.Relationship) (string, error)) (*wire.Answer, error) {
	var ids []string
	var column string
	_, err := s.changeMetadata(c, "prvCreateRelationship", func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		list, _ := body["OneToManyRelationships"].([]any)
		lookup, _ := body["Lookup"].(map[string]any)
		var relations []*schema.Relationship
		for _, x := range list {
			m, _ := x.(map[string]any)
			r, err := ch.relation(m)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(relations, func(o *schema.Relationship) bool {
				return o.Referencing != r.Referencing || strings.EqualFold(o.Name, r.Name)
			}) {
				return wire.BadArgument("The relationships of a lookup lead from one table, and each has a name of its own.")
			}
			relations = append(relations, r)
		}
		typ, err := checked(ch, relations)
		if err != nil {
			return err
		}
		col, err := ch.lookup(lookup, relations[0].Referencing, targetsOf(relations)...)
		if err != nil {
			return err
		}
		made := *col
		made.Type, made.Several = typ, true
		replaceInTable(editTable(ch.schema, relations[0].Referencing), &made)
		column = col.MetadataID.String()
		for _, r := range relations {
			if err := ch.newRelation(r, &made, made.SchemaName+"_"+r.Referenced); err != nil {
				return err
			}
			ids = append(ids, r.MetadataID.String())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM." + action + "Response", "RelationshipIds": ids, "AttributeId": column}), nil
}

// multiTable is the column that a relationship's lookup names, if it is there and may point at further tables.
func (ch *change) multiTable(from string, lookup map[string]any) *schema.Column {
	t := ch.schema.Tables[from]
	if c := t.Column(strings.ToLower(textOf(lookup, "SchemaName"))); c != nil && c.Several && c.Type == "Lookup" {
		return c
	}
	return nil
}

// addTarget lets a lookup to several tables point at one more.
func (ch *change) addTarget(r *schema.Relationship, c *schema.Column) error {
	if slices.Contains(c.Targets, r.Referenced) {
		return wire.BadArgument("The lookup '%s' points at '%s' already.", c.Name, r.Referenced)
	}
	next := *c
	next.Targets = append(slices.Clone(c.Targets), r.Referenced)
	replaceInTable(editTable(ch.schema, r.Referencing), &next)
	return ch.newRelation(r, &next, next.SchemaName+"_"+r.Referenced)
}
