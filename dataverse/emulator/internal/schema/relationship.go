package schema

import "slices"

// Cascades is what an action on a row does along the relationship: what it says, else of a parental one everything.
func (r *Relationship) Cascades(action string) string {
	if v := r.Cascade[action]; v != "" {
		return v
	}
	if action != "Archive" && r.Delete == "Cascade" {
		return "Cascade"
	}
	return "NoCascade"
}

// SingleValued are the relationships behind a single-valued navigation property. ownerid has two: to a user and to a team.
// An activity also has the names that it inherits from activitypointer: regardingobjectid_contact beside
// regardingobjectid_contact_email. Names are case-sensitive. Page: create-entity-web-api.
func (s *Schema) SingleValued(t *Table, nav string) []*Relationship {
	var found []*Relationship
	for _, r := range t.Outgoing {
		if r.Nav == nav {
			found = append(found, r)
		}
	}
	if c := t.Column("ownerid"); found == nil && nav == "ownerid" && c != nil && c.Type == "Owner" {
		// In metadata these lead to the table owner, which stands for both.
		for _, to := range []string{"systemuser", "team"} {
			found = append(found, &Relationship{Name: "owner_" + t.Set, Referenced: to, Referencing: t.Name, Attribute: "ownerid", Nav: "ownerid"})
		}
	}
	if found != nil || !t.Activity {
		return found
	}
	base := s.Tables["activitypointer"]
	if base == nil {
		return nil
	}
	for _, r := range base.Outgoing {
		if r.Nav != nav || t.Column(r.Attribute) == nil {
			continue
		}
		for _, own := range t.Outgoing {
			if own.Attribute == r.Attribute && own.Referenced == r.Referenced {
				found = append(found, own)
			}
		}
	}
	return found
}

// MayPointAt tells whether the relationship's lookup may hold a row of the table.
func (s *Schema) MayPointAt(r *Relationship, table string) bool {
	if r.Referenced == table {
		return true
	}
	t := s.Tables[table]
	return r.Referenced == "activitypointer" && t != nil && t.Activity
}

// PointingAt are the relationships whose lookups may hold a row of t. An activity also has those of activitypointer,
// where none of its own stands for the same lookup.
func (s *Schema) PointingAt(t *Table) []*Relationship {
	base := s.Tables["activitypointer"]
	if !t.Activity || base == nil || t == base {
		return t.Incoming
	}
	list := slices.Clone(t.Incoming)
	for _, r := range base.Incoming {
		if !slices.ContainsFunc(t.Incoming, func(own *Relationship) bool {
			return own.Referencing == r.Referencing && own.Attribute == r.Attribute
		}) {
			list = append(list, r)
		}
	}
	return list
}

// HoldsPairs tells whether a table holds the rows of a many-to-many relationship. Such rows go to the bin with the rows
// that they join; a disassociate alone leaves nothing to restore, for no page names such rows as deleted objects.
func (s *Schema) HoldsPairs(t *Table) bool {
	return t.Intersect || slices.ContainsFunc(s.ManyToMany, func(m *ManyToMany) bool { return m.Intersect == t.Name })
}

// Other is the table at the other end of the relationship, seen from a table and its navigation property.
func (m *ManyToMany) Other(table, nav string) string {
	if m.Table1 == table && m.Nav1 == nav {
		return m.Table2
	}
	return m.Table1
}

// Ends are the intersect's columns for a table and for the other end.
func (m *ManyToMany) Ends(table, nav string) (own, far string) {
	if m.Table1 == table && m.Nav1 == nav {
		return m.Attribute1, m.Attribute2
	}
	return m.Attribute2, m.Attribute1
}

// hierarchies are the tables of the platform with a hierarchical relationship, each with the lookup that points at the row
// above. Page: query-hierarchical-data.
var hierarchies = map[string]string{
	"account": "parentaccountid", "systemuser": "parentsystemuserid", "businessunit": "parentbusinessunitid",
	"contact": "parentcustomerid", "incident": "parentcaseid", "role": "parentroleid",
}

// InHierarchy tells whether the relationship makes a tree of its table's rows.
func (r *Relationship) InHierarchy() bool {
	return r.Hierarchical || r.Referenced == r.Referencing && hierarchies[r.Referenced] == r.Attribute
}

// Above is the lookup of the table at the row above in its hierarchy, nil if it has none.
func (t *Table) Above() *Column {
	if name := hierarchies[t.Name]; name != "" {
		return t.Column(name)
	}
	for _, r := range t.Outgoing {
		if r.Hierarchical {
			return t.Column(r.Attribute)
		}
	}
	return nil
}
