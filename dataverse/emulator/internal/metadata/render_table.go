package metadata

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// object is a definition as the metadata sets answer it: its properties by name, and its type.
type object struct {
	typ   string
	props map[string]any
}

// English is the language of the emulator's labels.
const English = 1033

// introduced is the date of the embedded schema's definitions.
var introduced = time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)

func creationDate(d *schema.Defined) time.Time {
	if d.CreatedOn.IsZero() {
		return introduced
	}
	return d.CreatedOn
}

func componentID(d *schema.Defined, kind string, names ...string) uuid.UUID {
	if d.MetadataID != uuid.Nil {
		return d.MetadataID
	}
	return schema.StableID("metadata/" + kind + "/" + strings.Join(names, "/"))
}

// TableID is the MetadataId of a table.
func TableID(t *schema.Table) uuid.UUID { return componentID(&t.Defined, "table", t.Name) }
func relationshipID(r *schema.Relationship) uuid.UUID {
	return componentID(&r.Defined, "relationship", r.Name)
}
func manyToManyID(m *schema.ManyToMany) uuid.UUID {
	return componentID(&m.Defined, "relationship", m.Name)
}
func optionSetID(o *schema.OptionSet) uuid.UUID { return componentID(&o.Defined, "optionset", o.Name) }

func columnID(c *schema.Column, t *schema.Table) uuid.UUID {
	return componentID(&c.Defined, "column", t.Name, c.Name)
}

func keyID(k *schema.AlternateKey, t *schema.Table) uuid.UUID {
	return componentID(&k.Defined, "key", t.Name, k.Name)
}

// labelOf is a Label: text in English and perhaps other languages. Page: use-web-api-metadata.
func labelOf(text string, others map[int]string, managed bool, id uuid.UUID) map[string]any {
	list := []any{}
	var user any
	add := func(language int, text string) {
		l := map[string]any{"Label": text, "LanguageCode": language, "IsManaged": managed,
			"MetadataId": uuid.NewSHA1(id, []byte{byte(language >> 8), byte(language)}).String(), "HasChanged": nil}
		list = append(list, l)
		if language == English {
			user = l
		}
	}
	if text != "" {
		add(English, text)
	}
	for _, language := range slices.Sorted(maps.Keys(others)) {
		if language != English {
			add(language, others[language])
		}
	}
	return map[string]any{"LocalizedLabels": list, "UserLocalizedLabel": user}
}

// managedProperty is a managed property: a value, and whether it may be changed. There are few of them, in every column
// and table; they are shared, as metaTable is.
func managedProperty(value, changeable bool, name string) map[string]any {
	key := managed{value, changeable, name}
	if known, found := managedProperties.Load(key); found {
		return known.(map[string]any)
	}
	made, _ := managedProperties.LoadOrStore(key, map[string]any{"Value": value, "CanBeChanged": changeable, "ManagedPropertyLogicalName": name})
	return made.(map[string]any)
}

type managed struct {
	value, changeable bool
	name              string
}

var managedProperties sync.Map // of managed

