package purge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestChainsOfUnlinkedRowsAreDecided: a row that points at a row that points at a row of the person, where a delete clears each link.
// The starter policy has a rule for each step, so that nothing stays; without these rules each row is named.
func TestChainsOfUnlinkedRowsAreDecided(t *testing.T) {
	t.Parallel()
	const deep = 4
	for name, rules := range map[string]bool{"by the starter's rules": true, "by '*' alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, "", emulator.Options{})
			s := &solution{world: w, Rand: rand.New(rand.NewPCG(1, 1)), prefix: "chain"}
			s.publish(20000)
			target := "contact"
			for i := range deep {
				table := fmt.Sprintf("chain_t%d", i)
				s.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": table, "DisplayName": labelled(table), "DisplayCollectionName": labelled(table + "s"),
					"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{columnBody("String", "chain_Name", row{"IsPrimaryName": true})}})
				s.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": table + "_up", "ReferencedEntity": target, "ReferencingEntity": table,
					"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
					"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "chain_Up", "DisplayName": labelled("Up")}})
				target = table
			}
			w.client = w.connect(6)
			gone, kept := s.person("anna", "contact"), s.person("kim", "contact")
			for _, p := range []solutionPerson{gone, kept} {
				up := bindTo("contacts", p.name)
				for i := range deep {
					name := fmt.Sprint(p.name, " link ", i)
					w.create(fmt.Sprintf("chain_t%d", i), name, row{"chain_name": "Of " + p.full, "chain_Up@odata.bind": up})
					up = bindTo(fmt.Sprintf("chain_t%ds", i), name)
				}
			}
			w.advance(800)
			w.policy = w.starter(1)
			for i := 1; i < deep; i++ {
				rule := fmt.Sprintf("{table: chain_t%d, link: ", i)
				if !strings.Contains(w.policy, rule) {
					t.Errorf("the starter policy has no rule for chain_t%d:\n%s", i, w.policy)
				}
				if !rules {
					var lines []string
					for line := range strings.Lines(w.policy) {
						if !strings.Contains(line, rule) {
							lines = append(lines, line)
						}
					}
					w.policy = strings.Join(lines, "")
				}
			}
			s.purgesNamed([]solutionPerson{gone}, kept, nil)
			for at := range s.rowsWith(gone.full) {
				if rules && strings.HasPrefix(at, "chain_") {
					t.Errorf("%s is still there", at)
				}
			}
		})
	}
}

// TestRowsThatLoseTheirLinkToAnEndedRowAreTold: a rule of `rows` ends what leads from its children to the person, and a purge years later
// would find them no more.
func TestRowsThatLoseTheirLinkToAnEndedRowAreTold(t *testing.T) {
	t.Parallel()
	const ends = "  - {table: gallra_pairing, after: createdon, keep: 3 years, do: delete, why: w}\n"
	const told = "rows of `gallra_note` hang on rows of `gallra_pairing` (gallra_pairingid), which this rule ends"
	for _, tt := range []struct {
		name, rules, rows string
		told              bool
	}{
		{"no rule of rows", "", "", false},
		{"the rows are ended alone", "", ends, true},
		{"a related rule takes them, and has nothing to follow any more", "      - {table: gallra_note, link: gallra_pairingid/gallra_mentor, do: delete}\n", ends, true},
		{"both are ended", "", ends + "  - {table: gallra_note, after: createdon, keep: 2 years, do: delete, why: w}\n", false},
		{"the rows are emptied, not ended", "", strings.Replace(ends, "do: delete", "do: anonymize, erase: [gallra_name]", 1), false},
		{"they are left, with a reason", "      - {table: gallra_note, do: leave, why: w}\n", ends, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rules := tt.rules + "      - {table: gallra_pairing, link: gallra_mentor, do: delete}\n"
			policy := withRules(rules)
			if tt.rows != "" {
				policy += "\nrows:\n" + tt.rows
			}
			w := newWorld(t, policy)
			w.newPairing("RemoveLink", "RemoveLink", false)
			w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "gallra_Note", "DisplayName": labelled("Note"), "DisplayCollectionName": labelled("Notes"),
				"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{columnBody("String", "gallra_Name", row{"IsPrimaryName": true})}})
			w.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "gallra_pairing_note", "ReferencedEntity": "gallra_pairing", "ReferencingEntity": "gallra_note",
				"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
				"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "gallra_PairingId", "DisplayName": labelled("Pairing")}})
			w.client = w.connect(6)
			w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay"})
			w.create("gallra_pairing", "pair", row{"gallra_name": "pair", "gallra_Mentor@odata.bind": bindTo("contacts", "yvonne")})
			w.create("gallra_note", "note", row{"gallra_name": "Yvonne called", "gallra_PairingId@odata.bind": bindTo("gallra_pairings", "pair")})
			var warnings []string
			for _, p := range w.checked(w.client).Warnings {
				warnings = append(warnings, p.Message)
			}
			if strings.Contains(strings.Join(warnings, "\n"), told) != tt.told {
				t.Errorf("told: %t, want %t: %s", !tt.told, tt.told, strings.Join(warnings, "\n"))
			}
		})
	}
}
