package emulator

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// version is the service's version as the emulator gives it.
const version = "9.2.25062.182"

// whoAmI needs no privilege. Page: whoami (reference), authenticate-oauth.
func (s *platformService) whoAmI(c *call) (*answer, error) {
	unit := s.rootBusiness
	if u := c.view().table("systemuser").get(c.user); u != nil {
		if r, ok := u.get(c.view().schema.tables["systemuser"].column("businessunitid").index).(ref); ok {
			unit = r.ID
		}
	}
	return ok(map[string]any{
		"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
		"BusinessUnitId": unit.String(), "UserId": c.user.String(), "OrganizationId": s.organizationID.String(),
	}), nil
}

func (s *platformService) retrieveVersion(c *call) (*answer, error) {
	return ok(map[string]any{
		"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse", "Version": version,
	}), nil
}

// retrieveCurrentOrganization takes its parameter as an alias or in place, with or without the enumeration's name.
// Pages: retrievecurrentorganization, organizationdetail (reference).
func (s *platformService) retrieveCurrentOrganization(c *call) (*answer, error) {
	name, value, found := strings.Cut(c.path.segments[0].key, "=")
	if !found || strings.TrimSpace(name) != "AccessType" {
		return nil, noSegment(c.path.segments[0].name)
	}
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "@") {
		value = c.query.Get(value)
	}
	switch strings.TrimPrefix(value, crmNamespace+"EndpointAccessType") {
	case "'Default'", "'Internet'", "'Intranet'":
	default:
		return nil, badQuery("The value '%s' is not valid for the parameter 'AccessType' of type 'Microsoft.Dynamics.CRM.EndpointAccessType'.", value)
	}
	host := strings.TrimSuffix(c.base[:strings.LastIndexByte(c.base, '/')], "/api/data")
	kind := s.options.OrganizationType
	if kind == "" {
		kind = "CustomerTest"
	}
	return ok(map[string]any{
		"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse",
		"Detail": map[string]any{
			"OrganizationId": s.organizationID.String(), "FriendlyName": organizationName, "OrganizationVersion": version,
			"EnvironmentId": stableID("environment").String(), "DatacenterId": stableID("datacenter").String(), "Geo": "EMEA",
			"TenantId": tenantID.String(), "UrlName": "emulator", "UniqueName": "orgemulator", "State": "Enabled",
			"OrganizationType": kind, "SchemaType": "Full",
			"Endpoints": map[string]any{
				"Count": 3, "IsReadOnly": false,
				"Keys":   []string{"WebApplication", "OrganizationService", "OrganizationDataService"},
				"Values": []string{host + "/", host + "/XRMServices/2011/Organization.svc", host + "/XRMServices/2011/OrganizationData.svc"},
			},
		},
	}), nil
}

const organizationName = "Emulator"

// tenantID is the tenant that the organisation belongs to and that the fake Entra ID issues tokens for.
var tenantID = stableID("tenant")

// ApplicationID is the application (client) id of the administrator, the application user behind Options.Token.
var ApplicationID = stableID("application")

// seed makes the rows that every environment has from its first day on.
func (s *platformService) seed() {
	t := s.store.begin()
	defer t.commit()
	now := instant(s.clock.now().Unix())
	unit, admin := ref{"businessunit", s.rootBusiness}, ref{"systemuser", s.administrator}
	currency := ref{"transactioncurrency", stableID("currency")}
	made := fields{"createdon": now, "modifiedon": now, "createdby": admin, "modifiedby": admin}
	add := func(table string, id uuid.UUID, f fields) {
		for name, v := range made {
			if t.schema.tables[table].column(name) != nil {
				f[name] = v
			}
		}
		t.place(table, id, f)
	}
	add("transactioncurrency", currency.ID, fields{"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€",
		"currencyprecision": int64(2), "exchangerate": 1.0, "statecode": int64(0), "statuscode": int64(1)})
	add("organization", s.organizationID, fields{"name": "orgemulator", "isauditenabled": true, "auditretentionperiodv2": int64(-1),
		"basecurrencyid": currency, "languagecode": int64(english), "expiresubscriptionsindays": int64(90),
		"maxuploadfilesize": int64(5 << 20), "blockedattachments": blockedExtensions})
	add("businessunit", s.rootBusiness, fields{"name": "orgemulator", "isdisabled": false})
	add("team", stableID("team"), fields{"name": "orgemulator", "isdefault": true, "teamtype": int64(0), "businessunitid": unit, "administratorid": admin})
	s.seedUsers(t, add, unit)
	s.seedRoles(t, add, unit)
	seedRules(add, unit, admin)

	add("fieldsecurityprofile", administratorProfile, fields{"name": "System Administrator", "description": "Lets administrators see and change every secured column."})
	t.place("systemuserprofiles", stableID("systemuserprofile"), fields{"systemuserid": s.administrator, "fieldsecurityprofileid": administratorProfile})

	publisher := ref{"publisher", stableID("publisher")}
	add("publisher", publisher.ID, fields{"friendlyname": "Default Publisher for orgemulator", "uniquename": "DefaultPublisherorgemulator",
		"customizationprefix": "new", "customizationoptionvalueprefix": int64(10000), "isreadonly": false})
	// These two ids are the same in every environment.
	add("solution", uuid.MustParse("fd140aae-4df4-11dd-bd17-0019b9312238"), fields{"friendlyname": "Active Solution", "uniquename": "Active",
		"version": "1.0", "publisherid": publisher, "ismanaged": false, "isvisible": false})
	add("solution", defaultSolution, fields{"friendlyname": "Default Solution", "uniquename": "Default",
		"version": "1.0", "publisherid": publisher, "ismanaged": false, "isvisible": true})
}

