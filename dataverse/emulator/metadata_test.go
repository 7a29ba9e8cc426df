package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// org is an emulator behind real HTTP, for the tests of metadata, identity and rights.
type org struct {
	*testing.T
	url, token string
	header     http.Header
}

func newOrg(t *testing.T, o emulator.Options) *org {
	t.Helper()
	srv := httptest.NewServer(emulator.New(o))
	t.Cleanup(srv.Close)
	return &org{T: t, url: srv.URL, token: "emulator", header: http.Header{}}
}

// reply is an answer: its status, headers, and its body as JSON if it has one.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// at finds a value in the body: at("value", 0, "LogicalName").
func (r reply) at(path ...any) any {
	var v any = r.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// list is the body's value as objects.
func (r reply) list(path ...any) []map[string]any {
	if len(path) == 0 {
		path = []any{"value"}
	}
	l, _ := r.at(path...).([]any)
	out := make([]map[string]any, 0, len(l))
	for _, x := range l {
		m, _ := x.(map[string]any)
		out = append(out, m)
	}
	return out
}

func (r reply) code() string    { s, _ := r.at("error", "code").(string); return s }
func (r reply) message() string { s, _ := r.at("error", "message").(string); return s }

// do sends a request; the query part of the path is written plainly and encoded here. Headers come in pairs.
func (o *org) do(method, path string, body any, headers ...string) reply {
	o.Helper()
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			o.Fatal(err)
		}
		content = bytes.NewReader(j)
	}
	path, query, _ := strings.Cut(path, "?")
	if query != "" {
		var parts []string
		for _, p := range strings.Split(query, "&") {
			k, v, _ := strings.Cut(p, "=")
			parts = append(parts, k+"="+url.QueryEscape(v))
		}
		query = "?" + strings.Join(parts, "&")
	}
	req, err := http.NewRequest(method, o.url+"/api/data/v9.2/"+path+query, content)
	if err != nil {
		o.Fatal(err)
	}
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token)
	}
	for k, v := range o.header {
		req.Header[k] = v
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		o.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(b)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(b, &r.body); err != nil {
			o.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return r
}

// get reads what must be there.
func (o *org) get(path string, headers ...string) reply {
	o.Helper()
	r := o.do("GET", path, nil, headers...)
	if r.status != http.StatusOK {
		o.Fatalf("GET %s: %d %s", path, r.status, r.text)
	}
	return r
}

// must sends what must succeed.
func (o *org) must(method, path string, body any, headers ...string) reply {
	o.Helper()
	r := o.do(method, path, body, headers...)
	if r.status >= 300 {
		o.Fatalf("%s %s: %d %s", method, path, r.status, r.text)
	}
	return r
}

// refused sends what must fail, and how.
func (o *org) refused(status int, code, words, method, path string, body any, headers ...string) {
	o.Helper()
	r := o.do(method, path, body, headers...)
	if r.status != status || r.code() != code || !strings.Contains(r.message(), words) {
		o.Errorf("%s %s: %d %s %q; want %d %s …%s…", method, path, r.status, r.code(), r.message(), status, code, words)
	}
}

// Pages: use-web-api-metadata, query-metadata-web-api.
func TestReadDefinitions(t *testing.T) {
	o := newOrg(t, emulator.Options{})

	r := o.get("EntityDefinitions(LogicalName='contact')?$select=EntitySetName,PrimaryIdAttribute,ObjectTypeCode,IsAuditEnabled&$expand=Attributes($select=LogicalName,AttributeType),ManyToOneRelationships($select=SchemaName,ReferencedEntity)")
	id, _ := r.at("MetadataId").(string)
	if r.at("EntitySetName") != "contacts" || r.at("ObjectTypeCode") != 2.0 || r.at("IsAuditEnabled", "Value") != true || id == "" {
		t.Errorf("contact: %v", r.text)
	}
	if r.at("LogicalName") != nil {
		t.Error("a property that was not selected came back")
	}
	if n := len(r.list("Attributes")); n < 300 {
		t.Errorf("%d attributes", n)
	}
	if n := len(r.list("ManyToOneRelationships")); n < 10 {
		t.Errorf("%d relationships", n)
	}
	if other := o.get("EntityDefinitions(" + id + ")?$select=LogicalName"); other.at("LogicalName") != "contact" {
		t.Error("by MetadataId:", other.text)
	}

	r = o.get("EntityDefinitions?$select=LogicalName&$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'OrganizationOwned' and IsAuditEnabled/Value eq true")
	found := false
	for _, x := range r.list() {
		found = found || x["LogicalName"] == "savedquery"
		if x["LogicalName"] == "contact" {
			t.Error("contact is user-owned")
		}
		if x["MetadataId"] == nil {
			t.Error("no MetadataId")
		}
	}
	if !found || r.at("@odata.nextLink") != nil {
		t.Error(r.text)
	}
	if got := o.get("EntityDefinitions(LogicalName='account')/ObjectTypeCode/$value").text; got != "1" {
		t.Errorf("ObjectTypeCode/$value: %q", got)
	}
}

func TestRefuseDefinitions(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	for _, tt := range []struct {
		status      int
		code, words string
		path        string
	}{
		{404, "0x80060888", "'nope'", "EntityDefinitions(LogicalName='nope')"},
		{404, "0x80060888", "segment 'Nope'", "EntityDefinitions(LogicalName='contact')/Nope"},
		{404, "0x80060888", "EnumAttributeMetadata", "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata"},
		{400, "0x80060888", "'MaxLength' on type 'Microsoft.Dynamics.CRM.AttributeMetadata'", "EntityDefinitions(LogicalName='contact')/Attributes?$select=MaxLength"},
		{400, "0x80060888", "'DisplayName' of type 'Microsoft.Dynamics.CRM.Label'", "EntityDefinitions?$filter=DisplayName eq 'Contact'"},
		{400, "0x80060888", "'Nobody' is not a valid enumeration type constant", "EntityDefinitions?$filter=OwnershipType eq 'Nobody'"},
		{400, "0x80060888", "SingleValueFunctionCall", "EntityDefinitions?$filter=contains(LogicalName,'c')"},
		{400, "0x80060888", "$top", "EntityDefinitions?$top=1"},
		{400, "0x80060888", "$filter", "GlobalOptionSetDefinitions?$filter=Name eq 'x'"},
		{404, "0x80040217", "'nope'", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='nope')"},
	} {
		o.refused(tt.status, tt.code, tt.words, "GET", tt.path, nil)
	}
}

// Pages: query-metadata-web-api, entity-attribute-metadata, create-update-column-definitions-using-web-api.
func TestReadColumns(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	contact := "EntityDefinitions(LogicalName='contact')/Attributes"

	r := o.get(contact + "/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet,GlobalOptionSet")
	for _, x := range r.list() {
		if x["LogicalName"] == "accountrolecode" {
			set, _ := x["OptionSet"].(map[string]any)
			if set["Name"] != "contact_accountrolecode" || len(set["Options"].([]any)) != 3 || x["GlobalOptionSet"] != nil {
				t.Errorf("option set: %v", set)
			}
		}
		if x["LogicalName"] == "statuscode" {
			t.Error("a cast filters by type")
		}
	}
	r = o.get(contact + "(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata/OptionSet?$select=Options")
	if r.at("Options", 1, "State") != 1.0 || r.at("Options", 0, "Label", "UserLocalizedLabel", "Label") != "Active" {
		t.Errorf("statuscode: %s", r.text)
	}
	r = o.get(contact + "(LogicalName='emailaddress1')/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=MaxLength,FormatName,RequiredLevel")
	if r.at("MaxLength") != 100.0 || r.at("FormatName", "Value") != "Email" || r.at("RequiredLevel", "Value") != "None" {
		t.Errorf("emailaddress1: %s", r.text)
	}
	if want := "/$metadata#EntityDefinitions('contact')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata(MaxLength,FormatName,RequiredLevel)/$entity"; !strings.HasSuffix(r.at("@odata.context").(string), want) {
		t.Errorf("context %v", r.at("@odata.context"))
	}
	r = o.get(contact + "(LogicalName='birthdate')/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata?$select=Format,DateTimeBehavior")
	if r.at("DateTimeBehavior", "Value") != "DateOnly" || r.at("Format") != "DateOnly" {
		t.Errorf("birthdate: %s", r.text)
	}
	r = o.get(contact + "(LogicalName='parentcustomerid')/Microsoft.Dynamics.CRM.LookupAttributeMetadata?$select=Targets,AttributeType")
	if r.at("AttributeType") != "Customer" || len(r.at("Targets").([]any)) != 2 {
		t.Errorf("parentcustomerid: %s", r.text)
	}
	r = o.get(contact + "?$select=LogicalName,AttributeTypeName,IsValidODataAttribute&$filter=AttributeOf eq 'statuscode'")
	if l := r.list(); len(l) != 1 || l[0]["LogicalName"] != "statuscodename" || l[0]["IsValidODataAttribute"] != false {
		t.Errorf("companions of statuscode: %s", r.text)
	}
	// The newer types say Virtual in AttributeType.
	r = o.get(contact + "(LogicalName='entityimage')?$select=AttributeType,AttributeTypeName")
	if r.at("AttributeType") != "Virtual" || r.at("AttributeTypeName", "Value") != "ImageType" {
		t.Errorf("entityimage: %s", r.text)
	}
	r = o.get(contact + "?$select=LogicalName&$filter=RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'SystemRequired'")
	if len(r.list()) == 0 || len(r.list()) > 30 {
		t.Errorf("required: %s", r.text)
	}
}

// Pages: query-metadata-web-api, configure-entity-relationship-cascading-behavior.
func TestReadRelationships(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	cast := "RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
	r := o.get(cast + "?$select=SchemaName,ReferencingEntity&$filter=ReferencedEntity eq 'contact'")
	same := o.get("EntityDefinitions(LogicalName='contact')/OneToManyRelationships?$select=SchemaName,ReferencingEntity")
	if len(r.list()) == 0 || len(r.list()) != len(same.list()) {
		t.Errorf("%d by filter, %d of the table", len(r.list()), len(same.list()))
	}
	r = o.get("RelationshipDefinitions(SchemaName='contact_customer_accounts')/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata")
	if r.at("ReferencingEntityNavigationPropertyName") != "parentcustomerid_account" || r.at("ReferencedAttribute") != "accountid" || r.at("CascadeConfiguration", "Merge") == nil {
		t.Errorf("contact_customer_accounts: %s", r.text)
	}
	o.refused(400, "0x80060888", "'ReferencedEntity'", "GET", "RelationshipDefinitions?$filter=ReferencedEntity eq 'contact'", nil)
	r = o.get("EntityDefinitions(LogicalName='lead')/ManyToManyRelationships?$select=SchemaName,IntersectEntityName")
	if len(r.list()) < 4 {
		t.Errorf("lead: %s", r.text)
	}
}

// Pages: whoami, retrievecurrentorganization (reference).
func TestWhoAmI(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	who := o.get("WhoAmI")
	for _, name := range []string{"BusinessUnitId", "UserId", "OrganizationId"} {
		if s, _ := who.at(name).(string); len(s) != 36 {
			t.Errorf("%s: %v", name, who.text)
		}
	}
	if again := o.get("WhoAmI()"); again.text != who.text {
		t.Error("WhoAmI() differs from WhoAmI")
	}
	if v := o.get("RetrieveVersion()").at("Version"); !strings.HasPrefix(v.(string), "9.2.") {
		t.Error(v)
	}
	for _, call := range []string{
		"RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'",
		"RetrieveCurrentOrganization(AccessType=Microsoft.Dynamics.CRM.EndpointAccessType'Default')",
		"RetrieveCurrentOrganization(AccessType='Default')",
	} {
		if r := o.get(call); r.at("Detail", "OrganizationType") != "CustomerTest" || r.at("Detail", "OrganizationId") != who.at("OrganizationId") {
			t.Errorf("%s: %s", call, r.text)
		}
	}
	o.refused(404, "0x80060888", "RetrieveCurrentOrganization", "GET", "RetrieveCurrentOrganization", nil)
}
