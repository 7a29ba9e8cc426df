package metadata

import (
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// checkReadRight refuses a caller who may not read what a path names, where that takes rights at all
// (Options.DefinitionsNeedRights). What $expand adds is not asked for by itself.
func checkReadRight(c *wire.Call, path []wire.Segment) error {
	if !c.Engine.Options.DefinitionsNeedRights {
		return nil
	}
	privilege := "prvReadEntity"
	switch path[0].Name {
	case "RelationshipDefinitions":
		privilege = "prvReadRelationship"
	case "GlobalOptionSetDefinitions":
		privilege = "prvReadOptionSet"
	}
	if err := access.CheckPrivilege(c, privilege); err != nil {
		return err
	}
	for _, s := range path[1:] {
		switch {
		case s.Name == "Attributes":
			privilege = "prvReadAttribute"
		case strings.HasSuffix(s.Name, "Relationships"):
			privilege = "prvReadRelationship"
		default:
			continue
		}
		if err := access.CheckPrivilege(c, privilege); err != nil {
			return err
		}
	}
	return nil
}