var defaultSolution = uuid.MustParse("fd140aaf-4df4-11dd-bd17-0019b9312238")

func (s *platformService) seedUsers(t *tx, add func(string, uuid.UUID, fields), unit ref) {
	user := func(id uuid.UUID, name string, more fields) {
		f := fields{"fullname": name, "lastname": name, "domainname": strings.TrimPrefix(name, "# ") + "@emulator.invalid",
			"internalemailaddress": strings.TrimPrefix(name, "# ") + "@emulator.invalid", "businessunitid": unit, "isdisabled": false,
			"organizationid": s.organizationID, "accessmode": int64(4), "islicensed": false, "setupuser": false}
		for k, v := range more {
			f[k] = v
		}
		add("systemuser", id, f)
		t.place("teammembership", stableID("teammembership/"+id.String()), fields{"systemuserid": id, "teamid": stableID("team")})
	}
	user(s.administrator, "# emulator", fields{"applicationid": ApplicationID, "azureactivedirectoryobjectid": ObjectID(ApplicationID)})
	user(stableID("system"), "SYSTEM", fields{"accessmode": int64(3)})
}

// ObjectID is the Entra object id of the service principal of an application.
func ObjectID(application uuid.UUID) uuid.UUID { return stableID("principal/" + application.String()) }

// seedRoles makes the privileges and the predefined roles. What Basic User and the others hold is a simple choice of
// ours; the service's differ by release.
func (s *platformService) seedRoles(t *tx, add func(string, uuid.UUID, fields), unit ref) {
	privileges := t.schema.allPrivileges()
	for _, p := range privileges {
		t.placePrivilege(p)
	}
	role := func(name string, template uuid.UUID, depth func(namedPrivilege) string) {
		id := stableID("role/" + name)
		add("role", id, fields{"name": name, "businessunitid": unit, "roletemplateid": ref{"roletemplate", template}, "ismanaged": true,
			"componentstate": int64(0), "organizationid": s.organizationID, "roleidunique": stableID("roleunique/" + name),
			"parentrootroleid": ref{"role", id}, "isinherited": int64(1)})
		for _, p := range privileges {
			if d := depth(p); d != "" && slices.Contains(p.Depths, d) {
				t.grant(id, privilegeID(p.Name), depthMasks[d])
			}
		}
	}
	customizing := func(name string) bool {
		for _, noun := range []string{"Attribute", "Entity", "Relationship", "OptionSet", "Customization", "Publisher", "Solution", "Query"} {
			if strings.HasSuffix(name, noun) {
				return true
			}
		}
		return false
	}
	reads := func(p namedPrivilege) bool {
		return p.right == "Read" || strings.HasPrefix(p.Name, "prvRead") && customizing(p.Name)
	}
	role("System Administrator", templateAdministrator, func(p namedPrivilege) string { return "Global" })
	role("System Customizer", templateCustomizer, func(p namedPrivilege) string {
		switch {
		case customizing(p.Name), len(p.Depths) == 1 && reads(p):
			return "Global"
		case p.right != "":
			return "Basic"
		}
		return ""
	})
	role("Basic User", templateBasicUser, func(p namedPrivilege) string {
		switch {
		case reads(p) && len(p.Depths) == 1, p.Name == "prvReadUser", p.Name == "prvReadBusinessUnit":
			return "Global"
		case p.right != "" && len(p.Depths) == len(depthNames):
			return "Basic"
		}
		return ""
	})
	role("Delegate", templateDelegate, func(p namedPrivilege) string {
		if p.Name == "prvActOnBehalfOfAnotherUser" {
			return "Global"
		}
		return ""
	})
	t.place("systemuserroles", stableID("systemuserrole"), fields{"systemuserid": s.administrator, "roleid": stableID("role/System Administrator")})
}
