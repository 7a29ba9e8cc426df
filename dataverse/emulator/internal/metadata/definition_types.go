package metadata

import (
	"strings"
	"sync"
)

// metaTypes are the types of the metadata sets with their properties, as the reference of the Web API lists them. A
// property's type is a primitive (string, bool, int, long, decimal, double, guid, time), an enumeration (E:Name), a
// complex type (C:Name), a collection of complex or primitive values ([]Name), or a navigation property (N:Type,
// N[]:Type), which must be expanded.
var metaTypes = sync.OnceValue(func() map[string]*metaType { return parseMetaTypes(metaTypeText) })

// metaType is one type of metadata.
type metaType struct {
	name  string
	base  *metaType
	names []string // of its own properties, in the order of the reference
	props map[string]string
}

// prop is the type of a property, also one of a base type; "" if there is none.
func (t *metaType) prop(name string) string {
	for ; t != nil; t = t.base {
		if p, ok := t.props[name]; ok {
			return p
		}
	}
	return ""
}

// is tells whether t is the named type or derives from it.
func (t *metaType) is(name string) bool {
	for ; t != nil; t = t.base {
		if t.name == name {
			return true
		}
	}
	return false
}

// all calls fn for every property, those of base types first.
func (t *metaType) all(fn func(name, typ string)) {
	if t.base != nil {
		t.base.all(fn)
	}
	for _, n := range t.names {
		fn(n, t.props[n])
	}
}

func parseMetaTypes(text string) map[string]*metaType {
	types := map[string]*metaType{}
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		head, body, _ := strings.Cut(block, "\n")
		name, base, _ := strings.Cut(head, " < ")
		t := &metaType{name: name, base: types[base], props: map[string]string{}}
		for _, line := range strings.Split(body, "\n") {
			typ, names, found := strings.Cut(line, ": ")
			if !found {
				continue
			}
			for _, n := range strings.Fields(names) {
				t.names = append(t.names, n)
				t.props[n] = typ
			}
		}
		types[name] = t
	}
	return types
}

