package purge_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// driftPolicy decides by an option, and lets drift be bypassed.
var driftPolicy = strings.NewReplacer("        where: statecode eq 0\n        mayBeEmpty: true\n      - id: closed-deal",
	"        where: statecode eq 0 and customertypecode eq 3\n        mayBeEmpty: true\n      - id: closed-deal",
	"canary: 2}", "canary: 2, bypass: [drift]}").Replace(pol)

func labelled(text string) row {
	return row{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []row{{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

func (w *world) call(method, path string, body any) {
	w.t.Helper()
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: method, Path: path, Body: body}, nil))
	if strings.Contains(path, "Definitions") || strings.HasPrefix(path, "Create") {
		w.server.Advance(w.lag) // until everybody sees it
	}
}

// deleteDoes changes what the delete of a row does over a relationship.
func (w *world) deleteDoes(schema, referenced, referencing, behavior string) {
	w.t.Helper()
	w.call(http.MethodPut, "RelationshipDefinitions(SchemaName='"+schema+"')", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
		"SchemaName": schema, "ReferencedEntity": referenced, "ReferencingEntity": referencing,
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": behavior, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"}})
}

// newTable makes a table that points at contacts.
func (w *world) newTable(behavior string) {
	w.t.Helper()
	w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "gallra_Visit", "DisplayName": labelled("Visit"),
		"DisplayCollectionName": labelled("Visits"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{{
			"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "AttributeType": "String", "SchemaName": "gallra_Name", "IsPrimaryName": true,
			"DisplayName": labelled("Name"), "MaxLength": 100, "RequiredLevel": row{"Value": "None"}}}})
	w.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "gallra_contact_visit",
		"ReferencedEntity": "contact", "ReferencingEntity": "gallra_visit",
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": behavior, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "gallra_ContactId", "DisplayName": labelled("Contact"), "RequiredLevel": row{"Value": "None"}}})
}

// bin switches the recycle bin of a table.
func (w *world) bin(table string, on bool) {
	w.t.Helper()
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: "recyclebinconfig", Select: []string{"recyclebinconfigid", "name", "_extensionofrecordid_value"}, Annotations: true}) {
		w.must(err)
		if strings.EqualFold(r.Text("name"), table) {
			body := row{"statecode": 1, "statuscode": 2}
			if on {
				body = row{"statecode": 0, "statuscode": 1}
			}
			w.call(http.MethodPatch, "recyclebinconfigs("+r.Text("recyclebinconfigid")+")", body)
			return
		}
	}
	w.t.Fatalf("the recycle bin does not know %s", table)
}

// viewPolicy keeps whoever is in a view.
var viewPolicy = strings.Replace(driftPolicy, "    related:\n", `      - id: listed-by-hand
        basis: legitimate-interests
        why: The view that the sales manager maintains
        view: Contacts to keep
        mayBeEmpty: true
    related:
`, 1)

// view makes or edits the view of contacts to keep.
func (w *world) view(fetch string) {
	w.t.Helper()
	if w.get("savedquery", "view") != nil {
		w.call(http.MethodPatch, "savedqueries("+id("view").String()+")", row{"fetchxml": fetch})
		return
	}
	w.create("savedquery", "view", row{"name": "Contacts to keep", "returnedtypecode": "contact", "querytype": 0, "fetchxml": fetch,
		"layoutxml": `<grid name="resultset" jump="fullname" select="1" icon="1" preview="1"><row name="result" id="contactid"><cell name="fullname" width="150"/></row></grid>`})
}