// displayName makes a display name from a schema name where the schema has none: LastOnHoldTime is "Last On Hold Time".
func displayName(schemaName string) string {
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

func tableLabel(t *schema.Table) string {
	if t.Label != "" || len(t.Labels) > 0 {
		return t.Label
	}
	return displayName(t.SchemaName)
}

func displayPlural(t *schema.Table) string {
	switch n := tableLabel(t); {
	case t.Plural != "":
		return t.Plural
	case strings.HasSuffix(n, "y") && !strings.HasSuffix(n, "ey"):
		return n[:len(n)-1] + "ies"
	case strings.HasSuffix(n, "s"), strings.HasSuffix(n, "x"):
		return n + "es"
	default:
		return n + "s"
	}
}

// renderTable makes what metaTable gives. Page: entity-metadata, entitymetadata (reference).
func renderTable(s *schema.Schema, t *schema.Table) object {
	standard := !t.Custom
	userOwned := t.Ownership == "UserOwned"
	row := t.Ownership != "None" && !t.Intersect
	var image, name, report any
	if primary := t.PrimaryImage(); primary != "" {
		image = primary
	}
	if t.PrimaryName != "" {
		name = t.PrimaryName
	}
	if !t.Intersect {
		report = "Filtered" + t.SchemaName
	}
	p := map[string]any{
		"MetadataId": TableID(t).String(), "HasChanged": nil,
		"ActivityTypeMask": 0, "AutoRouteToOwnerQueue": false, "CanTriggerWorkflow": row,
		"Description":           labelOf(t.Description[English], t.Description, standard, TableID(t)),
		"DisplayName":           labelOf(tableLabel(t), t.Labels, standard, TableID(t)),
		"DisplayCollectionName": labelOf(displayPlural(t), nil, standard, TableID(t)),
		"EntityHelpUrlEnabled":  false, "EntityHelpUrl": nil, "IsDocumentManagementEnabled": false,
		"IsOneNoteIntegrationEnabled": false, "IsInteractionCentricEnabled": standard && row,
		"IsKnowledgeManagementEnabled": false, "IsSLAEnabled": t.Name == "incident", // apply-slas-entities
		"IsBPFEntity":                      false,
		"IsDocumentRecommendationsEnabled": false, "IsMSTeamsIntegrationEnabled": false, "SettingOf": nil,
		"DataProviderId": nil, "DataSourceId": nil, "AutoCreateAccessTeams": false,
		"IsActivity": t.Activity, "IsActivityParty": t.Activity || standard && userOwned || pointsAt(s, "activityparty", "partyid", t.Name),
		"IsRetrieveAuditEnabled": false, "IsRetrieveMultipleAuditEnabled": false, "IsArchivalEnabled": false,
		"IsRetentionEnabled": false, "IsAuditEnabled": managedProperty(t.Audited, row, "canmodifyauditsettings"),
		"IsAvailableOffline": standard && row, "IsChildEntity": t.Ownership == "None" && !t.Intersect, "IsAIRUpdated": false,
		"IsValidForQueue":      managedProperty(queueTables[t.Name] || t.Custom && t.Activity, row, "canmodifyqueuesettings"),
		"IsConnectionsEnabled": managedProperty(standard && userOwned, row, "canmodifyconnectionsettings"),
		"IconLargeName":        nil, "IconMediumName": nil, "IconSmallName": nil, "IconVectorName": nil,
		"IsCustomEntity": t.Custom, "IsBusinessProcessEnabled": false,
		"IsCustomizable": managedProperty(row, false, "iscustomizable"), "IsRenameable": managedProperty(row, false, "isrenameable"),
		"IsMappable": managedProperty(row, false, "ismappable"), "IsDuplicateDetectionEnabled": managedProperty(standard && userOwned, row, "canmodifyduplicatedetectionsettings"),
		"CanCreateAttributes": managedProperty(row, false, "cancreateattributes"), "CanCreateForms": managedProperty(row, false, "cancreateforms"),
		"CanCreateViews": managedProperty(row, false, "cancreateviews"), "CanCreateCharts": managedProperty(row, false, "cancreatecharts"),
		"CanBeRelatedEntityInRelationship":   managedProperty(row, false, "canberelatedentityinrelationship"),
		"CanBePrimaryEntityInRelationship":   managedProperty(row, false, "canbeprimaryentityinrelationship"),
		"CanBeInManyToMany":                  managedProperty(row, false, "canbeinmanytomany"),
		"CanBeInCustomEntityAssociation":     managedProperty(row, false, "canbeincustomentityassociation"),
		"CanEnableSyncToExternalSearchIndex": managedProperty(row, row, "canenablesynctoexternalsearchindex"),
		"SyncToExternalSearchIndex":          false,
		"CanModifyAdditionalSettings":        managedProperty(row, row, "canmodifyadditionalsettings"),
		"CanChangeHierarchicalRelationship":  managedProperty(row, row, "canchangehierarchicalrelationship"),
		"IsOptimisticConcurrencyEnabled":     !t.Unguarded,
		"ChangeTrackingEnabled":              t.Tracked,
		"CanChangeTrackingBeEnabled":         managedProperty(row, row, "canchangetrackingbeenabled"),
		"IsImportable":                       row, "IsIntersect": t.Intersect, "IsMailMergeEnabled": managedProperty(standard && userOwned, row, "canmodifymailmergesettings"),
		"IsManaged": standard, "IsEnabledForCharts": row, "IsEnabledForTrace": false, "IsValidForAdvancedFind": row,
		"IsVisibleInMobile": managedProperty(false, row, "canmodifymobilevisibility"), "IsVisibleInMobileClient": managedProperty(false, row, "canmodifymobileclientvisibility"),
		"IsReadOnlyInMobileClient": managedProperty(false, row, "canmodifymobileclientreadonly"), "IsOfflineInMobileClient": managedProperty(false, row, "canmodifymobileclientoffline"),
		"DaysSinceRecordLastModified": 0, "MobileOfflineFilters": nil, "IsReadingPaneEnabled": row, "IsQuickCreateEnabled": standard && userOwned,
		"LogicalName": t.Name, "ObjectTypeCode": t.TypeCode, "OwnershipType": ownershipType(t),
		"PrimaryNameAttribute": name, "PrimaryImageAttribute": image, "PrimaryIdAttribute": t.ID,
		"Privileges": s.PrivilegeMetadata(t), "RecurrenceBaseEntityLogicalName": nil, "ReportViewName": report,
		"SchemaName": t.SchemaName, "IntroducedVersion": introducedVersion(t.Custom), "IsStateModelAware": t.Column("statecode") != nil,
		"EnforceStateTransitions": t.Transitions, "ExternalName": nil, "EntityColor": nil, "LogicalCollectionName": t.Set,
		"ExternalCollectionName": nil, "CollectionSchemaName": collectionSchemaName(t), "EntitySetName": t.Set,
		"IsEnabledForExternalChannels": false, "IsPrivate": false, "UsesBusinessDataLabelTable": false, "IsLogicalEntity": false,
		"HasNotes": pointsAt(s, "annotation", "objectid", t.Name), "HasActivities": pointsAt(s, "activitypointer", "regardingobjectid", t.Name),
		"HasFeedback": pointsAt(s, "feedback", "regardingobjectid", t.Name), "HasEmailAddresses": hasEmail(t),
		"OwnerId": nil, "OwnerIdType": nil, "OwningBusinessUnit": nil, "TableType": cmp.Or(t.Type, "Standard"),
		"CreatedOn": timeText(creationDate(&t.Defined)), "ModifiedOn": timeText(creationDate(&t.Defined)), "IsSolutionAware": false,
	}
	for name, v := range t.Shown {
		if m, managed := p[name].(map[string]any); managed {
			value, _ := v.(bool)
			changeable, _ := m["CanBeChanged"].(bool)
			of, _ := m["ManagedPropertyLogicalName"].(string)
			v = managedProperty(value, changeable, of)
		}
		p[name] = v
	}
	return object{"EntityMetadata", p}
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func introducedVersion(custom bool) string {
	if custom {
		return "1.0"
	}
	return "5.0.0.0"
}

func ownershipType(t *schema.Table) string {
	if t.Ownership == "" {
		return "None"
	}
	return t.Ownership
}

func collectionSchemaName(t *schema.Table) string {
	if strings.EqualFold(t.Set, t.SchemaName+"s") {
		return t.SchemaName + "s"
	}
	return t.Set
}

func hasEmail(t *schema.Table) bool {
	return slices.ContainsFunc(t.Columns, func(c *schema.Column) bool { return c.Format == "Email" })
}

// pointsAt tells whether the lookup column of one table may point at another.
func pointsAt(s *schema.Schema, from, attribute, to string) bool {
	t := s.Tables[from]
	if t == nil || t.Column(attribute) == nil {
		return false
	}
	return slices.ContainsFunc(t.Outgoing, func(r *schema.Relationship) bool { return r.Attribute == attribute && r.Referenced == to })
}

// metaOneToMany is a one-to-many relationship; it is the same object under either table.
// Page: query-metadata-web-api, configure-entity-relationship-cascading-behavior.
func metaOneToMany(s *schema.Schema, r *schema.Relationship) object {
	cascade := r.Cascades
	merge := r.Merge
	if merge == "" {
		merge = "NoCascade"
	}
	archive := "RemoveLink"
	if r.Delete == "Cascade" {
		archive = "Cascade"
	}
	id := relationshipID(r)
	return object{"OneToManyRelationshipMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomRelationship": r.Custom,
		"IsCustomizable": managedProperty(true, false, "iscustomizable"), "IsValidForAdvancedFind": true, "SchemaName": r.Name,
		"SecurityTypes": "Append", "IsManaged": !r.Custom, "RelationshipType": "OneToManyRelationship",
		"IntroducedVersion":           introducedVersion(r.Custom),
		"AssociatedMenuConfiguration": menu(s.Tables[r.Referencing], r.Custom, id),
		"CascadeConfiguration": map[string]any{"Assign": cascade("Assign"), "Delete": r.Delete, "Archive": archive,
			"Merge": merge, "Reparent": cascade("Reparent"), "Share": cascade("Share"), "Unshare": cascade("Unshare"), "RollupView": "NoCascade"},
		"ReferencedAttribute": s.Tables[r.Referenced].ID, "ReferencedEntity": r.Referenced,
		"ReferencingAttribute": r.Attribute, "ReferencingEntity": r.Referencing,
		"IsHierarchical": r.InHierarchy(), "EntityKey": nil, "RelationshipAttributes": []any{}, "IsRelationshipAttributeDenormalized": false,
		"ReferencedEntityNavigationPropertyName": r.Collection, "ReferencingEntityNavigationPropertyName": r.Nav,
		"RelationshipBehavior": 1, "IsDenormalizedLookup": false, "DenormalizedAttributeName": nil,
	}}
}

func menu(t *schema.Table, custom bool, id uuid.UUID) map[string]any {
	return map[string]any{"Behavior": "UseCollectionName", "Group": "Details", "Order": nil, "IsCustomizable": true, "Icon": nil,
		"ViewId": uuid.Nil.String(), "AvailableOffline": true, "MenuId": nil, "QueryApi": nil,
		"Label": labelOf("", nil, !custom, id)}
}

func metaManyToMany(s *schema.Schema, m *schema.ManyToMany) object {
	id := manyToManyID(m)
	return object{"ManyToManyRelationshipMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomRelationship": m.Custom,
		"IsCustomizable": managedProperty(m.Custom, false, "iscustomizable"), "IsValidForAdvancedFind": true, "SchemaName": m.Name,
		"SecurityTypes": "None", "IsManaged": !m.Custom, "RelationshipType": "ManyToManyRelationship",
		"IntroducedVersion":                  introducedVersion(m.Custom),
		"Entity1AssociatedMenuConfiguration": menu(s.Tables[m.Table2], m.Custom, id),
		"Entity2AssociatedMenuConfiguration": menu(s.Tables[m.Table1], m.Custom, id),
		"Entity1LogicalName":                 m.Table1, "Entity2LogicalName": m.Table2, "IntersectEntityName": m.Intersect,
		"Entity1IntersectAttribute": m.Attribute1, "Entity2IntersectAttribute": m.Attribute2,
		"Entity1NavigationPropertyName": m.Nav1, "Entity2NavigationPropertyName": m.Nav2,
	}}
}

// metaKey is an alternate key. Its index is there, or has failed, at once: the job that builds it is over with the request.
func metaKey(s *schema.Schema, t *schema.Table, k *schema.AlternateKey) object {
	id := keyID(k, t)
	status := "Active"
	if k.Failed {
		status = "Failed"
	}
	return object{"EntityKeyMetadata", map[string]any{
		"MetadataId": id.String(), "HasChanged": nil, "IsCustomizable": managedProperty(true, false, "iscustomizable"),
		"DisplayName": labelOf(k.Label, k.Labels, false, id), "LogicalName": k.Name, "SchemaName": k.SchemaName,
		"EntityLogicalName": t.Name, "KeyAttributes": k.Columns, "IntroducedVersion": "1.0", "IsManaged": false,
		"IsSynchronous": false, "IsExportKey": false, "IsSecondaryKey": false,
		"EntityKeyIndexStatus": status, "AsyncJob": nil,
	}}
}

// queueTables are the tables of the platform that queues take. Page: queue-entities.
var queueTables = map[string]bool{"appointment": true, "campaignactivity": true, "campaignresponse": true, "email": true, "fax": true, "incident": true, "letter": true,
	"phonecall": true, "recurringappointmentmaster": true, "socialactivity": true, "task": true}
