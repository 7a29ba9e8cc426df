package metadata

import (
	"sync"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Service answers what reads and changes definitions.
type Service struct {
	*store.Engine
	csdl        csdlCache
	customizing struct {
		sync.Mutex
		operation string
		until     time.Time
	}
}

// Routes are the shapes of the requests that it answers, one line each.
func (s *Service) Routes() map[string]wire.Handler {
	return map[string]wire.Handler{
		// csdl.go
		"GET /":         s.serviceDocument,
		"GET $metadata": s.metadataDocument,
		// write_relationship.go
		"POST RelationshipDefinitions":   s.postRelationshipDefinitions,
		"PUT RelationshipDefinitions":    s.putRelationshipDefinitions,
		"DELETE RelationshipDefinitions": s.deleteRelationshipDefinitions,
		// write_multi_table.go
		"POST CreateCustomerRelationships":      s.createCustomerRelationships,
		"POST CreatePolymorphicLookupAttribute": s.createPolymorphicLookup,
		// read_changes.go
		"GET RetrieveMetadataChanges": s.retrieveMetadataChanges,
		// read.go
		"GET EntityDefinitions":          s.readDefinitions,
		"GET RelationshipDefinitions":    s.readDefinitions,
		"GET GlobalOptionSetDefinitions": s.readDefinitions,
		// write.go
		"POST EntityDefinitions":   s.postEntityDefinitions,
		"PUT EntityDefinitions":    s.putEntityDefinitions,
		"DELETE EntityDefinitions": s.deleteEntityDefinitions,
		"PATCH EntityDefinitions":  s.patchDefinitions,
		"POST ReactivateEntityKey": s.reactivateKey,
		// write_option_set.go
		"POST GlobalOptionSetDefinitions":   s.postGlobalOptionSetDefinitions,
		"PUT GlobalOptionSetDefinitions":    s.putGlobalOptionSetDefinitions,
		"DELETE GlobalOptionSetDefinitions": s.deleteGlobalOptionSetDefinitions,
		"POST InsertOptionValue":            s.insertOptionValue,
		"POST InsertStatusValue":            s.insertStatusValue,
		"POST UpdateOptionValue":            s.updateOptionValue,
		"POST DeleteOptionValue":            s.deleteOptionValue,
		"POST OrderOption":                  s.orderOption,
		"POST UpdateStateValue":             s.updateStateValue,
		// labels.go
		"GET RetrieveProvisionedLanguages":   s.tellLanguages("RetrieveProvisionedLanguages", "RetrieveProvisionedLanguages"),
		"GET RetrieveAvailableLanguages":     s.tellLanguages("RetrieveAvailableLanguages", "LocaleIds"),
		"GET RetrieveInstalledLanguagePacks": s.tellLanguages("RetrieveInstalledLanguagePacks", "RetrieveInstalledLanguagePacks"),
		"GET RetrieveDeprovisionedLanguages": s.tellLanguages("RetrieveDeprovisionedLanguages", ""),
		"GET RetrieveLocLabels":              s.retrieveLocLabels,
		"POST SetLocLabels":                  s.setLocLabels,
		// solution.go
		"POST AddSolutionComponent":         s.addSolutionComponent,
		"POST RemoveSolutionComponent":      s.removeSolutionComponent,
		"GET RetrieveDependenciesForDelete": s.dependenciesForDelete,
		"POST PublishXml":                   s.publishXML,
		"POST PublishAllXml":                s.publishAllXML,
	}
}
