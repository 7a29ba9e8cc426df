package dataverse

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bare is an environment without any of gallra's components. It makes what it is told to, and finds it afterwards.
type bare struct {
	t  *testing.T
	mu sync.Mutex
	// what was made: "publishers gallra" → body
	made  map[string]map[string]any
	posts []string
	fault func(n int, w http.ResponseWriter, after bool) bool // before and after each POST
}

func (b *bare) serve(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, apiPath)
	if r.Method == "POST" && path != "$batch" {
		b.post(w, r, path)
		return
	}
	found := func(name string) string {
		if _, ok := b.made[name]; ok {
			return `{"value":[{"publisherid":"` + contactID + `","solutionid":"` + contactID + `","savedqueryid":"` + contactID + `","roleid":"` + contactID + `"}]}`
		}
		return `{"value":[]}`
	}
	filter := r.URL.Query().Get("$filter")
	switch {
	case path == "$batch":
		answers := maps.Clone(contactDefinition)
		attributes := strings.TrimSuffix(answers["/Attributes"], "]}")
		dates := strings.TrimSuffix(answers["/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"], "]}")
		texts := strings.TrimSuffix(answers["/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata"], "]}")
		for name, body := range b.made {
			column, ok := strings.CutPrefix(name, "column ")
			if !ok {
				continue
			}
			kind, _ := json.Marshal(body["AttributeTypeName"])
			attributes += fmt.Sprintf(`,{"LogicalName":%q,"AttributeTypeName":%s}`, column, kind)
			if behavior, ok := body["DateTimeBehavior"]; ok {
				kind, _ := json.Marshal(behavior)
				dates += fmt.Sprintf(`,{"LogicalName":%q,"DateTimeBehavior":%s}`, column, kind)
			}
			if n, ok := body["MaxLength"]; ok {
				texts += fmt.Sprintf(`,{"LogicalName":%q,"MaxLength":%v}`, column, n)
			}
		}
		answers["/Attributes"] = attributes + "]}"
		answers["/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"] = dates + "]}"
		answers["/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata"] = texts + "]}"
		definitions(b.t, w, r, answers)
	case path == "organizations":
		writeJSON(w, 200, `{"value":[{"languagecode":1053}]}`)
	case path == "businessunits":
		writeJSON(w, 200, `{"value":[{"businessunitid":"00000000-0000-0000-0000-0000000000b1"}]}`)
	case path == "publishers" || path == "solutions":
		writeJSON(w, 200, found(path+" "+strings.Split(filter, "'")[1]))
	case path == "savedqueries" || path == "roles":
		writeJSON(w, 200, found(path+" "+strings.Split(filter, "'")[1]))
	case path == "privileges":
		writeJSON(w, 200, `{"value":[{"privilegeid":"00000000-0000-0000-0000-0000000000d1","name":"prvReadContact"},{"privilegeid":"00000000-0000-0000-0000-0000000000d2","name":"prvDeleteContact"}]}`)
	case strings.HasPrefix(path, "RetrieveRolePrivilegesRole"):
		if _, ok := b.made["privileges"]; ok {
			writeJSON(w, 200, `{"RolePrivileges":[{"PrivilegeId":"00000000-0000-0000-0000-0000000000d1","Depth":"Global"},{"PrivilegeId":"00000000-0000-0000-0000-0000000000d2","Depth":"Global"}]}`)
			return
		}
		writeJSON(w, 200, `{"RolePrivileges":[{"PrivilegeId":"00000000-0000-0000-0000-0000000000d1","Depth":"Basic"}]}`)
	default:
		b.t.Errorf("unexpected %s %s", r.Method, path)
		writeError(w, 404, "", "")
	}
}

func (b *bare) post(w http.ResponseWriter, r *http.Request, path string) {
	b.posts = append(b.posts, path)
	n := len(b.posts)
	if b.fault != nil && b.fault(n, w, false) {
		return
	}
	var body map[string]any
	json.NewDecoder(r.Body).Decode(&body)
	name := ""
	switch {
	case strings.HasSuffix(path, "/Attributes"):
		name = "column " + strings.ToLower(body["SchemaName"].(string))
	case strings.HasSuffix(path, "AddPrivilegesRole"):
		name = "privileges"
	case path == "PublishXml":
		name = "publication"
	case body["uniquename"] != nil:
		name = path + " " + body["uniquename"].(string)
	default:
		name = path + " " + body["name"].(string)
	}
	if _, twice := b.made[name]; twice && name != "publication" && name != "privileges" {
		b.t.Errorf("%s was made twice", name)
	}
	inSolution := r.Header.Get("MSCRM.SolutionUniqueName") == "gallra"
	if outside := path == "publishers" || path == "solutions" || path == "PublishXml"; inSolution == outside {
		b.t.Errorf("%s: in the solution: %v", name, inSolution)
	}
	b.made[name] = body
	if b.fault != nil && b.fault(n, w, true) {
		return
	}
	w.Header().Set("OData-EntityId", "http://"+r.Host+apiPath+path+"("+contactID+")")
	w.WriteHeader(204)
}

