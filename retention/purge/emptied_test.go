package purge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A row that would lose columns is everybody's who is on it: while somebody else is justified it stays as it is, and is named. By the law
// of the rule (evenIf: justified) the columns go all the same, but for a legal hold. By parties, by lookups and by a value; in a purge and
// in a stage before it.
func TestRowThatOthersNeedIsNotEmptied(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"party", "lookup", "value", "stage"} {
		for _, other := range []string{"justified", "held", "neither", "nobody"} {
			for _, evenIf := range []string{"", ", evenIf: justified"} {
				t.Run(fmt.Sprintf("%s, the other %s%s", way, other, evenIf), func(t *testing.T) {
					t.Parallel()
					w := emptyingWorld(t, way, other, evenIf)
					var named map[string]bool
					for range 2 {
						w.run()
						w.advance(60)
						s := w.run()
						named, _ = rowsNamed(s)
						if len(s.Residue)+len(s.Failures) > 0 {
							t.Errorf("residue %v, failures %v", s.Residue, s.Failures)
						}
						if way != "stage" {
							break
						}
						w.advance(1) // the purge is two years away
					}
					stays := other == "held" || other == "justified" && evenIf == ""
					it := w.get(emptied[way], "shared")
					if it == nil || (it.Text(emptiedColumn[way]) != "") != stays {
						t.Errorf("the text is there: %t, want %t", it != nil && it.Text(emptiedColumn[way]) != "", stays)
					}
					if her := w.get("contact", "yvonne"); way != "stage" && her != nil && her.Text("lastname") == "McKay" {
						t.Errorf("the person is as she was: %v", w.outcomes())
					}
					if stays && way != "stage" && !named[id("shared").String()] {
						t.Error("nothing was said of the row that keeps the name")
					}
				})
			}
		}
	}
}

var (
	emptied       = map[string]string{"party": "phonecall", "stage": "phonecall", "lookup": "gallra_pairing", "value": "msdynmkt_contactpointconsent4"}
	emptiedColumn = map[string]string{"party": "description", "stage": "description", "lookup": "gallra_name", "value": "msdynmkt_reason"}
)

// emptyingWorld has a row that two persons share, one of whom nothing justifies.
func emptyingWorld(t *testing.T, way, other, evenIf string) *world {
	rule := map[string]string{
		"party":  "{table: phonecall, party: any, do: anonymize, erase: [description]" + evenIf + "}",
		"stage":  "{table: phonecall, party: any, do: anonymize, erase: [description]" + evenIf + "}",
		"lookup": "{table: gallra_pairing, link: gallra_mentor, do: anonymize, erase: [gallra_name]" + evenIf + "}\n      - {table: gallra_pairing, link: gallra_student, do: anonymize, erase: [gallra_name]" + evenIf + "}",
		"value":  "{table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, do: anonymize, erase: [msdynmkt_reason]" + evenIf + "}",
	}[way]
	text := strings.Replace(pol, "      - {table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, do: delete}\n", "", 1)
	text = strings.Replace(text, "    related:\n", "    related:\n      - "+rule+"\n", 1)
	if way == "stage" {
		text = strings.Replace(pol, "    related:\n", "    stages: [{do: reduce, related: ["+rule+"]}, {after: 2 years, do: purge}]\n    related:\n", 1)
	}
	w := newWorld(t, text)
	w.newPairing("RemoveLink", "RemoveLink", false)
	yvonne(w)
	w.update("contact", "yvonne", row{"emailaddress1": "info@example.com"})
	party := []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 2}}
	pair := row{"gallra_name": "McKay and Mortensen", "gallra_Mentor@odata.bind": bindTo("contacts", "yvonne")}
	if other != "nobody" {
		another(w, row{"emailaddress1": "info@example.com", "gallra_legalhold": other == "held"}, other == "justified")
		party = append(party, row{"partyid_contact@odata.bind": bindTo("contacts", "sven"), "participationtypemask": 2})
		pair["gallra_Student@odata.bind"] = bindTo("contacts", "sven")
	}
	switch way {
	case "lookup":
		w.create("gallra_pairing", "shared", pair)
	case "value":
		w.create("msdynmkt_contactpointconsent4", "shared", row{"msdynmkt_reason": "McKay and Mortensen", "msdynmkt_contactpointvalue": "info@example.com",
			"msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001, "msdynmkt_source": 534120000, "msdynmkt_logicalreason": 534119999})
	default:
		w.create("phonecall", "shared", row{"subject": "Boats", "description": "McKay and Mortensen", "phonecall_activity_parties": party})
	}
	return w
}

// A row that leads to somebody over a row which others need is theirs as well: the check-in of a registration of two stays with it, and goes
// with one that is nobody else's.
func TestRowUnderOneThatOthersNeedStays(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"RemoveLink", "Cascade"} {
		for _, other := range []string{"justified", "held", "neither"} {
			t.Run(link+", the other "+other, func(t *testing.T) {
				w := newWorld(t, withRules("      - {table: gallra_checkin, link: gallra_on/gallra_mentor, do: delete}\n      - {table: gallra_checkin, link: gallra_on/gallra_student, do: delete}\n"+
					"      - {table: gallra_pairing, link: gallra_mentor, do: delete}\n      - {table: gallra_pairing, link: gallra_student, do: delete}\n"))
				w.newPairing("RemoveLink", "RemoveLink", false)
				w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "gallra_Checkin", "DisplayName": labelled("Checkin"), "DisplayCollectionName": labelled("Checkins"),
					"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{columnBody("String", "gallra_Name", row{"IsPrimaryName": true})}})
				w.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "gallra_pairing_checkin", "ReferencedEntity": "gallra_pairing", "ReferencingEntity": "gallra_checkin",
					"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": link, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
					"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "gallra_On", "DisplayName": labelled("On"), "RequiredLevel": row{"Value": "None"}}})
				w.client = w.connect(6)
				yvonne(w)
				another(w, row{"gallra_legalhold": other == "held"}, other == "justified")
				w.create("gallra_pairing", "both", row{"gallra_name": "Both", "gallra_Mentor@odata.bind": bindTo("contacts", "yvonne"), "gallra_Student@odata.bind": bindTo("contacts", "sven")})
				w.create("gallra_pairing", "alone", row{"gallra_name": "Alone", "gallra_Mentor@odata.bind": bindTo("contacts", "yvonne")})
				for _, on := range []string{"both", "alone"} {
					w.create("gallra_checkin", "check "+on, row{"gallra_name": "At the door", "gallra_On@odata.bind": bindTo("gallra_pairings", on)})
				}
				s := w.purgeAll()
				stays := other != "neither"
				for name, want := range map[string]bool{"check both": stays, "check alone": false} {
					if got := w.get("gallra_checkin", name) != nil; got != want {
						t.Errorf("%s is there: %t, want %t: %v", name, got, want, s.Failures)
					}
				}
				if both := w.get("gallra_pairing", "both"); (both != nil) != stays || w.get("contact", "yvonne") != nil || len(s.Residue) > 0 {
					t.Errorf("the row of both is there: %t; %v, residue %v", both != nil, w.outcomes(), s.Residue)
				}
			})
		}
	}
}
