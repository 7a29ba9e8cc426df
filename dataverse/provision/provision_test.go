package provision_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/provision"
)

// wire sees every request to an environment, and can cut the program off at one of them.
type wire struct {
	mu     sync.Mutex
	writes []string                  // "POST solutions", in order
	bodies map[string]map[string]any // by the names that the test gives them
	n      int
	at     map[int]bool // which requests were writes
	cut    int          // the request at which the program is killed; 0: none
	write  int          // the write at which the program is killed instead
	after  bool         // after it has arrived, and before its answer has
	kill   context.CancelFunc
	// break off this many answers of writes, each after the write was carried out
	lose func(n int) bool
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.n++
	n := w.n
	path := strings.TrimPrefix(req.URL.Path, "/api/data/v9.2/")
	isWrite := req.Method != "GET" && path != "$batch"
	if isWrite {
		w.writes = append(w.writes, req.Method+" "+path)
		if w.at != nil {
			w.at[n] = true
		}
		if req.Body != nil {
			body, _ := io.ReadAll(req.Body)
			req.Body = io.NopCloser(bytes.NewReader(body))
			var decoded map[string]any
			json.Unmarshal(body, &decoded)
			if w.bodies != nil {
				w.bodies[bodyName(path, decoded)] = decoded
			}
		}
	}
	if isWrite && len(w.writes) == w.write {
		w.cut = n
	}
	lost := isWrite && w.lose != nil && w.lose(len(w.writes))
	w.mu.Unlock()
	if n == w.cut && !w.after {
		w.kill()
		return nil, errors.New("killed")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if n == w.cut || lost {
		if err == nil {
			resp.Body.Close()
		}
		if n == w.cut {
			w.kill()
		}
		return nil, io.ErrUnexpectedEOF
	}
	return resp, err
}

func bodyName(path string, body map[string]any) string {
	switch {
	case body["SchemaName"] != nil:
		return "column " + body["SchemaName"].(string)
	case body["uniquename"] != nil:
		return path + " " + body["uniquename"].(string)
	case body["name"] != nil:
		return path + " " + body["name"].(string)
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

// land is an environment to provision, and clients of it.
type land struct {
	*testing.T
	server *emulator.Server
	url    string
}

func newLand(t *testing.T, o emulator.Options) *land {
	o.Token = "t"
	l := &land{T: t, server: emulator.New(emulatortest.Options(o))}
	web := httptest.NewServer(l.server)
	t.Cleanup(web.Close)
	l.url = web.URL
	return l
}

// definitions are shared by all clients of the tests: their environments have most tables in common.
var definitions = new(dataverse.Definitions)

func (l *land) client(w *wire) *dataverse.Client {
	l.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		l.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: l.url, Credential: credential, Transport: w, RetryWait: time.Millisecond, Definitions: definitions})
	if err != nil {
		l.Fatal(err)
	}
	return c
}

var (
	theApplication = uuid.MustParse("aaaaaaaa-0000-4000-8000-000000000001")
	twoRights      = []dataverse.Privilege{{Name: "prvReadContact", Depth: dataverse.Global}, {Name: "prvDeleteContact", Depth: dataverse.Global}}
)

func onContacts() provision.Provisioning {
	p := provision.Gallra([]string{"contact"}, twoRights)
	p.Role.Application = theApplication
	return p
}

func whats(steps []provision.Step, pick func(provision.Step) bool) (list []string) {
	for _, s := range steps {
		if pick(s) {
			list = append(list, s.What)
		}
	}
	return list
}

var allSteps = []string{
	"publisher gallra", "solution gallra",
	"column contact.gallra_purgescheduledon", "column contact.gallra_purgereason",
	"column contact.gallra_retainuntil", "column contact.gallra_retainreason", "column contact.gallra_legalhold", "column contact.gallra_anonymizedon",
	`view "Contacts to be purged within 2 months" of contact`, `view "Purge scheduled, mine" of contact`, `view "Under legal hold" of contact`,
	`view "Retained by hand" of contact`, `view "Retained by hand, mine" of contact`, `chart "Contacts to be purged, by week" of contact`,
	`section "Retention" on form "Information" of contact`, `dashboard "Contacts: retention"`,
	`role "gallra"`, `privileges of role "gallra" (2)`, "application user " + theApplication.String(), `role "gallra" of application user ` + theApplication.String(),
	"publication of contact",
	"column contact.gallra_purgenoticedon", // its absence tells a run that provisioning did not come to its end
}

func TestProvision(t *testing.T) {
	l := newLand(t, emulator.Options{})
	w := &wire{bodies: map[string]map[string]any{}}
	c := l.client(w)
	steps, err := provision.Run(t.Context(), c, onContacts(), true, nil)
	if err != nil || len(w.writes) > 0 {
		t.Fatalf("dry run: %v, %v", err, w.writes)
	}
	if diff := cmp.Diff(allSteps, whats(steps, func(s provision.Step) bool { return !s.Done && !s.Present })); diff != "" {
		t.Error(diff)
	}
	var heard []provision.Step
	steps, err = provision.Run(t.Context(), c, onContacts(), false, func(s provision.Step) { heard = append(heard, s) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allSteps, whats(steps, func(s provision.Step) bool { return s.Done && !s.Present })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(steps, heard); diff != "" {
		t.Error(diff)
	}
	checkBodies(t, w.bodies)
	table, err := c.Table(t.Context(), "contact")
	if err != nil || table.Attributes["gallra_legalhold"] == nil {
		t.Errorf("the client does not see the column that it made: %v", err)
	}
	for _, dry := range []bool{false, true} {
		before := len(w.writes)
		steps, err = provision.Run(t.Context(), l.client(w), onContacts(), dry, nil)
		if err != nil || len(w.writes) != before {
			t.Errorf("the second run changed something: %v, %v", err, w.writes[before:])
		}
		if diff := cmp.Diff(allSteps, whats(steps, func(s provision.Step) bool { return s.Done && s.Present })); diff != "" {
			t.Error(diff)
		}
	}
}

func checkBodies(t *testing.T, made map[string]map[string]any) {
	t.Helper()
	label := func(text string) string {
		return `{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"` + text + `","LanguageCode":1033}]}`
	}
	common := func(schema, display, description string) string {
		return `"SchemaName":"` + schema + `","DisplayName":` + label(display) + `,"Description":` + label(description) +
			`,"RequiredLevel":{"Value":"None","CanBeChanged":true,"ManagedPropertyLogicalName":"canmodifyrequirementlevelsettings"}`
	}
	for name, want := range map[string]string{
		"publishers gallra": `{"friendlyname":"gallra","uniquename":"gallra","description":"gallra","customizationprefix":"gallra","customizationoptionvalueprefix":72720}`,
		"column gallra_PurgeScheduledOn": `{"@odata.type":"Microsoft.Dynamics.CRM.DateTimeAttributeMetadata","AttributeType":"DateTime","AttributeTypeName":{"Value":"DateTimeType"},
			"Format":"DateOnly","DateTimeBehavior":{"Value":"DateOnly"},"ImeMode":"Disabled",` + common("gallra_PurgeScheduledOn", "Purge scheduled", "The day from which the person may be purged.") + `}`,
		"column gallra_PurgeReason": `{"@odata.type":"Microsoft.Dynamics.CRM.StringAttributeMetadata","AttributeType":"String","AttributeTypeName":{"Value":"StringType"},
			"FormatName":{"Value":"Text"},"MaxLength":500,` + common("gallra_PurgeReason", "Purge reason", "Why the person is to be purged: which ground ended and when.") + `}`,
		"column gallra_LegalHold": `{"@odata.type":"Microsoft.Dynamics.CRM.BooleanAttributeMetadata","AttributeType":"Boolean","AttributeTypeName":{"Value":"BooleanType"},"DefaultValue":false,
			"OptionSet":{"TrueOption":{"Value":1,"Label":` + label("Yes") + `},"FalseOption":{"Value":0,"Label":` + label("No") + `},"OptionSetType":"Boolean"},` +
			common("gallra_LegalHold", "Legal hold", "The person is not purged while this is set.") + `}`,
		"savedqueries Under legal hold": `{"savedqueryid":"` + made["savedqueries Under legal hold"]["savedqueryid"].(string) + `","name":"Under legal hold","description":"People who are not purged while the legal hold stands.","returnedtypecode":"contact","querytype":0,
			"fetchxml":"<fetch version=\"1.0\" output-format=\"xml-platform\" mapping=\"logical\" distinct=\"false\"><entity name=\"contact\"><attribute name=\"contactid\"/><attribute name=\"fullname\"/><attribute name=\"gallra_purgescheduledon\"/><attribute name=\"gallra_purgereason\"/><attribute name=\"ownerid\"/><attribute name=\"parentcustomerid\"/><order attribute=\"gallra_purgescheduledon\" descending=\"false\"/><filter type=\"and\"><condition attribute=\"gallra_legalhold\" operator=\"eq\" value=\"1\"/></filter></entity></fetch>",
			"layoutxml":"<grid name=\"resultset\" object=\"2\" jump=\"fullname\" select=\"1\" preview=\"1\" icon=\"1\"><row name=\"result\" id=\"contactid\"><cell name=\"fullname\" width=\"200\"/><cell name=\"gallra_purgescheduledon\" width=\"120\"/><cell name=\"gallra_purgereason\" width=\"400\"/><cell name=\"ownerid\" width=\"150\"/><cell name=\"parentcustomerid\" width=\"150\"/></row></grid>"}`,
		"PublishXml": `{"ParameterXml":"<importexportxml><entities><entity>contact</entity></entities><dashboards><dashboard>{` + provision.DashboardID("contact").String() + `}</dashboard></dashboards></importexportxml>"}`,
	} {
		var decoded map[string]any
		if err := json.Unmarshal([]byte(want), &decoded); err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(decoded, made[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if n := len(made["ReplacePrivilegesRole"]["Privileges"].([]any)); n != 2 {
		t.Errorf("%d privileges", n)
	}
}

// own chooses what somebody has made in an environment from what each has, by the set.
var own = map[string]string{"savedqueries": "iscustom eq true", "systemforms": "contains(formxml,'gallra')", "publishers": "not startswith(uniquename,'DefaultPublisher')"}

// state is what stands in an environment of gallra's, as far as a second run could have made it twice or not at all.
func (l *land) state() []string {
	l.Helper()
	c := l.client(&wire{})
	var out []string
	for set, columns := range map[string][]string{"publishers": {"uniquename"}, "solutions": {"uniquename", "description"}, "roles": {"name"},
		"savedqueries": {"name", "returnedtypecode", "fetchxml"}, "savedqueryvisualizations": {"name", "datadescription"}, "systemforms": {"name", "type", "formxml"}, "systemusers": {"applicationid"}, "solutioncomponents": {"componenttype"}, "systemuserrolescollection": {"roleid"}} {
		for row, err := range c.Rows(l.Context(), dataverse.Query{Set: set, Select: columns, Filter: own[set]}) {
			if err != nil {
				l.Fatal(err)
			}
			text := set
			for _, col := range columns {
				n, _ := row.Int(col)
				text += fmt.Sprintf(" %s%d", row.Text(col), n)
			}
			out = append(out, text)
		}
	}
	table, err := c.Table(l.Context(), "contact")
	if err != nil {
		l.Fatal(err)
	}
	for name, a := range table.Attributes {
		if strings.HasPrefix(name, "gallra_") {
			out = append(out, "column "+name+" "+a.Type)
		}
	}
	slices.Sort(out)
	return out
}

// cuts are the requests at which a program is killed, before and after they have arrived: every write; and every fourth read, since a
// read changes nothing that the next run could find otherwise than the write before it has left it.
func (w *wire) cuts(after bool) (list []int) {
	for n := 1; n <= w.n; n++ {
		if w.at[n] || !after && n%4 == 0 {
			list = append(list, n)
		}
	}
	return list
}

// Killed at any request, before or after it has arrived, the next run brings about what an undisturbed one does.
func TestProvisioningKilledAtEveryRequest(t *testing.T) {
	undisturbed := newLand(t, emulator.Options{})
	w := &wire{at: map[int]bool{}}
	if _, err := provision.Run(t.Context(), undisturbed.client(w), onContacts(), false, nil); err != nil {
		t.Fatal(err)
	}
	want := undisturbed.state()
	if len(w.writes) < 20 || len(w.at) != len(w.writes) {
		t.Fatalf("only %d writes", len(w.writes))
	}
	l := newLand(t, emulator.Options{})
	empty := l.server.Snapshot()
	for _, after := range []bool{false, true} {
		for i, cut := range w.cuts(after) {
			if err := l.server.Restore(empty); err != nil {
				t.Fatal(err)
			}
			ctx, kill := context.WithCancel(t.Context())
			_, err := provision.Run(ctx, l.client(&wire{cut: cut, after: after, kill: kill}), onContacts(), false, nil)
			kill()
			if err == nil {
				t.Fatalf("request %d: not killed", cut)
			}
			// A run asks for the seven columns: half a provisioning must not have them all.
			if half := l.state(); slices.ContainsFunc(half, func(s string) bool {
				return strings.Contains(s, "gallra_purgenoticedon") && !strings.HasPrefix(s, "savedqueries")
			}) {
				if diff := cmp.Diff(want, half); diff != "" {
					t.Fatalf("killed at request %d, after it: %v: the last column is there, and not everything else: %s", cut, after, diff)
				}
			}
			if _, err := provision.Run(t.Context(), l.client(&wire{}), onContacts(), false, nil); err != nil {
				t.Fatalf("killed at request %d, after it: %v: %v", cut, after, err)
			}
			if diff := cmp.Diff(want, l.state()); diff != "" {
				t.Fatalf("killed at request %d, after it: %v: %s", cut, after, diff)
			}
			if i%5 != 0 {
				continue
			}
			again := &wire{}
			if _, err := provision.Run(t.Context(), l.client(again), onContacts(), false, nil); err != nil || len(again.writes) > 0 {
				t.Fatalf("killed at request %d, after it: %v: the third run writes %v, %v", cut, after, again.writes, err)
			}
		}
	}
}

// Answers that are lost, and a lock that somebody else holds, cost time; nothing is made twice and nothing is missing.
func TestProvisioningSurvivesFaults(t *testing.T) {
	undisturbed := newLand(t, emulator.Options{})
	if _, err := provision.Run(t.Context(), undisturbed.client(&wire{}), onContacts(), false, nil); err != nil {
		t.Fatal(err)
	}
	want := undisturbed.state()
	t.Run("lost answers", func(t *testing.T) {
		l := newLand(t, emulator.Options{})
		if _, err := provision.Run(t.Context(), l.client(&wire{lose: func(n int) bool { return n%2 == 1 }}), onContacts(), false, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, l.state()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("customisation lock and lagging metadata", func(t *testing.T) {
		l := newLand(t, emulator.Options{CustomizationLock: 5 * time.Millisecond, MetadataLag: time.Hour})
		if _, err := provision.Run(t.Context(), l.client(&wire{}), onContacts(), false, nil); err != nil {
			t.Fatal(err)
		}
		var row map[string]any
		c := l.client(&wire{})
		op := dataverse.Operation{Method: "GET", Path: "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='gallra_anonymizedon')?$select=LogicalName", Header: http.Header{"Consistency": {"Strong"}}}
		if err := c.Do(t.Context(), op, &row); err != nil {
			t.Error(err)
		}
	})
}

// What others have made is never changed: provisioning says what is in the way and stops.
func TestProvisioningRefusesWhatOthersMade(t *testing.T) {
	create := func(path string, body map[string]any) func(*land, *dataverse.Client) error {
		return func(l *land, c *dataverse.Client) error {
			_, err := c.Create(l.Context(), path, body, nil)
			return err
		}
	}
	column := func(c emulator.Column) func(*land, *dataverse.Client) error {
		return func(l *land, _ *dataverse.Client) error { return l.server.AddColumns("gallra", c) }
	}
	for name, tt := range map[string]struct {
		before func(*land, *dataverse.Client) error
		want   string
	}{
		"publisher": {create("publishers", map[string]any{"friendlyname": "g", "uniquename": "gallra", "customizationprefix": "other", "customizationoptionvalueprefix": 20000}), "somebody else made it"},
		"role":      {create("roles", map[string]any{"name": "gallra"}), "somebody else made it"},
		"view": {create("savedqueries", map[string]any{"name": "Under legal hold", "returnedtypecode": "contact", "querytype": 0,
			"fetchxml":  `<fetch><entity name="contact"><attribute name="contactid"/><attribute name="fullname"/></entity></fetch>`,
			"layoutxml": `<grid name="resultset" object="2"><row name="result" id="contactid"><cell name="fullname" width="100"/></row></grid>`}), "somebody else made it"},
		"text for a date":       {column(emulator.Column{Table: "contact", SchemaName: "gallra_PurgeScheduledOn", Type: "String"}), "gallra_purgescheduledon: exists as String"},
		"a date that moves":     {column(emulator.Column{Table: "contact", SchemaName: "gallra_PurgeScheduledOn", Type: "DateTime", Behavior: "UserLocal"}), "exists as DateTime with the behaviour UserLocal"},
		"a text that is short":  {column(emulator.Column{Table: "contact", SchemaName: "gallra_PurgeReason", Type: "String", MaxLength: 100}), "exists as String of 100"},
		"a mapped column is no": {func(*land, *dataverse.Client) error { return nil }, "columns that are mapped are not created"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t, emulator.Options{})
			c := l.client(&wire{})
			if err := tt.before(l, c); err != nil {
				t.Fatal(err)
			}
			p := onContacts()
			if strings.HasPrefix(name, "a mapped") {
				p = provision.MappedProvisioning([]provision.GallraTable{{Table: "contact", Columns: provision.OwnColumns{LegalHold: "new_held"}}}, nil)
			}
			for _, dry := range []bool{true, false} {
				if _, err := provision.Run(t.Context(), c, p, dry, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("dry %v: %v", dry, err)
				}
			}
		})
	}
}

func TestAPrivilegeThatDoesNotExistIsNamed(t *testing.T) {
	l := newLand(t, emulator.Options{})
	p := provision.Gallra(nil, []dataverse.Privilege{{Name: "prvReadContact", Depth: dataverse.Global}, {Name: "prvReadKontakt", Depth: dataverse.Global}})
	_, err := provision.Run(t.Context(), l.client(&wire{}), p, false, nil)
	if err == nil || !strings.Contains(err.Error(), "prvReadKontakt") || strings.Contains(err.Error(), "prvReadContact") {
		t.Errorf("%v", err)
	}
}

// The role follows the policy: what it does not need any more goes, and what somebody gave it by hand.
func TestTheRoleIsNarrowedAgain(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	wide := onContacts()
	wide.Role.Privileges = append(slices.Clone(twoRights), dataverse.Privilege{Name: "prvDeleteAccount", Depth: dataverse.Global})
	for _, p := range []provision.Provisioning{wide, onContacts()} {
		if _, err := provision.Run(t.Context(), c, p, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	user := l.user()
	have, err := c.UserPrivileges(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	byName := cmp.Transformer("sorted", func(in []dataverse.Privilege) []dataverse.Privilege {
		return slices.SortedFunc(slices.Values(in), func(a, b dataverse.Privilege) int { return strings.Compare(a.Name, b.Name) })
	})
	if diff := cmp.Diff(twoRights, have, byName); diff != "" {
		t.Error(diff)
	}
}

// user is the application's user.
func (l *land) user() uuid.UUID {
	for row, err := range l.client(&wire{}).Rows(l.Context(), dataverse.Query{Set: "systemusers", Select: []string{"systemuserid"}, Filter: "applicationid eq " + theApplication.String()}) {
		if err != nil {
			l.Fatal(err)
		}
		return row.ID("systemuserid")
	}
	l.Fatal("there is no application user")
	return uuid.UUID{}
}

// Somebody else's columns are used where the policy maps them, and views follow when the mapping changes.
func TestMappedColumns(t *testing.T) {
	l := newLand(t, emulator.Options{})
	if err := l.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Held", Type: "Boolean"},
		emulator.Column{Table: "contact", SchemaName: "nord_PurgeOn", Type: "DateTime", Behavior: "DateOnly"},
		emulator.Column{Table: "contact", SchemaName: "nord_Keep", Type: "DateTime", Behavior: "DateOnly"}); err != nil {
		t.Fatal(err)
	}
	c := l.client(&wire{})
	if _, err := provision.Run(t.Context(), c, onContacts(), false, nil); err != nil {
		t.Fatal(err)
	}
	p := provision.MappedProvisioning([]provision.GallraTable{{Table: "contact", Columns: provision.OwnColumns{LegalHold: "nord_held", ScheduledOn: "nord_purgeon", RetainUntil: "nord_keep"}}}, twoRights)
	steps, err := provision.Run(t.Context(), c, p, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`view "Contacts to be purged within 2 months" of contact`, `view "Purge scheduled, mine" of contact`, `view "Under legal hold" of contact`, `view "Retained by hand" of contact`, `view "Retained by hand, mine" of contact`,
		`chart "Contacts to be purged, by week" of contact`, `section "Retention" on form "Information" of contact`, "publication of contact"}
	if diff := cmp.Diff(want, whats(steps, func(s provision.Step) bool { return !s.Present })); diff != "" {
		t.Error(diff)
	}
	views := 0
	for _, s := range l.state() {
		if strings.HasPrefix(s, "savedqueries") {
			views++
			if !strings.Contains(s, "nord_") || strings.Contains(s, "gallra_legalhold") || strings.Contains(s, "gallra_purgescheduledon") {
				t.Error(s)
			}
		}
	}
	if views != 5 {
		t.Errorf("%d views", views)
	}
	form := l.forms(c, "contact")["Information"]
	for _, column := range []string{"nord_held", "nord_purgeon", "nord_keep", "gallra_purgereason"} {
		if !strings.Contains(form, `datafieldname="`+column+`"`) {
			t.Errorf("the form does not show %s: %s", column, form)
		}
	}
	if strings.Contains(form, "gallra_legalhold") || strings.Contains(form, "gallra_purgescheduledon") || strings.Contains(form, "gallra_retainuntil") {
		t.Errorf("the form shows what others stand in for: %s", form)
	}
}
