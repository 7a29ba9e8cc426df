package platform

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// organizationVersion is the service's version as the emulator gives it.
const organizationVersion = "9.2.25062.182"

// whoAmI needs no privilege. Page: whoami (reference), authenticate-oauth.
func (s *Service) whoAmI(c *wire.Call) (*wire.Answer, error) {
	unit := s.RootBusiness
	if u := c.View().Rows("systemuser").Get(c.User); u != nil {
		if r, ok := u.Get(c.View().Schema.Tables["systemuser"].Column("businessunitid").Index).(store.Ref); ok {
			unit = r.ID
		}
	}
	return wire.OK(map[string]any{
		"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
		"BusinessUnitId": unit.String(), "UserId": c.User.String(), "OrganizationId": s.OrganizationID.String(),
	}), nil
}

func (s *Service) retrieveVersion(c *wire.Call) (*wire.Answer, error) {
	return wire.OK(map[string]any{
		"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse", "Version": organizationVersion,
	}), nil
}

// retrieveCurrentOrganization takes its parameter as an alias or in place, with or without the enumeration's name.
// Pages: retrievecurrentorganization, organizationdetail (reference).
func (s *Service) retrieveCurrentOrganization(c *wire.Call) (*wire.Answer, error) {
	name, value, found := strings.Cut(c.Path.Segments[0].Key, "=")
	if !found || strings.TrimSpace(name) != "AccessType" {
		return nil, wire.NoSegment(c.Path.Segments[0].Name)
	}
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "@") {
		value = c.Query.Get(value)
	}
	switch strings.TrimPrefix(value, wire.CRMNamespace+"EndpointAccessType") {
	case "'Default'", "'Internet'", "'Intranet'":
	default:
		return nil, wire.BadQuery("The value '%s' is not valid for the parameter 'AccessType' of type 'Microsoft.Dynamics.CRM.EndpointAccessType'.", value)
	}
	host := strings.TrimSuffix(c.Base[:strings.LastIndexByte(c.Base, '/')], "/api/data")
	kind := s.Options.OrganizationType
	if kind == "" {
		kind = "CustomerTest"
	}
	return wire.OK(map[string]any{
		"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse",
		"Detail": map[string]any{
			"OrganizationId": s.OrganizationID.String(), "FriendlyName": s.Options.Organization, "OrganizationVersion": organizationVersion,
			"EnvironmentId": uuid.NewSHA1(s.OrganizationID, []byte("environment")).String(), "DatacenterId": schema.StableID("datacenter").String(), "Geo": "EMEA",
			"TenantId": TenantID.String(), "UrlName": s.Options.UniqueName, "UniqueName": s.Options.UniqueName, "State": "Enabled",
			"OrganizationType": kind, "SchemaType": "Full",
			"Endpoints": map[string]any{
				"Count": 3, "IsReadOnly": false,
				"Keys":   []string{"WebApplication", "OrganizationService", "OrganizationDataService"},
				"Values": []string{host + "/", host + "/XRMServices/2011/Organization.svc", host + "/XRMServices/2011/OrganizationData.svc"},
			},
		},
	}), nil
}

// TenantID is the tenant that the organisation belongs to and that the fake Entra ID issues tokens for.
var TenantID = schema.StableID("tenant")

// ApplicationID is the application (client) id of the administrator, the application user behind Options.Token.
var ApplicationID = schema.StableID("application")

