package metadata

import "strings"

// operation is a function or action as $metadata declares it.
type operation struct {
	name    string
	action  bool
	bound   string // the type it is bound to, "" for an unbound one
	params  [][2]string
	returns string
}

// operations are the functions and actions that the emulator covers, with the parameters that the reference of the Web
// API gives them. A line says fn or ac, the name, @ and the type it is bound to, parameters as Name:type with ? where
// they may be left out, and what comes back. Types are written as in metaTypes; T: is an entity type.
const operationText = `
fn WhoAmI -> C:WhoAmIResponse
fn RetrieveVersion -> C:RetrieveVersionResponse
fn RetrieveCurrentOrganization AccessType:E:EndpointAccessType -> C:RetrieveCurrentOrganizationResponse
fn RetrieveLocLabels EntityMoniker:T:crmbaseentity AttributeName:string IncludeUnpublished:bool -> C:RetrieveLocLabelsResponse
ac SetLocLabels EntityMoniker:T:crmbaseentity AttributeName:string Labels:[]LocalizedLabel
fn RetrieveMetadataChanges Query:C:EntityQueryExpression? DeletedMetadataFilters:E:DeletedMetadataFilters? ClientVersionStamp:string? AppModuleId:guid? RetrieveAllSettings:bool? -> C:RetrieveMetadataChangesResponse
fn RetrieveTotalRecordCount EntityNames:[]string -> C:RetrieveTotalRecordCountResponse
fn FormatAddress Line1:string City:string StateOrProvince:string PostalCode:string Country:string -> C:FormatAddressResponse
fn RetrieveTimestamp -> C:RetrieveTimestampResponse
fn GetTimeZoneCodeByLocalizedName LocalizedStandardName:string LocaleId:int -> C:GetTimeZoneCodeByLocalizedNameResponse
fn GetValidManyToMany -> C:GetValidManyToManyResponse
fn GetValidReferencedEntities ReferencingEntityName:string? -> C:GetValidReferencedEntitiesResponse
fn GetValidReferencingEntities ReferencedEntityName:string? -> C:GetValidReferencingEntitiesResponse
fn InitializeFrom EntityMoniker:T:crmbaseentity TargetEntityName:string TargetFieldType:E:TargetFieldType -> T:crmbaseentity
fn RetrieveProvisionedLanguages -> C:RetrieveProvisionedLanguagesResponse
fn RetrieveAvailableLanguages -> C:RetrieveAvailableLanguagesResponse
fn RetrieveInstalledLanguagePacks -> C:RetrieveInstalledLanguagePacksResponse
fn RetrieveDeprovisionedLanguages -> C:RetrieveDeprovisionedLanguagesResponse
fn RetrieveUnpublished @T:savedquery -> T:savedquery
fn RetrieveUnpublished @T:savedqueryvisualization -> T:savedqueryvisualization
fn RetrieveUnpublished @T:systemform -> T:systemform
fn RetrieveUnpublishedMultiple @[]T:savedquery -> []T:savedquery
fn RetrieveUnpublishedMultiple @[]T:savedqueryvisualization -> []T:savedqueryvisualization
fn RetrieveUnpublishedMultiple @[]T:systemform -> []T:systemform
ac CanBeReferenced EntityName:string -> C:CanBeReferencedResponse
ac CanBeReferencing EntityName:string -> C:CanBeReferencingResponse
ac CanManyToMany EntityName:string -> C:CanManyToManyResponse
fn RetrieveDependenciesForDelete ObjectId:guid ComponentType:int -> []T:crmbaseentity
fn RetrieveRolePrivilegesRole RoleId:guid -> C:RetrieveRolePrivilegesRoleResponse
fn RetrieveUserPrivileges @T:systemuser -> C:RetrieveUserPrivilegesResponse
fn RetrieveUserPrivilegeByPrivilegeName @T:systemuser PrivilegeName:string -> C:RetrieveUserPrivilegeByPrivilegeNameResponse
fn RetrieveUserPrivilegeByPrivilegeId @T:systemuser PrivilegeId:guid -> C:RetrieveUserPrivilegeByPrivilegeIdResponse
fn RetrieveUserSetOfPrivilegesByIds @T:systemuser PrivilegeIds:[]guid -> C:RetrieveUserSetOfPrivilegesByIdsResponse
fn RetrieveUserSetOfPrivilegesByNames @T:systemuser PrivilegeNames:[]string ExcludeTeamBasic:bool? -> C:RetrieveUserSetOfPrivilegesByNamesResponse
fn RetrievePrincipalAccess @T:systemuser Target:T:crmbaseentity -> C:RetrievePrincipalAccessResponse
fn RetrieveRecordChangeHistory Target:T:crmbaseentity PagingInfo:C:PagingInfo? -> C:RetrieveRecordChangeHistoryResponse
fn RetrieveAttributeChangeHistory Target:T:crmbaseentity AttributeLogicalName:string PagingInfo:C:PagingInfo? -> C:RetrieveAttributeChangeHistoryResponse
fn RetrieveAuditDetails @T:audit -> C:RetrieveAuditDetailsResponse
ac AddPrivilegesRole @T:role Privileges:[]RolePrivilege
ac ReplacePrivilegesRole @T:role Privileges:[]RolePrivilege
ac RemovePrivilegeRole @T:role Privilege:T:privilege
ac CreateCustomerRelationships OneToManyRelationships:[]T:OneToManyRelationshipMetadata Lookup:C:ComplexLookupAttributeMetadata SolutionUniqueName:string? -> C:CreateCustomerRelationshipsResponse
ac CreatePolymorphicLookupAttribute OneToManyRelationships:[]T:OneToManyRelationshipMetadata Lookup:C:ComplexLookupAttributeMetadata SolutionUniqueName:string? -> C:CreatePolymorphicLookupAttributeResponse
ac InsertOptionValue OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Value:int? Label:C:Label Description:C:Label? SolutionUniqueName:string? ParentValues:[]int -> C:InsertOptionValueResponse
ac InsertStatusValue OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Value:int? Label:C:Label Description:C:Label? StateCode:int SolutionUniqueName:string? -> C:InsertStatusValueResponse
ac UpdateOptionValue OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Value:int Label:C:Label? Description:C:Label? MergeLabels:bool SolutionUniqueName:string? ParentValues:[]int
ac ReactivateEntityKey EntityLogicalName:string EntityKeyLogicalName:string
ac DeleteOptionValue OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Value:int SolutionUniqueName:string?
ac OrderOption OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Values:[]int SolutionUniqueName:string?
ac UpdateStateValue OptionSetName:string? AttributeLogicalName:string? EntityLogicalName:string? Value:int Label:C:Label? Description:C:Label? MergeLabels:bool DefaultStatusCode:int?
ac AddSolutionComponent ComponentId:guid ComponentType:int SolutionUniqueName:string AddRequiredComponents:bool DoNotIncludeSubcomponents:bool? IncludedComponentSettingsValues:[]string -> C:AddSolutionComponentResponse
ac RemoveSolutionComponent SolutionComponent:T:solutioncomponent ComponentType:int SolutionUniqueName:string -> C:RemoveSolutionComponentResponse
ac PublishXml ParameterXml:string
ac PublishAllXml
ac CreateMultiple @[]T:crmbaseentity Targets:[]T:crmbaseentity -> C:CreateMultipleResponse
ac UpdateMultiple @[]T:crmbaseentity Targets:[]T:crmbaseentity
ac UpsertMultiple @[]T:crmbaseentity Targets:[]T:crmbaseentity
ac DeleteMultiple @[]T:crmbaseentity Targets:[]T:crmbaseentity
ac DeleteRecordChangeHistory Target:T:crmbaseentity -> C:DeleteRecordChangeHistoryResponse
ac DeleteAuditData EndDate:time -> C:DeleteAuditDataResponse
ac Restore Target:T:crmbaseentity
ac BulkDelete QuerySet:[]QueryExpression JobName:string SendEmailNotification:bool ToRecipients:[]T:activityparty CCRecipients:[]T:activityparty RecurrencePattern:string StartDateTime:time SourceImportId:guid? RunNow:bool? Options:C:BulkDeleteOptions? -> C:BulkDeleteResponse
ac GrantAccess Target:T:crmbaseentity PrincipalAccess:C:PrincipalAccess
ac ModifyAccess Target:T:crmbaseentity PrincipalAccess:C:PrincipalAccess
ac RevokeAccess Target:T:crmbaseentity Revokee:T:principal
fn RetrieveSharedPrincipalsAndAccess Target:T:crmbaseentity -> C:RetrieveSharedPrincipalsAndAccessResponse
ac AddMemberList @T:list EntityId:guid -> C:AddMemberListResponse
ac RemoveMemberList @T:list EntityId:guid
ac AddListMembersList List:T:list Members:[]T:crmbaseentity
ac AddMembersTeam @T:team Members:[]T:systemuser
ac RemoveMembersTeam @T:team Members:[]T:systemuser
fn RetrieveUserQueues @T:systemuser IncludePublic:bool -> []T:queue
ac AddPrincipalToQueue @T:queue Principal:T:principal
ac AddToQueue @T:queue Target:T:crmbaseentity SourceQueue:T:queue? QueueItemProperties:T:queueitem? -> C:AddToQueueResponse
ac RemoveFromQueue @T:queueitem
fn RetrieveDuplicates BusinessEntity:T:crmbaseentity MatchingEntityName:string PagingInfo:C:PagingInfo? -> []T:crmbaseentity
ac PublishDuplicateRule DuplicateRuleId:guid -> C:PublishDuplicateRuleResponse
ac UnpublishDuplicateRule DuplicateRuleId:guid
fn IsValidStateTransition Entity:T:crmbaseentity NewState:string NewStatus:int -> C:IsValidStateTransitionResponse
fn CalculateTotalTimeIncident @T:incident -> C:CalculateTotalTimeIncidentResponse
ac CloseIncident IncidentResolution:T:incidentresolution Status:int
ac ReviseQuote QuoteId:guid ColumnSet:C:ColumnSet -> T:quote
ac ConvertQuoteToSalesOrder QuoteId:guid ColumnSet:C:ColumnSet QuoteCloseDate:time? QuoteCloseStatus:int? QuoteCloseSubject:string? QuoteCloseDescription:string? ProcessInstanceId:T:crmbaseentity? -> T:salesorder
ac ConvertSalesOrderToInvoice SalesOrderId:guid ColumnSet:C:ColumnSet ProcessInstanceId:T:crmbaseentity? -> T:invoice
ac DeleteFile FileId:guid
ac InitializeFileBlocksUpload Target:T:crmbaseentity FileAttributeName:string FileName:string -> C:InitializeFileBlocksUploadResponse
ac UploadBlock BlockId:string BlockData:binary FileContinuationToken:string
ac CommitFileBlocksUpload FileName:string MimeType:string BlockList:[]string FileContinuationToken:string -> C:CommitFileBlocksUploadResponse
ac InitializeFileBlocksDownload Target:T:crmbaseentity FileAttributeName:string -> C:InitializeFileBlocksDownloadResponse
ac DownloadBlock Offset:long BlockLength:long FileContinuationToken:string -> C:DownloadBlockResponse
ac InitializeAttachmentBlocksUpload Target:T:activitymimeattachment -> C:InitializeAttachmentBlocksUploadResponse
ac CommitAttachmentBlocksUpload Target:T:activitymimeattachment BlockList:[]string FileContinuationToken:string -> C:CommitAttachmentBlocksUploadResponse
ac InitializeAttachmentBlocksDownload Target:T:activitymimeattachment -> C:InitializeAttachmentBlocksDownloadResponse
ac InitializeAnnotationBlocksUpload Target:T:annotation -> C:InitializeAnnotationBlocksUploadResponse
ac CommitAnnotationBlocksUpload Target:T:annotation BlockList:[]string FileContinuationToken:string -> C:CommitAnnotationBlocksUploadResponse
ac InitializeAnnotationBlocksDownload Target:T:annotation -> C:InitializeAnnotationBlocksDownloadResponse
ac WinOpportunity OpportunityClose:T:opportunityclose Status:int
ac LoseOpportunity OpportunityClose:T:opportunityclose Status:int
ac WinQuote QuoteClose:T:quoteclose Status:int
ac CloseQuote QuoteClose:T:quoteclose Status:int
ac Merge Target:T:crmbaseentity Subordinate:T:crmbaseentity UpdateContent:T:crmbaseentity? PerformParentingChecks:bool
ac QualifyLead @T:lead CreateAccount:bool CreateContact:bool CreateOpportunity:bool OpportunityCurrencyId:T:transactioncurrency? OpportunityCustomerId:T:crmbaseentity? SourceCampaignId:T:campaign? Status:int -> []T:crmbaseentity
`

