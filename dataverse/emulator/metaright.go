package emulator

import "strings"

// readsDefinitions refuses the caller who may not read what a path names, where that takes rights at all
// (Options.DefinitionsNeedRights). What $expand adds is not asked for by itself.
func (c *call) readsDefinitions(path []segment) error {
	if !c.engine.options.DefinitionsNeedRights {
		return nil
	}
	privilege := "prvReadEntity"
	switch path[0].name {
	case "RelationshipDefinitions":
		privilege = "prvReadRelationship"
	case "GlobalOptionSetDefinitions":
		privilege = "prvReadOptionSet"
	}
	if err := c.holds(privilege); err != nil {
		return err
	}
	for _, s := range path[1:] {
		switch {
		case s.name == "Attributes":
			privilege = "prvReadAttribute"
		case strings.HasSuffix(s.name, "Relationships"):
			privilege = "prvReadRelationship"
		default:
			continue
		}
		if err := c.holds(privilege); err != nil {
			return err
		}
	}
	return nil
}
