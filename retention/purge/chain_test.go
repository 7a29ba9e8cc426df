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
