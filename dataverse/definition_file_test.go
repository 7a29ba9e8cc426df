package dataverse_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

// remembering is an environment whose clients remember definitions in a folder.
type remembering struct {
	t      *testing.T
	server *emulator.Server
	url    string
	folder string
}

func newRemembering(t *testing.T, o emulator.Options) *remembering {
	o.Token = "t"
	r := &remembering{t: t, server: emulator.New(emulatortest.Options(o)), folder: t.TempDir()}
	web := httptest.NewServer(r.server)
	t.Cleanup(web.Close)
	r.url = web.URL
	return r
}

// verb is what a process does: it connects, reads definitions and saves them. It answers what it read, and how many requests
// for definitions that took.
func (r *remembering) verb(as ...func(*dataverse.Identity, *dataverse.Organization)) (map[string]*dataverse.Table, map[string][]dataverse.AddressColumn, int) {
	r.t.Helper()
	c := r.client()
	ctx := r.t.Context()
	who, err := c.WhoAmI(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	org, err := c.Organization(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, change := range as {
		change(&who, &org)
	}
	version := c.DefinitionsVersion(ctx, who.UserID)
	if version.Version == "" {
		r.t.Fatal("the version is not told")
	}
	c.RememberDefinitions(r.folder, who, org, version)
	before := r.asked()
	tables := map[string]*dataverse.Table{}
	for _, name := range []string{"contact", "lead", "email", "activityparty", "nothing_such"} {
		if tables[name], err = c.Table(ctx, name); err != nil && name != "nothing_such" {
			r.t.Fatal(err)
		}
	}
	if _, err := c.Tables(ctx); err != nil {
		r.t.Fatal(err)
	}
	addresses, err := c.AddressColumns(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	asked := r.asked() - before
	if err := c.SaveDefinitions(); err != nil {
		r.t.Fatal(err)
	}
	return tables, addresses, asked
}

func (r *remembering) client() *dataverse.Client {
	r.t.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: r.url, Credential: credential})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func (r *remembering) asked() int {
	routes := r.server.Stats().Requests.ByRoute
	return routes["POST $batch"] + routes["GET EntityDefinitions"] + routes["GET RetrieveMetadataChanges"]
}

// cold is how many requests for definitions a verb makes that finds nothing remembered.
const cold = 7

// file is the one that was written.
func (r *remembering) file() string {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.folder, "*"))
	if err != nil || len(all) != 1 {
		r.t.Fatalf("files: %v, %v", all, err)
	}
	return all[0]
}

