package evaluate_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/state"
)

var nights = flag.Uint64("nights", 12, "how many CRMs TestNightsAgree lives through")

// changingCRM is a CRM to which people write from night to night.
type changingCRM struct {
	*randomCRM
	server *emulator.Server
	client *dataverse.Client
	done   map[string]int // writes that the service took, by kind
}

// changed are values of a column that a write may leave.
type changed map[string]func(*randomCRM) any

func among(values ...any) func(*randomCRM) any {
	return func(c *randomCRM) any { return pick(c, values...) }
}
func to(tables ...string) func(*randomCRM) any {
	return func(c *randomCRM) any { return c.maybe(c.one(tables...)) }
}

var (
	aDay     = func(c *randomCRM) any { return onlyDay(c.maybe(c.day())) }
	anHour   = func(c *randomCRM) any { return c.maybe(c.instant()) }
	anyText  = func(c *randomCRM) any { return c.address() }
	anyState = among(0, 1)
	ofPerson = changed{
		"address1_fax": among("08 1234", "(purged)", nil), "emailaddress1": anyText, "emailaddressRow": anyText, "nord_followupon": aDay, "statecode": anyState,
		"gallra_purgescheduledon": aDay, "gallra_purgenoticedon": aDay, "gallra_retainuntil": aDay, "gallra_retainreason": among("A deal is near", "  ", nil),
		"gallra_legalhold": among(true, false, nil), "gallra_anonymizedon": among("2026-01-01", nil, nil),
	}
)

// owner is a user other than who runs.
var owner = uuid.NewSHA1(uuid.NameSpaceURL, []byte("owner"))

func onlyDay(v any) any {
	if at, ok := v.(time.Time); ok {
		return at.Format(time.DateOnly)
	}
	return v
}

func with(base, more changed) changed {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// writes is what people change, by table.
var writes = map[string]changed{
	"contact": with(ofPerson, changed{"preferredcontactmethodcode": among(1, 2, 3), "parentcustomerid": to("account", "contact"), "emailaddress3": anyText,
		"numberofchildren": among(nil, 2024, 2025, 2026), "anniversary": aDay, "lastonholdtime": anHour}),
	"lead": with(ofPerson, changed{"nord_purchasedlist": among(true, false, nil), "nord_lastfollowupon": aDay, "customerid": to("account", "contact"),
		"qualifyingopportunityid": to("opportunity")}),
	"account":                       {"statecode": anyState, "customertypecode": among(3, 8, nil), "primarycontactid": to("contact")},
	"opportunity":                   {"parentcontactid": to("contact"), "customerid": to("account", "contact"), "originatingleadid": to("lead"), "actualclosedate": aDay, "statecode": among(0, 1, 2)},
	"quote":                         {"customerid": to("account", "contact"), "closedon": aDay, "statecode": among(0, 1, 2, 3)},
	"connection":                    {"record1roleid": to("connectionrole"), "record2roleid": to("connectionrole"), "effectiveend": anHour, "statecode": anyState},
	"connectionrole":                {"name": among("Superuser", "Area contact", "Stakeholder", "Nobody")},
	"msevtmgt_event":                {"msevtmgt_eventenddate": anHour, "statecode": anyState, "msevtmgt_producer": to("msevtmgt_eventteammember")},
	"msevtmgt_eventteammember":      {"msevtmgt_contact": to("contact")},
	"msevtmgt_eventregistration":    {"msevtmgt_eventid": to("msevtmgt_event"), "msevtmgt_contactid": to("contact")},
	"msdynmkt_contactpointconsent4": {"msdynmkt_contactpointvalue": anyText, "msdynmkt_value": among(534120000, 534120001, 534120002), "statecode": anyState},
	"phonecall":                     {"actualend": anHour, "scheduledend": anHour},
}

// somebody writes to the CRM: a write that the service refuses is none.
func (c *changingCRM) somebody(ctx context.Context, t *testing.T) {
	t.Helper()
	tables := slices.Sorted(maps.Keys(writes))
	table := tables[c.IntN(len(tables))]
	if c.IntN(3) == 0 {
		table = pick(c.randomCRM, "account", "connectionrole", "msevtmgt_event", "msevtmgt_eventteammember", "opportunity") // that others lead to
	}
	switch c.IntN(12) {
	case 0, 1:
		c.load(t)
	case 2:
		c.did("delete", c.row(ctx, t, table, func(path string) error {
			return c.client.Do(ctx, dataverse.Operation{Method: http.MethodDelete, Path: path}, nil)
		}))
	case 3:
		c.did("merge", c.merge(ctx))
	case 4:
		c.did("address", c.addressRow(ctx))
	case 5:
		c.did("owner", c.row(ctx, t, pick(c.randomCRM, "contact", "lead"), func(path string) error {
			values := map[string]any{}
			c.set(ctx, t, "contact", "ownerid", c.one("systemuser"), values)
			return c.client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: path, IfMatch: "*", Body: values}, nil)
		}))
	default:
		c.did("write", c.row(ctx, t, table, func(path string) error {
			values := map[string]any{}
			columns := slices.Sorted(maps.Keys(writes[table]))
			for range 1 + c.IntN(2) {
				name := columns[c.IntN(len(columns))]
				c.set(ctx, t, table, name, writes[table][name](c.randomCRM), values)
			}
			return c.client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: path, IfMatch: "*", Body: values}, nil)
		}))
	}
}

