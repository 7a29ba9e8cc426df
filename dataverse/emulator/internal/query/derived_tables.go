package query

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// derivedTables have rows that follow from the definitions, or are the same in every environment: nobody writes them.
// Pages: reference of stringmap, timezonedefinition, languagelocale, sdkmessage, sdkmessagefilter.
var derivedTables = map[string]func(*store.Tx){
	"stringmap": stringMaps, "timezonedefinition": timeZones, "languagelocale": languages, "sdkmessage": sdkMessages, "sdkmessagefilter": sdkMessageFilters,
	"roletemplate": roleTemplates,
}

// IsDerived tells whether the rows of a table follow from the definitions.
func IsDerived(table string) bool { return derivedTables[table] != nil }

// stringMaps is one row for every option of a choice column.
func stringMaps(t *store.Tx) {
	for _, name := range t.Schema.TableNames() {
		for _, c := range t.Schema.Tables[name].Columns {
			switch c.Kind {
			case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindBoolean, schema.KindMultiSelect:
			default:
				continue
			}
			for i, o := range c.Options {
				labels := map[int]string{userLanguage: o.Label}
				maps.Copy(labels, o.Labels)
				for _, language := range slices.Sorted(maps.Keys(labels)) {
					text := labels[language]
					if text == "" {
						continue
					}
					t.Place("stringmap", schema.StableID("stringmap/"+name+"/"+c.Name+"/"+strconv.Itoa(i)+"/"+strconv.Itoa(language)), store.Fields{"attributename": c.Name, "attributevalue": int64(o.Value),
						"displayorder": int64(i + 1), "langid": int64(language), "objecttypecode": name, "value": text})
				}
			}
		}
	}
}

// TimeZone is a time zone of the platform. The code is what usersettings.timezonecode holds; the place names the same zone
// in the database of IANA.
type TimeZone struct {
	Code        int
	Bias        int // minutes to add to local standard time to have UTC
	Name, Place string
}

// TimeZones are the platform's time zones.
var TimeZones = []TimeZone{
	{0, 720, "Dateline Standard Time", "Etc/GMT+12"}, {1, -780, "Samoa Standard Time", "Pacific/Apia"}, {2, 600, "Hawaiian Standard Time", "Pacific/Honolulu"},
	{3, 540, "Alaskan Standard Time", "America/Anchorage"}, {4, 480, "Pacific Standard Time", "America/Los_Angeles"}, {10, 420, "Mountain Standard Time", "America/Denver"},
	{15, 420, "US Mountain Standard Time", "America/Phoenix"}, {20, 360, "Central Standard Time", "America/Chicago"}, {25, 360, "Canada Central Standard Time", "America/Regina"},
	{29, 360, "Central Standard Time (Mexico)", "America/Mexico_City"}, {33, 360, "Central America Standard Time", "America/Guatemala"}, {35, 300, "Eastern Standard Time", "America/New_York"},
	{40, 300, "US Eastern Standard Time", "America/Indiana/Indianapolis"}, {45, 300, "SA Pacific Standard Time", "America/Bogota"}, {50, 240, "Atlantic Standard Time", "America/Halifax"},
	{55, 240, "SA Western Standard Time", "America/La_Paz"}, {56, 240, "Pacific SA Standard Time", "America/Santiago"}, {60, 210, "Newfoundland Standard Time", "America/St_Johns"},
	{65, 180, "E. South America Standard Time", "America/Sao_Paulo"}, {70, 180, "SA Eastern Standard Time", "America/Cayenne"}, {80, 60, "Azores Standard Time", "Atlantic/Azores"},
	{83, 60, "Cape Verde Standard Time", "Atlantic/Cape_Verde"}, {85, 0, "GMT Standard Time", "Europe/London"}, {90, 0, "Greenwich Standard Time", "Atlantic/Reykjavik"},
	{92, 0, "Coordinated Universal Time", "UTC"}, {95, -60, "Central Europe Standard Time", "Europe/Budapest"}, {100, -60, "Central European Standard Time", "Europe/Warsaw"},
	{105, -60, "Romance Standard Time", "Europe/Paris"}, {110, -60, "W. Europe Standard Time", "Europe/Berlin"}, {113, -60, "W. Central Africa Standard Time", "Africa/Lagos"},
	{120, -120, "Egypt Standard Time", "Africa/Cairo"}, {125, -120, "FLE Standard Time", "Europe/Kyiv"}, {130, -120, "GTB Standard Time", "Europe/Bucharest"},
	{135, -120, "Israel Standard Time", "Asia/Jerusalem"}, {140, -120, "South Africa Standard Time", "Africa/Johannesburg"}, {145, -180, "Russian Standard Time", "Europe/Moscow"},
	{150, -180, "Arab Standard Time", "Asia/Riyadh"}, {155, -180, "E. Africa Standard Time", "Africa/Nairobi"}, {158, -180, "Arabic Standard Time", "Asia/Baghdad"},
	{160, -210, "Iran Standard Time", "Asia/Tehran"}, {165, -240, "Arabian Standard Time", "Asia/Dubai"}, {170, -240, "Caucasus Standard Time", "Asia/Yerevan"},
	{175, -270, "Afghanistan Standard Time", "Asia/Kabul"}, {180, -300, "Ekaterinburg Standard Time", "Asia/Yekaterinburg"}, {185, -300, "West Asia Standard Time", "Asia/Tashkent"},
	{190, -330, "India Standard Time", "Asia/Kolkata"}, {193, -345, "Nepal Standard Time", "Asia/Kathmandu"}, {200, -330, "Sri Lanka Standard Time", "Asia/Colombo"},
	{203, -390, "Myanmar Standard Time", "Asia/Yangon"}, {205, -420, "SE Asia Standard Time", "Asia/Bangkok"}, {207, -420, "North Asia Standard Time", "Asia/Krasnoyarsk"},
	{210, -480, "China Standard Time", "Asia/Shanghai"}, {215, -480, "Singapore Standard Time", "Asia/Singapore"}, {220, -480, "Taipei Standard Time", "Asia/Taipei"},
	{225, -480, "W. Australia Standard Time", "Australia/Perth"}, {227, -480, "North Asia East Standard Time", "Asia/Irkutsk"}, {230, -540, "Korea Standard Time", "Asia/Seoul"},
	{235, -540, "Tokyo Standard Time", "Asia/Tokyo"}, {240, -540, "Yakutsk Standard Time", "Asia/Yakutsk"}, {245, -570, "AUS Central Standard Time", "Australia/Darwin"},
	{250, -570, "Cen. Australia Standard Time", "Australia/Adelaide"}, {255, -600, "AUS Eastern Standard Time", "Australia/Sydney"}, {260, -600, "E. Australia Standard Time", "Australia/Brisbane"},
	{265, -600, "Tasmania Standard Time", "Australia/Hobart"}, {270, -600, "Vladivostok Standard Time", "Asia/Vladivostok"}, {275, -600, "West Pacific Standard Time", "Pacific/Port_Moresby"},
	{280, -660, "Central Pacific Standard Time", "Pacific/Guadalcanal"}, {285, -720, "Fiji Standard Time", "Pacific/Fiji"}, {290, -720, "New Zealand Standard Time", "Pacific/Auckland"},
	{300, -780, "Tonga Standard Time", "Pacific/Tongatapu"},
}