var gallraOnContacts = GallraProvisioning([]string{"contact"}, []Privilege{{"prvReadContact", Global}, {"prvDeleteContact", Global}})

func whats(steps []Step, pick func(Step) bool) (list []string) {
	for _, s := range steps {
		if pick(s) {
			list = append(list, s.What)
		}
	}
	return list
}

var allSteps = []string{
	"publisher gallra", "solution gallra",
	"column contact.gallra_purgescheduledon", "column contact.gallra_purgenoticedon", "column contact.gallra_purgereason",
	"column contact.gallra_retainuntil", "column contact.gallra_retainreason", "column contact.gallra_legalhold", "column contact.gallra_anonymizedon",
	`view "Contacts to be purged within 2 months" of contact`, `view "Contacts on legal hold" of contact`,
	`role "gallra"`, `privileges of role "gallra" (2)`,
}

func TestProvision(t *testing.T) {
	b := &bare{t: t, made: map[string]map[string]any{}}
	c := connect(t, serve(t, b.serve).URL)

	steps, err := c.Provision(t.Context(), gallraOnContacts, true, nil)
	if err != nil || len(b.posts) > 0 {
		t.Fatalf("dry run: %v, %v", err, b.posts)
	}
	if diff := cmp.Diff(allSteps, whats(steps, func(s Step) bool { return !s.Done && !s.Present })); diff != "" {
		t.Error(diff)
	}

	var heard []Step
	steps, err = c.Provision(t.Context(), gallraOnContacts, false, func(s Step) { heard = append(heard, s) })
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(allSteps), "publication of contact")
	if diff := cmp.Diff(want, whats(steps, func(s Step) bool { return s.Done && !s.Present })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(steps, heard); diff != "" {
		t.Error(diff)
	}
	checkBodies(t, b.made)
	table, err := c.Table(t.Context(), "contact")
	if err != nil || table.Attributes["gallra_legalhold"] == nil {
		t.Errorf("the client does not see the column that it made: %v", err)
	}

	before := len(b.posts)
	steps, err = c.Provision(t.Context(), gallraOnContacts, false, nil)
	if err != nil || len(b.posts) != before {
		t.Errorf("the second run made something: %v, %v", err, b.posts[before:])
	}
	if diff := cmp.Diff(allSteps, whats(steps, func(s Step) bool { return s.Done && s.Present })); diff != "" {
		t.Error(diff)
	}
}