// Seed makes the rows that every environment has from its first day on.
func (s *Service) Seed() {
	t := s.Store.Begin()
	defer t.Commit()
	now := store.Instant(s.Clock.Now().Unix())
	unit, admin := store.Ref{Table: "businessunit", ID: s.RootBusiness}, store.Ref{Table: "systemuser", ID: s.Administrator}
	currency := store.Ref{Table: "transactioncurrency", ID: schema.StableID("currency")}
	made := store.Fields{"createdon": now, "modifiedon": now, "createdby": admin, "modifiedby": admin}
	add := func(table string, id uuid.UUID, f store.Fields) {
		for name, v := range made {
			if t.Schema.Tables[table].Column(name) != nil {
				f[name] = v
			}
		}
		t.Place(table, id, f)
	}
	add("transactioncurrency", currency.ID, store.Fields{"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€",
		"currencyprecision": int64(2), "exchangerate": 1.0, "statecode": int64(0), "statuscode": int64(1)})
	add("organization", s.OrganizationID, store.Fields{"name": s.Options.UniqueName, "isauditenabled": true, "isduplicatedetectionenabled": true, "isduplicatedetectionenabledforonlinecreateupdate": true,
		"isduplicatedetectionenabledforofflinesync": true, "isduplicatedetectionenabledforimport": true, "isuseraccessauditenabled": false, "useraccessauditinginterval": int64(accessInterval),
		"auditretentionperiodv2": int64(-1),
		"basecurrencyid":         currency, "systemuserid": access.SystemUser, "languagecode": int64(metadata.English), "expiresubscriptionsindays": int64(90),
		"maxuploadfilesize": int64(5 << 20), "blockedattachments": blockedExtensions})
	add("businessunit", s.RootBusiness, store.Fields{"name": s.Options.UniqueName, "isdisabled": false})
	add("team", schema.StableID("team"), store.Fields{"name": s.Options.UniqueName, "isdefault": true, "teamtype": int64(0), "businessunitid": unit, "administratorid": admin})
	s.seedUsers(t, add, unit)
	s.seedRoles(t, add, unit)
	seedRules(add, unit, admin)

	add("fieldsecurityprofile", access.AdministratorProfile, store.Fields{"name": "System Administrator", "description": "Lets administrators see and change every secured column."})
	t.Place("systemuserprofiles", schema.StableID("systemuserprofile"), store.Fields{"systemuserid": s.Administrator, "fieldsecurityprofileid": access.AdministratorProfile})

	publisher := store.Ref{Table: "publisher", ID: defaultPublisher}
	add("publisher", publisher.ID, store.Fields{"friendlyname": "Default Publisher for " + s.Options.UniqueName, "uniquename": "DefaultPublisher" + s.Options.UniqueName,
		"customizationprefix": "new", "customizationoptionvalueprefix": int64(10000), "isreadonly": false})
	// These two ids are the same in every environment.
	add("solution", uuid.MustParse("fd140aae-4df4-11dd-bd17-0019b9312238"), store.Fields{"friendlyname": "Active Solution", "uniquename": "Active",
		"version": "1.0", "publisherid": publisher, "ismanaged": false, "isvisible": false})
	looks.Begin(t, func() {
		for _, name := range withLooks {
			metadata.PlaceLooks(t, t.Schema.Tables[name], begun)
		}
	}, "savedquery", "systemform")
	add("solution", defaultSolution, store.Fields{"friendlyname": "Default Solution", "uniquename": "Default",
		"version": "1.0", "publisherid": publisher, "ismanaged": false, "isvisible": true})
}

// withLooks are the tables that have views and a form. Those of other tables are left out.
var withLooks = []string{"account", "contact", "lead", "opportunity", "incident", "quote", "salesorder", "invoice", "campaign", "list", "competitor", "product", "pricelevel",
	"task", "email", "phonecall", "appointment", "letter", "fax", "queue", "connection", "systemuser"}

// looks are the views and forms of these tables.
var looks store.Alike

// begun is when they were made: a day that is the same for every environment.
const begun = store.Instant(1735689600) // 2025-01-01

// defaultPublisher and defaultSolution have the same ids in every environment.
var defaultPublisher = uuid.MustParse("d21aab71-79e7-11dd-8874-00188b01e34f")

var defaultSolution = uuid.MustParse("fd140aaf-4df4-11dd-bd17-0019b9312238")

func (s *Service) seedUsers(t *store.Tx, add func(string, uuid.UUID, store.Fields), unit store.Ref) {
	user := func(id uuid.UUID, name string, more store.Fields) {
		f := store.Fields{"fullname": name, "lastname": name, "domainname": strings.TrimPrefix(name, "# ") + "@emulator.invalid",
			"internalemailaddress": strings.TrimPrefix(name, "# ") + "@emulator.invalid", "businessunitid": unit, "isdisabled": false,
			"organizationid": s.OrganizationID, "accessmode": int64(4), "islicensed": false, "setupuser": false}
		for k, v := range more {
			f[k] = v
		}
		queue := store.Ref{Table: "queue", ID: schema.StableID("queue/" + id.String())}
		f["queueid"] = queue
		add("systemuser", id, f)
		placeQueue(t, queue.ID, store.Ref{Table: "systemuser", ID: id}, name, store.Instant(s.Clock.Now().Unix()))
		placeSettings(t, s.Engine, id, unit)
		t.Place("teammembership", schema.StableID("teammembership/"+id.String()), store.Fields{"systemuserid": id, "teamid": schema.StableID("team")})
	}
	user(s.Administrator, "# emulator", store.Fields{"applicationid": ApplicationID, "azureactivedirectoryobjectid": ObjectID(ApplicationID)})
	user(schema.StableID("system"), "SYSTEM", store.Fields{"accessmode": int64(3)})
}

