package emulator

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/generate"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// BenchmarkFullSize makes a million contacts with half a million leads, four million related rows and the addresses of
// all of them, and prints what that takes and how long reads of it take. It needs some 6 GB of memory and two
// minutes: go test ./dataverse/emulator -run '^$' -bench FullSize -benchtime 1x
func BenchmarkFullSize(b *testing.B) {
	s := New(Options{})
	for b.Loop() {
		s = New(Options{})
		if err := s.Generate(generate.Generated{Contacts: 1_000_000, Leads: 500_000, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s-load")
	peak := memoryHighWater()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	rows := 0
	for _, r := range s.engine.Store.View().Data {
		rows += r.Len()
	}
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MB-live")
	b.ReportMetric(peak, "MB-peak")

	ask := func(unit, path string) {
		var best time.Duration
		for range 3 {
			r := httptest.NewRequest(http.MethodGet, "http://localhost/api/data/v9.2/"+strings.ReplaceAll(path, " ", "%20"), nil)
			r.Header.Set("Authorization", "Bearer emulator")
			w := httptest.NewRecorder()
			began := time.Now()
			s.ServeHTTP(w, r)
			if took := time.Since(began); best == 0 || took < best {
				best = took
			}
			if w.Code != http.StatusOK {
				b.Fatal(w.Body)
			}
		}
		b.ReportMetric(float64(best.Microseconds())/1000, unit)
	}
	list := s.engine.Store.View().Schema.Tables["list"]
	var newsletter uuid.UUID
	s.engine.Store.View().Rows("list").Scan(uuid.Nil, func(r *store.Row) bool {
		newsletter = r.ID
		return false
	})
	ask("ms-page-over-lookup", "listmembers?$select=_entityid_value,createdon&$filter=_"+list.ID+"_value eq "+newsletter.String())
	ask("ms-page-of-all", "contacts?$select=fullname,emailaddress1,_parentcustomerid_value,statecode,createdon")
	ask("ms-scan", "contacts?$select=fullname&$filter=contains(fullname,'nobody') and statecode eq 0")
	runtime.KeepAlive(s)
}

// memoryHighWater is the most memory that the process has held, in MB, 0 where the system does not say.
func memoryHighWater() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n / 1024
}
