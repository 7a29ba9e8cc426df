package emulator_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// recorded is a request that a client by others has sent to the emulator, and what came back. Ids that a request takes from
// an answer before it stand as {id1}, the address of the service as {url}.
type recorded struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
	Status int               `json:"status"`
	Parts  string            `json:"parts"` // the statuses of a batch's answers
	Rows   *int              `json:"rows"`
	IDs    map[string]string `json:"ids"` // where in the answer an id stood, counted in ids
}

var (
	anyID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	partStatus = regexp.MustCompile(`(?m)^HTTP/1.1 (\d+)`)
)

// TestReplayClients sends what clients by others have sent, in their order: testdata/requests/README.md says which.
func TestReplayClients(t *testing.T) {
	files, err := filepath.Glob("testdata/requests/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			t.Parallel()
			o := newSite(t, emulator.Options{JobStep: -1})
			if err := sample.Load(o.server); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			replay(o, text)
			if got := o.server.Stats().Unsupported; len(got) > 0 {
				t.Errorf("refused as not covered: %v", got)
			}
		})
	}
}

func replay(o *site, text []byte) {
	o.t.Helper()
	ids := []string{"{url}", o.srv.URL}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var r recorded
		if err := json.Unmarshal(line, &r); err != nil {
			o.t.Fatalf("line %d: %v", i+1, err)
		}
		fill := strings.NewReplacer(ids...)
		var headers []string
		for name, value := range r.Header {
			headers = append(headers, name, value)
		}
		a := o.do(r.Method, fill.Replace(r.Path), fill.Replace(r.Body), headers...)
		rows := 0
		if r.Rows != nil && a.status == 200 {
			list, _ := a.object()["value"].([]any)
			rows = len(list)
		}
		var parts []string
		for _, m := range partStatus.FindAllStringSubmatch(a.text, -1) {
			parts = append(parts, m[1])
		}
		if a.status != r.Status || r.Rows != nil && rows != *r.Rows || r.Parts != "" && strings.Join(parts, " ") != r.Parts {
			o.t.Errorf("line %d: %s %s: %d, %d rows, parts %v; want %d, %v, %s\n%.400s", i+1, r.Method, fill.Replace(r.Path), a.status, rows, parts, r.Status, r.Rows, r.Parts, a.text)
		}
		found := anyID.FindAllString(a.header.Get("OData-EntityId")+" "+a.text, -1)
		for at, name := range r.IDs {
			var n int
			if err := json.Unmarshal([]byte(at), &n); err != nil || n >= len(found) {
				o.t.Fatalf("line %d: no id %s in the answer: %.400s", i+1, at, a.text)
			}
			ids = append(ids, name, found[n])
		}
	}
}
