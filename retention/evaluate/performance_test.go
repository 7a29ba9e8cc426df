package evaluate_test

import (
	"bytes"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

// pagePolicy reads every table of the page server once, and the leads twice: as persons and as their own ground.
const pagePolicy = `
subjects:
  contact:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: primary-contact, basis: contract, why: w, table: account, link: primarycontactid, where: statecode eq 0}
      - {id: closed-opportunity, basis: legitimate-interests, why: w, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 24 months}
      - {id: event, basis: legitimate-interests, why: w, table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: 3 months}
      - {id: consent, basis: consent, why: w, table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, after: modifiedon, keep: 24 months}
  lead:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: new, basis: legitimate-interests, why: w, where: statecode eq 0, after: createdon, keep: 6 months}
`

// pageWorld is a checked policy and a client of a page server.
func pageWorld(t testing.TB, s *pageServer) (*compile.Policy, *dataverse.Client) {
	t.Helper()
	crm := httptest.NewServer(newCRM(t, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)))
	defer crm.Close()
	c := policyOf(t, connect(t, crm.URL), pagePolicy)
	pages := httptest.NewServer(s)
	t.Cleanup(pages.Close)
	return c, connect(t, pages.URL)
}

// TestAnyOrderOfPages: the same plan, byte by byte, whatever order the pages come in.
func TestAnyOrderOfPages(t *testing.T) {
	t.Parallel()
	plan := func(order func(string, int) []int) string {
		s := &pageServer{contacts: 12000, leads: 6000, related: 12000, order: order}
		c, client := pageWorld(t, s)
		e, err := evaluate.Evaluate(t.Context(), client, c, evaluate.EvaluateOptions{Today: day(t, "2026-11-24")})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := plan.NewPlan(c, e, plan.PlanOptions{All: true}).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := plan(nil)
	if strings.Count(want, "\n") != 18002 {
		t.Fatalf("%d lines", strings.Count(want, "\n"))
	}
	for seed := range uint64(3) {
		if got := plan(func(set string, pages int) []int {
			return rand.New(rand.NewPCG(seed, uint64(len(set)))).Perm(pages)
		}); got != want {
			t.Fatalf("seed %d: another plan", seed)
		}
	}
	for _, rows := range []int64{0, 1, 7000} { // a ground that has to wait for its persons finds the same
		before := evaluate.SetWaitingRows(rows)
		got := plan(nil)
		evaluate.SetWaitingRows(before)
		if got != want {
			t.Fatalf("with room for %d rows: another plan", rows)
		}
	}
}

// TestRequests: every page of every justifying table is read once.
func TestRequests(t *testing.T) {
	s := &pageServer{contacts: 12000, leads: 6000, related: 11000}
	c, client := pageWorld(t, s)
	if _, err := evaluate.Evaluate(t.Context(), client, c, evaluate.EvaluateOptions{Today: day(t, "2026-11-24")}); err != nil {
		t.Fatal(err)
	}
	if got, ideal := int(s.requests.Load()), s.ideal(); got > ideal+ideal/20 {
		t.Errorf("%d requests, and %d would do", got, ideal)
	}
}

// BenchmarkMillion evaluates one million contacts, half a million leads and four million related rows in this process,
// the server included. MB-peak is the process's peak resident memory, bytes/person what the evaluation holds.
//
//	go test ./retention/evaluate -run '^$' -bench Million -benchtime 1x
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		s := &pageServer{contacts: 1_000_000, leads: 500_000, related: 1_000_000}
		c, client := pageWorld(b, s)
		debug.FreeOSMemory()
		before := heap()
		o := evaluate.EvaluateOptions{Today: day(b, "2026-11-24")}
		e, err := evaluate.Evaluate(b.Context(), client, c, o)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(peak())/(1<<20), "MB-peak")
		b.ReportMetric(float64(heap()-before)/1.5e6, "bytes/person")
		b.ReportMetric(float64(s.requests.Load())/float64(s.ideal()), "requests/ideal")
		if e.Count("contact") != 1_000_000 || e.Count("lead") != 500_000 {
			b.Fatal("not everybody was read")
		}
		runtime.KeepAlive(e)
	}
}

// BenchmarkInFlight evaluates over a service with 50 ms latency that allows 8 requests at a time, as its hint says, and
// pages of 1,000 rows, so that the machine, which makes the pages as well, does not limit what is measured. busy% is the
// share of the wall clock with requests in flight, in-flight how many there are on average, of 7 tables that are read.
//
//	go test ./retention/evaluate -run '^$' -bench InFlight -benchtime 1x
func BenchmarkInFlight(b *testing.B) {
	for b.Loop() {
		s := &pageServer{contacts: 100_000, leads: 100_000, related: 100_000, page: 1000, latency: 50 * time.Millisecond}
		c, client := pageWorld(b, s)
		began := time.Now()
		if _, err := evaluate.Evaluate(b.Context(), client, c, evaluate.EvaluateOptions{Today: day(b, "2026-11-24")}); err != nil {
			b.Fatal(err)
		}
		wall := time.Since(began)
		var busy, sum time.Duration
		for n, d := range s.busy {
			if n > 0 {
				busy += d
			}
			sum += time.Duration(n) * d
		}
		b.ReportMetric(100*busy.Seconds()/wall.Seconds(), "busy%")
		b.ReportMetric(sum.Seconds()/wall.Seconds(), "in-flight")
		b.ReportMetric(100*sum.Seconds()/wall.Seconds()/7, "of-7-in-flight%")
	}
}

// BenchmarkFold decodes a page of 5,000 rows and folds it into a table of 100,000 persons; decoding alone is measured in package
// dataverse.
//
//	go test ./retention/evaluate -run '^$' -bench Fold -benchmem
func BenchmarkFold(b *testing.B) {
	for _, ground := range []string{"closed-opportunity", "event", "consent"} {
		b.Run(ground, func(b *testing.B) {
			s := &pageServer{contacts: 100_000, related: 5000}
			c, client := pageWorld(b, s)
			f, err := evaluate.NewFoldBenchmark(b.Context(), client, c, ground)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Page(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// peak is the process's peak resident memory in bytes, 0 where the system does not tell.
func peak() int {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.Atoi(kb)
	return n << 10
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestFoldingTakesNoMemory: a row of a ground takes no memory of its own.
func TestFoldingTakesNoMemory(t *testing.T) {
	s := &pageServer{contacts: 5000, related: 1000}
	c, client := pageWorld(t, s)
	for _, ground := range []string{"primary-contact", "closed-opportunity", "event", "consent"} {
		f, err := evaluate.NewFoldBenchmark(t.Context(), client, c, ground)
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows() != 1000 {
			t.Fatalf("%s: %d rows", ground, f.Rows())
		}
		if n := testing.AllocsPerRun(5, func() {
			if err := f.Page(); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations for a page", ground, n)
		}
	}
}