func (c *changingCRM) did(kind string, err error) {
	if err == nil {
		c.done[kind]++
	}
}

// row calls fn with the address of a row.
func (c *changingCRM) row(ctx context.Context, t *testing.T, table string, fn func(path string) error) error {
	t.Helper()
	ids := c.ids[table]
	if len(ids) == 0 {
		return dataverse.ErrNotFound
	}
	definition, err := c.client.Table(ctx, table)
	if err != nil {
		t.Fatal(err)
	}
	return fn(definition.EntitySet + "(" + ids[c.IntN(len(ids))].String() + ")")
}

// set puts a column's value into what is written, as the Web API takes it.
func (c *changingCRM) set(ctx context.Context, t *testing.T, table, column string, v any, values map[string]any) {
	t.Helper()
	definition, err := c.client.Table(ctx, table)
	if err != nil {
		t.Fatal(err)
	}
	to, linked := v.(emulator.Reference)
	if linked && column == "ownerid" {
		values["ownerid@odata.bind"] = "/systemusers(" + to.ID.String() + ")"
		return
	}
	for _, r := range definition.ManyToOne {
		if r.ReferencingAttribute != column || linked && r.Referenced != to.Table {
			continue
		}
		values[r.ReferencingNav+"@odata.bind"] = nil
		if linked {
			target, err := c.client.Table(ctx, to.Table)
			if err != nil {
				t.Fatal(err)
			}
			values[r.ReferencingNav+"@odata.bind"] = "/" + target.EntitySet + "(" + to.ID.String() + ")"
		}
		return
	}
	values[column] = v
}

// load adds rows.
func (c *changingCRM) load(t *testing.T) {
	t.Helper()
	before := len(c.rows)
	switch c.IntN(4) {
	case 0:
		c.person("contact", map[string]any{"parentcustomerid": c.one("account"), "statecode": c.IntN(2)})
	case 1:
		c.add("msdynmkt_contactpointconsent4", map[string]any{"msdynmkt_contactpointvalue": c.address(), "msdynmkt_value": 534120001, "createdon": c.instant(), "modifiedon": c.instant()})
	default:
		c.lonely()
	}
	if err := c.server.Load(c.rows[before:]...); err == nil {
		c.done["create"]++
	}
}

// addressRow writes to a row of an address, which shows on the row of a person.
func (c *changingCRM) addressRow(ctx context.Context) error {
	who := c.ids["contact"][c.IntN(len(c.ids["contact"]))]
	q := dataverse.Query{Table: "customeraddress", Select: []string{"customeraddressid"}, Filter: "_parentid_value eq " + who.String(), OrderBy: "addressnumber"}
	for row, err := range c.client.Rows(ctx, q) {
		if err != nil {
			return err
		}
		return c.client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "customeraddresses(" + row.Text("customeraddressid") + ")", IfMatch: "*",
			Body: map[string]any{"fax": pick[any](c.randomCRM, "08 1234", "(purged)", nil)}}, nil)
	}
	return dataverse.ErrNotFound
}

func (c *changingCRM) merge(ctx context.Context) error {
	ids := c.ids["contact"]
	target, other := ids[c.IntN(len(ids))], ids[c.IntN(len(ids))]
	entity := func(id uuid.UUID) map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id.String()}
	}
	return c.client.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "Merge",
		Body: map[string]any{"Target": entity(target), "Subordinate": entity(other), "PerformParentingChecks": false}}, nil)
}

// planText is the plan byte by byte, of everybody.
func planText(t *testing.T, r dataverse.Reader, c *compile.Policy, today time.Time, night *state.Night) []byte {
	t.Helper()
	e, err := evaluate.Evaluate(t.Context(), r, c, evaluate.EvaluateOptions{Today: dateAt(today), Held: heldAt(today), Night: night})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	asked := func(_ string, id uuid.UUID) retention.Asked { // about some date, long ago
		if id[0]%3 > 0 {
			return retention.Asked{}
		}
		return retention.Asked{PurgeOn: dateAt(today.AddDate(0, 0, int(id[1])%30)), On: dateAt(today.AddDate(0, 0, -int(id[2])%20))}
	}
	p := plan.NewPlan(c, e, plan.PlanOptions{Asked: asked, All: true})
	if err := p.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	for i := range p.Decisions { // writes rest on it, and no line of a plan has it
		fmt.Fprintln(&text, p.Decisions[i].Person.ID, p.Decisions[i].Person.ETag, p.Decisions[i].Person.Master)
	}
	return text.Bytes()
}

