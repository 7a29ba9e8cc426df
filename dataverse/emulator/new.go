package emulator

import (
	"time"

	"github.com/google/uuid"
)

// New is a Dataverse with one organisation, its root business unit and an administrator, and no other rows.
func New(o Options) *Server {
	s := newServer(o)
	s.store.now.Store(&snapshot{schema: baseSchema(), data: map[string]*rows{}, bin: map[string]*rows{}, retained: map[string]*rows{}})
	s.seed()
	s.seedBin()
	return s
}

// newServer is a server whose store holds nothing yet, no snapshot either.
func newServer(o Options) *Server {
	if o.Token == "" {
		o.Token = "emulator"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		options: o, bodyLimit: maxBody, store: &store{}, clock: &clock{machine: o.Now}, stats: newStats(), faults: &faults{}, tokens: newTokens(),
		organizationID: stableID("organization"), rootBusiness: stableID("businessunit"), administrator: stableID("administrator"),
	}
	s.limits = newLimiter(o.Limits, s.clock.now, o.Now, o.Latency)
	s.routes = s.routeTable()
	s.control = s.controlTable()
	return s
}

// stableID is an id that is the same in every run.
func stableID(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://emulator.invalid/"+name))
}

// routeTable is the table of contents of the emulator: every shape of request that it answers, one line each.
func (s *Server) routeTable() map[string]handler {
	return map[string]handler{
		// identity.go
		"GET WhoAmI":                      s.whoAmI,
		"GET RetrieveVersion":             s.retrieveVersion,
		"GET RetrieveCurrentOrganization": s.retrieveCurrentOrganization,
		// csdl.go
		"GET /":         s.serviceDocument,
		"GET $metadata": s.metadataDocument,
		// query.go, get.go: reading rows
		"GET set":                      s.listSet,
		"GET set/$count":               s.countSet,
		"GET set(key)":                 s.getRow,
		"GET set(key)/property":        s.getProperty,
		"GET set(key)/property/$value": s.getValue,
		"GET set(key)/property/$count": s.countRelated,
		"GET set(key)/property/$ref":   s.getReference,
		// metaread.go
		"GET EntityDefinitions":          s.readDefinitions,
		"GET RelationshipDefinitions":    s.readDefinitions,
		"GET GlobalOptionSetDefinitions": s.readDefinitions,
		// metachanges.go
		"GET RetrieveMetadataChanges": s.retrieveMetadataChanges,
		// batch.go
		"POST $batch": s.postBatch,
		// metawrite.go
		"POST EntityDefinitions":   s.postEntityDefinitions,
		"PUT EntityDefinitions":    s.putEntityDefinitions,
		"DELETE EntityDefinitions": s.deleteEntityDefinitions,
		"PATCH EntityDefinitions":  s.patchDefinitions,
		// definerelation.go
		"POST RelationshipDefinitions":     s.postRelationshipDefinitions,
		"PUT RelationshipDefinitions":      s.putRelationshipDefinitions,
		"DELETE RelationshipDefinitions":   s.deleteRelationshipDefinitions,
		"POST CreateCustomerRelationships": s.createCustomerRelationships,
		// optionsets.go
		"POST GlobalOptionSetDefinitions":   s.postGlobalOptionSetDefinitions,
		"PUT GlobalOptionSetDefinitions":    s.putGlobalOptionSetDefinitions,
		"DELETE GlobalOptionSetDefinitions": s.deleteGlobalOptionSetDefinitions,
		"POST InsertOptionValue":            s.insertOptionValue,
		"POST InsertStatusValue":            s.insertStatusValue,
		"POST UpdateOptionValue":            s.updateOptionValue,
		"POST DeleteOptionValue":            s.deleteOptionValue,
		"POST ReactivateEntityKey":          s.reactivateKey,
		"POST OrderOption":                  s.orderOption,
		"POST UpdateStateValue":             s.updateStateValue,
		// roleactions.go
		"GET RetrieveRolePrivilegesRole":                                           s.rolePrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges":               s.userPrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName": s.userPrivilege,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames":   s.userPrivilegesByNames,
		"POST set(key)/Microsoft.Dynamics.CRM.AddPrivilegesRole":                   s.addPrivileges,
		"POST set(key)/Microsoft.Dynamics.CRM.ReplacePrivilegesRole":               s.replacePrivileges,
		"POST set(key)/Microsoft.Dynamics.CRM.RemovePrivilegeRole":                 s.removePrivilege,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess":              s.retrievePrincipalAccess,
		// sharing.go
		"POST GrantAccess":                      s.grantAccess,
		"POST ModifyAccess":                     s.modifyAccess,
		"POST RevokeAccess":                     s.revokeAccess,
		"GET RetrieveSharedPrincipalsAndAccess": s.sharedPrincipals,
		// solution.go
		"POST AddSolutionComponent":         s.addSolutionComponent,
		"GET RetrieveDependenciesForDelete": s.dependenciesForDelete,
		"POST PublishXml":                   s.publishXML,
		"POST PublishAllXml":                s.publishAllXML,
		// create.go, update.go, cascade.go
		"POST set":        s.postSet,
		"PATCH set(key)":  s.patchRow,
		"DELETE set(key)": s.deleteRow,
		// audithistory.go
		"GET RetrieveRecordChangeHistory":                          s.recordHistory,
		"GET RetrieveAttributeChangeHistory":                       s.attributeHistory,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveAuditDetails": s.auditDetails,
		"POST DeleteRecordChangeHistory":                           s.deleteHistory,
		"POST DeleteAuditData":                                     s.deleteAuditData,
		// bin.go
		"POST Restore": s.restore,
		// bulk.go
		"POST set/Microsoft.Dynamics.CRM.CreateMultiple": s.createMultiple,
		"POST set/Microsoft.Dynamics.CRM.UpdateMultiple": s.updateMultiple,
		"POST set/Microsoft.Dynamics.CRM.UpsertMultiple": s.upsertMultiple,
		"POST set/Microsoft.Dynamics.CRM.DeleteMultiple": s.deleteMultiple,
		// bulkdelete.go
		"POST BulkDelete": s.bulkDelete,
		// sales.go, qualify.go, merge.go
		"POST WinOpportunity":  s.winOpportunity,
		"POST LoseOpportunity": s.loseOpportunity,
		"POST WinQuote":        s.winQuote,
		"POST CloseQuote":      s.closeQuote,
		"POST Merge":           s.merge,
		"POST set(key)/Microsoft.Dynamics.CRM.QualifyLead": s.qualifyLead,
		// lists.go
		"POST set(key)/Microsoft.Dynamics.CRM.AddMemberList":    s.addMemberList,
		"POST set(key)/Microsoft.Dynamics.CRM.RemoveMemberList": s.removeMemberList,
		"POST AddListMembersList":                               s.addListMembers,
		"POST set(key)/Microsoft.Dynamics.CRM.AddToQueue":       s.addToQueue,
		"POST set(key)/Microsoft.Dynamics.CRM.RemoveFromQueue":  s.removeFromQueue,
		// service.go
		"POST CloseIncident": s.closeIncident,
		"POST ReviseQuote":   s.reviseQuote,
		// convert.go
		"POST ConvertQuoteToSalesOrder":   s.convertQuote,
		"POST ConvertSalesOrderToInvoice": s.convertOrder,
		// duplicates.go
		"POST PublishDuplicateRule":   s.publishRule,
		"POST UnpublishDuplicateRule": s.unpublishRule,
		"GET RetrieveDuplicates":      s.retrieveDuplicates,
		// filetransfer.go, fileblocks.go
		"PATCH set(key)/property":                 s.patchProperty,
		"POST DeleteFile":                         s.deleteFile,
		"POST InitializeFileBlocksUpload":         s.initializeFileUpload,
		"POST UploadBlock":                        s.uploadBlock,
		"POST CommitFileBlocksUpload":             s.commitFileUpload,
		"POST InitializeFileBlocksDownload":       s.initializeFileDownload,
		"POST DownloadBlock":                      s.downloadBlock,
		"POST InitializeAttachmentBlocksUpload":   s.initializeNoteUpload,
		"POST CommitAttachmentBlocksUpload":       s.commitNoteUpload,
		"POST InitializeAttachmentBlocksDownload": s.initializeNoteDownload,
		"POST InitializeAnnotationBlocksUpload":   s.initializeNoteUpload,
		"POST CommitAnnotationBlocksUpload":       s.commitNoteUpload,
		"POST InitializeAnnotationBlocksDownload": s.initializeNoteDownload,
		// property.go
		"PUT set(key)/property":    s.putProperty,
		"DELETE set(key)/property": s.deleteProperty,
		"POST set(key)/property":   s.postProperty,
		// associate.go
		"POST set(key)/property/$ref":        s.postRef,
		"PUT set(key)/property/$ref":         s.putRef,
		"DELETE set(key)/property/$ref":      s.deleteRef,
		"DELETE set(key)/property(key)/$ref": s.deleteRef,
	}
}

// noRoute says why no handler serves the call.
func (s *Server) noRoute(c *call) *fault {
	return s.notEmulated(c.path.route(c.method))
}
