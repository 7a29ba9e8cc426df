package emulator

import "slices"

// cascades is what an action on a row does along the relationship: what it says, else of a parental one everything.
func (r *relationship) cascades(action string) string {
	if v := r.cascade[action]; v != "" {
		return v
	}
	if action != "Archive" && r.Delete == "Cascade" {
		return "Cascade"
	}
	return "NoCascade"
}

// singles are the relationships behind a single-valued navigation property. ownerid has two: to a user and to a team.
// An activity also has the names that it inherits from activitypointer: regardingobjectid_contact beside
// regardingobjectid_contact_email. Names are case-sensitive. Page: create-entity-web-api.
func (s *schema) singles(t *table, nav string) []*relationship {
	var found []*relationship
	for _, r := range t.parents {
		if r.Nav == nav {
			found = append(found, r)
		}
	}
	if c := t.column("ownerid"); found == nil && nav == "ownerid" && c != nil && c.Type == "Owner" {
		// In metadata these lead to the table owner, which stands for both.
		for _, to := range []string{"systemuser", "team"} {
			found = append(found, &relationship{Name: "owner_" + t.Set, Referenced: to, Referencing: t.Name, Attribute: "ownerid", Nav: "ownerid"})
		}
	}
	if found != nil || !t.Activity {
		return found
	}
	base := s.tables["activitypointer"]
	if base == nil {
		return nil
	}
	for _, r := range base.parents {
		if r.Nav != nav || t.column(r.Attribute) == nil {
			continue
		}
		for _, own := range t.parents {
			if own.Attribute == r.Attribute && own.Referenced == r.Referenced {
				found = append(found, own)
			}
		}
	}
	return found
}

// reaches tells whether a row of table may stand behind the relationship.
func (s *schema) reaches(r *relationship, table string) bool {
	if r.Referenced == table {
		return true
	}
	t := s.tables[table]
	return r.Referenced == "activitypointer" && t != nil && t.Activity
}

// pointingAt are the relationships whose lookups may hold a row of t. An activity also has those of activitypointer,
// where none of its own stands for the same lookup.
func (s *schema) pointingAt(t *table) []*relationship {
	base := s.tables["activitypointer"]
	if !t.Activity || base == nil || t == base {
		return t.childs
	}
	list := slices.Clone(t.childs)
	for _, r := range base.childs {
		if !slices.ContainsFunc(t.childs, func(own *relationship) bool {
			return own.Referencing == r.Referencing && own.Attribute == r.Attribute
		}) {
			list = append(list, r)
		}
	}
	return list
}

// joins tells whether a table holds the rows of a many-to-many relationship. Such rows go to the bin with what they
// join, but parting two rows is no delete that could be taken back: no page names them as deleted objects.
func (s *schema) joins(t *table) bool {
	return t.Intersect || slices.ContainsFunc(s.many, func(m *manyToMany) bool { return m.Intersect == t.Name })
}

// other is the table at the other end of the relationship, seen from a table and its navigation property.
func (m *manyToMany) other(table, nav string) string {
	if m.Table1 == table && m.Nav1 == nav {
		return m.Table2
	}
	return m.Table1
}

// ends are the intersect's columns for a table and for the other end.
func (m *manyToMany) ends(table, nav string) (own, far string) {
	if m.Table1 == table && m.Nav1 == nav {
		return m.Attribute1, m.Attribute2
	}
	return m.Attribute2, m.Attribute1
}
