package evaluate_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/provision"
)

// definitions are shared by all clients of the tests: their environments have most tables in common.
var definitions = new(dataverse.Definitions)

// ownColumns are the columns that provisioning would create.
func ownColumns() []emulator.Column {
	var all []emulator.Column
	for _, table := range []string{"contact", "lead"} {
		for _, c := range provision.GallraColumns() {
			made := emulator.Column{Table: table, SchemaName: c.SchemaName, Label: c.DisplayName.In(provision.English), MaxLength: c.MaxLength}
			switch c.Kind {
			case provision.DateColumn:
				made.Type, made.Behavior = "DateTime", "DateOnly"
			case provision.TextColumn:
				made.Type = "String"
			case provision.YesNoColumn:
				made.Type = "Boolean"
			}
			all = append(all, made)
		}
	}
	return all
}

// keptView is the system view that the policies name.
var keptView = emulator.Record{Table: "savedquery", Values: map[string]any{
	"name": "Contacts to keep", "returnedtypecode": "contact", "querytype": 0,
	"fetchxml": `<fetch version="1.0" output-format="xml-platform" mapping="logical" distinct="true"><entity name="contact">` +
		`<attribute name="fullname"/><attribute name="contactid"/><order attribute="fullname" descending="false"/>` +
		`<filter type="and"><condition attribute="statecode" operator="eq" value="0"/><condition attribute="preferredcontactmethodcode" operator="eq" value="2"/></filter>` +
		`<link-entity name="account" from="accountid" to="parentcustomerid" link-type="inner" alias="company"><attribute name="name"/>` +
		`<filter type="and"><condition attribute="statecode" operator="eq" value="0"/></filter></link-entity></entity></fetch>`,
}}

