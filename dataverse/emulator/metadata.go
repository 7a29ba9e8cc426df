package emulator

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// object is a definition as the metadata sets answer it: its properties by name, and its type.
type object struct {
	typ   string
	props map[string]any
}

// english is the language of the emulator's labels.
const english = 1033

// The definitions of the embedded schema date from here.
var introduced = time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)

func (d *defined) date() time.Time {
	if d.on.IsZero() {
		return introduced
	}
	return d.on
}

func (d *defined) id(kind string, names ...string) uuid.UUID {
	if d.metadataID != uuid.Nil {
		return d.metadataID
	}
	return stableID("metadata/" + kind + "/" + strings.Join(names, "/"))
}

func (t *table) metaID() uuid.UUID        { return t.id("table", t.Name) }
func (r *relationship) metaID() uuid.UUID { return r.id("relationship", r.Name) }
func (m *manyToMany) metaID() uuid.UUID   { return m.id("relationship", m.Name) }
func (o *optionSet) metaID() uuid.UUID    { return o.id("optionset", o.Name) }

func (c *column) metaID(t *table) uuid.UUID { return c.id("column", t.Name, c.Name) }

func (k *alternateKey) metaID(t *table) uuid.UUID { return k.id("key", t.Name, k.Name) }

// label is a Label: text in English and perhaps other languages. Page: use-web-api-metadata.
func label(text string, others map[int]string, managed bool, id uuid.UUID) map[string]any {
	list := []any{}
	var user any
	add := func(language int, text string) {
		l := map[string]any{"Label": text, "LanguageCode": language, "IsManaged": managed,
			"MetadataId": uuid.NewSHA1(id, []byte{byte(language >> 8), byte(language)}).String(), "HasChanged": nil}
		list = append(list, l)
		if language == english {
			user = l
		}
	}
	if text != "" {
		add(english, text)
	}
	for _, language := range slices.Sorted(maps.Keys(others)) {
		if language != english {
			add(language, others[language])
		}
	}
	return map[string]any{"LocalizedLabels": list, "UserLocalizedLabel": user}
}

// managed is a managed property.
func managed(value, changeable bool, name string) map[string]any {
	return map[string]any{"Value": value, "CanBeChanged": changeable, "ManagedPropertyLogicalName": name}
}

