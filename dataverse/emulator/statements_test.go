package emulator_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// statement is one thing that a page says of the Web API, and a request that shows it.
type statement struct {
	says               string
	method, path, body string // {name} stands for the id of a row, and for what an answer before had
	headers            []string
	status             int      // as the page says; 501 where the emulator refuses by name
	has                []string // in the answer
	lacks              []string // not in it
	keep               string   // the id of what was made, or a property as name=property
	amiss              bool     // known to be answered otherwise
}

// pageStatements are statements by page, in the order in which they are tried.
type pageStatements struct {
	page string
	said []statement
}

// withNames asks for annotations.
var withNames = []string{"Prefer", `odata.include-annotations="*"`}

// TestPagesDrawnAtRandom tries what pages say that were drawn by a seed, and holds the table in docs/emulator.md to it.
func TestPagesDrawnAtRandom(t *testing.T) {
	o := newSite(t, emulator.Options{})
	user, _ := o.person("ada")
	known := map[string]string{"user": user, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "organization": o.server.Rows("organization")[0].ID.String()}
	directory := uuid.New()
	if err := o.server.Load(emulator.Record{Table: "systemuser", Values: map[string]any{"lastname": "Bo", "domainname": "bo@x.invalid", "azureactivedirectoryobjectid": directory}}); err != nil {
		t.Fatal(err)
	}
	known["directory"] = directory.String()
	for _, r := range o.server.Rows("role") {
		known["role"] = r.ID.String()
	}
	o.tryPages(known, "statements", drawnPages, drawnDefinitions)
}

// TestPagesDrawnAgain does the same with a second draw.
func TestPagesDrawnAgain(t *testing.T) {
	o := newSite(t, emulator.Options{Languages: []int{1031}})
	user, _ := o.person("ada")
	known := map[string]string{"user": user, "unit": o.server.Rows("businessunit")[0].ID.String(), "guid": uuid.NewString(), "root": o.srv.URL + "/api/data/v9.2/"}
	admin := &org{T: t, url: o.srv.URL, token: "emulator"}
	known["admin"] = admin.get("WhoAmI").at("UserId").(string)
	known["view"] = admin.get("savedqueries?$select=savedqueryid&$filter=name eq 'Active Contacts'").at("value", 0, "savedqueryid").(string)
	for name, rights := range map[string][]string{
		"creator":  {"prvCreateAccount Global"},
		"reader":   {"prvCreateAccount Global", "prvReadAccount Global"},
		"writer":   {"prvCreateAccount Global", "prvReadAccount Global", "prvWriteAccount Global", "prvCreateContact Global", "prvReadContact Global", "prvCreateOpportunity Global", "prvReadOpportunity Global"},
		"appender": {"prvReadAccount Global", "prvCreateOpportunity Global", "prvReadOpportunity Global", "prvAppendToAccount Global", "prvAppendOpportunity Global", "prvReadTransactionCurrency Global", "prvAppendToTransactionCurrency Global"},
	} {
		who, id := admin.user(known["unit"], rights...)
		known[name], known[name+"id"] = "Bearer "+who.token, id
	}
	german := o.user("bo")
	o.do("PATCH", "usersettingscollection("+german.String()+")", `{"uilanguageid":1031}`).want(204)
	known["german"] = "Bearer " + o.server.TokenFor(german)
	known["shared"] = o.create("accounts", `{"name":"Shared"}`)
	rivals := make([]emulator.Record, 10_001)
	for i := range rivals {
		rivals[i] = emulator.Record{Table: "competitor", Values: map[string]any{"name": "A " + strconv.Itoa(i)}}
	}
	if err := o.server.Load(rivals...); err != nil {
		t.Fatal(err)
	}
	o.tryPages(known, "", drawnAgain, drawnAgainRows)
}

// tryPages tries what pages say, with what is known from the start, and holds the table of docs/emulator.md that has a mark to it.
func (o *site) tryPages(known map[string]string, mark string, lists ...[]pageStatements) {
	t := o.t
	t.Helper()
	fill := func(text string) string {
		for name, value := range known {
			text = strings.ReplaceAll(text, "{"+name+"}", value)
		}
		return text
	}
	var table strings.Builder
	table.WriteString("| page | tried | right | refused by name | wrong |\n|---|---|---|---|---|\n")
	var sum [4]int
	for _, p := range slices.Concat(lists...) {
		right, refused, wrong := 0, 0, 0
		for _, s := range p.said {
			headers := slices.Clone(s.headers)
			for i := range headers {
				headers[i] = fill(headers[i])
			}
			path := fill(s.path)
			if strings.HasPrefix(path, "/") {
				path = o.srv.URL + path
			}
			r := o.do(s.method, path, fill(s.body), headers...)
			why := ""
			if r.status != s.status {
				why = fmt.Sprintf("status %d, want %d", r.status, s.status)
			}
			for _, text := range s.has {
				if !strings.Contains(r.text, fill(text)) && !strings.Contains(fmt.Sprint(r.header), fill(text)) {
					why = "no " + text
				}
			}
			for _, text := range s.lacks {
				if strings.Contains(r.text, fill(text)) {
					why = "has " + text
				}
			}
			switch {
			case s.amiss && why != "":
				wrong++
			case s.amiss:
				t.Errorf("%s: %s: right by now", p.page, s.says)
			case why == "" && s.status == 501:
				refused++
			case why == "":
				right++
			default:
				wrong++
				t.Errorf("%s: %s: %s: %.900s", p.page, s.says, why, r.text)
			}
			if name, property, of := strings.Cut(s.keep, "="); of {
				_, rest, _ := strings.Cut(strings.ReplaceAll(r.text, `\"`, "''"), `"`+property+`":"`)
				rest, _, _ = strings.Cut(rest, `"`)
				known[name] = strings.ReplaceAll(rest, "''", `"`)
			} else if s.keep != "" && r.header.Get("OData-EntityId") != "" {
				known[name] = r.id()
			}
		}
		for i, n := range []int{len(p.said), right, refused, wrong} {
			sum[i] += n
		}
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d |\n", p.page, len(p.said), right, refused, wrong)
	}
	fmt.Fprintf(&table, "| together | %d | %d | %d | %d |\n", sum[0], sum[1], sum[2], sum[3])
	if mark == "" {
		t.Log("\n" + table.String())
		return
	}
	b, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "<!-- "+mark+" -->\n")
	if got, _, found := strings.Cut(rest, "<!-- /"+mark+" -->"); !found || got != table.String() {
		t.Errorf("docs/emulator.md has to say between its marks:\n%s", table.String())
	}
}