// operations are those of operationText.
func operations() []operation {
	var out []operation
	for _, line := range strings.Split(strings.TrimSpace(operationText), "\n") {
		line, returns, _ := strings.Cut(line, " -> ")
		words := strings.Fields(line)
		o := operation{name: words[1], action: words[0] == "ac", returns: returns}
		for _, w := range words[2:] {
			if bound, found := strings.CutPrefix(w, "@"); found {
				o.bound = bound
				continue
			}
			name, typ, _ := strings.Cut(w, ":")
			o.params = append(o.params, [2]string{name, typ})
		}
		out = append(out, o)
	}
	return out
}

// operationTypes are the complex types that only operations use. Those of answers that the emulator gives hold what it
// gives; those that it only reads are open to what the caller sends.
var operationTypes = map[string]string{
	"RetrieveProvisionedLanguagesResponse":         "[]int:RetrieveProvisionedLanguages",
	"RetrieveLocLabelsResponse":                    "C:Label:Label",
	"RetrieveUserPrivilegeByPrivilegeNameResponse": "[]RolePrivilege:RolePrivileges",
	"RetrieveUserPrivilegeByPrivilegeIdResponse":   "[]RolePrivilege:RolePrivileges",
	"RetrieveUserSetOfPrivilegesByIdsResponse":     "[]RolePrivilege:RolePrivileges",
	"RetrieveUserSetOfPrivilegesByNamesResponse":   "[]RolePrivilege:RolePrivileges",
	"PagingInfo":                                 "int:PageNumber int:Count string:PagingCookie bool:ReturnTotalRecordCount",
	"AuditDetail":                                "T:audit:AuditRecord",
	"AuditDetailCollection":                      "bool:MoreRecords string:PagingCookie int:TotalRecordCount []AuditDetail:AuditDetails",
	"RetrieveRecordChangeHistoryResponse":        "C:AuditDetailCollection:AuditDetailCollection",
	"RetrieveAttributeChangeHistoryResponse":     "C:AuditDetailCollection:AuditDetailCollection",
	"RetrieveAuditDetailsResponse":               "C:AuditDetail:AuditDetail",
	"InsertStatusValueResponse":                  "int:NewOptionValue",
	"EntityRecordCountCollection":                "int:Count bool:IsReadOnly []string:Keys []long:Values",
	"RetrieveTotalRecordCountResponse":           "C:EntityRecordCountCollection:EntityRecordCountCollection",
	"FormatAddressResponse":                      "string:Address",
	"RetrieveTimestampResponse":                  "string:Timestamp",
	"GetTimeZoneCodeByLocalizedNameResponse":     "int:TimeZoneCode",
	"GetValidManyToManyResponse":                 "[]string:EntityNames",
	"GetValidReferencedEntitiesResponse":         "[]string:EntityNames",
	"GetValidReferencingEntitiesResponse":        "[]string:EntityNames",
	"RetrieveAvailableLanguagesResponse":         "[]int:LocaleIds",
	"RetrieveInstalledLanguagePacksResponse":     "[]int:RetrieveInstalledLanguagePacks",
	"RetrieveDeprovisionedLanguagesResponse":     "[]int:RetrieveDeprovisionedLanguages",
	"CanBeReferencedResponse":                    "bool:CanBeReferenced",
	"CanBeReferencingResponse":                   "bool:CanBeReferencing",
	"CanManyToManyResponse":                      "bool:CanManyToMany",
	"AddSolutionComponentResponse":               "guid:id",
	"RemoveSolutionComponentResponse":            "guid:id",
	"CreateMultipleResponse":                     "[]guid:Ids",
	"DeleteRecordChangeHistoryResponse":          "int:DeletedEntriesCount",
	"DeleteAuditDataResponse":                    "int:PartitionsDeleted",
	"PublishDuplicateRuleResponse":               "guid:JobId",
	"BulkDeleteResponse":                         "guid:JobId",
	"AddMemberListResponse":                      "guid:Id",
	"AddToQueueResponse":                         "guid:QueueItemId",
	"IsValidStateTransitionResponse":             "bool:IsValid",
	"CalculateTotalTimeIncidentResponse":         "int:TotalTime",
	"ColumnSet":                                  "bool:AllColumns []string:Columns",
	"PrincipalAccess":                            "E:AccessRights:AccessMask T:principal:Principal",
	"RetrieveSharedPrincipalsAndAccessResponse":  "[]PrincipalAccess:PrincipalAccesses",
	"InitializeFileBlocksUploadResponse":         "string:FileContinuationToken",
	"CommitFileBlocksUploadResponse":             "guid:FileId long:FileSizeInBytes",
	"InitializeFileBlocksDownloadResponse":       "string:FileContinuationToken long:FileSizeInBytes string:FileName bool:IsChunkingSupported",
	"DownloadBlockResponse":                      "binary:Data",
	"InitializeAttachmentBlocksUploadResponse":   "string:FileContinuationToken",
	"CommitAttachmentBlocksUploadResponse":       "guid:ActivityMimeAttachmentId int:FileSizeInBytes",
	"InitializeAttachmentBlocksDownloadResponse": "string:FileContinuationToken int:FileSizeInBytes string:FileName",
	"InitializeAnnotationBlocksUploadResponse":   "string:FileContinuationToken",
	"CommitAnnotationBlocksUploadResponse":       "guid:AnnotationId int:FileSizeInBytes",
	"InitializeAnnotationBlocksDownloadResponse": "string:FileContinuationToken int:FileSizeInBytes string:FileName",
	"BulkDeleteOptions":                          "bool:CanRecoverDeletedRecords",
	"QueryExpression":                            "string:EntityName",
	"ComplexLookupAttributeMetadata":             "string:SchemaName E:AttributeTypeCode:AttributeType []string:Targets C:Label:DisplayName C:Label:Description C:AttributeRequiredLevelManagedProperty:RequiredLevel",
	"MetadataFilterExpression":                   "E:LogicalOperator:FilterOperator []MetadataConditionExpression:Conditions []MetadataFilterExpression:Filters",
	"MetadataConditionExpression":                "string:PropertyName E:MetadataConditionOperator:ConditionOperator C:Object:Value",
	"Object":                                     "string:Type string:Value",
	"MetadataPropertiesExpression":               "bool:AllProperties []string:PropertyNames",
	"AttributeQueryExpression":                   "C:MetadataPropertiesExpression:Properties C:MetadataFilterExpression:Criteria",
	"RelationshipQueryExpression":                "C:MetadataPropertiesExpression:Properties C:MetadataFilterExpression:Criteria",
	"EntityKeyQueryExpression":                   "C:MetadataPropertiesExpression:Properties C:MetadataFilterExpression:Criteria",
	"LabelQueryExpression":                       "[]int:FilterLanguages int:MissingLabelBehavior",
	"EntityQueryExpression":                      "C:MetadataPropertiesExpression:Properties C:MetadataFilterExpression:Criteria C:AttributeQueryExpression:AttributeQuery C:RelationshipQueryExpression:RelationshipQuery C:EntityKeyQueryExpression:KeyQuery C:LabelQueryExpression:LabelQuery",
	"ComplexEntityMetadata":                      "guid:MetadataId bool:HasChanged string:LogicalName string:SchemaName",
	"GuidCollection":                             "[]guid:Items",
	"DeletedMetadataCollection":                  "int:Count bool:IsReadOnly []E:DeletedMetadataFilters:Keys []GuidCollection:Values",
	"RetrieveMetadataChangesResponse":            "string:ServerVersionStamp C:DeletedMetadataCollection:DeletedMetadata []ComplexEntityMetadata:EntityMetadata",
}

var operationEnums = map[string]string{
	"AccessRights":              "None=0 ReadAccess=1 WriteAccess=2 AppendAccess=4 AppendToAccess=16 CreateAccess=32 DeleteAccess=65536 ShareAccess=262144 AssignAccess=524288",
	"LogicalOperator":           "And=0 Or",
	"TargetFieldType":           "All=0 ValidForCreate ValidForUpdate ValidForRead",
	"MetadataConditionOperator": "Equals=0 NotEquals In NotIn GreaterThan LessThan",
	"DeletedMetadataFilters":    "Default=1 Entity=1 Attribute=2 Relationship=4 Label=8 OptionSet=16 All=31",
}

// openTypes hold more than they declare.
var openTypes = map[string]bool{"QueryExpression": true, "ComplexEntityMetadata": true, "ComplexLookupAttributeMetadata": true, "AuditDetail": true}
