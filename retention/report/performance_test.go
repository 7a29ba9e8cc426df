package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// BenchmarkReport prints a report of 200,000 scheduled persons of 400 owners; the figures stand in docs/performance.md. The
// peak is that of the whole process.
func BenchmarkReport(b *testing.B) {
	const persons, owners = 200_000, 400
	planned := &plan.Plan{AsOf: retention.NewDate(2026, time.November, 24), Tables: []plan.TableTotals{{Table: "contact", Persons: persons,
		Actions: map[retention.Action]int{retention.Wait: persons}}}}
	for i := range persons {
		p := plan.Planned{Decision: retention.Decision{Action: retention.Wait, PurgeOn: planned.AsOf + retention.Date(1+i%70), NoticedOn: planned.AsOf}}
		p.Person.Table, p.Person.ID = "contact", uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, i))
		planned.Decisions = append(planned.Decisions, p)
	}
	for b.Loop() {
		began := time.Now()
		c := report.New(planned)
		for i := range owners {
			c.Owners = append(c.Owners, report.Owner{ID: uuid.NewSHA1(uuid.NameSpaceDNS, fmt.Append(nil, i)), Table: "systemuser", Name: fmt.Sprintf("Owner %03d", i)})
		}
		for i := range c.Persons {
			p := &c.Persons[i]
			p.Owner, p.Name, p.Email = int32(1+i%owners), fmt.Sprintf("First%d Last%d", i%1000, i), fmt.Sprintf("person%d@company%d.example", i, i%5000)
		}
		model := time.Since(began)
		r := &report.Report{Coming: c, URL: "https://example.crm4.dynamics.com", Lang: report.English}
		dir := b.TempDir()
		began = time.Now()
		if err := r.Save(dir); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(model.Seconds(), "s/model")
		b.ReportMetric(time.Since(began).Seconds(), "s/files")
		for name, unit := range map[string]string{report.HTMLName: "MB/html", report.XLSXName: "MB/xlsx"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, unit)
		}
		began = time.Now()
		c.Timeline(report.ByOwner, 10, report.Colours, nil)
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/timeline")
	}
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(text)) {
			var kb float64
			if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
				b.ReportMetric(kb/1000, "MB-peak")
			}
		}
	}
}
