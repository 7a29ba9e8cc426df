package metadata

import (
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// lasting are capabilities of tables that stay once they are there. Page: customize-entity-metadata.
var lasting = []string{"HasNotes", "HasActivities", "HasFeedback", "IsConnectionsEnabled", "IsValidForQueue"}

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

// UnpublishRules takes the duplicate detection rules of a table, or of all, out of force. Page: enable-disable-duplicate-detection.
func UnpublishRules(t *store.Tx, table string) {
	rules := t.Schema.Tables["duplicaterule"]
	var published []*store.Row
	t.Rows(rules.Name).Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Int(rules, r, "statecode") == 1 && (table == "" || store.Text(rules, r, "baseentityname") == table || store.Text(rules, r, "matchingentityname") == table) {
			published = append(published, r)
		}
		return true
	})
	for _, r := range published {
		n := t.NextVersion()
		v := store.Values{}
		v.Set(rules, "statecode", int64(0))
		v.Set(rules, "statuscode", int64(0))
		v.Set(rules, "versionnumber", n)
		t.Put(rules, r.With(v, n))
	}
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
