package metadata

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// What becomes of each property of a body that defines something. Stored is read and obeyed. Inert is taken and changes
// nothing: what the service works out by itself, what it ignores where it may not be set, and what only an app shows. Refused
// would change how rows behave, and the emulator does not do it: a body may only leave it off. A test holds that every
// property of the types is here.
const fateText = `
EntityMetadata stored SchemaName LogicalName EntitySetName DisplayName DisplayCollectionName Description OwnershipType IsActivity IsActivityParty HasActivities HasNotes HasFeedback IsAuditEnabled ChangeTrackingEnabled IsOptimisticConcurrencyEnabled EnforceStateTransitions Attributes TableType DataProviderId DataSourceId ExternalName ExternalCollectionName
EntityMetadata inert MetadataId HasChanged ActivityTypeMask ObjectTypeCode IsCustomEntity IsManaged LogicalCollectionName CollectionSchemaName CreatedOn ModifiedOn Privileges PrimaryIdAttribute PrimaryNameAttribute PrimaryImageAttribute IntroducedVersion IsIntersect IsLogicalEntity IsPrivate ReportViewName Keys ManyToManyRelationships ManyToOneRelationships OneToManyRelationships RecurrenceBaseEntityLogicalName IsStateModelAware OwnerId OwnerIdType OwningBusinessUnit IsChildEntity DaysSinceRecordLastModified IsAIRUpdated CanTriggerWorkflow IsEnabledForTrace IsImportable HasEmailAddresses IsSolutionAware
EntityMetadata inert EntityHelpUrlEnabled EntityHelpUrl IsOneNoteIntegrationEnabled IsInteractionCentricEnabled IsMSTeamsIntegrationEnabled IsDocumentRecommendationsEnabled IconLargeName IconMediumName IconSmallName IconVectorName EntityColor IsVisibleInMobile IsVisibleInMobileClient IsReadOnlyInMobileClient IsOfflineInMobileClient IsAvailableOffline IsReadingPaneEnabled IsQuickCreateEnabled IsEnabledForCharts IsValidForAdvancedFind IsMailMergeEnabled IsConnectionsEnabled IsValidForQueue IsDuplicateDetectionEnabled IsEnabledForExternalChannels SyncToExternalSearchIndex
EntityMetadata inert IsCustomizable IsRenameable IsMappable CanCreateAttributes CanCreateForms CanCreateViews CanCreateCharts CanBeRelatedEntityInRelationship CanBePrimaryEntityInRelationship CanBeInManyToMany CanBeInCustomEntityAssociation CanEnableSyncToExternalSearchIndex CanModifyAdditionalSettings CanChangeHierarchicalRelationship CanChangeTrackingBeEnabled
EntityMetadata refused AutoRouteToOwnerQueue IsDocumentManagementEnabled IsKnowledgeManagementEnabled IsSLAEnabled IsBPFEntity IsBusinessProcessEnabled SettingOf AutoCreateAccessTeams IsRetrieveAuditEnabled IsRetrieveMultipleAuditEnabled IsArchivalEnabled IsRetentionEnabled MobileOfflineFilters UsesBusinessDataLabelTable
AttributeMetadata stored SchemaName AttributeType AttributeTypeName DisplayName Description RequiredLevel IsAuditEnabled IsSecured IsPrimaryName LogicalName Format FormatName MaxLength MinValue MaxValue Precision DefaultValue DefaultFormValue OptionSet GlobalOptionSet DateTimeBehavior Targets MaxSizeInKB AutoNumberFormat IsPrimaryImage CanStoreFullImage
AttributeMetadata inert MetadataId HasChanged AttributeOf ColumnNumber DeprecatedVersion IntroducedVersion EntityLogicalName IsCustomAttribute IsPrimaryId IsValidODataAttribute IsValidForCreate IsValidForRead IsValidForUpdate CanBeSecuredForRead CanBeSecuredForCreate CanBeSecuredForUpdate IsRetrievable IsFilterable IsSearchable IsManaged IsGlobalFilterEnabled IsSortableEnabled IsCustomizable IsRenameable IsValidForAdvancedFind IsValidForForm IsRequiredForForm IsValidForGrid CanModifyAdditionalSettings IsLogical InheritsFrom CreatedOn ModifiedOn Settings ImeMode YomiOf IsLocalizable DatabaseLength SourceTypeMask MinSupportedValue MaxSupportedValue CanChangeDateTimeBehavior PrecisionSource CalculationOf IsBaseCurrency MaxHeight MaxWidth ParentPicklistLogicalName ChildPicklistLogicalNames ManagedPropertyLogicalName ParentAttributeName ParentComponentType ValueAttributeTypeCode IsEntityReferenceStored
AttributeMetadata refused LinkedAttributeId ExternalName IsDataSourceSecret SourceType FormulaDefinition
`

// fates are those of fateText: type, then property.
var fates = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(fateText), "\n") {
		words := strings.Fields(line)
		if out[words[0]] == nil {
			out[words[0]] = map[string]string{}
		}
		for _, name := range words[2:] {
			out[words[0]][name] = words[1]
		}
	}
	return out
})

// takes refuses a body that asks for what is not done, by the property's name.
func takes(e *store.Engine, within string, body map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if fates()[within][name] == "refused" && !off(body[name]) {
			return wire.NotEmulated(e, "the property "+name+" of a "+within)
		}
	}
	return nil
}

// off tells whether the value leaves a property off.
func off(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return v.String() == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return off(v["Value"])
	}
	return false
}
