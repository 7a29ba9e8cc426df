package metadata

import (
	"maps"
	"strings"
)

// lasting are capabilities of tables that stay once they are there. Page: customize-entity-metadata.
var lasting = []string{"HasNotes", "HasActivities", "IsConnectionsEnabled", "IsValidForQueue"}

// forApps are properties of tables that only an app looks at: kept as they are sent.
var forApps = strings.Fields(`EntityHelpUrlEnabled EntityHelpUrl EntityColor IconLargeName IconMediumName IconSmallName IconVectorName IsOneNoteIntegrationEnabled
	IsInteractionCentricEnabled IsMSTeamsIntegrationEnabled IsDocumentRecommendationsEnabled IsVisibleInMobile IsVisibleInMobileClient IsReadOnlyInMobileClient
	IsOfflineInMobileClient IsAvailableOffline IsReadingPaneEnabled IsQuickCreateEnabled IsEnabledForCharts IsValidForAdvancedFind IsMailMergeEnabled IsConnectionsEnabled
	IsValidForQueue IsDuplicateDetectionEnabled SyncToExternalSearchIndex`)

// on tells whether a property is true, be it a managed one or not.
func on(v any) bool {
	if m, managed := v.(map[string]any); managed {
		v = m["Value"]
	}
	is, _ := v.(bool)
	return is
}

// shownBy are the properties for apps after a body has come.
func shownBy(before, body map[string]any) map[string]any {
	out := maps.Clone(before)
	for _, name := range forApps {
		v, sent := body[name]
		if !sent {
			continue
		}
		if m, managed := v.(map[string]any); managed {
			v = m["Value"]
		}
		switch v.(type) {
		case bool, string:
			if out == nil {
				out = map[string]any{}
			}
			out[name] = v
		}
	}
	return out
}

// onePrimaryImage takes the place of the primary image from every other column of the table. Page: image-attributes.
func (ch *change) onePrimaryImage(table, column string) {
	edited := editTable(ch.schema, table)
	for _, c := range edited.Columns {
		if c.Primary && c.Name != column {
			plain := *c
			plain.Primary = false
			replaceInTable(edited, &plain)
		}
	}
}
