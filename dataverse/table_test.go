package dataverse

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var innerGet = regexp.MustCompile(`(?m)^GET (\S+) HTTP/1.1\r$`)

// definitions answers a batch of reads from a map of what follows EntityDefinitions(LogicalName='contact').
func definitions(t *testing.T, w http.ResponseWriter, r *http.Request, answers map[string]string) {
	var parts []string
	for _, m := range innerGet.FindAllStringSubmatch(readBody(r), -1) {
		path, _, _ := strings.Cut(m[1], "?")
		path = strings.TrimPrefix(path, "/api/data/v9.2/EntityDefinitions(LogicalName='contact')")
		body, ok := answers[path]
		if !ok {
			body = `{"value":[]}`
		}
		if strings.HasPrefix(path, "/api/") || body == "" {
			parts = append(parts, single("404 Not Found", jsonHeader, `{"error":{"code":"0x80060888","message":"x"}}`))
			continue
		}
		parts = append(parts, single("200 OK", "Content-Type: application/json; odata.metadata=minimal; odata.streaming=true\r\n", body))
	}
	if len(parts) == 0 {
		t.Errorf("a batch without reads")
	}
	writeMultipart(w, 200, parts...)
}

const labelOf = `{"LocalizedLabels":[{"Label":"Jobb","LanguageCode":1053}],"UserLocalizedLabel":{"Label":"Job"}}`

