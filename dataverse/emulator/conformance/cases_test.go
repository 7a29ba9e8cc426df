package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/conformance"
)

// TestCases: every case has a name of its own in its area and the page that says it, and there are enough of them.
func TestCases(t *testing.T) {
	t.Parallel()
	names, areas := map[string]bool{}, map[string]int{}
	for _, c := range conformance.Cases() {
		name := c.Area + ": " + c.Name
		if names[name] || c.Name == "" || c.Area == "" {
			t.Errorf("%q is there twice, or has no name", name)
		}
		if c.Page == "" {
			t.Errorf("%s: no page", name)
		}
		names[name] = true
		areas[c.Area]++
	}
	if len(names) < 800 || len(areas) < 25 {
		t.Errorf("%d cases in %d areas", len(names), len(areas))
	}
	for area, n := range areas {
		if n < 5 {
			t.Errorf("%s: only %d cases", area, n)
		}
	}
}

// TestNoticesOtherAnswers: a service that answers otherwise, as the emulator's options make it, differs in the areas where
// it does and not in others.
func TestNoticesOtherAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options emulator.Options
		areas   string // that differ, and the first words of a case
	}{
		{"negative conditions are never true of null", emulator.Options{NullNegation: emulator.NullMatchesNothing}, "comparisons"},
		{"only ne is true of null", emulator.Options{NullNegation: emulator.NullMatchesNotEqual}, "operators"},
		{"$top wins over a page size", emulator.Options{TopBeforePageSize: true}, "paging"},
		{"link types by their names", emulator.Options{LinkAllByName: true}, "FetchXML"},
		{"matchfirstrow keeps what has no match", emulator.Options{MatchFirstOuter: true}, "FetchXML"},
		{"aggregates with every property", emulator.Options{ApplyAllProperties: true}, "aggregates"},
		{"batches of lines in LF", emulator.Options{BatchLF: true}, "batch errors"},
		{"short URLs in batches", emulator.Options{MaxBatchURL: 32768}, "batches of reads,query errors"},
		{"another time zone", emulator.Options{TimeZone: time.FixedZone("", -5*3600)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, err := conformance.Run(t.Context(), targetOf(inProcess{newEmulator(tt.options)}), conformance.Options{Write: true, Only: func(area string) bool {
				return strings.Contains(","+tt.areas+",comparisons,paging,shapes,", ","+area+",")
			}})
			if err != nil {
				t.Fatal(err)
			}
			differ := map[string]bool{}
			for _, d := range report.Differences {
				differ[d.Area] = true
				if !strings.Contains(","+tt.areas+",", ","+d.Area+",") {
					t.Error(d)
				}
			}
			for area := range strings.SplitSeq(tt.areas, ",") {
				if area != "" && !differ[area] {
					t.Errorf("%s does not differ", area)
				}
			}
		})
	}
}

// TestRelativeDatesHoldOnEveryDay: what the cases expect does not depend on the day, the hour or the time zone.
func TestRelativeDatesHoldOnEveryDay(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.FixedZone("", -8*3600), time.FixedZone("", 12*3600)}
	leftOut := 0
	for _, at := range []string{"2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "2028-02-29T12:00:00Z", "2027-02-28T23:00:00Z", "2026-05-31T23:30:00Z", "2026-03-01T00:30:00Z", "2026-03-31T06:30:00Z"} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, zone := range zones {
			server := newEmulator(emulator.Options{Now: func() time.Time { return now }, TimeZone: zone})
			report, err := conformance.Run(t.Context(), targetOf(inProcess{server}), conformance.Options{Write: true, Only: func(area string) bool { return area == "relative dates" }})
			if err != nil || report.Cases["relative dates"] < 50 {
				t.Fatal(err, report.Cases)
			}
			leftOut += report.LeftOut
			for _, d := range report.Differences {
				t.Errorf("at %s, %v: %v", at, zone, d)
			}
		}
	}
	if leftOut != 6*4*len(zones) {
		t.Errorf("%d cases left out, want the six of months at the four ends of one", leftOut)
	}
}

// secret is a text that only an answer holds.
const secret = "Ada Lovelace's secret"

// spoil puts the secret where an answer has a text, and in its messages and headers.
func spoil(v any) any {
	switch v := v.(type) {
	case string:
		return secret
	case []any:
		for i := range v {
			v[i] = spoil(v[i])
		}
	case map[string]any:
		for k := range v {
			if k != "EntityKeyIndexStatus" && k != "EntitySetName" && !strings.HasSuffix(k, "Id") && k != "uniquename" && k != "LogicalName" {
				v[k] = spoil(v[k])
			}
		}
	}
	return v
}

// TestReportNamesNothingThatWasRead: whatever answers hold, the record and the summary do not.
func TestReportNamesNothingThatWasRead(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	report, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
		res, err := inProcess{server}.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		var v any
		if json.Unmarshal(b, &v) == nil {
			if b, err = json.Marshal(spoil(v)); err != nil {
				return nil, err
			}
		} else if len(b) > 0 {
			b = []byte(secret)
		}
		for _, name := range []string{"ETag", "Preference-Applied", "Req_id", "Location", "OData-Version"} {
			if res.Header.Get(name) != "" {
				res.Header.Set(name, secret)
			}
		}
		res.Body = io.NopCloser(bytes.NewReader(b))
		return res, nil
	})), conformance.Options{Write: true, Wait: atOnce})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Record(&b); err != nil {
		t.Fatal(err)
	}
	all := b.String() + report.Summary() + fmt.Sprint(report.Differences, report.Left)
	if len(report.Differences) < 400 || strings.Contains(all, "secret") || strings.Contains(all, "Lovelace") {
		i := max(0, strings.Index(all, "Lovelace"))
		t.Errorf("%d differences; …%s…", len(report.Differences), all[max(0, i-300):min(len(all), i+300)])
	}
	for line := range strings.Lines(b.String()) {
		var d conformance.Difference
		if err := json.Unmarshal([]byte(line), &d); err != nil || d.Case == "" || d.Want.Status == 0 || len(d.Problems) == 0 {
			t.Fatalf("%v in %s", err, line)
		}
	}
}

// TestSignInIsChecked: a wrong token or address ends a run before any case, without a word of the answer.
func TestSignInIsChecked(t *testing.T) {
	t.Parallel()
	target := targetOf(inProcess{newEmulator(emulator.Options{})})
	target.Token = "wrong"
	if report, err := conformance.Run(t.Context(), target, conformance.Options{Write: true}); err == nil || !strings.Contains(err.Error(), "401") || report.Requests != 1 {
		t.Error(err, report.Requests)
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+secret) })
	if _, err := conformance.Run(t.Context(), targetOf(inProcess{page}), conformance.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
	})
	asked := 0
	if _, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
		asked++
		rec := httptest.NewRecorder()
		elsewhere.ServeHTTP(rec, r)
		return rec.Result(), nil
	})), conformance.Options{}); err == nil || asked != 1 {
		t.Errorf("a redirect: %v, %d requests", err, asked)
	}
}
