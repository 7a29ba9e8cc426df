package purge_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/purge"
)

const sightPolicy = `version: 1
environment: {organization: ORGANIZATION}
timeZone: UTC
limits: {purges: 100, share: 100%, canary: 1}
subjects:
  contact:
    purge: delete
    identity: emailaddress1
    grounds:
      - {id: asked, basis: consent, why: Asked, until: new_followupon, keep: 1 days}
      - {id: deal, basis: contract, why: Deal, table: account, link: primarycontactid, where: statecode eq 0}
    related:
      - {table: annotation, link: objectid, do: delete}
      - {table: '*', do: delete}
`

// newSightWorld has a contact whom a secured column justifies, and one whom another business unit's account does.
func newSightWorld(t *testing.T) *world { return newSightWorldOf(t, emulator.Options{}) }

func newSightWorldOf(t *testing.T, o emulator.Options, usual ...string) *world {
	w := newWorldOf(t, sightPolicy, o, usual...)
	w.call("POST", "EntityDefinitions(LogicalName='contact')/Attributes", followUp(false))
	w.client = w.connect(6)
	w.create("contact", "asked", row{"lastname": "Asked", "new_followupon": "2027-01-01"})
	w.create("contact", "dealer", row{"lastname": "Dealer"})
	w.create("contact", "nobody", row{"lastname": "Nobody"})
	who, err := w.client.WhoAmI(t.Context())
	w.must(err)
	w.create("businessunit", "branch", row{"name": "Branch", "parentbusinessunitid@odata.bind": "businessunits(" + who.BusinessUnitID.String() + ")"})
	w.create("account", "deal", row{"name": "Deal", "primarycontactid@odata.bind": bindTo("contacts", "dealer")})
	return w
}

func followUp(secured bool) row {
	text := row{"LocalizedLabels": []row{{"Label": "Follow up on", "LanguageCode": 1033}}}
	return row{"@odata.type": "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata", "SchemaName": "new_FollowUpOn", "LogicalName": "new_followupon", "DisplayName": text,
		"RequiredLevel": row{"Value": "None"}, "Format": "DateOnly", "DateTimeBehavior": row{"Value": "DateOnly"}, "IsSecured": secured}
}

func (w *world) secure(secured bool) {
	w.call("PUT", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_followupon')", followUp(secured))
}

// role makes a role with what the policy needs; narrower are depths other than those, none for a right that it lacks.
func (w *world) role(name string, narrower map[string]string) uuid.UUID {
	w.t.Helper()
	who, err := w.client.WhoAmI(w.t.Context())
	w.must(err)
	w.create("role", name, row{"name": name, "businessunitid@odata.bind": "businessunits(" + who.BusinessUnitID.String() + ")"})
	needed, err := w.checked(w.client).Privileges(w.t.Context(), w.client)
	w.must(err)
	for _, p := range needed {
		depth := p.Depth.String()
		if d, ok := narrower[p.Name]; ok {
			depth = d
		}
		if depth != "" {
			w.grant(name, p.Name, depth)
		}
	}
	return id(name)
}

func (w *world) grant(role, privilege, depth string) {
	w.t.Helper()
	w.call("POST", "roles("+id(role).String()+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", row{"Privileges": []row{{"PrivilegeId": w.privilege(privilege), "Depth": depth}}})
}

func (w *world) privilege(name string) string {
	w.t.Helper()
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Set: "privileges", Select: []string{"privilegeid"}, Filter: "name eq '" + name + "'"}) {
		w.must(err)
		return r.Text("privilegeid")
	}
	w.t.Fatalf("no privilege %s", name)
	return ""
}

func (w *world) ref(path string, set, name string) {
	w.call("POST", path+"/$ref", row{"@odata.id": w.url + "/api/data/v9.2/" + bindTo(set, name)})
}

// user makes an application user with these roles, and a client that signs in as it.
func (w *world) user(name string, roles ...string) *dataverse.Client {
	w.t.Helper()
	who, err := w.client.WhoAmI(w.t.Context())
	w.must(err)
	w.create("systemuser", name, row{"applicationid": uuid.NewString(), "businessunitid@odata.bind": "businessunits(" + who.BusinessUnitID.String() + ")"})
	for _, r := range roles {
		w.ref(bindTo("systemusers", name)+"/systemuserroles_association", "roles", r)
	}
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: w.server.TokenFor(id(name))})
	w.must(err)
	c, err := dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: w.server.Transport(), RetryWait: time.Millisecond, Definitions: definitions})
	w.must(err)
	return c
}

