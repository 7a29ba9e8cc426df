package purge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge"
)

const costPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    grounds:
      - {id: deal, basis: contract, why: A deal that is open, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related:
      - {table: email, party: any, do: delete}
      - {table: annotation, link: objectid, do: delete}
      - {table: '*', do: delete}
`

// counted counts requests, the operations in them, and of the requests those for definitions of tables.
type counted struct{ requests, operations, definitions atomic.Int64 }

var operationLine = regexp.MustCompile(`(?m)^(GET|POST|PATCH|PUT|DELETE) \S+ HTTP/1\.1\r?$`)

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	inside := 0
	defines := strings.Contains(r.URL.Path, "/EntityDefinitions")
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		inside = len(operationLine.FindAll(b, -1))
		defines = defines || bytes.Contains(b, []byte("GET /api/data/v9.2/EntityDefinitions"))
	}
	if defines {
		c.definitions.Add(1)
	}
	c.requests.Add(1)
	c.operations.Add(int64(max(1, inside)))
	return http.DefaultTransport.RoundTrip(r)
}

// BenchmarkRequestsPerPerson counts the requests and operations of a night that purges, for each person, with so many related rows
// in tables of the platform, and with rows in tables of the company's own: 70 that point at contacts, 30 of them with rows. A night
// purges 100 persons, or ten of those with 500 rows.
//
//	go test ./retention/purge -run '^$' -bench RequestsPerPerson -benchtime 1x
func BenchmarkRequestsPerPerson(b *testing.B) {
	for _, tt := range []struct {
		name           string
		rows, own, has int
	}{{"0-rows", 0, 0, 0}, {"3-rows", 3, 0, 0}, {"10-rows", 10, 0, 0}, {"50-rows", 50, 0, 0}, {"500-rows", 500, 0, 0}, {"70-tables", 3, 70, 30}} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, costPolicy)
				w.ownTables(tt.own)
				persons := 100
				if tt.rows > 100 {
					persons = 10
				}
				for i := range persons {
					name := fmt.Sprint("person ", i)
					w.create("contact", name, row{"firstname": "Ilse", "lastname": fmt.Sprintf("Q%dendrix", i), "emailaddress1": fmt.Sprintf("q%d@example.com", i)})
					for j := range tt.rows {
						row := row{"subject": "Dear Ilse"}
						switch j % 3 {
						case 0:
							row["regardingobjectid_contact_task@odata.bind"] = bindTo("contacts", name)
							w.create("task", fmt.Sprint(name, " task ", j), row)
						case 1:
							row["objectid_contact@odata.bind"] = bindTo("contacts", name)
							w.create("annotation", fmt.Sprint(name, " note ", j), row)
						default:
							row["email_activity_parties"] = []map[string]any{{"participationtypemask": 2, "partyid_contact@odata.bind": bindTo("contacts", name)}}
							w.create("email", fmt.Sprint(name, " mail ", j), row)
						}
					}
					if tt.has > 0 {
						for j := range 3 {
							table := fmt.Sprintf("cost_t%d", (3*i+j)%tt.has)
							w.create(table, fmt.Sprint(name, " own ", j), row{"cost_name": "Of Ilse", "cost_Contact@odata.bind": bindTo("contacts", name)})
						}
					}
				}
				w.client = w.connect(6)
				w.run()
				w.advance(61)
				c := new(counted)
				credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
				w.must(err)
				w.client, err = dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: c, Definitions: definitions})
				w.must(err)
				w.checked(w.client)
				checked := c.requests.Load()
				c.requests.Store(0)
				c.operations.Store(0)
				c.definitions.Store(0)
				s := w.run()
				if s.Purged() != persons || len(s.Failures) > 0 {
					b.Fatalf("%d purged, failures %v", s.Purged(), s.Failures)
				}
				b.ReportMetric(float64(c.requests.Load())/float64(persons), "requests/person")
				b.ReportMetric(float64(c.operations.Load())/float64(persons), "operations/person")
				b.ReportMetric(float64(c.requests.Load()), "requests/night")
				b.ReportMetric(float64(c.definitions.Load()), "definitions/night")
				b.ReportMetric(float64(checked), "requests/check")
			}
		})
	}
}

// night counts the requests of a night that purges so many persons, each with so many notes.
func (w *world) night(persons, notes int, tune ...func(*purge.Deps)) int64 {
	w.t.Helper()
	for i := range persons {
		name := fmt.Sprint("person ", i)
		w.create("contact", name, row{"firstname": "Ilse", "lastname": fmt.Sprintf("Q%dendrix", i), "emailaddress1": fmt.Sprintf("q%d@example.com", i)})
		for j := range notes {
			w.create("annotation", fmt.Sprint(name, " note ", j), row{"subject": "Dear Ilse", "objectid_contact@odata.bind": bindTo("contacts", name)})
		}
	}
	w.client = w.connect(6)
	w.run()
	w.advance(61)
	c := new(counted)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	w.must(err)
	w.client, err = dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: c, Definitions: definitions})
	w.must(err)
	w.checked(w.client)
	c.requests.Store(0)
	s := w.run(tune...)
	if s.Purged() != persons || len(s.Failures) > 0 {
		w.t.Fatalf("%d purged, failures %v", s.Purged(), s.Failures)
	}
	return c.requests.Load()
}

// TestRequestsOfAChunk holds how many requests a purge makes for a chunk more of persons: what is asked at the same time goes
// together, whatever it is.
func TestRequestsOfAChunk(t *testing.T) {
	t.Parallel()
	ten := func(d *purge.Deps) { d.Chunk = 10 }
	few, many := newWorld(t, costPolicy).night(12, 3, ten), newWorld(t, costPolicy).night(42, 3, ten)
	t.Logf("12 persons: %d requests, 42: %d", few, many)
	if each := float64(many-few) / 3; each > 15 {
		t.Errorf("a chunk of ten persons more makes %.1f requests", each)
	}
}

// TestRequestsOfLargePersons holds that persons with too many rows for a chunk are looked at together, stage by stage.
func TestRequestsOfLargePersons(t *testing.T) {
	t.Parallel()
	few, many := newWorld(t, costPolicy).night(4, 12, small), newWorld(t, costPolicy).night(10, 12, small)
	t.Logf("4 persons: %d requests, 10: %d", few, many)
	if each := float64(many-few) / 6; each > 16 {
		t.Errorf("a person more of 12 rows, where a change set holds ten operations, makes %.1f requests", each)
	}
}

// ownTables makes tables of the company's own that point at contacts.
func (w *world) ownTables(n int) {
	if n == 0 {
		return
	}
	post := func(path string, body row) {
		w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodPost, Path: path, Body: body}, nil))
	}
	label := func(text string) row { return row{"LocalizedLabels": []row{{"Label": text, "LanguageCode": 1033}}} }
	post("publishers", row{"friendlyname": "cost", "uniquename": "cost", "customizationprefix": "cost", "customizationoptionvalueprefix": 50000})
	for i := range n {
		name := fmt.Sprintf("cost_t%d", i)
		post("EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": name, "DisplayName": label(name), "DisplayCollectionName": label(name + "s"),
			"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
			"Attributes": []row{{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "cost_Name", "DisplayName": label("Name"), "IsPrimaryName": true, "MaxLength": 100}}})
		post("RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": name + "_contact", "ReferencedEntity": "contact", "ReferencingEntity": name,
			"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
			"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "cost_Contact", "DisplayName": label("Contact")}})
	}
	w.client = w.connect(6)
}
