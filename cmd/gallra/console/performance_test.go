package console

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// largeBook is a plan in which n persons have a date, with names, owners and a ledger entry each.
func largeBook(w *world, n int) *reading {
	r := rand.New(rand.NewPCG(1, 2))
	old := w.console.reading()
	c := *old.Coming
	c.Owners = []report.Owner{{}}
	for i := range 150 {
		c.Owners = append(c.Owners, report.Owner{ID: uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, i)), Table: "systemuser", Name: fmt.Sprintf("Seller %03d Andersson", i)})
	}
	firsts := strings.Fields("Anna Björn Cecilia David Elin Fredrik Gunilla Håkan Ingrid Johan Karin Lars Maria Nils Olivia Per Sara Tomas Ulla Östen")
	c.Persons = make([]report.Person, n)
	done := map[retention.Action]int{}
	for i := range c.Persons {
		p := &c.Persons[i]
		for k := range p.ID {
			p.ID[k] = byte(r.Uint32())
		}
		p.Name = firsts[r.IntN(len(firsts))] + " " + firsts[r.IntN(len(firsts))] + fmt.Sprintf("sson %d", r.IntN(10000))
		p.Email = fmt.Sprintf("person%d@example%d.com", i, r.IntN(500))
		p.Owner, p.Ground, p.Table = int32(1+r.IntN(150)), int32(r.IntN(len(c.Grounds))), int32(r.IntN(len(c.Tables)))
		p.Action = []retention.Action{retention.Wait, retention.Wait, retention.Wait, retention.Schedule, retention.Purge}[r.IntN(5)]
		p.PurgeOn, p.NoticedOn = c.AsOf+retention.Date(r.IntN(70)), c.AsOf-10
		done[p.Action]++
	}
	b := &reading{Coming: &c, checked: old.checked, evaluation: old.evaluation, traces: old.traces, read: old.read, id: old.id, totals: old.totals}
	e := *old.evidence
	for i := range c.Persons {
		line := e.entries[0]
		line.id, line.seq = c.Persons[i].ID, uint64(i)
		e.entries = append(e.entries, line)
	}
	b.evidence = &e
	began := time.Now()
	b.sort()
	w.Logf("sorting %d persons in every order took %s", n, time.Since(began).Round(time.Millisecond))
	return b
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkPages asks for every page with 200,000 persons in the plan. It prints the time of one answer on the server, and
// what the plan holds in memory: go test ./cmd/gallra/console -run '^$' -bench Pages
func BenchmarkPages(b *testing.B) {
	const persons = 200_000
	w := newWorld(b, nil)
	w.run()
	w.serve(nil)
	before := heap()
	large := largeBook(w, persons)
	b.Logf("the plan of %d persons holds %d bytes a person", persons, (heap()-before)/persons)
	somebody := w.somebody()
	w.console.keep(large)
	token := strings.TrimPrefix(w.console.Link(), w.url+"/start/")
	cookie, _ := w.console.sessions.enter(token)
	s := w.console.sessions.session(cookie, true)
	handler := w.console.handler()
	host := strings.TrimPrefix(w.url, "http://")
	word := s.remember("karin östensson 12")
	for _, page := range []struct{ name, path string }{
		{"coming by ground", "/"}, {"coming by owner", "/?by=owner"}, {"people", "/people"}, {"people by name", "/people?sort=name&down=1"},
		{"people searched", "/people?s=" + word}, {"people filtered", "/people?table=contact&state=wait&owner=" + large.Owners[7].ID.String()},
		{"rows in the middle", "/people/rows?at=100000"}, {"rows at the end, filtered", "/people/rows?state=coming&sort=owner&at=150000"},
		{"person", personPath("contact", somebody.ID)}, {"policy", "/policy?try=contact/closed-opportunity"}, {"run", "/run"}, {"ledger", "/ledger?at=100000"}, {"ledger of a kind", "/ledger?kind=start"},
	} {
		b.Run(page.name, func(b *testing.B) {
			worst := time.Duration(0)
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, page.path, nil)
				r.Host = host
				r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
				out := httptest.NewRecorder()
				began := time.Now()
				handler.ServeHTTP(out, r)
				worst = max(worst, time.Since(began))
				if out.Code != http.StatusOK {
					b.Fatalf("%s: %d", page.path, out.Code)
				}
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
	b.Run("hold", func(b *testing.B) { // the new book after an action
		x, err := plan.Explain(b.Context(), w.client, w.checked, "contact", somebody.ID, evaluate.EvaluateOptions{Today: large.AsOf})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			large.with(&x.Decision)
		}
	})
}
