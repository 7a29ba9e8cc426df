package take_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/internal/crmtest"
	"github.com/gallra/gallra/retention/take"
)

func TestDefinitionsComeBackAsTheyWere(t *testing.T) {
	_, c := crmtest.Company(t, 30, 10, 1)
	path, result := crmtest.Taken(t, c, take.Options{Policy: model(t, c)})
	server, _, err := emulator.Open(path, emulatortest.Options(emulator.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	again := connect(t, server)
	if result.Defined < 20 {
		t.Errorf("%d tables were defined", result.Defined)
	}
	all, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		want, err := c.Table(t.Context(), s.LogicalName)
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Table(t.Context(), s.LogicalName)
		if err != nil {
			t.Errorf("%s: %v", s.LogicalName, err)
			continue
		}
		ignore := cmpopts.IgnoreFields(dataverse.Table{}, "ID", "ObjectTypeCode")
		byName := gocmp.Options{ignore,
			cmpopts.IgnoreFields(dataverse.Attribute{}, "Number"), // an environment's own, for the masks of its audit history, which no snapshot has
			cmpopts.SortSlices(func(a, b dataverse.Relationship) bool { return a.SchemaName < b.SchemaName }),
			cmpopts.SortSlices(func(a, b dataverse.ManyToMany) bool { return a.SchemaName < b.SchemaName }),
			cmpopts.EquateEmpty(), gocmp.Comparer(func(a, b uuid.UUID) bool { return true })}
		if d := gocmp.Diff(want, got, byName); d != "" {
			t.Errorf("%s (-environment +snapshot):\n%s", s.LogicalName, d)
		}
	}
}

func TestRowsComeBackMasked(t *testing.T) {
	_, c := crmtest.Company(t, 60, 20, 2)
	path, _ := crmtest.Taken(t, c, take.Options{Policy: model(t, c), Rows: crmtest.Rows(t, "all")})
	server, _, err := emulator.Open(path, emulatortest.Options(emulator.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	again := connect(t, server)
	all, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b dataverse.TableSummary) int { return cmp.Compare(a.LogicalName, b.LogicalName) })
	for _, name := range []string{"contact", "lead", "account", "opportunity", "email", "activityparty", "customeraddress", "vend_visit", "vend_card", "connection"} {
		want, err := c.Count(t.Context(), dataverse.Query{Table: name})
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Count(t.Context(), dataverse.Query{Table: name})
		if err != nil {
			t.Fatal(err)
		}
		if want != got || want == 0 && name == "vend_visit" {
			t.Errorf("%s: %d rows in the environment, %d in the snapshot", name, want, got)
		}
	}
}

// TestACutSnapshotGoesOn kills the reading at one request after the other, and begins again each time.
func TestACutSnapshotGoesOn(t *testing.T) {
	server, c := crmtest.Company(t, 20, 8, 5)
	whole, _ := crmtest.Taken(t, c, take.Options{Rows: crmtest.Rows(t, "all")})
	path := filepath.Join(t.TempDir(), "crm.gallra")
	o := take.Options{Path: path, Rows: crmtest.Rows(t, "all")}
	cuts := 0
	for _, at := range []string{"definitions", "account", "contact", "msevtmgt_event", "vend_card", ""} {
		ctx, cancel := context.WithCancel(t.Context())
		cut := o
		cut.Progress = func(what string, _ int) {
			if what == at {
				cancel()
			}
		}
		_, err := take.Take(ctx, connect(t, server), cut)
		cancel()
		if err == nil {
			break
		}
		cuts++
		if _, err := os.Stat(path); err == nil {
			t.Fatal("a file that is not whole is there")
		}
		if cuts == 2 {
			other := o
			other.Keep = true
			if _, err := take.Take(t.Context(), c, other); err == nil || !strings.Contains(err.Error(), "other options") {
				t.Errorf("a snapshot with other options went on with it: %v", err)
			}
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if cuts < 3 {
		t.Errorf("it was cut %d times", cuts)
	}
	want, got := countsOf(t, whole), countsOf(t, path)
	if d := gocmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// countsOf are the rows of a file by table.
func countsOf(t *testing.T, path string) map[string]int {
	t.Helper()
	i, err := snapshot.Inspect(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, x := range i.Tables {
		if x.Rows > 0 {
			out[x.Name] = x.Rows
		}
	}
	return out
}

// TestASampleTakesTheRowsOfItsPersons holds the bounds of a sample: of 600 persons a half are 300, give or take 60, and every row that
// points at persons points at one of the sample.
func TestASampleTakesTheRowsOfItsPersons(t *testing.T) {
	_, c := crmtest.Company(t, 400, 200, 6)
	for _, share := range []string{"50%", "300"} {
		path, _ := crmtest.Taken(t, c, take.Options{Rows: crmtest.Rows(t, share), Keep: true})
		server, _, err := emulator.Open(path, emulatortest.Options(emulator.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		again := connect(t, server)
		count := func(q dataverse.Query) int {
			n, err := again.Count(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := count(dataverse.Query{Table: "contact"}) + count(dataverse.Query{Table: "lead"}); n < 240 || n > 360 {
			t.Errorf("%s of 600: %d persons", share, n)
		}
		all := count(dataverse.Query{Table: "vend_visit"})
		if of := count(dataverse.Query{Table: "vend_visit", Filter: "vend_ContactId/contactid ne null"}); of != all || all == 0 {
			t.Errorf("%s: %d visits, %d of them of persons who are there", share, all, of)
		}
	}
}

// TestNumbersThatThePlatformMakes: their format is carried, so that a rehearsal makes them as the environment does. What is not carried
// at all is named.
func TestNumbersThatThePlatformMakes(t *testing.T) {
	_, c := crmtest.Company(t, 3, 1, 8)
	const format = "CARD-{SEQNUM:5}"
	column := crmtest.Body{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "vend_Number", "MaxLength": 100, "AutoNumberFormat": format, "RequiredLevel": crmtest.Body{"Value": "None"},
		"DisplayName": crmtest.Body{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []crmtest.Body{{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": "Number", "LanguageCode": 1033}}}}
	if err := c.Call(t.Context(), "POST", "EntityDefinitions(LogicalName='vend_card')/Attributes", column, nil); err != nil {
		t.Fatal(err)
	}
	path, result := crmtest.Taken(t, c, take.Options{})
	server, _, err := emulator.Open(path, emulatortest.Options(emulator.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ AutoNumberFormat string }
	if err := connect(t, server).Call(t.Context(), "GET", "EntityDefinitions(LogicalName='vend_card')/Attributes(LogicalName='vend_number')/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=AutoNumberFormat", nil, &got); err != nil {
		t.Fatal(err)
	}
	if got.AutoNumberFormat != format {
		t.Errorf("the format is %q", got.AutoNumberFormat)
	}
	for _, what := range []string{"roles and teams", "personal views"} {
		if !slices.ContainsFunc(result.Head.Gaps, func(g snapshot.Gap) bool { return g.What == what }) {
			t.Errorf("%s are no gap", what)
		}
	}
}
