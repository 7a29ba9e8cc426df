package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// changeSetOf is a batch of one change set that writes the text to every contact and account, the account first, and as
// its last part something that fails, if it is to.
func changeSetOf(text string, contacts []uuid.UUID, account uuid.UUID, fails bool) string {
	var b strings.Builder
	b.WriteString("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n")
	n := 0
	part := func(path, body string) {
		n++
		fmt.Fprintf(&b, "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\nPATCH /api/data/v9.2/%s HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: *\r\n\r\n%s\r\n", n, path, body)
	}
	part("accounts("+account.String()+")", `{"name":"`+text+`"}`)
	for _, id := range contacts {
		part("contacts("+id.String()+")", `{"jobtitle":"`+text+`"}`)
	}
	if fails {
		part("contacts("+contacts[0].String()+")", `{"nosuch":1}`)
	}
	b.WriteString("--c--\r\n--b--\r\n")
	return b.String()
}

// "Change sets are … a single unit of work" (execute-batch-operations-using-web-api): whoever reads beside them, in
// whichever language and over how many tables, sees all of one or nothing of it, and of a failed one never anything.
func TestNobodySeesHalfAChangeSet(t *testing.T) {
	w := newWorld(t, Options{})
	account := w.put("account", "a1", map[string]any{"name": "0"})
	var contacts []uuid.UUID
	for i := range 8 {
		contacts = append(contacts, w.put("contact", fmt.Sprint("c", i+1), map[string]any{"jobtitle": "0", "parentcustomerid": store.Ref{Table: "account", ID: account}}))
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	var answers atomic.Int64
	for _, path := range []string{
		"contacts?$select=jobtitle&$expand=parentcustomerid_account($select=name)",
		"accounts?$select=name&$expand=contact_customer_accounts($select=jobtitle)",
		"contacts?$select=jobtitle&$orderby=jobtitle desc&$count=true",
		"contacts?$apply=groupby((jobtitle,parentcustomerid_account/name))",
		"contacts?fetchXml=" + escaped(`<fetch><entity name="contact"><attribute name="jobtitle"/><link-entity name="account" from="accountid" to="parentcustomerid" alias="a"><attribute name="name"/></link-entity></entity></fetch>`),
	} {
		readers.Go(func() {
			for last := false; !last; {
				last = done.Load() // one more after the last change
				r := w.raw("GET", path, nil, "")
				if r.status != http.StatusOK {
					t.Errorf("%s: %d %s", path, r.status, r.text)
					return
				}
				seen := map[string]bool{}
				for _, name := range []string{`"jobtitle":"`, `"name":"`, `"a.name":"`, `"parentcustomerid_account_name":"`} {
					for _, after := range strings.Split(r.text, name)[1:] {
						value, _, _ := strings.Cut(after, `"`)
						seen[value] = true
					}
				}
				if len(seen) != 1 {
					t.Errorf("%s: values of %d change sets in one answer: %v", path, len(seen), seen)
					return
				}
				if seen["failed"] {
					t.Errorf("%s: a failed change set shows", path)
					return
				}
				answers.Add(1)
			}
		})
	}
	for i := range 60 {
		text, fails := fmt.Sprint(i+1), i%3 == 2
		if fails {
			text = "failed"
		}
		r := w.raw("POST", "$batch", strings.NewReader(changeSetOf(text, contacts, account, fails)), "multipart/mixed; boundary=b")
		if (r.status == http.StatusOK) == fails {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	done.Store(true)
	readers.Wait()
	if answers.Load() < 5 {
		t.Errorf("only %d answers were looked at", answers.Load())
	}
}

// A page's rows are of one moment, and so are the rows of an answer that is being written while others change them: a
// reader holds a snapshot. Here the change set comes in the middle of the read.
func TestAReaderKeepsItsSnapshot(t *testing.T) {
	w := newWorld(t, Options{})
	account := w.put("account", "a1", map[string]any{"name": "0"})
	contacts := []uuid.UUID{w.put("contact", "c1", map[string]any{"jobtitle": "0"}), w.put("contact", "c2", map[string]any{"jobtitle": "0"})}
	c := &wire.Call{Engine: w.s.engine, User: w.s.engine.Administrator, Caller: w.s.engine.Administrator, Header: http.Header{}}
	e := query.NewEnv(c)
	source := e.Source(e.Snap.Schema.Tables["contact"])
	jobtitle := e.Snap.Schema.Tables["contact"].ByName["jobtitle"].Index
	var seen []any
	source.Scan(e, uuid.Nil, func(r *store.Row) bool {
		if len(seen) == 0 {
			if r := w.raw("POST", "$batch", strings.NewReader(changeSetOf("1", contacts, account, false)), "multipart/mixed; boundary=b"); r.status != http.StatusOK {
				t.Fatal(r.text)
			}
		}
		seen = append(seen, r.Get(jobtitle))
		return true
	})
	if fmt.Sprint(seen) != "[0 0]" {
		t.Errorf("saw %v", seen)
	}
	if got := w.rows("contacts?$select=jobtitle", "jobtitle"); strings.Join(got, " ") != "1 1" {
		t.Errorf("afterwards %v", got)
	}
}

// BenchmarkReadersBesideAWriter has 1, 2, 4 and 8 readers ask for pages of a filtered scan while a writer sends change
// sets without a pause. It prints how many pages and change sets there were in a second, and how long goroutines waited
// for locks, for each page: what does not depend on the number of cores.
func BenchmarkReadersBesideAWriter(b *testing.B) {
	w := newWorld(b, Options{})
	account := w.put("account", "a1", map[string]any{"name": "0"})
	var contacts []uuid.UUID
	for i := range 2000 {
		contacts = append(contacts, w.put("contact", fmt.Sprint("c", i+1), map[string]any{"jobtitle": "0", "fullname": fmt.Sprint("Person ", i), "parentcustomerid": store.Ref{Table: "account", ID: account}}))
	}
	waited := func() float64 {
		s := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
		metrics.Read(s)
		return s[0].Value.Float64()
	}
	for _, readers := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("%d-readers", readers), func(b *testing.B) {
			var left, written atomic.Int64
			left.Store(int64(b.N))
			stop := make(chan struct{})
			var writer, reading sync.WaitGroup
			before := waited()
			writer.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					if r := w.raw("POST", "$batch", strings.NewReader(changeSetOf(fmt.Sprint(i), contacts[:10], account, false)), "multipart/mixed; boundary=b"); r.status != http.StatusOK {
						b.Error(r.text)
						return
					}
					written.Add(1)
				}
			})
			for range readers {
				reading.Go(func() {
					for left.Add(-1) >= 0 {
						r := httptest.NewRequest(http.MethodGet, "/api/data/v9.2/contacts?$select=fullname,jobtitle&$filter=contains(fullname,'99')", nil)
						r.Header.Set("Authorization", "Bearer emulator")
						rec := httptest.NewRecorder()
						w.s.ServeHTTP(rec, r)
						if rec.Code != http.StatusOK {
							b.Error(rec.Body)
							return
						}
					}
				})
			}
			reading.Wait()
			took := b.Elapsed().Seconds()
			close(stop)
			writer.Wait()
			b.ReportMetric(float64(b.N)/took, "pages/s")
			b.ReportMetric(float64(written.Load())/took, "changesets/s")
			b.ReportMetric((waited()-before)/float64(b.N)*1e6, "µs-locked/page")
		})
	}
}