// profile makes a column security profile for new_followupon.
func (w *world) profile(name string, canread int) {
	w.create("fieldsecurityprofile", name, row{"name": name})
	w.create("fieldpermission", name+" permission", row{"entityname": "contact", "attributelogicalname": "new_followupon", "canread": canread, "canupdate": 4, "cancreate": 0,
		"fieldsecurityprofileid@odata.bind": bindTo("fieldsecurityprofiles", name)})
}

func (w *world) team(name string) {
	who, err := w.client.WhoAmI(w.t.Context())
	w.must(err)
	w.create("team", name, row{"name": name, "teamtype": 0, "administratorid@odata.bind": "systemusers(" + who.UserID.String() + ")", "businessunitid@odata.bind": "businessunits(" + who.BusinessUnitID.String() + ")"})
}

func as(c *dataverse.Client) func(*purge.Deps) { return func(d *purge.Deps) { d.Client = c } }

// refusedRun is the error of a run as the user, which must be that it is blind, and nothing was written.
func (w *world) refusedRun(c *dataverse.Client) *compile.BlindError {
	w.t.Helper()
	before := w.dump("contact")
	summary, err := w.tryRun(as(c))
	var blind *compile.BlindError
	if !errors.As(err, &blind) || summary != nil {
		w.t.Fatalf("the run was not refused: %v", err)
	}
	for key, r := range w.dump("contact") {
		if r["gallra_purgescheduledon"] != before[key]["gallra_purgescheduledon"] {
			w.t.Errorf("%s was scheduled", key)
		}
	}
	if l := w.deps(w.client).Ledger; len(l.Runs()) != 0 {
		w.t.Error("a run that was refused stands in the ledger")
	}
	return blind
}

// Whoever sees fewer rows than there are is refused, by the name of the table; the whole depth runs, also through a team.
func TestRowsBeyondTheDepthRefuse(t *testing.T) {
	t.Parallel()
	for _, depth := range []string{"Basic", "Local", "Deep", ""} {
		t.Run("depth "+depth, func(t *testing.T) {
			w := newSightWorld(t)
			w.role("narrow", map[string]string{"prvReadAccount": depth})
			c := w.user("job", "narrow")
			blind := w.refusedRun(c)
			if len(blind.Spots) != 1 || blind.Spots[0].Table != "account" || !strings.Contains(blind.Error(), "`account`") || !strings.Contains(blind.Hint(), "gallra provision") {
				t.Errorf("%v; %s", blind, blind.Hint())
			}
			w.role("readers", map[string]string{})
			w.team("team")
			w.ref(bindTo("teams", "team")+"/teamroles_association", "roles", "readers")
			w.ref(bindTo("teams", "team")+"/teammembership_association", "systemusers", "job")
			w.run(as(c))
			w.scheduled("nobody")
		})
	}
}