// ObjectID is the Entra object id of the service principal of an application.
func ObjectID(application uuid.UUID) uuid.UUID {
	return schema.StableID("principal/" + application.String())
}

// rights are the privileges and what the predefined roles hold of them.
var rights store.Alike

// seedRoles makes the privileges and the predefined roles. What Basic User and the others hold is a simple choice of
// ours; the service's differ by release.
func (s *Service) seedRoles(t *store.Tx, add func(string, uuid.UUID, store.Fields), unit store.Ref) {
	var privileges []schema.NamedPrivilege
	var grants []func()
	role := func(name string, template uuid.UUID, depth func(schema.NamedPrivilege) string) {
		id := schema.StableID("role/" + name)
		f := store.Fields{"name": name, "businessunitid": unit, "ismanaged": true,
			"componentstate": int64(0), "organizationid": s.OrganizationID, "roleidunique": schema.StableID("roleunique/" + name),
			"parentrootroleid": store.Ref{Table: "role", ID: id}, "isinherited": int64(1)}
		if template != uuid.Nil {
			f["roletemplateid"] = store.Ref{Table: "roletemplate", ID: template}
		}
		add("role", id, f)
		grants = append(grants, func() {
			for _, p := range privileges {
				if d := depth(p); d != "" && slices.Contains(p.Depths, d) {
					t.Grant(id, schema.PrivilegeID(p.Name), schema.DepthMasks[d])
				}
			}
		})
	}
	customizing := func(name string) bool {
		for _, noun := range []string{"Attribute", "Entity", "Relationship", "OptionSet", "Customization", "Publisher", "Solution", "Query"} {
			if strings.HasSuffix(name, noun) {
				return true
			}
		}
		return false
	}
	reads := func(p schema.NamedPrivilege) bool {
		return p.Right == "Read" || strings.HasPrefix(p.Name, "prvRead") && customizing(p.Name)
	}
	role("System Administrator", schema.TemplateAdministrator, func(p schema.NamedPrivilege) string { return "Global" })
	role("System Customizer", schema.TemplateCustomizer, func(p schema.NamedPrivilege) string {
		switch {
		case customizing(p.Name), len(p.Depths) == 1 && reads(p):
			return "Global"
		case p.Right != "":
			return "Basic"
		}
		return ""
	})
	basic := func(p schema.NamedPrivilege) string {
		switch {
		case reads(p) && len(p.Depths) == 1, p.Name == "prvReadUser", p.Name == "prvReadBusinessUnit":
			return "Global"
		case p.Right != "" && len(p.Depths) == len(schema.DepthNames):
			return "Basic"
		}
		return ""
	}
	role("Basic User", schema.TemplateBasicUser, basic)
	for _, name := range []string{"Salesperson", "Sales Manager", "Marketing Manager", "Customer Service Representative"} { // of sales and service, whose samples give them
		role(name, uuid.Nil, basic)
	}
	role("Delegate", schema.TemplateDelegate, func(p schema.NamedPrivilege) string {
		if p.Name == "prvActOnBehalfOfAnotherUser" {
			return "Global"
		}
		return ""
	})
	rights.Begin(t, func() {
		privileges = t.Schema.AllPrivileges()
		for _, p := range privileges {
			t.PlacePrivilege(p)
		}
		for _, grant := range grants {
			grant()
		}
	}, "privilege", "roleprivileges")
	t.Place("systemuserroles", schema.StableID("systemuserrole"), store.Fields{"systemuserid": s.Administrator, "roleid": schema.StableID("role/System Administrator")})
}