// A view that somebody edits changes who is kept: a run stops before it purges by it, and a plan says so beforehand.
func TestDriftOfViews(t *testing.T) {
	t.Parallel()
	const fetch = `<fetch><entity name="contact"><attribute name="fullname"/><filter><condition attribute="jobtitle" operator="eq" value="CEO"/><condition attribute="gendercode" operator="eq" value="2"/></filter></entity></fetch>`
	for _, tt := range []struct {
		name   string
		change func(w *world)
		stops  string
	}{
		{"its columns and order only", func(w *world) {
			w.view(strings.Replace(fetch, `<attribute name="fullname"/>`, `<attribute name="fullname"/><attribute name="lastname"/><order attribute="lastname"/>`, 1))
		}, ""},
		{"its filter", func(w *world) { w.view(strings.Replace(fetch, `value="CEO"`, `value="CFO"`, 1)) },
			"the view `Contacts to keep` of `contact`, by which the ground `listed-by-hand` keeps persons, was edited since the last run"},
		{"another view in the policy", func(w *world) {
			w.view(strings.Replace(fetch, `value="CEO"`, `value="CFO"`, 1))
			w.call(http.MethodPatch, "savedqueries("+id("view").String()+")", row{"name": "Contacts that stay"})
			w.policy = strings.Replace(w.policy, "view: Contacts to keep", "view: Contacts that stay", 1)
		}, ""},
		{"an option that it names", func(w *world) {
			w.call(http.MethodPost, "UpdateOptionValue", row{"EntityLogicalName": "contact", "AttributeLogicalName": "gendercode", "Value": 2, "Label": labelled("Other"), "MergeLabels": true})
		}, "the value 2 of `contact.gendercode`"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, viewPolicy)
			w.view(fetch)
			yvonne(w)
			w.run()
			w.advance(60)
			tt.change(w)
			w.client = w.connect(6)
			d := w.deps(w.client)
			foreseen, err := purge.Drift(t.Context(), w.client, d.Policy, d.Ledger.Facts())
			w.must(err)
			s, err := w.tryRun()
			if diff := cmp.Diff(foreseen, s.Drift, cmp.AllowUnexported(purge.Change{})); diff != "" {
				t.Errorf("a plan says something else (-plan +run):\n%s", diff)
			}
			if tt.stops == "" {
				w.must(err)
				if s.Purged() != 1 || len(s.Drift) != 0 {
					t.Errorf("purged %d, drift %+v", s.Purged(), s.Drift)
				}
				return
			}
			var stop *purge.StopError
			if !errors.As(err, &stop) || s.Purged() != 0 || !strings.Contains(stop.Error(), tt.stops) {
				t.Fatalf("purged %d, error %v", s.Purged(), err)
			}
			if rails := purge.DriftRails(foreseen); len(rails) != 1 || !strings.Contains(rails[0].Sentence.String(), tt.stops) {
				t.Errorf("a plan does not say so: %+v", rails)
			}
			if s := w.run(func(d *purge.Deps) { d.Bypass = []policy.Rail{policy.Drift} }); s.Purged() != 1 {
				t.Errorf("passed over: purged %d", s.Purged())
			}
			if s := w.run(); len(s.Drift) != 0 {
				t.Errorf("told again: %+v", s.Drift)
			}
		})
	}
}

func TestDriftStopsThePurgeWhereARuleDependsOnIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(w *world)
		what   string // the fact that changed
		stops  string // part of the sentence of the guard rail; empty: it is only told
	}{
		{"a cascade that no rule of its own replaces", func(w *world) { w.deleteDoes("contact_connections1", "contact", "connection", "RemoveLink") },
			"delete contact.connection.record1id", "did Cascade to the rows of `connection`"},
		{"a cascade to rows that a rule finds all the same", func(w *world) { w.deleteDoes("Contact_Phonecalls", "contact", "phonecall", "RemoveLink") },
			"delete contact.phonecall.regardingobjectid", ""},
		{"a new table that a delete takes along", func(w *world) { w.newTable("Cascade") }, "delete contact.gallra_visit.gallra_contactid", "`gallra_visit.gallra_contactid` points at `contact`"},
		{"a new table that a delete leaves, and the rule '*' takes", func(w *world) { w.newTable("RemoveLink") }, "delete contact.gallra_visit.gallra_contactid", "`gallra_visit.gallra_contactid` points at `contact`"},
		{"a column for addresses", func(w *world) {
			w.call(http.MethodPost, "EntityDefinitions(LogicalName='account')/Attributes", columnBody("String", "gallra_Email", row{"FormatName": row{"Value": "Email"}}))
		}, "place contact.account.gallra_email", ""},
		{"an option that means something else", func(w *world) {
			w.call(http.MethodPost, "UpdateOptionValue", row{"EntityLogicalName": "account", "AttributeLogicalName": "customertypecode", "Value": 3, "Label": labelled("Former customer"), "MergeLabels": true})
		}, "option account.customertypecode.3", "the value 3 of `account.customertypecode`"},
		{"an option more", func(w *world) {
			w.call(http.MethodPost, "InsertOptionValue", row{"EntityLogicalName": "account", "AttributeLogicalName": "customertypecode", "Value": 99, "Label": labelled("VIP")})
		}, "choice account.customertypecode", ""},
		{"the recycle bin of a table off", func(w *world) { w.bin("contact", false) }, "bin contact", ""},
		{"the recycle bin of a table on", func(w *world) { w.bin("email", true) }, "bin email", "the recycle bin for `email` was off"},
		{"auditing off", func(w *world) {
			w.call(http.MethodPatch, "organizations("+w.checked(w.client).Organization.String()+")", row{"isauditenabled": false})
		}, "audit organization", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, driftPolicy)
			w.bin("email", false)
			yvonne(w)
			w.run()
			w.advance(60)
			w.create("contact", "new", row{"lastname": "Newcomer"})
			tt.change(w)
			w.client = w.connect(6)
			s, err := w.tryRun()
			if !slices.ContainsFunc(s.Drift, func(c purge.Change) bool { return c.What == tt.what && c.Stops == (tt.stops != "") }) {
				t.Fatalf("drift %+v", s.Drift)
			}
			if w.get("contact", "new").Null("gallra_purgescheduledon") {
				t.Error("scheduling did not go on")
			}
			if tt.stops == "" {
				w.must(err)
				if s.Purged() != 1 {
					t.Errorf("%d purged", s.Purged())
				}
				if s := w.run(); len(s.Drift) != 0 {
					t.Errorf("told again: %+v", s.Drift)
				}
				return
			}
			var stop *purge.StopError
			if !errors.As(err, &stop) || s.Purged() != 0 || stop.Rails[0].Rail != policy.Drift || !strings.Contains(stop.Error(), tt.stops) {
				t.Fatalf("purged %d, error %v", s.Purged(), err)
			}
			if !strings.Contains(stop.Remedy(), "--bypass drift") {
				t.Errorf("it does not say what it would take to go on: %s", stop.Remedy())
			}
			if _, err := w.tryRun(); !errors.As(err, &stop) {
				t.Error("the next run has forgotten it")
			}
			s = w.run(func(d *purge.Deps) { d.Bypass = []policy.Rail{policy.Drift} })
			if s.Purged() != 1 || len(s.Bypassed) != 1 || w.count(ledger.Bypass) != 1 {
				t.Errorf("passed over: purged %d, %v", s.Purged(), s.Bypassed)
			}
			if s := w.run(); len(s.Drift) != 0 {
				t.Errorf("told again: %+v", s.Drift)
			}
		})
	}
}