// ZoneCode is the platform's code of a time zone.
func ZoneCode(zone *time.Location) (code int, known bool) {
	for _, z := range TimeZones {
		if z.Place == zone.String() {
			return z.Code, true
		}
	}
	return 0, false
}

// zones are the time zones that were loaded, by their code.
var zones sync.Map

// zoneOf is a user's time zone: what the settings say, else the one of all users.
func zoneOf(e *store.Engine, sn *store.Snapshot, user uuid.UUID) *time.Location {
	t := sn.Schema.Tables["usersettings"]
	if t == nil {
		return e.Zone()
	}
	code, set := store.Value(t, sn.Rows(t.Name).Get(user), "timezonecode").(int64)
	if !set {
		return e.Zone()
	}
	if zone, loaded := zones.Load(code); loaded {
		return zone.(*time.Location)
	}
	for _, z := range TimeZones {
		if int64(z.Code) == code {
			if zone, err := time.LoadLocation(z.Place); err == nil {
				zones.Store(code, zone)
				return zone
			}
		}
	}
	return e.Zone()
}

func timeZones(t *store.Tx) {
	for _, z := range TimeZones {
		t.Place("timezonedefinition", schema.StableID("timezone/"+z.Name), store.Fields{"bias": int64(z.Bias), "retiredorder": int64(0), "standardname": z.Name,
			"timezonecode": int64(z.Code), "userinterfacename": z.Name})
	}
}

func languages(t *store.Tx) {
	t.Place("languagelocale", schema.StableID("language/1033"), store.Fields{"code": "en-US", "language": "English", "localeid": int64(userLanguage), "name": "English (United States)",
		"region": "United States", "statecode": int64(0), "statuscode": int64(1)})
}

func roleTemplates(t *store.Tx) {
	for _, x := range []struct {
		id   uuid.UUID
		name string
	}{{schema.TemplateAdministrator, "System Administrator"}, {schema.TemplateCustomizer, "System Customizer"}, {schema.TemplateBasicUser, "Basic User"}, {schema.TemplateDelegate, "Delegate"}} {
		t.Place("roletemplate", x.id, store.Fields{"name": x.name, "upgrading": false})
	}
}

// messagesOfTables are the messages of every table, with those of tables that somebody owns.
var (
	messagesOfTables = []string{"Create", "CreateMultiple", "Delete", "Retrieve", "RetrieveMultiple", "Update", "UpdateMultiple", "Upsert", "UpsertMultiple"}
	messagesOfOwned  = []string{"Assign", "GrantAccess", "ModifyAccess", "RetrievePrincipalAccess", "RetrieveSharedPrincipalsAndAccess", "RevokeAccess", "SetState", "SetStateDynamicEntity"}
)

func messageID(name string) uuid.UUID { return schema.StableID("sdkmessage/" + name) }

func sdkMessages(t *store.Tx) {
	names := slices.Concat(messagesOfTables, messagesOfOwned)
	for name := range schema.PlatformOperations() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		t.Place("sdkmessage", messageID(name), store.Fields{"name": name, "isactive": true, "isprivate": false, "isreadonly": false, "autotransact": true, "template": false,
			"availability": int64(0), "expand": false, "componentstate": int64(0), "ismanaged": true})
	}
}

func sdkMessageFilters(t *store.Tx) {
	for _, table := range t.Schema.TableNames() {
		tab := t.Schema.Tables[table]
		if tab.Intersect || tab.Ownership == "None" {
			continue
		}
		names := messagesOfTables
		if tab.Ownership == "UserOwned" {
			names = slices.Concat(messagesOfTables, messagesOfOwned)
		}
		for _, name := range names {
			t.Place("sdkmessagefilter", schema.StableID("sdkmessagefilter/"+table+"/"+name), store.Fields{"sdkmessageid": store.Ref{Table: "sdkmessage", ID: messageID(name)},
				"primaryobjecttypecode": table, "secondaryobjecttypecode": "none", "iscustomprocessingstepallowed": true, "isvisible": true, "availability": int64(0),
				"componentstate": int64(0), "ismanaged": true})
		}
	}
}
