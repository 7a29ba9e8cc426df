package metadata

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Custom activities. Pages: create-edit-custom-activity, custom-activities, entity-activity. The columns and relationships
// that they have in common with the platform's activities are those of a letter, the plainest of them.

const plainActivity = "letter"

// activityLists are the lists of parties of a custom activity, by the table that they are copied from.
var activityLists = map[string]string{"from": "letter", "to": "letter", "cc": "letter", "bcc": "letter",
	"requiredattendees": "appointment", "optionalattendees": "appointment", "organizer": "appointment"}

// checkActivity refuses what a custom activity cannot be: "a custom activity table must be user-owned", its primary name is
// Subject, and it has no activities of its own.
func (ch *change) checkActivity(t *schema.Table, body map[string]any) error {
	if t.Ownership != "UserOwned" {
		return wire.BadArgument("The OwnershipType of an activity table must be UserOwned.")
	}
	if boolOf(body["HasActivities"], false) {
		return wire.BadArgument("HasActivities of an activity table must be false.")
	}
	list, _ := body["Attributes"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		if boolOf(m["IsPrimaryName"], false) && textOf(m, "SchemaName") != "Subject" {
			return wire.BadArgument("The primary name of an activity table must be 'Subject'.")
		}
	}
	return nil
}

// activityColumns adds the columns that every activity has, with their relationships.
func (ch *change) activityColumns(t *schema.Table) error {
	like, pointer := ch.schema.Tables[plainActivity], ch.schema.Tables[schema.ActivityPointer]
	add := func(c *schema.Column) error {
		if c.Name == t.PrimaryName || c.Name == t.ID {
			return nil
		}
		if t.Column(c.Name) != nil {
			return wire.NewError(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
		}
		own := *c
		own.Custom, own.Defined = false, madeNow(ch.now())
		addColumn(t, &own)
		return nil
	}
	for _, c := range like.Columns {
		common := pointer.Column(c.Name)
		if common == nil && c.Name != "importsequencenumber" && c.Name != "overriddencreatedon" {
			continue
		}
		if c.Name == "statecode" || c.Name == "statuscode" { // a letter has states of its own
			c = common
			next := *c
			next.NoCreate, next.NoUpdate = false, false
			c = &next
		}
		if err := add(c); err != nil {
			return err
		}
	}
	for _, name := range []string{"from", "to", "cc", "bcc", "requiredattendees", "optionalattendees", "organizer"} {
		if err := add(ch.schema.Tables[activityLists[name]].Column(name)); err != nil {
			return err
		}
	}
	for _, r := range slices.Clone(like.Outgoing) {
		next := *r
		next.Referencing, next.Defined = t.Name, madeNow(ch.now())
		if r.Attribute == "regardingobjectid" {
			next.Name = r.Referenced + "_" + t.Name + "s"
			next.Nav = "regardingobjectid_" + r.Referenced + "_" + t.Name
		} else {
			next.Name = r.Referenced + "_" + t.Name + "_" + r.Attribute
		}
		next.Collection = next.Name
		addRelation(ch.schema, &next)
	}
	for _, r := range slices.Clone(like.Incoming) {
		switch r.Referencing {
		case "activityparty", "queueitem", "asyncoperation", "bulkdeletefailure":
			ch.mayPointLike(r, t)
		}
	}
	return nil
}

// mayPointLike lets a lookup point at a new table, as the lookup does at another.
func (ch *change) mayPointLike(r *schema.Relationship, t *schema.Table) {
	old := ch.schema.Tables[r.Referencing].Column(r.Attribute)
	next := *old
	next.Targets = append(slices.Clone(old.Targets), t.Name)
	replaceInTable(editTable(ch.schema, r.Referencing), &next)
	like := *r
	like.Referenced, like.Defined = t.Name, madeNow(ch.now())
	rename := func(s string) string { return strings.Replace(s, plainActivity, t.Name, 1) }
	like.Name, like.Nav, like.Collection = rename(r.Name), rename(r.Nav), rename(r.Collection)
	addRelation(ch.schema, &like)
}