var contactDefinition = map[string]string{
	"": `{"@odata.context":"c","LogicalName":"contact","SchemaName":"Contact","EntitySetName":"contacts","PrimaryIdAttribute":"contactid","PrimaryNameAttribute":"fullname",
		"DisplayName":` + labelOf + `,"DisplayCollectionName":{"LocalizedLabels":[{"Label":"Contacts"}],"UserLocalizedLabel":null},"ObjectTypeCode":2,"OwnershipType":"UserOwned","IsActivity":false,"IsAuditEnabled":{"Value":true,"CanBeChanged":true},
		"IsOptimisticConcurrencyEnabled":true,"MetadataId":"608861bc-50a4-4c5f-a02c-21fe1943e2cf",
		"Privileges":[{"CanBeBasic":true,"CanBeGlobal":true,"Name":"prvReadContact","PrivilegeId":"00000000-0000-0000-0000-0000000000d1","PrivilegeType":"Read"}]}`,
	"/Attributes": `{"value":[
		{"LogicalName":"contactid","AttributeType":"Uniqueidentifier","AttributeTypeName":{"Value":"UniqueidentifierType"},"IsPrimaryId":true,"IsValidForRead":true,"RequiredLevel":{"Value":"SystemRequired"}},
		{"LogicalName":"jobtitle","SchemaName":"JobTitle","DisplayName":` + labelOf + `,"AttributeType":"String","AttributeTypeName":{"Value":"StringType"},"IsValidForRead":true,"IsValidForUpdate":true,"IsSecured":true,"IsAuditEnabled":{"Value":true}},
		{"LogicalName":"interests","AttributeType":"Virtual","AttributeTypeName":{"Value":"MultiSelectPicklistType"},"IsCustomAttribute":true},
		{"LogicalName":"statuscode","AttributeType":"Status","AttributeTypeName":{"Value":"StatusType"}},
		{"LogicalName":"donotemail","AttributeType":"Boolean","AttributeTypeName":{"Value":"BooleanType"}},
		{"LogicalName":"parentcustomerid","AttributeType":"Customer","AttributeTypeName":{"Value":"CustomerType"}},
		{"LogicalName":"parentcustomeridname","AttributeType":"String","AttributeTypeName":{"Value":"StringType"},"AttributeOf":"parentcustomerid","DisplayName":{"LocalizedLabels":[],"UserLocalizedLabel":null}},
		{"LogicalName":"birthdate","AttributeType":"DateTime","AttributeTypeName":{"Value":"DateTimeType"}},
		{"LogicalName":"old","AttributeType":"Integer","AttributeTypeName":null,"AttributeOf":null,"RequiredLevel":null}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata":              `{"value":[{"LogicalName":"jobtitle","MaxLength":100,"FormatName":{"Value":"Text"}}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata":            `{"value":[{"LogicalName":"birthdate","Format":"DateOnly","DateTimeBehavior":{"Value":"DateOnly"}}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.LookupAttributeMetadata":              `{"value":[{"LogicalName":"parentcustomerid","Targets":["account","contact"]}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata":              `{"value":[{"LogicalName":"statuscode","OptionSet":{"Options":[{"Value":1,"State":0,"Label":` + labelOf + `},{"Value":2,"State":1,"Label":` + labelOf + `}]}}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.BooleanAttributeMetadata":             `{"value":[{"LogicalName":"donotemail","OptionSet":{"TrueOption":{"Value":1,"Label":` + labelOf + `},"FalseOption":{"Value":0,"Label":` + labelOf + `}}}]}`,
	"/Attributes/Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata": `{"value":[{"LogicalName":"interests","OptionSet":null,"GlobalOptionSet":{"Options":[{"Value":727000000,"Label":` + labelOf + `}]}}]}`,
	"/OneToManyRelationships": `{"value":[{"SchemaName":"contact_customer_contacts","ReferencedEntity":"contact","ReferencedAttribute":"contactid","ReferencingEntity":"contact","ReferencingAttribute":"parentcustomerid",
		"ReferencedEntityNavigationPropertyName":"contact_customer_contacts","ReferencingEntityNavigationPropertyName":"parentcustomerid_contact","IsHierarchical":false,
		"CascadeConfiguration":{"Assign":"Cascade","Delete":"Cascade","Archive":"RemoveLink","Merge":"Cascade","Reparent":"Cascade","Share":"Cascade","Unshare":"Cascade","RollupView":"NoCascade"}}]}`,
	"/ManyToManyRelationships": `{"value":[{"SchemaName":"listcontact_association","IntersectEntityName":"listmember","Entity1LogicalName":"list","Entity1IntersectAttribute":"listid","Entity1NavigationPropertyName":"listcontact_association","Entity2LogicalName":"contact","Entity2IntersectAttribute":"entityid","Entity2NavigationPropertyName":"listcontact_association"}]}`,
	"/Keys":                    `{"value":[{"LogicalName":"new_key","SchemaName":"new_Key","KeyAttributes":["new_code"],"EntityKeyIndexStatus":"Pending"}]}`,
}

func TestTable(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { definitions(t, w, r, contactDefinition) })
	c := connect(t, s.URL)
	table, err := c.Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	want := &Table{
		ID: uuid.MustParse("608861bc-50a4-4c5f-a02c-21fe1943e2cf"), LogicalName: "contact", SchemaName: "Contact", DisplayName: "Job", DisplayCollectionName: "Contacts",
		EntitySet: "contacts", PrimaryID: "contactid", PrimaryName: "fullname", Ownership: "UserOwned", ObjectTypeCode: 2, Audited: true, OptimisticConcurrency: true,
		Privileges: []TablePrivilege{{ID: uuid.MustParse("00000000-0000-0000-0000-0000000000d1"), Name: "prvReadContact", Type: "Read", Basic: true, Global: true}},
		Attributes: map[string]*Attribute{
			"contactid":            {LogicalName: "contactid", Type: "Uniqueidentifier", Required: "SystemRequired", ForRead: true, Primary: true},
			"jobtitle":             {LogicalName: "jobtitle", SchemaName: "JobTitle", DisplayName: "Job", Type: "String", Format: "Text", MaxLength: 100, ForRead: true, ForUpdate: true, Secured: true, Audited: true},
			"interests":            {LogicalName: "interests", Type: "MultiSelectPicklist", Custom: true, Options: []Option{{Value: 727000000, Label: "Job"}}},
			"statuscode":           {LogicalName: "statuscode", Type: "Status", Options: []Option{{Value: 1, Label: "Job"}, {Value: 2, Label: "Job", State: 1}}},
			"donotemail":           {LogicalName: "donotemail", Type: "Boolean", Options: []Option{{Value: 0, Label: "Job"}, {Value: 1, Label: "Job"}}},
			"parentcustomerid":     {LogicalName: "parentcustomerid", Type: "Customer", Targets: []string{"account", "contact"}},
			"parentcustomeridname": {LogicalName: "parentcustomeridname", Type: "String", AttributeOf: "parentcustomerid"},
			"birthdate":            {LogicalName: "birthdate", Type: "DateTime", Format: "DateOnly", DateTimeBehavior: "DateOnly"},
			"old":                  {LogicalName: "old", Type: "Integer"},
		},
		OneToMany: []Relationship{{SchemaName: "contact_customer_contacts", Referenced: "contact", ReferencedAttribute: "contactid", Referencing: "contact", ReferencingAttribute: "parentcustomerid",
			ReferencingNav: "parentcustomerid_contact", ReferencedNav: "contact_customer_contacts", Delete: "Cascade", Merge: "Cascade", Assign: "Cascade", Reparent: "Cascade", Share: "Cascade", Unshare: "Cascade"}},
		ManyToOne: []Relationship{},
		ManyToMany: []ManyToMany{{SchemaName: "listcontact_association", Intersect: "listmember", Entity1: "list", Entity1Attribute: "listid", Entity1Nav: "listcontact_association",
			Entity2: "contact", Entity2Attribute: "entityid", Entity2Nav: "listcontact_association"}},
		Keys: []Key{{LogicalName: "new_key", SchemaName: "new_Key", Attributes: []string{"new_code"}}},
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
	if again, err := c.Table(t.Context(), "contact"); err != nil || again != table || len(s.seen()) != 1 {
		t.Errorf("read again: %v, %d requests", err, len(s.seen()))
	}
}

// Names can be wanted in a language of its own; what the environment does not have in it stands as the user reads it.
func TestTableInALanguage(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { definitions(t, w, r, contactDefinition) })
	c := connect(t, s.URL)
	c.labels = 1053
	table, err := c.Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	status := table.Attributes["statuscode"].Options
	if table.DisplayName != "Jobb" || table.DisplayCollectionName != "Contacts" || table.Attributes["jobtitle"].DisplayName != "Jobb" || len(status) != 2 || status[1].Label != "Jobb" {
		t.Errorf("%q %q %q %v", table.DisplayName, table.DisplayCollectionName, table.Attributes["jobtitle"].DisplayName, status)
	}
	c.labels = 1030
	c.Schema.Forget()
	if table, err = c.Table(t.Context(), "contact"); err != nil || table.DisplayName != "Job" {
		t.Errorf("in a language that the environment lacks: %v, %v", table, err)
	}
}

func TestTablesThatDoNotExist(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { definitions(t, w, r, map[string]string{"": ""}) })
	c := connect(t, s.URL)
	for _, name := range []string{"contact", "kontakt", "x') or ('", "Contact", ""} {
		if _, err := c.Table(t.Context(), name); !errors.Is(err, ErrNoTable) {
			t.Errorf("Table(%q): %v", name, err)
		}
	}
	if n := len(s.seen()); n != 2 {
		t.Errorf("%d requests; a name that cannot be one is not worth a request, or an escape", n)
	}
}

// A definition of which a part is missing would let a relationship go unseen: that is an error, not a shorter list.
func TestAPartOfADefinitionThatFailsFailsTheWhole(t *testing.T) {
	answers := map[string]string{}
	for k, v := range contactDefinition {
		answers[k] = v
	}
	answers["/OneToManyRelationships"] = ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { definitions(t, w, r, answers) })
	if table, err := connect(t, s.URL).Table(t.Context(), "contact"); err == nil || errors.Is(err, ErrNoTable) {
		t.Errorf("%v, %v", table, err)
	}
}

func TestOrganization(t *testing.T) {
	for text, want := range map[string]struct {
		kind       string
		production bool
	}{
		`"Customer"`: {"Customer", true}, `"Secondary"`: {"Secondary", true}, `"Default"`: {"Default", true}, `0`: {"Customer", true}, `4`: {"Secondary", true}, `"12"`: {"Default", true},
		`"CustomerTest"`: {"CustomerTest", false}, `5`: {"CustomerTest", false}, `"6"`: {"CustomerFreeTest", false}, `"Developer"`: {"Developer", false}, `14`: {"Trial", false},
		`"SomethingNew"`: {"SomethingNew", true}, `99`: {"99", true}, `null`: {"null", true}, `"Teams"`: {"Teams", true}, `"Support"`: {"Support", true},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("@p"); got != "Microsoft.Dynamics.CRM.EndpointAccessType'Default'" {
				t.Errorf("@p = %q", got)
			}
			writeJSON(w, 200, `{"Detail":{"OrganizationId":"00000000-0000-0000-0000-0000000000c1","FriendlyName":"Contoso","UniqueName":"org1","EnvironmentId":"e","TenantId":"t","Geo":"EMEA","OrganizationVersion":"9.2.1","OrganizationType":`+text+`,"State":"Enabled"}}`)
		})
		o, err := connect(t, s.URL).Organization(t.Context())
		if err != nil || o.Type != want.kind || o.Production != want.production || o.Name != "Contoso" || o.Version != "9.2.1" || o.ID == (uuid.UUID{}) {
			t.Errorf("%s: %+v, %v", text, o, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		rows string
		want Settings
	}{
		"no bin":     {``, Settings{Audited: true, AuditDays: -1}},
		"bin":        {`{"name":"organization","cleanupintervalindays":30,"isreadyforrecyclebin":true},{"name":"x","_extensionofrecordid_value":"00000000-0000-0000-0000-00000000c0de","cleanupintervalindays":7,"isreadyforrecyclebin":true}`, Settings{Audited: true, AuditDays: -1, RecycleBin: true, RecycleBinDays: 30, RecycleBinByTable: []BinnedTable{{"contact", 7}}}},
		"by name":    {`{"name":"Lead","cleanupintervalindays":-1,"isreadyforrecyclebin":true},{"name":"contact","isreadyforrecyclebin":false}`, Settings{Audited: true, AuditDays: -1, RecycleBin: true, RecycleBinByTable: []BinnedTable{{"lead", -1}}}},
		"org's only": {`{"name":"organization","cleanupintervalindays":30}`, Settings{Audited: true, AuditDays: -1, RecycleBin: true, RecycleBinDays: 30}},
	} {
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			switch strings.TrimPrefix(r.URL.Path, apiPath) {
			case "EntityDefinitions":
				return answerOf(r, []byte(`{"value":[{"MetadataId":"00000000-0000-0000-0000-00000000c0de","LogicalName":"contact","EntitySetName":"contacts"},{"LogicalName":"lead","EntitySetName":"leads","MetadataId":"00000000-0000-0000-0000-00000000c0df"},{"LogicalName":"recyclebinconfig","EntitySetName":"recyclebinconfigs","MetadataId":"00000000-0000-0000-0000-00000000c0d0"}]}`)), nil
			case "organizations":
				return answerOf(r, []byte(`{"value":[{"isauditenabled":true,"auditretentionperiodv2":-1}]}`)), nil
			case "recyclebinconfigs":
				return answerOf(r, []byte(`{"value":[`+tt.rows+`]}`)), nil
			}
			t.Errorf("%s", r.URL.Path)
			return answerOf(r, nil), nil
		})
		got, err := c.Settings(t.Context())
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		days, on := got.Binned("contact")
		if want := name == "bin"; on != want || on && days != 7 {
			t.Errorf("%s: contacts are binned: %v for %d days", name, on, days)
		}
	}
}