const metaTypeText = `
MetadataBase
guid: MetadataId
bool: HasChanged

EntityMetadata < MetadataBase
int: ActivityTypeMask
bool: AutoRouteToOwnerQueue CanTriggerWorkflow
C:Label: Description DisplayCollectionName DisplayName
bool: EntityHelpUrlEnabled
string: EntityHelpUrl
bool: IsDocumentManagementEnabled IsOneNoteIntegrationEnabled IsInteractionCentricEnabled IsKnowledgeManagementEnabled IsSLAEnabled IsBPFEntity IsDocumentRecommendationsEnabled IsMSTeamsIntegrationEnabled
string: SettingOf
guid: DataProviderId DataSourceId
bool: AutoCreateAccessTeams IsActivity IsActivityParty IsRetrieveAuditEnabled IsRetrieveMultipleAuditEnabled IsArchivalEnabled IsRetentionEnabled
C:BooleanManagedProperty: IsAuditEnabled
bool: IsAvailableOffline IsChildEntity IsAIRUpdated
C:BooleanManagedProperty: IsValidForQueue IsConnectionsEnabled
string: IconLargeName IconMediumName IconSmallName IconVectorName
bool: IsCustomEntity IsBusinessProcessEnabled
C:BooleanManagedProperty: IsCustomizable IsRenameable IsMappable IsDuplicateDetectionEnabled CanCreateAttributes CanCreateForms CanCreateViews CanCreateCharts CanBeRelatedEntityInRelationship CanBePrimaryEntityInRelationship CanBeInManyToMany CanBeInCustomEntityAssociation CanEnableSyncToExternalSearchIndex
bool: SyncToExternalSearchIndex
C:BooleanManagedProperty: CanModifyAdditionalSettings CanChangeHierarchicalRelationship
bool: IsOptimisticConcurrencyEnabled ChangeTrackingEnabled
C:BooleanManagedProperty: CanChangeTrackingBeEnabled
bool: IsImportable IsIntersect
C:BooleanManagedProperty: IsMailMergeEnabled
bool: IsManaged IsEnabledForCharts IsEnabledForTrace IsValidForAdvancedFind
C:BooleanManagedProperty: IsVisibleInMobile IsVisibleInMobileClient IsReadOnlyInMobileClient IsOfflineInMobileClient
int: DaysSinceRecordLastModified
string: MobileOfflineFilters
bool: IsReadingPaneEnabled IsQuickCreateEnabled
string: LogicalName
int: ObjectTypeCode
E:OwnershipTypes: OwnershipType
string: PrimaryNameAttribute PrimaryImageAttribute PrimaryIdAttribute
[]SecurityPrivilegeMetadata: Privileges
string: RecurrenceBaseEntityLogicalName ReportViewName SchemaName IntroducedVersion
bool: IsStateModelAware EnforceStateTransitions
string: ExternalName EntityColor LogicalCollectionName ExternalCollectionName CollectionSchemaName EntitySetName
bool: IsEnabledForExternalChannels IsPrivate UsesBusinessDataLabelTable IsLogicalEntity HasNotes HasActivities HasFeedback HasEmailAddresses
guid: OwnerId
int: OwnerIdType
guid: OwningBusinessUnit
string: TableType
time: CreatedOn ModifiedOn
bool: IsSolutionAware
N[]:AttributeMetadata: Attributes
N[]:EntityKeyMetadata: Keys
N[]:ManyToManyRelationshipMetadata: ManyToManyRelationships
N[]:OneToManyRelationshipMetadata: ManyToOneRelationships OneToManyRelationships

AttributeMetadata < MetadataBase
string: AttributeOf
E:AttributeTypeCode: AttributeType
C:AttributeTypeDisplayName: AttributeTypeName
int: ColumnNumber
C:Label: Description DisplayName
string: DeprecatedVersion IntroducedVersion EntityLogicalName
C:BooleanManagedProperty: IsAuditEnabled
bool: IsCustomAttribute IsPrimaryId IsValidODataAttribute IsPrimaryName IsValidForCreate IsValidForRead IsValidForUpdate CanBeSecuredForRead CanBeSecuredForCreate CanBeSecuredForUpdate IsSecured IsRetrievable IsFilterable IsSearchable IsManaged
C:BooleanManagedProperty: IsGlobalFilterEnabled IsSortableEnabled
guid: LinkedAttributeId
string: LogicalName
C:BooleanManagedProperty: IsCustomizable IsRenameable IsValidForAdvancedFind
bool: IsValidForForm IsRequiredForForm IsValidForGrid
C:AttributeRequiredLevelManagedProperty: RequiredLevel
C:BooleanManagedProperty: CanModifyAdditionalSettings
string: SchemaName ExternalName
bool: IsLogical IsDataSourceSecret
string: InheritsFrom
time: CreatedOn ModifiedOn
int: SourceType
string: AutoNumberFormat
[]Setting: Settings

StringAttributeMetadata < AttributeMetadata
E:StringFormat: Format
C:StringFormatName: FormatName
E:ImeMode: ImeMode
int: MaxLength
string: YomiOf
bool: IsLocalizable
int: DatabaseLength
string: FormulaDefinition
int: SourceTypeMask

MemoAttributeMetadata < AttributeMetadata
E:StringFormat: Format
C:MemoFormatName: FormatName
E:ImeMode: ImeMode
int: MaxLength
bool: IsLocalizable

BooleanAttributeMetadata < AttributeMetadata
bool: DefaultValue
string: FormulaDefinition
int: SourceTypeMask
N:BooleanOptionSetMetadata: OptionSet GlobalOptionSet

DateTimeAttributeMetadata < AttributeMetadata
time: MinSupportedValue MaxSupportedValue
E:DateTimeFormat: Format
E:ImeMode: ImeMode
int: SourceTypeMask
string: FormulaDefinition
C:DateTimeBehavior: DateTimeBehavior
C:BooleanManagedProperty: CanChangeDateTimeBehavior

IntegerAttributeMetadata < AttributeMetadata
E:IntegerFormat: Format
int: MaxValue MinValue
string: FormulaDefinition
int: SourceTypeMask

BigIntAttributeMetadata < AttributeMetadata
long: MaxValue MinValue

DecimalAttributeMetadata < AttributeMetadata
decimal: MaxValue MinValue
int: Precision
E:ImeMode: ImeMode
string: FormulaDefinition
int: SourceTypeMask

DoubleAttributeMetadata < AttributeMetadata
E:ImeMode: ImeMode
double: MaxValue MinValue
int: Precision

MoneyAttributeMetadata < AttributeMetadata
E:ImeMode: ImeMode
double: MaxValue MinValue
int: Precision PrecisionSource
string: CalculationOf
string: FormulaDefinition
int: SourceTypeMask
bool: IsBaseCurrency

LookupAttributeMetadata < AttributeMetadata
[]string: Targets
E:LookupFormat: Format

EnumAttributeMetadata < AttributeMetadata
int: DefaultFormValue
N:OptionSetMetadata: OptionSet GlobalOptionSet

PicklistAttributeMetadata < EnumAttributeMetadata
string: FormulaDefinition
int: SourceTypeMask
string: ParentPicklistLogicalName
[]string: ChildPicklistLogicalNames

MultiSelectPicklistAttributeMetadata < EnumAttributeMetadata
string: FormulaDefinition
int: SourceTypeMask
string: ParentPicklistLogicalName
[]string: ChildPicklistLogicalNames

StateAttributeMetadata < EnumAttributeMetadata

StatusAttributeMetadata < EnumAttributeMetadata

EntityNameAttributeMetadata < EnumAttributeMetadata
bool: IsEntityReferenceStored

UniqueIdentifierAttributeMetadata < AttributeMetadata

ImageAttributeMetadata < AttributeMetadata
bool: IsPrimaryImage CanStoreFullImage
int: MaxSizeInKB
string: MaxHeight MaxWidth

FileAttributeMetadata < AttributeMetadata
int: MaxSizeInKB

ManagedPropertyAttributeMetadata < AttributeMetadata
string: ManagedPropertyLogicalName ParentAttributeName
int: ParentComponentType
E:AttributeTypeCode: ValueAttributeTypeCode

EntityKeyMetadata < MetadataBase
C:BooleanManagedProperty: IsCustomizable
C:Label: DisplayName
string: LogicalName SchemaName EntityLogicalName
[]string: KeyAttributes
string: IntroducedVersion
bool: IsManaged IsSynchronous IsExportKey IsSecondaryKey
E:EntityKeyIndexStatus: EntityKeyIndexStatus
C:EntityReference: AsyncJob

RelationshipMetadataBase < MetadataBase
bool: IsCustomRelationship
C:BooleanManagedProperty: IsCustomizable
bool: IsValidForAdvancedFind
string: SchemaName
E:SecurityTypes: SecurityTypes
bool: IsManaged
E:RelationshipType: RelationshipType
string: IntroducedVersion

OneToManyRelationshipMetadata < RelationshipMetadataBase
C:AssociatedMenuConfiguration: AssociatedMenuConfiguration
C:CascadeConfiguration: CascadeConfiguration
string: ReferencedAttribute ReferencedEntity ReferencingAttribute ReferencingEntity
bool: IsHierarchical
string: EntityKey
[]RelationshipAttribute: RelationshipAttributes
bool: IsRelationshipAttributeDenormalized
string: ReferencedEntityNavigationPropertyName ReferencingEntityNavigationPropertyName
int: RelationshipBehavior
bool: IsDenormalizedLookup
string: DenormalizedAttributeName

ManyToManyRelationshipMetadata < RelationshipMetadataBase
C:AssociatedMenuConfiguration: Entity1AssociatedMenuConfiguration Entity2AssociatedMenuConfiguration
string: Entity1LogicalName Entity2LogicalName IntersectEntityName Entity1IntersectAttribute Entity2IntersectAttribute Entity1NavigationPropertyName Entity2NavigationPropertyName

OptionSetMetadataBase < MetadataBase
C:Label: Description DisplayName
bool: IsCustomOptionSet IsGlobal IsManaged
C:BooleanManagedProperty: IsCustomizable
string: Name ExternalTypeName
E:OptionSetType: OptionSetType
string: IntroducedVersion

OptionSetMetadata < OptionSetMetadataBase
[]OptionMetadata: Options
string: ParentOptionSetName

BooleanOptionSetMetadata < OptionSetMetadataBase
C:OptionMetadata: TrueOption FalseOption
`

