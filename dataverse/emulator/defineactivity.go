package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// Custom activities. Pages: create-edit-custom-activity, custom-activities, entity-activity. The columns and relationships
// that they have in common with the platform's activities are those of a letter, the plainest of them.

const plainActivity = "letter"

// activityLists are the lists of parties of a custom activity, by the table that they are copied from.
var activityLists = map[string]string{"from": "letter", "to": "letter", "cc": "letter", "bcc": "letter",
	"requiredattendees": "appointment", "optionalattendees": "appointment", "organizer": "appointment"}

// checkActivity refuses what a custom activity cannot be: "a custom activity table must be user-owned", its primary name is
// Subject, and it has no activities of its own.
func (ch *change) checkActivity(t *table, body map[string]any) error {
	if t.Ownership != "UserOwned" {
		return badArgument("The OwnershipType of an activity table must be UserOwned.")
	}
	if boolOf(body["HasActivities"], false) {
		return badArgument("HasActivities of an activity table must be false.")
	}
	list, _ := body["Attributes"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		if boolOf(m["IsPrimaryName"], false) && textOf(m, "SchemaName") != "Subject" {
			return badArgument("The primary name of an activity table must be 'Subject'.")
		}
	}
	return nil
}

// activityColumns adds the columns that every activity has, with their relationships.
func (ch *change) activityColumns(t *table) error {
	like, pointer := ch.schema.tables[plainActivity], ch.schema.tables[activityPointer]
	add := func(c *column) error {
		if c.Name == t.PrimaryName || c.Name == t.ID {
			return nil
		}
		if t.column(c.Name) != nil {
			return newFault(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
		}
		own := *c
		own.custom, own.defined = false, madeNow(ch.now())
		t.add(&own)
		return nil
	}
	for _, c := range like.Columns {
		common := pointer.column(c.Name)
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
		if err := add(ch.schema.tables[activityLists[name]].column(name)); err != nil {
			return err
		}
	}
	for _, r := range slices.Clone(like.parents) {
		next := *r
		next.Referencing, next.defined = t.Name, madeNow(ch.now())
		if r.Attribute == "regardingobjectid" {
			next.Name = r.Referenced + "_" + t.Name + "s"
			next.Nav = "regardingobjectid_" + r.Referenced + "_" + t.Name
		} else {
			next.Name = r.Referenced + "_" + t.Name + "_" + r.Attribute
		}
		next.Collection = next.Name
		ch.schema.addRelation(&next)
	}
	for _, r := range slices.Clone(like.childs) {
		switch r.Referencing {
		case "activityparty", "queueitem", "asyncoperation", "bulkdeletefailure":
			ch.mayPointLike(r, t)
		}
	}
	return nil
}

// mayPointLike lets a lookup point at a new table as it points at another.
func (ch *change) mayPointLike(r *relationship, t *table) {
	old := ch.schema.tables[r.Referencing].column(r.Attribute)
	next := *old
	next.Targets = append(slices.Clone(old.Targets), t.Name)
	ch.schema.edit(r.Referencing).replace(&next)
	like := *r
	like.Referenced, like.defined = t.Name, madeNow(ch.now())
	rename := func(s string) string { return strings.Replace(s, plainActivity, t.Name, 1) }
	like.Name, like.Nav, like.Collection = rename(r.Name), rename(r.Nav), rename(r.Collection)
	ch.schema.addRelation(&like)
}
