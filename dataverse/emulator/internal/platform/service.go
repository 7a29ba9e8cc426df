package platform

import (
	"sync"
	"sync/atomic"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Service answers what writes rows.
type Service struct {
	*store.Engine
	Rules map[string]RowRules
	Hooks *hooks.Hooks
	swept atomic.Int64 // when the recycle bin was last looked through, in seconds

	expired atomic.Int64 // when notifications were, in seconds

	accessed sync.Map // by the id of a user, when their access was audited
}

// Routes are the shapes of the requests that it answers, one line each.
func (s *Service) Routes() map[string]wire.Handler {
	return map[string]wire.Handler{
		// write_associate.go
		"POST set(key)/property/$ref":        s.postRef,
		"PUT set(key)/property/$ref":         s.putRef,
		"DELETE set(key)/property/$ref":      s.deleteRef,
		"DELETE set(key)/property(key)/$ref": s.deleteRef,
		// recycle_bin.go
		"POST Restore": s.restore,
		// write_create.go
		"POST set": s.postSet,
		// write_delete.go
		"DELETE set(key)": s.deleteRow,
		// duplicate_detection.go
		"POST PublishDuplicateRule":   s.publishRule,
		"POST UnpublishDuplicateRule": s.unpublishRule,
		"GET RetrieveDuplicates":      s.retrieveDuplicates,
		// organization.go
		"GET WhoAmI":                      s.whoAmI,
		"GET RetrieveVersion":             s.retrieveVersion,
		"GET RetrieveCurrentOrganization": s.retrieveCurrentOrganization,
		// write_property.go
		"PUT set(key)/property":    s.putProperty,
		"DELETE set(key)/property": s.deleteProperty,
		"POST set(key)/property":   s.postProperty,
		// sharing.go
		"POST GrantAccess":                      s.grantAccess,
		"POST ModifyAccess":                     s.modifyAccess,
		"POST RevokeAccess":                     s.revokeAccess,
		"GET RetrieveSharedPrincipalsAndAccess": s.sharedPrincipals,
		// write_update.go
		"PATCH set(key)": s.patchRow,
	}
}