// TestNightsAgree lives through nights between which people write, create, delete and merge rows and days pass: what is kept
// gives the plan that a full read gives, byte by byte. -nights says through how many CRMs.
func TestNightsAgree(t *testing.T) {
	t.Parallel()
	paths := policies(t)
	nulls := []emulator.NullNegation{emulator.NullMatchesNotEqual, emulator.NullMatchesNegation, emulator.NullMatchesNothing}
	done, kept, asked := map[string]int{}, 0, 0
	plans, whole := 0, map[string]int{}
	for seed := *firstSeed; seed < *firstSeed+*nights; seed++ {
		today, err := time.Parse(time.DateOnly, todays[seed%uint64(len(todays))])
		if err != nil {
			t.Fatal(err)
		}
		random := newRandomCRM(seed, today, 24, 12)
		noon := today.Add(12 * time.Hour)
		options := strange(t, seed)
		options.Token, options.NullNegation = "t", nulls[seed%3]
		server := emptyCRM().Clone(emulatortest.Options(options))
		server.SetClock(noon)
		somebody := emulator.Record{Table: "systemuser", ID: owner, Values: map[string]any{"fullname": "Somebody Else", "domainname": "else@nord.example"}}
		if err := server.Load(append(random.rows, keptView, somebody)...); err != nil {
			t.Fatal(err)
		}
		listener := httptest.NewServer(server)
		c := connect(t, listener.URL)
		crm := &changingCRM{randomCRM: random, server: server, client: c, done: done}
		path := paths[int(seed)%len(paths)]
		if seed%2 == 0 { // nobody writes down what changes
			org, err := c.WhoAmI(t.Context())
			if err == nil {
				err = c.Do(t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: "organizations(" + org.OrganizationID.String() + ")", IfMatch: "*", Body: map[string]any{"isauditenabled": false}}, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			c = connect(t, listener.URL) // it knows how the organisation is set
			crm.client = c
		}
		policy := checked(t, c, path)
		who, err := c.WhoAmI(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		random.ids["systemuser"] = []uuid.UUID{who.UserID, owner}
		o := state.Options{Folder: t.TempDir(), Key: bytes.Repeat([]byte{7}, state.KeySize), Client: c, Organization: policy.Organization, Policy: policy.Policy.Hash, Writes: true}
		for number := range 5 {
			if number > 0 {
				for range crm.IntN(9) {
					crm.somebody(t.Context(), t)
				}
				today = today.AddDate(0, 0, crm.IntN(4))
				server.SetClock(today.Add(12*time.Hour + time.Duration(number)*time.Minute))
				if _, err := c.WhoAmI(t.Context()); err != nil { // whose answer tells the time
					t.Fatal(err)
				}
			}
			night, err := state.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			got := planText(t, c, policy, today, night)
			if want := planText(t, c, policy, today, nil); !bytes.Equal(got, want) {
				t.Fatalf("seed %d, night %d, %s: the plans differ\n%s", seed, number+1, filepath.Base(path), firstDifference(want, got))
			}
			plans++
			count := night.Count()
			if number > 0 {
				kept, asked = kept+count.Kept, asked+count.Queries
			}
			for _, why := range count.Whole {
				whole[why]++
			}
			end := night.Keep
			if crm.IntN(5) == 0 { // the run was cut
				end = night.Drop
			}
			end()
		}
		listener.Close()
	}
	t.Logf("seeds %d to %d: %d plans, all equal; writes %v; of %d queries after the first night %d asked for changes only; the others: %v",
		*firstSeed, *firstSeed+*nights-1, plans, done, asked, kept, whole)
	for _, kind := range []string{"write", "create", "delete", "merge", "owner", "address"} {
		if done[kind] == 0 && !(kind == "address" && emulatortest.Options(emulator.Options{}).NoAddressRows) {
			t.Errorf("nothing was done by %s: the comparison proves nothing about it", kind)
		}
	}
	if kept*3 < asked {
		t.Errorf("of %d queries only %d asked for changes only", asked, kept)
	}
}

func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		line := func(all []string) string {
			if i < len(all) {
				return all[i]
			}
			return "(nothing)"
		}
		if line(w) != line(g) {
			fmt.Fprintf(&b, "full %s\nkept %s\n", line(w), line(g))
			if b.Len() > 2000 {
				break
			}
		}
	}
	return b.String()
}