// metaEnums are the enumerations of the metadata types. A member without a number follows the one before.
var metaEnums = map[string]string{
	"OwnershipTypes":         "None=0 UserOwned=1 TeamOwned=2 BusinessOwned=4 OrganizationOwned=8 BusinessParented=16 Filtered=32",
	"AttributeTypeCode":      "Boolean=0 Customer DateTime Decimal Double Integer Lookup Memo Money Owner PartyList Picklist State Status String Uniqueidentifier CalendarRules Virtual BigInt ManagedProperty EntityName",
	"AttributeRequiredLevel": "None=0 SystemRequired ApplicationRequired Recommended",
	"StringFormat":           "Email=0 Text TextArea Url TickerSymbol PhoneticGuide VersionNumber Phone Json RichText",
	"DateTimeFormat":         "DateOnly=0 DateAndTime",
	"IntegerFormat":          "None=0 Duration TimeZone Language Locale",
	"LookupFormat":           "None=0 Connection Regarding Text",
	"ImeMode":                "Auto=0 Inactive Active Disabled",
	"CascadeType":            "NoCascade=0 Cascade Active UserOwned RemoveLink Restrict",
	"SecurityTypes":          "None=0 Append=1 ParentChild=2 Pointer=4 Inheritance=8",
	"RelationshipType":       "OneToManyRelationship=0 Default=0 ManyToManyRelationship=1",
	"OptionSetType":          "Picklist=0 State Status Boolean",
	"EntityKeyIndexStatus":   "Pending=0 InProgress Active Failed",
	"PrivilegeType":          "None=0 Create Read Write Delete Assign Share Append AppendTo",
	"AssociatedMenuBehavior": "UseCollectionName=0 UseLabel DoNotDisplay",
	"AssociatedMenuGroup":    "Details=0 Sales Service Marketing",
	"PrivilegeDepth":         "Basic=0 Local Deep Global RecordFilter",
	"EndpointAccessType":     "Default=0 Internet Intranet",
	"OrganizationType":       "Customer=0 Monitoring Support BackEnd Secondary CustomerTest CustomerFreeTest CustomerPreview Placeholder TestDrive MsftInvestigation EmailTrial Default Developer Trial Teams Platform",
	"OrganizationState":      "Enabled=0 Disabled",
	"EndpointType":           "OrganizationService=0 OrganizationDataService WebApplication",
}

