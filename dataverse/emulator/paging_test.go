package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// pages follows nextLink to the end and returns a column of all rows, page by page. between is called after each page.
func (w *world) pages(path, column string, size int, between func()) [][]string {
	w.t.Helper()
	var out [][]string
	for path != "" {
		r := w.get(path, "odata.maxpagesize="+strconv.Itoa(size))
		if r.status != 200 {
			w.t.Fatalf("GET %s: %d %s", path, r.status, r.text)
		}
		if got := r.header.Get("Preference-Applied"); got != "odata.maxpagesize="+strconv.Itoa(size) {
			w.t.Fatalf("Preference-Applied: %q", got)
		}
		out = append(out, r.column(column))
		path, _ = r.body["@odata.nextLink"].(string)
		if between != nil {
			between()
		}
	}
	return out
}

// Page: webapi/query/page-results.
func TestNextLink(t *testing.T) {
	w := crm(t, Options{})
	r := w.get("contacts?$select=fullname&$filter=statecode eq 0&$count=true", "odata.maxpagesize=2")
	link, _ := r.body["@odata.nextLink"].(string)
	want := w.url + "/api/data/v9.2/contacts?$select=fullname&$filter=statecode%20eq%200&$count=true&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d%2522%257b" +
		strings.ToUpper(idOfName("c3").String()) + "%257d%2522%2520first%253d%2522%257b" + strings.ToUpper(idOfName("c1").String()) + "%257d%2522%2520%252f%253e%253c%252fcookie%253e%22%20istracking=%22False%22%20/%3E"
	if link != want {
		t.Errorf("nextLink:\n%s\nwant\n%s", link, want)
	}
	if fmt.Sprint(r.body["@odata.count"]) != "3" {
		t.Errorf("count %v on the first page", r.body["@odata.count"])
	}
	r = w.get(link, "odata.maxpagesize=2")
	if got := r.column("fullname"); !slices.Equal(got, []string{"50%_off [sale]"}) || fmt.Sprint(r.body["@odata.count"]) != "3" {
		t.Errorf("second page %v, count %v", got, r.body["@odata.count"])
	}
	if r.body["@odata.nextLink"] != nil {
		t.Error("a link behind the last page")
	}
}

// Pages: webapi/query/page-results says that $top is ignored beside a page size; an older page says the opposite.
func TestTopAndPageSize(t *testing.T) {
	if got := crm(t, Options{}).rows("contacts?$top=1", "fullname", "odata.maxpagesize=3"); len(got) != 3 {
		t.Errorf("%d rows, want the page's 3", len(got))
	}
	w := crm(t, Options{TopBeforePageSize: true})
	r := w.get("contacts?$top=3", "odata.maxpagesize=1")
	if got := r.column("fullname"); len(got) != 3 || r.body["@odata.nextLink"] != nil {
		t.Errorf("%d rows and link %v, want the top 3", len(got), r.body["@odata.nextLink"])
	}
	if r := w.get("contacts?$top=2"); r.body["@odata.nextLink"] != nil {
		t.Error("$top has pages")
	}
}

// Any page size yields the same rows once each, in whatever order, while other rows come and go.
func TestPagesYieldEveryRowOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, Options{})
		n := rapid.IntRange(0, 30).Draw(rt, "rows")
		var want []string
		for i := range n {
			name := "c" + strconv.Itoa(2*i)
			cols := map[string]any{"fullname": name, "statecode": i % 2}
			if v := rapid.SampledFrom([]string{"", "a", "A", "b", "É", "é", "e", `"<&'`}).Draw(rt, "value"); v != "" {
				cols["lastname"] = v
				cols["birthdate"] = store.Day(i / 3)
				cols["creditlimit"] = float64(i) / 7
				cols["createdon"] = store.Instant(i / 2)
				cols["parentcustomerid"] = to("account", "a"+v)
			}
			w.put("contact", name, cols)
			want = append(want, name)
		}
		w.put("account", "aa", map[string]any{"name": "x"})
		w.put("account", "ab", map[string]any{"name": "y"})
		orders := []string{"lastname", "birthdate desc", "creditlimit", "createdon desc", "statecode desc", "_parentcustomerid_value", "lastname desc"}
		path := "contacts?$select=fullname&$filter=startswith(fullname,'c')"
		if by := rapid.SliceOfN(rapid.SampledFrom(orders), 0, 2).Draw(rt, "orderby"); len(by) > 0 {
			path += "&$orderby=" + strings.Join(by, ",")
		}
		steps := 0
		got := slices.Concat(w.pages(path, "fullname", rapid.IntRange(1, 7).Draw(rt, "page"), func() {
			steps++
			w.put("contact", "x"+strconv.Itoa(2*steps+1), map[string]any{"fullname": "other"})
			w.put("contact", "c"+strconv.Itoa(2*steps+1), map[string]any{"fullname": "z", "lastname": "a"})
			if steps > 1 {
				w.remove("contact", "x"+strconv.Itoa(2*steps-1))
			}
		})...)
		got2 := slices.Clone(got)
		slices.Sort(got2)
		slices.Sort(want)
		if !slices.Equal(got2, want) {
			rt.Fatalf("%s: got %v, want %v", path, got, want)
		}
	})
}