// change has somebody else add a column to a table.
func (r *remembering) change(name string) {
	r.t.Helper()
	label := map[string]any{"LocalizedLabels": []any{map[string]any{"Label": name, "LanguageCode": 1033}}}
	err := r.client().Call(r.t.Context(), http.MethodPost, "EntityDefinitions(LogicalName='lead')/Attributes", map[string]any{
		"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": name, "MaxLength": 20,
		"AttributeType": "String", "AttributeTypeName": map[string]any{"Value": "StringType"}, "FormatName": map[string]any{"Value": "Text"},
		"DisplayName": label, "RequiredLevel": map[string]any{"Value": "None", "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestDefinitionsAreRemembered has a second process ask for the version alone, and know the same.
func TestDefinitionsAreRemembered(t *testing.T) {
	r := newRemembering(t, emulator.Options{})
	first, addresses, asked := r.verb()
	if asked != cold {
		t.Errorf("%d requests where nothing is remembered, want %d", asked, cold)
	}
	second, again, asked := r.verb()
	if asked != 0 {
		t.Errorf("%d requests for definitions that are remembered", asked)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("what is remembered differs from what was read: %s", diff)
	}
	if diff := cmp.Diff(addresses, again); diff != "" {
		t.Errorf("what is remembered differs from what was read: %s", diff)
	}
	if info, err := os.Stat(r.file()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestChangedDefinitionsAreReadAgain changes a table between two processes, also where the service's answers about
// definitions lag behind, and restores an older environment.
func TestChangedDefinitionsAreReadAgain(t *testing.T) {
	for name, lag := range map[string]time.Duration{"at once": 0, "lagging": time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := newRemembering(t, emulator.Options{MetadataLag: lag})
			r.verb()
			for _, column := range []string{"new_first", "new_second"} {
				r.change(column)
				tables, _, asked := r.verb()
				if asked != cold || tables["lead"].Attributes[column] == nil {
					t.Errorf("%s: %d requests, %v", column, asked, tables["lead"].Attributes[column])
				}
				if tables, _, asked := r.verb(); asked != 0 || tables["lead"].Attributes[column] == nil {
					t.Errorf("%s afterwards: %d requests, %v", column, asked, tables["lead"].Attributes[column])
				}
			}
		})
	}
}

// TestWhoeverElseReadsDefinitionsAnew gives other users and other organisations files of their own, and takes none of another
// release.
func TestWhoeverElseReadsDefinitionsAnew(t *testing.T) {
	r := newRemembering(t, emulator.Options{})
	r.verb()
	if _, _, asked := r.verb(func(_ *dataverse.Identity, o *dataverse.Organization) { o.Version = "9.9.9.9" }); asked != cold {
		t.Errorf("another release: %d requests", asked)
	}
	r.file() // it took the place of the other
	if _, _, asked := r.verb(func(who *dataverse.Identity, _ *dataverse.Organization) { who.UserID = uuid.New() }); asked != cold {
		t.Errorf("another user: %d requests", asked)
	}
	if _, _, asked := r.verb(func(_ *dataverse.Identity, o *dataverse.Organization) { o.ID = uuid.New() }); asked != cold {
		t.Errorf("another organisation: %d requests", asked)
	}
	if all, err := filepath.Glob(filepath.Join(r.folder, "*")); err != nil || len(all) != 3 {
		t.Errorf("files: %v, %v", all, err)
	}
	other := newRemembering(t, emulator.Options{})
	other.folder = r.folder
	if _, _, asked := other.verb(); asked != cold {
		t.Errorf("another address: %d requests", asked)
	}
}

// TestBrokenFilesOfDefinitionsAreNotBelieved breaks the file in many places.
func TestBrokenFilesOfDefinitionsAreNotBelieved(t *testing.T) {
	r := newRemembering(t, emulator.Options{})
	want, _, _ := r.verb()
	whole, err := os.ReadFile(r.file())
	if err != nil {
		t.Fatal(err)
	}
	put := func(text []byte, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(r.file(), text, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(r.file(), mode); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(what string, requests int) {
		t.Helper()
		got, _, asked := r.verb()
		if asked != requests {
			t.Errorf("%s: %d requests, want %d", what, asked, requests)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	put(whole, 0o600)
	holds("whole", 0)
	for i := range 12 {
		at := i * (len(whole) - 1) / 11
		put(whole[:at], 0o600)
		holds("cut off", cold)
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 1
		put(flipped, 0o600)
		holds("one bit", cold)
	}
	if runtime.GOOS != "windows" {
		put(whole, 0o620)
		holds("others may write it", cold)
	}
}

// TestOwnChangesAreNotRemembered changes a definition through the client that remembers.
func TestOwnChangesAreNotRemembered(t *testing.T) {
	r := newRemembering(t, emulator.Options{})
	c := r.client()
	who, err := c.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	org, err := c.Organization(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.RememberDefinitions(r.folder, who, org, c.DefinitionsVersion(t.Context(), who.UserID))
	if _, err := c.Table(t.Context(), "lead"); err != nil {
		t.Fatal(err)
	}
	r.change("new_first")
	c.Schema.Forget()
	if lead, err := c.Table(t.Context(), "lead"); err != nil || lead.Attributes["new_first"] == nil {
		t.Errorf("%v, %v", lead, err)
	}
	if err := c.SaveDefinitions(); err != nil {
		t.Fatal(err)
	}
	if all, err := filepath.Glob(filepath.Join(r.folder, "*")); err != nil || len(all) != 0 {
		t.Errorf("files: %v, %v", all, err)
	}
}