// metaComplex are the complex types of the metadata and of the operations on them.
var metaComplex = map[string]string{
	"LocalizedLabel":                           "string:Label int:LanguageCode bool:IsManaged guid:MetadataId bool:HasChanged",
	"Label":                                    "[]LocalizedLabel:LocalizedLabels C:LocalizedLabel:UserLocalizedLabel",
	"BooleanManagedProperty":                   "bool:Value bool:CanBeChanged string:ManagedPropertyLogicalName",
	"AttributeRequiredLevelManagedProperty":    "E:AttributeRequiredLevel:Value bool:CanBeChanged string:ManagedPropertyLogicalName",
	"AttributeTypeDisplayName":                 "string:Value",
	"StringFormatName":                         "string:Value",
	"MemoFormatName":                           "string:Value",
	"DateTimeBehavior":                         "string:Value",
	"SecurityPrivilegeMetadata":                "bool:CanBeBasic bool:CanBeDeep bool:CanBeGlobal bool:CanBeLocal bool:CanBeEntityReference bool:CanBeParentEntityReference string:Name guid:PrivilegeId E:PrivilegeType:PrivilegeType",
	"CascadeConfiguration":                     "E:CascadeType:Assign E:CascadeType:Delete E:CascadeType:Archive E:CascadeType:Merge E:CascadeType:Reparent E:CascadeType:Share E:CascadeType:Unshare E:CascadeType:RollupView",
	"AssociatedMenuConfiguration":              "E:AssociatedMenuBehavior:Behavior E:AssociatedMenuGroup:Group C:Label:Label int:Order bool:IsCustomizable string:Icon guid:ViewId bool:AvailableOffline string:MenuId string:QueryApi",
	"OptionMetadata":                           "int:Value C:Label:Label C:Label:Description string:Color bool:IsManaged string:ExternalValue []int:ParentValues string:Tag bool:IsHidden guid:MetadataId bool:HasChanged",
	"StatusOptionMetadata":                     "int:Value C:Label:Label C:Label:Description string:Color bool:IsManaged string:ExternalValue []int:ParentValues string:Tag bool:IsHidden guid:MetadataId bool:HasChanged int:State string:TransitionData",
	"StateOptionMetadata":                      "int:Value C:Label:Label C:Label:Description string:Color bool:IsManaged string:ExternalValue []int:ParentValues string:Tag bool:IsHidden guid:MetadataId bool:HasChanged int:DefaultStatus string:InvariantName",
	"RelationshipAttribute":                    "string:ReferencedAttribute string:ReferencingAttribute",
	"Setting":                                  "string:Name string:Value",
	"EntityReference":                          "guid:Id string:LogicalName string:Name",
	"RolePrivilege":                            "E:PrivilegeDepth:Depth guid:PrivilegeId guid:BusinessUnitId string:PrivilegeName guid:RecordFilterId string:RecordFilterUniqueName",
	"WhoAmIResponse":                           "guid:BusinessUnitId guid:UserId guid:OrganizationId",
	"RetrieveVersionResponse":                  "string:Version",
	"EndpointCollection":                       "int:Count bool:IsReadOnly []E:EndpointType:Keys []string:Values",
	"OrganizationDetail":                       "guid:DatacenterId C:EndpointCollection:Endpoints string:EnvironmentId string:FriendlyName string:Geo guid:OrganizationId E:OrganizationType:OrganizationType string:OrganizationVersion string:SchemaType E:OrganizationState:State string:TenantId string:UniqueName string:UrlName",
	"RetrieveCurrentOrganizationResponse":      "C:OrganizationDetail:Detail",
	"RetrieveUserPrivilegesResponse":           "[]RolePrivilege:RolePrivileges",
	"RetrieveRolePrivilegesRoleResponse":       "[]RolePrivilege:RolePrivileges",
	"RetrievePrincipalAccessResponse":          "E:AccessRights:AccessRights",
	"InsertOptionValueResponse":                "int:NewOptionValue",
	"CreateCustomerRelationshipsResponse":      "[]guid:RelationshipIds guid:AttributeId",
	"CreatePolymorphicLookupAttributeResponse": "[]guid:RelationshipIds guid:AttributeId",
}