func checkBodies(t *testing.T, made map[string]map[string]any) {
	t.Helper()
	label := func(text string) string {
		return `{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"` + text + `","LanguageCode":1053}]}`
	}
	common := func(schema, display, description string) string {
		return `"SchemaName":"` + schema + `","DisplayName":` + label(display) + `,"Description":` + label(description) +
			`,"RequiredLevel":{"Value":"None","CanBeChanged":true,"ManagedPropertyLogicalName":"canmodifyrequirementlevelsettings"}`
	}
	for name, want := range map[string]string{
		"publishers gallra": `{"friendlyname":"gallra","uniquename":"gallra","description":"gallra","customizationprefix":"gallra","customizationoptionvalueprefix":72720}`,
		"solutions gallra":  `{"friendlyname":"gallra","uniquename":"gallra","version":"1.0.0.0","publisherid@odata.bind":"publishers(` + contactID + `)"}`,
		"column gallra_purgescheduledon": `{"@odata.type":"Microsoft.Dynamics.CRM.DateTimeAttributeMetadata","AttributeType":"DateTime","AttributeTypeName":{"Value":"DateTimeType"},
			"Format":"DateOnly","DateTimeBehavior":{"Value":"DateOnly"},"ImeMode":"Disabled",` + common("gallra_PurgeScheduledOn", "Purge scheduled", "The day from which the person may be purged.") + `}`,
		"column gallra_purgereason": `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","AttributeType":"String","AttributeTypeName":{"Value":"StringType"},
			"FormatName":{"Value":"Text"},"MaxLength":500,` + common("gallra_PurgeReason", "Purge reason", "Why the person is to be purged: which ground ended and when.") + `}`,
		"column gallra_legalhold": `{"@odata.type":"Microsoft.Dynamics.CRM.BooleanAttributeMetadata","AttributeType":"Boolean","AttributeTypeName":{"Value":"BooleanType"},"DefaultValue":false,
			"OptionSet":{"TrueOption":{"Value":1,"Label":` + label("Yes") + `},"FalseOption":{"Value":0,"Label":` + label("No") + `},"OptionSetType":"Boolean"},` +
			common("gallra_LegalHold", "Legal hold", "The person is not purged while this is set.") + `}`,
		"savedqueries Contacts on legal hold": `{"name":"Contacts on legal hold","description":"People who are not purged while the legal hold stands.","returnedtypecode":"contact","querytype":0,
			"fetchxml":"<fetch version=\"1.0\" output-format=\"xml-platform\" mapping=\"logical\" distinct=\"false\"><entity name=\"contact\"><attribute name=\"contactid\"/><attribute name=\"fullname\"/><attribute name=\"gallra_purgereason\"/><attribute name=\"gallra_purgescheduledon\"/><filter type=\"and\"><condition attribute=\"gallra_legalhold\" operator=\"eq\" value=\"1\"/></filter></entity></fetch>",
			"layoutxml":"<grid name=\"resultset\" object=\"2\" jump=\"fullname\" select=\"1\" preview=\"1\" icon=\"1\"><row name=\"result\" id=\"contactid\"><cell name=\"fullname\" width=\"200\"/><cell name=\"gallra_purgereason\" width=\"400\"/><cell name=\"gallra_purgescheduledon\" width=\"120\"/></row></grid>"}`,
		"roles gallra": `{"name":"gallra","businessunitid@odata.bind":"/businessunits(00000000-0000-0000-0000-0000000000b1)"}`,
		"privileges": `{"Privileges":[{"PrivilegeId":"00000000-0000-0000-0000-0000000000d1","Depth":"Global","BusinessUnitId":"00000000-0000-0000-0000-0000000000b1"},
			{"PrivilegeId":"00000000-0000-0000-0000-0000000000d2","Depth":"Global","BusinessUnitId":"00000000-0000-0000-0000-0000000000b1"}]}`,
		"publication": `{"ParameterXml":"<importexportxml><entities><entity>contact</entity></entities></importexportxml>"}`,
	} {
		var decoded map[string]any
		if err := json.Unmarshal([]byte(want), &decoded); err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(decoded, made[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// An answer that is lost, and a lock that somebody else holds, cost time; nothing is made twice and nothing is missing.
func TestProvisioningSurvivesFaults(t *testing.T) {
	faults := map[string]func(n int, w http.ResponseWriter, after bool) bool{
		"lost before": func(n int, w http.ResponseWriter, after bool) bool {
			if n%2 == 1 && !after {
				hangUp(w)
				return true
			}
			return false
		},
		"lost after": func(n int, w http.ResponseWriter, after bool) bool {
			if n%2 == 1 && after {
				hangUp(w)
				return true
			}
			return false
		},
		"locked": func(n int, w http.ResponseWriter, after bool) bool {
			if n%3 != 0 && !after {
				writeError(w, []int{400, 429, 503}[n%3], "0x80071151", "CustomizationLockException: Cannot start …")
				return true
			}
			return false
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			b := &bare{t: t, made: map[string]map[string]any{}, fault: fault}
			steps, err := connect(t, serve(t, b.serve).URL).Provision(t.Context(), gallraOnContacts, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if done := whats(steps, func(s Step) bool { return s.Done }); len(done) != len(allSteps)+1 || len(b.made) != len(done) {
				t.Errorf("done %v, made %v", done, slices.Sorted(maps.Keys(b.made)))
			}
		})
	}
}

func TestAColumnOfTheSameNameThatHoldsSomethingElse(t *testing.T) {
	for _, body := range []map[string]any{
		{"AttributeTypeName": map[string]string{"Value": "StringType"}, "MaxLength": 100},
		{"AttributeTypeName": map[string]string{"Value": "DateTimeType"}, "DateTimeBehavior": map[string]string{"Value": "UserLocal"}},
	} {
		b := &bare{t: t, made: map[string]map[string]any{"column gallra_purgescheduledon": body}}
		_, err := connect(t, serve(t, b.serve).URL).Provision(t.Context(), gallraOnContacts, true, nil)
		if err == nil || !strings.Contains(err.Error(), "gallra_purgescheduledon: exists as") {
			t.Errorf("%v", err)
		}
	}
}

func TestAPrivilegeThatDoesNotExistIsNamed(t *testing.T) {
	b := &bare{t: t, made: map[string]map[string]any{}}
	p := GallraProvisioning(nil, []Privilege{{"prvReadContact", Global}, {"prvReadKontakt", Global}})
	_, err := connect(t, serve(t, b.serve).URL).Provision(t.Context(), p, false, nil)
	if err == nil || !strings.Contains(err.Error(), "prvReadKontakt") || strings.Contains(err.Error(), "prvReadContact") {
		t.Errorf("%v", err)
	}
}
