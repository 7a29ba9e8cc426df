package emulator_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
)

const track = "odata.track-changes"

// plain is a link of an answer as do takes it: below the service root, with a query that is not encoded.
func (o *org) plain(link any) string {
	o.Helper()
	text, _ := link.(string)
	rest, found := strings.CutPrefix(text, o.url+"/api/data/v9.2/")
	plain, err := url.QueryUnescape(rest)
	if !found || err != nil {
		o.Fatalf("%v is no link: %v", link, err)
	}
	return plain
}

// changed are the entries of an answer: names of rows, and the ids of deleted ones behind a minus.
func changed(r reply, name string) []string {
	out := []string{}
	for _, x := range r.list() {
		if x["reason"] == "deleted" {
			out = append(out, "-"+x["id"].(string))
		} else {
			out = append(out, x[name].(string))
		}
	}
	return out
}

// Page use-change-tracking-synchronize-data-external-systems: "This header requests that a delta link is returned which can
// later be used to retrieve table changes."
func TestTrackChanges(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 10, 44, 0, time.UTC)
	o := newOrg(t, emulator.Options{Now: func() time.Time { return now }})
	make := func(name string) string {
		return o.must("POST", "accounts", map[string]any{"name": name, "telephone1": "555000"}, "Prefer", "return=representation").at("accountid").(string)
	}
	old, kept := make("Old"), make("Kept")
	o.must("DELETE", "accounts("+make("Before")+")", nil)

	first := o.get("accounts?$select=name,telephone1", "Prefer", track)
	if first.header.Get("Preference-Applied") != track || first.at("@odata.context") != o.url+"/api/data/v9.2/$metadata#accounts(name,telephone1)" {
		t.Errorf("%q %s", first.header.Get("Preference-Applied"), first.text)
	}
	// "it returns all records … Deleted objects are not returned."
	if diff := cmp.Diff([]string{"Old", "Kept"}, changed(first, "name")); diff != "" {
		t.Error(diff)
	}
	link, _ := first.at("@odata.deltaLink").(string)
	if !strings.HasPrefix(link, o.url+"/api/data/v9.2/accounts?$select=name%2Ctelephone1&$deltatoken=") || !strings.HasSuffix(link, "%2111%2f24%2f2026%2008%3a10%3a44") {
		t.Errorf("the page's token is 919042%%2108%%2f22%%2f2017%%2008%%3a10%%3a44; got %s", link)
	}
	delta := o.plain(link)
	if r := o.get(delta); len(r.list()) != 0 || r.at("@odata.deltaLink") == nil || r.header.Get("Preference-Applied") != "" {
		t.Errorf("nothing has changed: %s", r.text)
	}

	// "the caller will get all new or updated records first (sorted by version number) followed by deleted records";
	// "a record is created and deleted before the next query for changes, they'll get the deleted item".
	o.must("DELETE", "accounts("+old+")", nil)
	brief := make("Brief")
	fresh := make("New")
	o.must("DELETE", "accounts("+brief+")", nil)
	o.must("PATCH", "accounts("+kept+")", map[string]any{"name": "Renamed"})
	r := o.get(delta)
	if diff := cmp.Diff([]string{"New", "Renamed", "-" + old, "-" + brief}, changed(r, "name")); diff != "" {
		t.Error(diff)
	}
	if r.at("@odata.context") != o.url+"/api/data/v9.2/$metadata#accounts(name,telephone1)/$delta" {
		t.Error(r.at("@odata.context"))
	}
	if diff := cmp.Diff(map[string]any{"@odata.context": o.url + "/api/data/v9.2/$metadata#accounts/$deletedEntity", "id": old, "reason": "deleted"}, r.list()[2]); diff != "" {
		t.Error(diff)
	}
	if x := r.list()[0]; x["accountid"] != fresh || x["telephone1"] != "555000" || x["@odata.etag"] == nil {
		t.Error(x)
	}
	// "You can add $count to the delta link".
	_, token, _ := strings.Cut(delta, "$deltatoken=")
	if n := strings.TrimPrefix(o.get("accounts/$count?$deltatoken="+token).text, "\ufeff"); n != "4" {
		t.Errorf("%q changes", n)
	}
	// "The response for the delta link … contains another delta link."
	if r := o.get(o.plain(r.at("@odata.deltaLink"))); len(r.list()) != 0 {
		t.Error(r.text)
	}
	// A row that came back from the recycle bin is there: it is no deleted one.
	o.must("POST", "Restore", map[string]any{"Target": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": old}})
	if diff := cmp.Diff([]string{"New", "Renamed", "Old", "-" + brief}, changed(o.get(delta), "name")); diff != "" {
		t.Error(diff)
	}

	// "Changes are returned if the last token is within a default value of 7 days. This duration is controlled by the value of
	// the Organization table ExpireChangeTrackingInDays column".
	now = now.Add(7 * 24 * time.Hour)
	o.get(delta)
	now = now.Add(time.Second)
	o.refused(400, "0x80044352", "expired", "GET", delta, nil)
	o.must("PATCH", "organizations("+o.get("organizations?$select=name").at("value", 0, "organizationid").(string)+")", map[string]any{"expirechangetrackingindays": 8})
	o.get(delta)
}

// Page as above: "If the new or updated item collection is greater than 5000, the user can page through the collection."
func TestTrackChangesByPages(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	var ids []string
	for i := range 7 {
		ids = append(ids, o.must("POST", "accounts", map[string]any{"name": fmt.Sprint(i)}, "Prefer", "return=representation").at("accountid").(string))
	}
	pages := func(path string, between func(), headers ...string) (entries []string, delta string) {
		for n := 0; ; n++ {
			r := o.get(path, headers...)
			if len(r.list()) > 3 {
				t.Fatalf("a page of %d", len(r.list()))
			}
			entries = append(entries, changed(r, "name")...)
			next := r.at("@odata.nextLink")
			if (next == nil) != (r.at("@odata.deltaLink") != nil) {
				t.Fatalf("the last page has a delta link, the others a next link: %s", r.text)
			}
			if next == nil {
				return entries, o.plain(r.at("@odata.deltaLink"))
			}
			if n == 0 && between != nil {
				between()
			}
			path, headers = o.plain(next), []string{"Prefer", "odata.maxpagesize=3"}
		}
	}
	// What changes while the pages are read comes with the next query, a row of a page that was read already as well.
	got, delta := pages("accounts?$select=name", func() {
		o.must("PATCH", "accounts("+ids[0]+")", map[string]any{"name": "again"})
		o.must("DELETE", "accounts("+ids[1]+")", nil)
		o.must("DELETE", "accounts("+ids[6]+")", nil)
	}, "Prefer", track+",odata.maxpagesize=3")
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5"}, got); diff != "" {
		t.Error(diff)
	}
	got, delta = pages(delta, nil, "Prefer", "odata.maxpagesize=3")
	if diff := cmp.Diff([]string{"again", "-" + ids[1], "-" + ids[6]}, got); diff != "" {
		t.Error(diff)
	}
	var want []string
	for _, id := range []string{ids[3], ids[2], ids[4]} { // exactly a page of rows, then a page of deleted ones and one more
		o.must("PATCH", "accounts("+id+")", map[string]any{"name": id})
		want = append(want, id)
	}
	for range 4 {
		id := o.must("POST", "accounts", map[string]any{"name": "brief"}, "Prefer", "return=representation").at("accountid").(string)
		o.must("DELETE", "accounts("+id+")", nil)
		want = append(want, "-"+id)
	}
	got, _ = pages(delta, nil, "Prefer", "odata.maxpagesize=3")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Page as above, and web-service-error-codes: ChangeTrackingNotEnabledForEntity, ExpiredVersionStamp.
func TestRefuseTrackChanges(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	for _, option := range []string{"$filter=name eq 'x'", "$orderby=name", "$expand=primarycontactid($select=fullname)", "$top=1"} {
		name, _, _ := strings.Cut(option, "=")
		o.refused(400, "0x80060888", `The "`+name+`" query parameter isn't supported when Change Tracking is enabled.`, "GET", "accounts?"+option, nil, "Prefer", track)
	}
	o.refused(501, "0x80040315", "odata.track-changes with fetchXml", "GET", "accounts?fetchXml=<fetch><entity name='account'/></fetch>", nil, "Prefer", track)
	o.refused(501, "0x80040315", "related rows", "GET", "accounts("+o.must("POST", "accounts", map[string]any{"name": "A"}, "Prefer", "return=representation").at("accountid").(string)+")/contact_customer_accounts", nil, "Prefer", track)
	for _, token := range []string{"", "x", "12", "-1!11/24/2026 08:00:00", "12!24/11/2026", "999999999999!11/24/2026 08:00:00"} {
		o.refused(400, "0x80060888", "$deltatoken", "GET", "accounts?$deltatoken="+token, nil)
	}
	for _, token := range []string{`<cookie pagenumber="2" pagingcookie="%3ccookie%20page%3d%221%22%3e%3c%2fcookie%3e" istracking="True" />`, "x"} {
		o.refused(400, "0x8004112a", "", "GET", "accounts?$skiptoken="+token, nil, "Prefer", track)
	}

	// "make sure that change tracking is enabled for that table"; "Once change tracking has been enabled for a table, it is
	// not possible to disable it."
	book := func(tracked any) map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "sample_Book", "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false,
			"HasNotes": false, "ChangeTrackingEnabled": tracked, "DisplayName": label("Book"), "DisplayCollectionName": label("Books"),
			"Attributes": []any{func() map[string]any {
				c := define("String", "sample_Name", map[string]any{"MaxLength": 100})
				c["IsPrimaryName"] = true
				return c
			}()}}
	}
	o.must("POST", "EntityDefinitions", book(nil))
	o.refused(400, "0x80072491", "Entity sample_book isn't enabled for change tracking.", "GET", "sample_books", nil, "Prefer", track)
	const definition = "EntityDefinitions(LogicalName='sample_book')"
	o.must("PUT", definition, book(true))
	if o.get(definition+"?$select=ChangeTrackingEnabled").at("ChangeTrackingEnabled") != true {
		t.Error("not enabled")
	}
	o.refused(400, "0x80040203", "cannot be disabled", "PUT", definition, book(false))
	delta := o.plain(o.get("sample_books?$select=sample_name", "Prefer", track).at("@odata.deltaLink"))
	o.must("POST", "sample_books", map[string]any{"sample_name": "Weeding"})
	if diff := cmp.Diff([]string{"Weeding"}, changed(o.get(delta), "sample_name")); diff != "" {
		t.Error(diff)
	}

	// "The calling user must have organization level read access to the table. If the user has limited read access, the system
	// throws a privilege check error."
	few, _ := o.user(o.unit(), "prvReadAccount Deep")
	few.get("accounts?$select=name")
	few.refused(403, "0x80040220", "prvReadAccount", "GET", "accounts?$select=name", nil, "Prefer", track)
	all, _ := o.user(o.unit(), "prvReadAccount Global")
	all.get("accounts?$select=name", "Prefer", track)
}

// A backup that was put in place takes back what a token from after it knows: it does not count any more.
func TestTrackChangesOverABackup(t *testing.T) {
	s := emulator.New(emulator.Options{})
	srv := httptest.NewServer(s)
	defer srv.Close()
	o := &org{T: t, url: srv.URL, token: "emulator"}
	o.must("POST", "accounts", map[string]any{"name": "A"})
	id := s.Snapshot()
	o.must("POST", "accounts", map[string]any{"name": "B"})
	delta := o.plain(o.get("accounts?$select=name", "Prefer", track).at("@odata.deltaLink"))
	if err := s.Restore(id); err != nil {
		t.Fatal(err)
	}
	o.refused(400, "0x80044352", "full sync", "GET", delta, nil)
	if diff := cmp.Diff([]string{"A"}, changed(o.get("accounts?$select=name", "Prefer", track), "name")); diff != "" {
		t.Error(diff)
	}
}