// scheduled are the contacts that have a purge date, and nobody else.
func (w *world) scheduled(want ...string) {
	w.t.Helper()
	var got []string
	for _, name := range []string{"asked", "dealer", "nobody"} {
		if w.get("contact", name).Text("gallra_purgescheduledon") != "" {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("scheduled are %v, want %v", got, want)
	}
}

// A secured column in a ground is a reason to refuse until a profile, of the user or of a team, lets it be read.
func TestSecuredColumnRefuses(t *testing.T) {
	w := newSightWorld(t)
	w.secure(true)
	w.role("gallra", nil)
	c := w.user("job", "gallra")
	blind := w.refusedRun(c)
	if len(blind.Spots) != 1 || blind.Spots[0].Table != "contact" || blind.Spots[0].Column != "new_followupon" || !strings.Contains(blind.Hint(), "column security profile") {
		t.Errorf("%v; %s", blind, blind.Hint())
	}
	w.profile("writers", 0)
	w.ref(bindTo("systemusers", "job")+"/systemuserprofiles_association", "fieldsecurityprofiles", "writers")
	w.refusedRun(c)
	w.profile("readers", 4)
	w.refusedRun(c) // a profile of somebody else
	w.team("team")
	w.ref(bindTo("teams", "team")+"/teamprofiles_association", "fieldsecurityprofiles", "readers")
	w.refusedRun(c)
	w.ref(bindTo("teams", "team")+"/teammembership_association", "systemusers", "job")
	w.run(as(c))
	w.scheduled("nobody")
	w.run() // an administrator may read all
}

// A column that was secured a moment ago is secured, whatever the service's caches of definitions say for half a minute: its values
// are gone at once.
func TestAColumnSecuredAMomentAgo(t *testing.T) {
	w := newSightWorldOf(t, emulator.Options{MetadataLag: 10 * time.Minute})
	w.role("gallra", nil)
	c := w.user("job", "gallra")
	lag := w.lag
	w.lag = 0
	w.secure(true)
	blind := w.refusedRun(c)
	if len(blind.Spots) != 1 || blind.Spots[0].Table != "contact" || blind.Spots[0].Column != "new_followupon" {
		t.Errorf("%v", blind)
	}
	w.server.Advance(lag)
	w.refusedRun(c)
}

// Without the right to read profiles nothing is proven.
func TestProfilesThatMayNotBeRead(t *testing.T) {
	w := newSightWorld(t)
	w.secure(true)
	w.role("gallra", map[string]string{"prvReadFieldPermission": ""})
	w.profile("readers", 4)
	c := w.user("job", "gallra")
	w.ref(bindTo("systemusers", "job")+"/systemuserprofiles_association", "fieldsecurityprofiles", "readers")
	if blind := w.refusedRun(c); !strings.Contains(blind.Hint(), "prvReadFieldPermission") {
		t.Error(blind, blind.Hint())
	}
}

// loser does something to the rights when so many proofs have begun.
type loser struct {
	dataverse.Writer
	proofs atomic.Int32
	before func(proof int)
	user   uuid.UUID // whom WhoAmI names instead from the second proof on
}

func (l *loser) WhoAmI(ctx context.Context) (dataverse.Identity, error) {
	n := int(l.proofs.Add(1))
	if l.before != nil {
		l.before(n)
	}
	who, err := l.Writer.WhoAmI(ctx)
	if l.user != uuid.Nil && n > 1 {
		who.UserID = l.user
	}
	return who, err
}

// What is taken away midway stops the run before anybody else is touched.
func TestSightLostMidway(t *testing.T) {
	t.Parallel()
	losses := map[string]func(w *world){
		"depth":   func(w *world) { w.grant("gallra", "prvReadAccount", "Local") },
		"profile": func(w *world) { w.call(http.MethodDelete, bindTo("fieldpermissions", "readers permission"), nil) },
		"role": func(w *world) {
			w.call(http.MethodDelete, bindTo("systemusers", "job")+"/systemuserroles_association("+id("gallra").String()+")/$ref", nil)
		},
		"identity": nil,
	}
	for name, lose := range losses {
		for _, at := range []int{2, 3} { // after the evaluation, and before the purges
			t.Run(name, func(t *testing.T) {
				w := newSightWorldOf(t, emulator.Options{}, "definitions-need-rights") // a lost role is refused before anything is proven
				w.secure(true)
				w.role("gallra", nil)
				w.profile("readers", 4)
				c := w.user("job", "gallra")
				w.ref(bindTo("systemusers", "job")+"/systemuserprofiles_association", "fieldsecurityprofiles", "readers")
				w.run(as(c))
				w.advance(70)
				w.create("contact", "later", row{"lastname": "Later"})
				l := &loser{Writer: c}
				if lose == nil {
					who, err := w.client.WhoAmI(t.Context())
					w.must(err)
					l.user = who.UserID // an administrator, who sees everything
				} else {
					l.before = func(proof int) {
						if proof == at {
							lose(w)
						}
					}
				}
				summary, err := w.tryRun(func(d *purge.Deps) { d.Client = l })
				var stop *purge.StopError
				if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.Sight || summary.Purged() != 0 {
					t.Fatalf("the run went on: %v", err)
				}
				if w.get("contact", "nobody") == nil {
					t.Error("somebody was purged by a blind run")
				}
				if dated := w.get("contact", "later").Text("gallra_purgescheduledon") != ""; dated != (at == 3 && lose != nil) {
					t.Errorf("scheduled: %v", dated)
				}
			})
		}
	}
}

// A user of another name than the one that the ledger is to name is refused before anything happens.
func TestAnotherUserThanTheLedgerNames(t *testing.T) {
	w := newSightWorld(t)
	_, err := w.tryRun(func(d *purge.Deps) { d.Run.Actor = uuid.New() })
	var blind *compile.BlindError
	if !errors.As(err, &blind) {
		t.Fatal(err)
	}
}

// During a purge of hours the proof is asked for again, at most once a minute.
func TestSightIsProvenAgain(t *testing.T) {
	w := newSightWorld(t)
	w.create("contact", "nobody2", row{"lastname": "Nobody"})
	w.run()
	w.advance(70)
	l := &loser{Writer: w.client}
	w.run(func(d *purge.Deps) {
		d.Client, d.Chunk = l, 1
		d.Outcome = func(purge.Outcome) { w.control("clock", map[string]any{"advance": "61s"}) }
	})
	if n := l.proofs.Load(); n < 4 {
		t.Errorf("%d proofs", n)
	}
}