func TestUserPrivileges(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, `{"RolePrivileges":[{"Depth":"Basic","PrivilegeName":"prvReadContact"},{"Depth":"Global","PrivilegeName":"prvReadContact"},{"Depth":"2","PrivilegeName":"prvReadLead"},{"Depth":1,"PrivilegeName":"prvReadLead"}]}`)
	})
	got, err := connect(t, s.URL).UserPrivileges(t.Context(), uuid.MustParse(contactID))
	if diff := cmp.Diff([]Privilege{{"prvReadContact", Global}, {"prvReadLead", Deep}}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestMissingPrivilege(t *testing.T) {
	e := &Error{Op: "GET incidents", Status: 403, Code: "0x80040220", Message: "Principal user (Id=1, type=8, roleCount=5), is missing prvReadincident privilege (Id=2) on OTC=112 for entity 'incident'. context.Caller=3"}
	if got := e.MissingPrivilege(); got != "prvReadincident" {
		t.Errorf("missing %q", got)
	}
	if h := Hint(e); !strings.Contains(h, "prvReadincident") || strings.Contains(h, "Principal") {
		t.Errorf("hint %q", h)
	}
	if got := (&Error{Status: 400, Message: "prvReadX"}).MissingPrivilege(); got != "" {
		t.Errorf("missing %q", got)
	}
}
