package messages

import (
	"maps"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Service answers the actions that do more than write a row, and runs the jobs.
type Service struct {
	*platform.Service
	uploads uploads
}

// Routes are the shapes of the requests that it answers, one line each.
func (s *Service) Routes() map[string]wire.Handler {
	routes := s.environmentRoutes() // environment.go
	maps.Copy(routes, map[string]wire.Handler{
		// audit_history.go
		"GET RetrieveRecordChangeHistory":                          s.recordHistory,
		"GET RetrieveAttributeChangeHistory":                       s.attributeHistory,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveAuditDetails": s.auditDetails,
		"POST DeleteRecordChangeHistory":                           s.deleteHistory,
		"POST DeleteAuditData":                                     s.deleteAuditData,
		// bulk_write.go
		"POST set/Microsoft.Dynamics.CRM.CreateMultiple": s.createMultiple,
		"POST set/Microsoft.Dynamics.CRM.UpdateMultiple": s.updateMultiple,
		"POST set/Microsoft.Dynamics.CRM.UpsertMultiple": s.upsertMultiple,
		"POST set/Microsoft.Dynamics.CRM.DeleteMultiple": s.deleteMultiple,
		// bulk_delete.go
		"POST BulkDelete": s.bulkDelete,
		// order_convert.go
		"POST ConvertQuoteToSalesOrder":   s.convertQuote,
		"POST ConvertSalesOrderToInvoice": s.convertOrder,
		// file_blocks.go
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
		// file_transfer.go
		"PATCH set(key)/property": s.patchProperty,
		"POST DeleteFile":         s.deleteFile,
		// lists_and_queues.go
		"POST set(key)/Microsoft.Dynamics.CRM.AddMemberList":       s.addMemberList,
		"POST set(key)/Microsoft.Dynamics.CRM.RemoveMemberList":    s.removeMemberList,
		"POST AddListMembersList":                                  s.addListMembers,
		"POST set(key)/Microsoft.Dynamics.CRM.AddMembersTeam":      s.changeTeam(true),
		"POST set(key)/Microsoft.Dynamics.CRM.RemoveMembersTeam":   s.changeTeam(false),
		"POST set(key)/Microsoft.Dynamics.CRM.AddToQueue":          s.addToQueue,
		"POST set(key)/Microsoft.Dynamics.CRM.AddPrincipalToQueue": s.addPrincipalToQueue,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserQueues":   s.userQueues,
		"POST set(key)/Microsoft.Dynamics.CRM.RemoveFromQueue":     s.removeFromQueue,
		// row_merge.go
		"POST Merge": s.merge,
		// lead_qualify.go
		"POST set(key)/Microsoft.Dynamics.CRM.QualifyLead": s.qualifyLead,
		// role_privileges.go
		"GET set(key)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess":              s.retrievePrincipalAccess,
		"GET RetrieveRolePrivilegesRole":                                           s.rolePrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges":               s.userPrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName": s.userPrivilege,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames":   s.severalPrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByIds":     s.severalPrivileges,
		"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeId":   s.userPrivilege,
		"POST set(key)/Microsoft.Dynamics.CRM.AddPrivilegesRole":                   s.addPrivileges,
		"POST set(key)/Microsoft.Dynamics.CRM.ReplacePrivilegesRole":               s.replacePrivileges,
		"POST set(key)/Microsoft.Dynamics.CRM.RemovePrivilegeRole":                 s.removePrivilege,
		// close_sale.go
		"POST WinOpportunity":  s.winOpportunity,
		"POST LoseOpportunity": s.loseOpportunity,
		"POST WinQuote":        s.winQuote,
		"POST CloseQuote":      s.closeQuote,
		// service.go
		"GET IsValidStateTransition": s.validTransition,
		"POST CloseIncident":         s.closeIncident,
		"GET set(key)/Microsoft.Dynamics.CRM.CalculateTotalTimeIncident": s.caseTime,
		"POST ReviseQuote": s.reviseQuote,
	})
	return routes
}

// Rules are those of the rows that jobs and policies work with.
func (s *Service) Rules() map[string]platform.RowRules {
	return map[string]platform.RowRules{
		"retentionconfig": {Compute: scheduleRetention, Check: checkRetention},
		"asyncoperation":  {Follow: followJob, Move: moveJob, Remove: deletableJob},
	}
}