// The order across pages is the order without pages.
func TestPagesKeepTheOrder(t *testing.T) {
	w := crm(t, Options{})
	for _, by := range []string{"fullname", "fullname desc", "birthdate", "birthdate desc", "_parentcustomerid_value,fullname desc", "statecode desc,emailaddress1", "createdon desc"} {
		all := w.rows("contacts?$orderby="+by, "fullname")
		for size := 1; size <= 4; size++ {
			if d := cmp.Diff(all, slices.Concat(w.pages("contacts?$orderby="+by, "fullname", size, nil)...)); d != "" {
				t.Errorf("%s by %d:\n%s", by, size, d)
			}
		}
	}
	// A lookup sorts by the name of what it points at, null first (webapi/query/order-rows).
	want := []string{"50%_off [sale]", "emily BRONTË", "Émile Zola", "Ada Lovelace"}
	if d := cmp.Diff(want, w.rows("contacts?$orderby=_parentcustomerid_value,fullname desc", "fullname")); d != "" {
		t.Error(d)
	}
}

// Pages: fetchxml/page-results, includes/cc-ordering-paging.
func TestFetchPages(t *testing.T) {
	w := crm(t, Options{})
	const cookieName, moreName = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie", "@Microsoft.Dynamics.CRM.morerecords"
	annotations := `odata.include-annotations="Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"`
	for _, order := range []string{"", `<order attribute="fullname" descending="true"/>`, `<order attribute="parentcustomerid"/>`, `<order attribute="statecode"/>`} {
		for _, link := range []string{"", `<link-entity name="email" from="regardingobjectid" to="contactid" link-type="outer" alias="e"><attribute name="subject"/></link-entity>`} {
			body := `<entity name="contact"><attribute name="fullname"/>` + order + link + `</entity></fetch>`
			all := w.fetchRows("contacts", "<fetch>"+body, "fullname")
			for size := 1; size <= 5; size++ {
				var got []string
				cookie := ""
				for page := 1; page < 10; page++ {
					f := fmt.Sprintf(`<fetch count="%d" page="%d" paging-cookie="%s">%s`, size, page, fetchxml.Escape(cookie), body)
					if cookie == "" {
						f = strings.Replace(f, ` paging-cookie=""`, "", 1)
					}
					r := w.get("contacts?fetchXml="+escaped(f), annotations)
					got = append(got, r.column("fullname")...)
					if r.body[moreName] == nil {
						if r.body[cookieName] != nil || r.header.Get("Preference-Applied") != "" {
							t.Error("annotations on the last page")
						}
						break
					}
					next, err := fetchxml.ParseNextPage(r.body[cookieName].(string))
					if err != nil {
						t.Fatal(err)
					}
					cookie = next.Cookie.String()
				}
				if d := cmp.Diff(all, got); d != "" {
					t.Errorf("%s %s by %d:\n%s", order, link, size, d)
				}
			}
		}
	}
	simple := slices.Concat(w.fetchRows("contacts", `<fetch count="3"><entity name="contact"/></fetch>`, "fullname"),
		w.fetchRows("contacts", `<fetch count="3" page="2"><entity name="contact"/></fetch>`, "fullname"))
	if len(simple) != 4 {
		t.Errorf("simple paging: %v", simple)
	}
}