// emptyCRM is the emulator that those with rows are clones of.
var emptyCRM = sync.OnceValue(func() *emulator.Server {
	s := emulator.New(emulatortest.Options(emulator.Options{}))
	s.SetClock(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // definitions are older than any story
	for prefix, columns := range map[string][]emulator.Column{"nord": emulator.CompanyColumns(), "gallra": ownColumns()} {
		if err := s.AddColumns(prefix, columns...); err != nil {
			panic(err)
		}
	}
	if err := s.Load(queue); err != nil {
		panic(err)
	}
	return s
})

// queue is where persons are asked.
var queue = emulator.Record{Table: "queue", ID: uuid.New(), Values: map[string]any{"name": "Retention"}}

// newCRM is an emulator with the columns of gallra and of the company, with rows, at noon of a day.
func newCRM(t testing.TB, today time.Time, rows ...emulator.Record) *emulator.Server {
	t.Helper()
	return newCRMOf(t, emulator.Options{}, today, rows...)
}

// strange are settings of the emulator by chance, the same of the same seed.
func strange(t testing.TB, seed uint64) emulator.Options {
	t.Helper()
	settings := emulatortest.Drawn(seed, "organization-type") // whether a policy may run in production is another matter
	t.Logf("seed %d: %s=%q", seed, emulatortest.Variable, settings)
	return emulatortest.With(emulator.Options{}, settings)
}

func newCRMOf(t testing.TB, o emulator.Options, today time.Time, rows ...emulator.Record) *emulator.Server {
	t.Helper()
	noon := today.Add(12 * time.Hour)
	o.Token, o.Now = "t", func() time.Time { return noon }
	s := emptyCRM().Clone(emulatortest.Options(o))
	s.SetClock(noon)
	if err := s.Load(rows...); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve puts a handler on loopback; connect makes a client of such an address.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func connect(t testing.TB, url string) *dataverse.Client {
	t.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: url, Credential: credential, RetryWait: time.Millisecond, Definitions: definitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var zones = func() (all []*time.Location) {
	for _, name := range []string{"Europe/Stockholm", "America/Los_Angeles", "Pacific/Auckland", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		all = append(all, zone)
	}
	return all
}()

// randomCRM makes a CRM in which everything that the policies speak of occurs in every combination, with most dates
// about where they begin or end to matter.
type randomCRM struct {
	*rand.Rand
	today time.Time
	rows  []emulator.Record
	ids   map[string][]uuid.UUID
}

func newRandomCRM(seed uint64, today time.Time, contacts, leads int) *randomCRM {
	c := &randomCRM{Rand: rand.New(rand.NewPCG(seed, 7)), today: today, ids: map[string][]uuid.UUID{}}
	for _, name := range []string{"Superuser", "Area contact", "Stakeholder"} {
		c.add("connectionrole", map[string]any{"name": name})
	}
	for range contacts/4 + 4 {
		c.add("account", map[string]any{"name": "A company", "customertypecode": c.maybe(pick(c, 3, 3, 8)), "statecode": c.IntN(2), "modifiedon": c.instant()})
	}
	for range contacts {
		c.person("contact", map[string]any{
			"preferredcontactmethodcode": 1 + c.IntN(3), "statecode": c.IntN(5) / 4, "lastonholdtime": c.maybe(c.instant()), "anniversary": c.rarely(c.day()),
			"parentcustomerid": c.one("account", "contact"), "emailaddress3": c.address(),
		})
	}
	for i, account := range c.ids["account"] { // in two steps, since both tables point at each other
		for n := range c.rows {
			if c.rows[n].ID == account && i%4 != 0 {
				c.rows[n].Values["primarycontactid"] = c.one("contact")
			}
		}
	}
	for range leads {
		state := c.IntN(3)
		status := [][]int{{1, 2}, {3}, {4, 5, 6, 7}}[state]
		c.person("lead", map[string]any{
			"statecode": state, "statuscode": status[c.IntN(len(status))], "nord_purchasedlist": c.maybe(c.IntN(2) == 0),
			"nord_lastfollowupon": c.maybe(c.day()), "customerid": c.one("account", "contact"),
		})
	}
	n := (contacts + leads) / 4
	for range n {
		c.add("opportunity", map[string]any{
			"name": "A deal", "customerid": c.one("account", "contact"), "parentcontactid": c.one("contact"), "statecode": c.IntN(3),
			"actualclosedate": c.maybe(c.day()), "createdon": c.instant(), "originatingleadid": c.rarely(c.one("lead")),
		})
		c.add("quote", map[string]any{"name": "A quote", "customerid": c.one("account", "contact"), "statecode": c.IntN(4), "closedon": c.maybe(c.day())})
		c.connect(c.one("contact", "account", "lead"), c.one("contact", "account", "lead"))
		c.add("msdynmkt_contactpointconsent4", map[string]any{
			"msdynmkt_contactpointvalue": c.address(), "msdynmkt_value": 534120000 + c.IntN(3), "statecode": c.IntN(4) / 3,
			"createdon": c.instant(), "modifiedon": c.instant(),
		})
		c.add("phonecall", map[string]any{
			"subject": "A call", "from": c.parties(), "to": c.parties(), "statecode": c.IntN(2), "actualend": c.maybe(c.instant()), "scheduledend": c.maybe(c.instant()),
		})
		c.add("appointment", map[string]any{"subject": "A meeting", "requiredattendees": c.parties(), "optionalattendees": c.parties(),
			"scheduledstart": c.instant(), "scheduledend": c.instant()})
		c.add("email", map[string]any{"subject": "A letter", "from": c.parties(), "to": c.parties(), "createdon": c.instant()})
	}
	for i := range c.rows { // leads became deals that are made only now
		if c.rows[i].Table == "lead" {
			c.rows[i].Values["qualifyingopportunityid"] = c.maybe(c.one("opportunity"))
		}
	}
	for range n / 3 {
		c.add("msevtmgt_eventteammember", map[string]any{"msevtmgt_name": "Somebody", "msevtmgt_contact": c.maybe(c.one("contact"))})
		c.add("msevtmgt_event", map[string]any{"msevtmgt_name": "An event", "msevtmgt_eventstartdate": c.instant(), "msevtmgt_eventenddate": c.maybe(c.instant()),
			"msevtmgt_producer": c.one("msevtmgt_eventteammember"), "statecode": c.IntN(2), "createdon": c.instant()})
	}
	for range n {
		c.add("msevtmgt_eventregistration", map[string]any{"msevtmgt_contactid": c.one("contact"), "msevtmgt_eventid": c.maybe(c.one("msevtmgt_event"))})
	}
	for range n {
		c.lonely()
	}
	return c
}

// lonely adds a contact with one thing to be kept for: otherwise what lasts longest hides the rest.
func (c *randomCRM) lonely() {
	who := emulator.Ref("contact", c.add("contact", map[string]any{"lastname": "Somebody", "statecode": 1, "createdon": c.instant()}))
	switch c.IntN(5) {
	case 0:
		c.add("account", map[string]any{"name": "A company", "customertypecode": 3, "statecode": 1, "modifiedon": c.instant(), "primarycontactid": who})
	case 1:
		c.add("opportunity", map[string]any{"name": "A deal", "parentcontactid": who, "statecode": 1 + c.IntN(2), "actualclosedate": c.day()})
	case 2:
		c.connect(c.one("account"), who)
	case 3:
		c.add("msevtmgt_eventregistration", map[string]any{"msevtmgt_contactid": who, "msevtmgt_eventid": c.one("msevtmgt_event")})
	case 4:
		c.add("quote", map[string]any{"name": "A quote", "customerid": who, "statecode": 2 + c.IntN(2), "closedon": c.day()})
	}
}

func (c *randomCRM) add(table string, values map[string]any) uuid.UUID {
	if n := len(c.rows); table == "contact" && n%3 == 0 { // a year, in a column of numbers that the standard has
		values["numberofchildren"] = c.today.Year() - 2 + n/3%4
	}
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], c.Uint64())
	binary.BigEndian.PutUint64(id[8:], c.Uint64())
	c.ids[table] = append(c.ids[table], id)
	c.rows = append(c.rows, emulator.Record{Table: table, ID: id, Values: values})
	return id
}

func (c *randomCRM) person(table string, values map[string]any) {
	values["lastname"] = "Somebody"
	values["emailaddress1"], values["emailaddress2"] = c.address(), c.address()
	values["createdon"] = c.instant()
	values["nord_followupon"] = c.rarely(c.day())
	if c.IntN(8) == 0 {
		values["masterid"] = c.one(table) // of those made before: no circles
	}
	if c.IntN(3) > 0 {
		values["gallra_purgescheduledon"], values["gallra_purgenoticedon"] = c.maybe(c.day()), c.maybe(c.day())
		values["gallra_retainuntil"] = c.rarely(c.day())
		values["gallra_retainreason"] = c.maybe(pick(c, "A deal is near", "  ", "!"))
		values["gallra_legalhold"] = pick[any](c, nil, false, false, false, false, true)
		values["gallra_anonymizedon"] = pick[any](c, nil, nil, nil, nil, nil, nil, nil, nil, nil, c.today)
	}
	c.add(table, values)
}

// connect adds a connection, which is two rows: each end sees the other.
func (c *randomCRM) connect(a, b any) {
	roleA, roleB := c.maybe(c.one("connectionrole")), c.maybe(c.one("connectionrole"))
	state, end := c.IntN(4)/3, c.maybe(c.instant())
	first := c.add("connection", map[string]any{"record1id": a, "record2id": b, "record1roleid": roleA, "record2roleid": roleB, "statecode": state, "effectiveend": end, "ismaster": true})
	second := c.add("connection", map[string]any{"record1id": b, "record2id": a, "record1roleid": roleB, "record2roleid": roleA, "statecode": state, "effectiveend": end, "ismaster": false,
		"relatedconnectionid": emulator.Ref("connection", first)})
	c.rows[len(c.rows)-2].Values["relatedconnectionid"] = emulator.Ref("connection", second)
}

func (c *randomCRM) one(tables ...string) any {
	table := tables[c.IntN(len(tables))]
	if ids := c.ids[table]; len(ids) > 0 {
		return emulator.Ref(table, ids[c.IntN(len(ids))])
	}
	return nil
}

func (c *randomCRM) parties() []any {
	var all []any
	for range c.IntN(3) {
		if p := c.one("contact", "contact", "lead", "account"); p != nil {
			all = append(all, p)
		}
	}
	if c.IntN(5) == 0 {
		all = append(all, "nobody@known.example")
	}
	return all
}

func pick[T any](c *randomCRM, from ...T) T { return from[c.IntN(len(from))] }

func (c *randomCRM) maybe(v any) any {
	if c.IntN(4) == 0 {
		return nil
	}
	return v
}

func (c *randomCRM) rarely(v any) any {
	if c.IntN(5) > 0 {
		return nil
	}
	return v
}

// address is one of few enough to be shared, in many spellings.
func (c *randomCRM) address() any {
	if c.IntN(3) == 0 {
		return nil
	}
	name := fmt.Sprintf(pick(c, "p%d@nord.example", "P%d@Nord.Example", "p%d@nord.example ", " P%d@nord.example", "p'%d@nord.example", "\u00e9ric%d@nord.example", "\u00c9RIC%d@nord.example"), c.IntN(60))
	return name
}

// day is a date about one at which something begins or ends: with the periods of the policies away from today.
func (c *randomCRM) day() time.Time {
	if c.IntN(6) == 0 {
		return c.today.AddDate(0, 0, c.IntN(2000)-1500)
	}
	d := c.today
	switch c.IntN(3) {
	case 0:
		d = pick(c, d.AddDate(0, 1, 0), d.AddDate(0, 2, 0), d.AddDate(0, 0, 42), d.AddDate(0, 0, 60), d.AddDate(0, 3, 0), d.AddDate(1, 0, 0))
	case 1:
		d = d.AddDate(0, 0, c.IntN(100))
	}
	months := pick(c, 0, 0, 1, 2, 3, 6, 12, 12, 24)
	days := pick(c, 0, 0, 0, 7, 14, 31, 60)
	return d.AddDate(0, -months, -days+pick(c, -1, 0, 0, 1))
}

// instant is a moment of such a day, mostly where it is another day somewhere else, or where clocks change.
func (c *randomCRM) instant() time.Time {
	y, m, d := c.day().Date()
	clock := pick(c, 0, 1, 30*60, 90*60, 2*3600+30*60, 3*3600, 12*3600, 23*3600+59*60+59, 23*3600+30*60)
	return time.Date(y, m, d, 0, 0, clock, 0, zones[c.IntN(len(zones))]).UTC()
}
