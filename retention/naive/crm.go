package naive

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Row is a row as the service's JSON says it.
type Row map[string]any

// Text is the text in a column, empty for none.
func (r Row) Text(column string) string {
	s, _ := r[column].(string)
	return s
}

// lookup is the id in a lookup column.
func (r Row) lookup(column string) string { return r.Text("_" + column + "_value") }

// CRM is everything in the CRM.
type CRM struct {
	Rows map[string][]Row
	ByID map[string]Row // of all tables: ids are unique
	// History is what the audit history has of columns that grounds count from: whoever has changed them knows.
	History []Change
}

// Tables are the tables that the policies of the tests need: entity set and primary key.
var Tables = map[string][2]string{
	"account":                       {"accounts", "accountid"},
	"contact":                       {"contacts", "contactid"},
	"lead":                          {"leads", "leadid"},
	"opportunity":                   {"opportunities", "opportunityid"},
	"quote":                         {"quotes", "quoteid"},
	"connection":                    {"connections", "connectionid"},
	"connectionrole":                {"connectionroles", "connectionroleid"},
	"msevtmgt_event":                {"msevtmgt_events", "msevtmgt_eventid"},
	"msevtmgt_eventteammember":      {"msevtmgt_eventteammembers", "msevtmgt_eventteammemberid"},
	"msevtmgt_eventregistration":    {"msevtmgt_eventregistrations", "msevtmgt_eventregistrationid"},
	"msdynmkt_contactpointconsent4": {"msdynmkt_contactpointconsent4s", "msdynmkt_contactpointconsent4id"},
	"phonecall":                     {"phonecalls", "activityid"},
	"appointment":                   {"appointments", "activityid"},
	"email":                         {"emails", "activityid"},
	"activityparty":                 {"activityparties", "activitypartyid"},
	"annotation":                    {"annotations", "annotationid"},
	"salesorder":                    {"salesorders", "salesorderid"},
	"task":                          {"tasks", "activityid"},
}

// Download reads the whole CRM at root, the address of its Web API.
func Download(ctx context.Context, t testing.TB, root, token string) *CRM {
	t.Helper()
	crm := &CRM{Rows: map[string][]Row{}, ByID: map[string]Row{}}
	for table, is := range Tables {
		for link := root + is[0]; link != ""; {
			req, err := http.NewRequestWithContext(ctx, "GET", link, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Prefer", "odata.maxpagesize=100")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var page struct {
				Value []Row  `json:"value"`
				Next  string `json:"@odata.nextLink"`
			}
			err = json.NewDecoder(resp.Body).Decode(&page)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("Download %s: %s, %v", table, resp.Status, err)
			}
			for _, row := range page.Value {
				crm.Rows[table] = append(crm.Rows[table], row)
				crm.ByID[row.Text(is[1])] = row
			}
			if link = page.Next; link != "" {
				if _, err := url.Parse(link); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return crm
}

// value follows a path over lookups from a row; nil where the way ends.
func (crm *CRM) value(row Row, path string) any {
	for {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			if v, ok := row["_"+first+"_value"]; ok {
				return v
			}
			return row[first]
		}
		// customerid_account is the lookup customerid as far as it points at accounts.
		id := row.lookup(first)
		if lookup, target, ok := strings.Cut(first, "_"); ok && id == "" && Tables[target] != [2]string{} {
			if next := crm.ByID[row.lookup(lookup)]; next.Text(target+"id") != "" {
				id = row.lookup(lookup)
			}
		}
		row, path = crm.ByID[id], rest
		if row == nil {
			return nil
		}
	}
}