// words makes a display name from a schema name where the schema has none: LastOnHoldTime is "Last On Hold Time".
func words(schemaName string) string {
	if i := strings.IndexByte(schemaName, '_'); i > 1 && schemaName[0] >= 'a' && schemaName[0] <= 'z' {
		schemaName = schemaName[i+1:]
	}
	var b strings.Builder
	for i, r := range schemaName {
		upper := r >= 'A' && r <= 'Z'
		switch {
		case r == '_':
			b.WriteByte(' ')
			continue
		case upper && i > 0 && schemaName[i-1] >= 'a' && schemaName[i-1] <= 'z':
			b.WriteByte(' ')
		}
		if i == 0 && !upper && r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (t *table) display() string {
	if t.Label != "" || len(t.labels) > 0 {
		return t.Label
	}
	return words(t.SchemaName)
}

func (t *table) displayPlural() string {
	switch n := t.display(); {
	case t.plural != "":
		return t.plural
	case strings.HasSuffix(n, "y") && !strings.HasSuffix(n, "ey"):
		return n[:len(n)-1] + "ies"
	case strings.HasSuffix(n, "s"), strings.HasSuffix(n, "x"):
		return n + "es"
	default:
		return n + "s"
	}
}

// renderTable makes what metaTable gives. Page: entity-metadata, entitymetadata (reference).
func (s *schema) renderTable(t *table) object {
	standard := !t.custom
	userOwned := t.Ownership == "UserOwned"
	row := t.Ownership != "None" && !t.Intersect
	var image, name, report any
	for _, c := range t.Columns {
		if c.kind == kindImage {
			image = c.Name
			break
		}
	}
	if t.PrimaryName != "" {
		name = t.PrimaryName
	}
	if !t.Intersect {
		report = "Filtered" + t.SchemaName
	}
	p := map[string]any{
		"MetadataId": t.metaID().String(), "HasChanged": nil,
		"ActivityTypeMask": 0, "AutoRouteToOwnerQueue": false, "CanTriggerWorkflow": row,
		"Description":           label(t.description[english], t.description, standard, t.metaID()),
		"DisplayName":           label(t.display(), t.labels, standard, t.metaID()),
		"DisplayCollectionName": label(t.displayPlural(), nil, standard, t.metaID()),
		"EntityHelpUrlEnabled":  false, "EntityHelpUrl": nil, "IsDocumentManagementEnabled": false,
		"IsOneNoteIntegrationEnabled": false, "IsInteractionCentricEnabled": standard && row,
		"IsKnowledgeManagementEnabled": false, "IsSLAEnabled": false, "IsBPFEntity": false,
		"IsDocumentRecommendationsEnabled": false, "IsMSTeamsIntegrationEnabled": false, "SettingOf": nil,
		"DataProviderId": nil, "DataSourceId": nil, "AutoCreateAccessTeams": false,
		"IsActivity": t.Activity, "IsActivityParty": t.Activity || standard && userOwned,
		"IsRetrieveAuditEnabled": false, "IsRetrieveMultipleAuditEnabled": false, "IsArchivalEnabled": false,
		"IsRetentionEnabled": false, "IsAuditEnabled": managed(t.audited, row, "canmodifyauditsettings"),
		"IsAvailableOffline": standard && row, "IsChildEntity": t.Ownership == "None" && !t.Intersect, "IsAIRUpdated": false,
		"IsValidForQueue":      managed(t.Activity, row, "canmodifyqueuesettings"),
		"IsConnectionsEnabled": managed(standard && userOwned, row, "canmodifyconnectionsettings"),
		"IconLargeName":        nil, "IconMediumName": nil, "IconSmallName": nil, "IconVectorName": nil,
		"IsCustomEntity": t.custom, "IsBusinessProcessEnabled": false,
		"IsCustomizable": managed(row, false, "iscustomizable"), "IsRenameable": managed(row, false, "isrenameable"),
		"IsMappable": managed(row, false, "ismappable"), "IsDuplicateDetectionEnabled": managed(standard && userOwned, row, "canmodifyduplicatedetectionsettings"),
		"CanCreateAttributes": managed(row, false, "cancreateattributes"), "CanCreateForms": managed(row, false, "cancreateforms"),
		"CanCreateViews": managed(row, false, "cancreateviews"), "CanCreateCharts": managed(row, false, "cancreatecharts"),
		"CanBeRelatedEntityInRelationship":   managed(row, false, "canberelatedentityinrelationship"),
		"CanBePrimaryEntityInRelationship":   managed(row, false, "canbeprimaryentityinrelationship"),
		"CanBeInManyToMany":                  managed(row, false, "canbeinmanytomany"),
		"CanBeInCustomEntityAssociation":     managed(row, false, "canbeincustomentityassociation"),
		"CanEnableSyncToExternalSearchIndex": managed(row, row, "canenablesynctoexternalsearchindex"),
		"SyncToExternalSearchIndex":          false,
		"CanModifyAdditionalSettings":        managed(row, row, "canmodifyadditionalsettings"),
		"CanChangeHierarchicalRelationship":  managed(row, row, "canchangehierarchicalrelationship"),
		"IsOptimisticConcurrencyEnabled":     row,
		"ChangeTrackingEnabled":              t.tracked,
		"CanChangeTrackingBeEnabled":         managed(row, row, "canchangetrackingbeenabled"),
		"IsImportable":                       row, "IsIntersect": t.Intersect, "IsMailMergeEnabled": managed(standard && userOwned, row, "canmodifymailmergesettings"),
		"IsManaged": standard, "IsEnabledForCharts": row, "IsEnabledForTrace": false, "IsValidForAdvancedFind": row,
		"IsVisibleInMobile": managed(false, row, "canmodifymobilevisibility"), "IsVisibleInMobileClient": managed(false, row, "canmodifymobileclientvisibility"),
		"IsReadOnlyInMobileClient": managed(false, row, "canmodifymobileclientreadonly"), "IsOfflineInMobileClient": managed(false, row, "canmodifymobileclientoffline"),
		"DaysSinceRecordLastModified": 0, "MobileOfflineFilters": nil, "IsReadingPaneEnabled": row, "IsQuickCreateEnabled": standard && userOwned,
		"LogicalName": t.Name, "ObjectTypeCode": t.TypeCode, "OwnershipType": ownershipType(t),
		"PrimaryNameAttribute": name, "PrimaryImageAttribute": image, "PrimaryIdAttribute": t.ID,
		"Privileges": s.metaPrivileges(t), "RecurrenceBaseEntityLogicalName": nil, "ReportViewName": report,
		"SchemaName": t.SchemaName, "IntroducedVersion": introducedVersion(t.custom), "IsStateModelAware": t.column("statecode") != nil,
		"EnforceStateTransitions": false, "ExternalName": nil, "EntityColor": nil, "LogicalCollectionName": t.Set,
		"ExternalCollectionName": nil, "CollectionSchemaName": collectionSchemaName(t), "EntitySetName": t.Set,
		"IsEnabledForExternalChannels": false, "IsPrivate": false, "UsesBusinessDataLabelTable": false, "IsLogicalEntity": false,
		"HasNotes": s.points("annotation", "objectid", t.Name), "HasActivities": s.points("activitypointer", "regardingobjectid", t.Name),
		"HasFeedback": s.points("feedback", "regardingobjectid", t.Name), "HasEmailAddresses": hasEmail(t),
		"OwnerId": nil, "OwnerIdType": nil, "OwningBusinessUnit": nil, "TableType": "Standard",
		"CreatedOn": stamp(t.date()), "ModifiedOn": stamp(t.date()), "IsSolutionAware": false,
	}
	return object{"EntityMetadata", p}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func introducedVersion(custom bool) string {
	if custom {
		return "1.0"
	}
	return "5.0.0.0"
}

func ownershipType(t *table) string {
	if t.Ownership == "" {
		return "None"
	}
	return t.Ownership
}

func collectionSchemaName(t *table) string {
	if strings.EqualFold(t.Set, t.SchemaName+"s") {
		return t.SchemaName + "s"
	}
	return t.Set
}

func hasEmail(t *table) bool {
	return slices.ContainsFunc(t.Columns, func(c *column) bool { return c.Format == "Email" })
}

// points tells whether the lookup column of one table may point at another.
func (s *schema) points(from, attribute, to string) bool {
	t := s.tables[from]
	if t == nil || t.column(attribute) == nil {
		return false
	}
	return slices.ContainsFunc(t.parents, func(r *relationship) bool { return r.Attribute == attribute && r.Referenced == to })
}

// metaOneToMany is a one-to-many relationship; it is the same object seen from either table.
// Page: query-metadata-web-api, configure-entity-relationship-cascading-behavior.
func (s *schema) metaOneToMany(r *relationship) object {
	cascade := r.cascades
	merge := r.Merge
	if merge == "" {
		merge = "NoCascade"
	}
	archive := "RemoveLink"
	if r.Delete == "Cascade" {
		archive = "Cascade"
	}
	id := r.metaID()
	return object{"OneToManyRelationshipMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomRelationship": r.custom,
		"IsCustomizable": managed(true, false, "iscustomizable"), "IsValidForAdvancedFind": true, "SchemaName": r.Name,
		"SecurityTypes": "Append", "IsManaged": !r.custom, "RelationshipType": "OneToManyRelationship",
		"IntroducedVersion":           introducedVersion(r.custom),
		"AssociatedMenuConfiguration": menu(s.tables[r.Referencing], r.custom, id),
		"CascadeConfiguration": map[string]any{"Assign": cascade("Assign"), "Delete": r.Delete, "Archive": archive,
			"Merge": merge, "Reparent": cascade("Reparent"), "Share": cascade("Share"), "Unshare": cascade("Unshare"), "RollupView": "NoCascade"},
		"ReferencedAttribute": s.tables[r.Referenced].ID, "ReferencedEntity": r.Referenced,
		"ReferencingAttribute": r.Attribute, "ReferencingEntity": r.Referencing,
		"IsHierarchical": false, "EntityKey": nil, "RelationshipAttributes": []any{}, "IsRelationshipAttributeDenormalized": false,
		"ReferencedEntityNavigationPropertyName": r.Collection, "ReferencingEntityNavigationPropertyName": r.Nav,
		"RelationshipBehavior": 1, "IsDenormalizedLookup": false, "DenormalizedAttributeName": nil,
	}}
}

func menu(t *table, custom bool, id uuid.UUID) map[string]any {
	return map[string]any{"Behavior": "UseCollectionName", "Group": "Details", "Order": nil, "IsCustomizable": true, "Icon": nil,
		"ViewId": uuid.Nil.String(), "AvailableOffline": true, "MenuId": nil, "QueryApi": nil,
		"Label": label("", nil, !custom, id)}
}

func (s *schema) metaManyToMany(m *manyToMany) object {
	id := m.metaID()
	return object{"ManyToManyRelationshipMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomRelationship": m.custom,
		"IsCustomizable": managed(m.custom, false, "iscustomizable"), "IsValidForAdvancedFind": true, "SchemaName": m.Name,
		"SecurityTypes": "None", "IsManaged": !m.custom, "RelationshipType": "ManyToManyRelationship",
		"IntroducedVersion":                  introducedVersion(m.custom),
		"Entity1AssociatedMenuConfiguration": menu(s.tables[m.Table2], m.custom, id),
		"Entity2AssociatedMenuConfiguration": menu(s.tables[m.Table1], m.custom, id),
		"Entity1LogicalName":                 m.Table1, "Entity2LogicalName": m.Table2, "IntersectEntityName": m.Intersect,
		"Entity1IntersectAttribute": m.Attribute1, "Entity2IntersectAttribute": m.Attribute2,
		"Entity1NavigationPropertyName": m.Nav1, "Entity2NavigationPropertyName": m.Nav2,
	}}
}

// metaKey is an alternate key. Its index is there, or has failed, at once: the job that builds it is over with the request.
func (s *schema) metaKey(t *table, k *alternateKey) object {
	id := k.metaID(t)
	status := "Active"
	if k.failed {
		status = "Failed"
	}
	return object{"EntityKeyMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomizable": managed(true, false, "iscustomizable"),
		"DisplayName": label(k.Label, k.labels, false, id), "LogicalName": k.Name, "SchemaName": k.SchemaName,
		"EntityLogicalName": t.Name, "KeyAttributes": k.Columns, "IntroducedVersion": "1.0", "IsManaged": false,
		"IsSynchronous": false, "IsExportKey": false, "IsSecondaryKey": false,
		"EntityKeyIndexStatus": status, "AsyncJob": nil,
	}}
}