// What the policy speaks of newly did not change in the environment, and a rule of its own answers for a new table.
func TestPolicyThatChangesIsNoDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	w.policy = strings.Replace(driftPolicy, "      - {table: phonecall, party: any, do: delete}\n", "      - {table: task, link: regardingobjectid, do: delete}\n      - {table: gallra_visit, link: gallra_contactid, do: delete}\n", 1)
	w.newTable("Cascade")
	w.client = w.connect(6)
	w.advance(60)
	s := w.run()
	if s.Purged() != 1 {
		t.Errorf("purged %d, %v", s.Purged(), w.outcomes())
	}
	var stopping []string
	for _, c := range s.Drift {
		if c.Stops {
			stopping = append(stopping, c.What)
		}
	}
	if len(stopping) > 0 {
		t.Errorf("stops: %v", stopping)
	}
}

// Each guard rail can be passed over by a flag and a line of the policy, and by neither alone.
func TestBypassNeedsBoth(t *testing.T) {
	t.Parallel()
	crowded := func(w *world) {
		for _, n := range []string{"a", "b", "c"} {
			w.create("contact", n, row{"lastname": n})
		}
		w.run()
		w.advance(60)
	}
	tests := []struct {
		rail   policy.Rail
		policy string
		set    func(w *world)
	}{
		{policy.TooMany, strings.Replace(pol, "purges: 500", "purges: 2", 1), crowded},
		{policy.TooLarge, strings.Replace(pol, "share: 100%", "share: 50%", 1), crowded},
		{policy.GroundEmpty, strings.ReplaceAll(pol, "        mayBeEmpty: true\n", ""), func(w *world) {
			w.create("contact", "d", row{"lastname": "d"})
			w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "d")})
			crowded(w)
			w.update("account", "adventure", row{"statecode": 1, "statuscode": 2})
		}},
		{policy.Drift, driftPolicy, func(w *world) {
			crowded(w)
			w.newTable("Cascade")
			w.client = w.connect(6)
		}},
	}
	for _, tt := range tests {
		t.Run(string(tt.rail), func(t *testing.T) {
			without := strings.Replace(tt.policy, ", bypass: [drift]", "", 1)
			with := strings.Replace(without, "canary: 2}", "canary: 2, bypass: ["+string(tt.rail)+"]}", 1)
			w := newWorld(t, without)
			tt.set(w)
			flag := func(d *purge.Deps) { d.Bypass = []policy.Rail{tt.rail} }
			for _, try := range []struct {
				policy string
				flags  []func(*purge.Deps)
				hint   string
			}{{without, nil, "limits: {bypass: [" + string(tt.rail) + "]}"}, {without, []func(*purge.Deps){flag}, "limits: {bypass"}, {with, nil, "--bypass " + string(tt.rail)}} {
				w.policy = try.policy
				s, err := w.tryRun(try.flags...)
				var stop *purge.StopError
				if !errors.As(err, &stop) || s.Purged() != 0 || stop.Rails[0].Rail != tt.rail || stop.Rails[0].Sentence.IsZero() || !strings.Contains(stop.Remedy(), try.hint) {
					t.Fatalf("purged %d, error %v, hint %v", s.Purged(), err, stop)
				}
			}
			s := w.run(flag)
			if s.Purged() != 3 {
				t.Errorf("purged %d", s.Purged())
			}
			if diff := cmp.Diff([]string{string(tt.rail)}, w.bypassed()); diff != "" {
				t.Errorf("the ledger: %s", diff)
			}
		})
	}
}
