package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const recordFile = "../../testdata/policy/sales.record.md"

func TestRecordOfModelPolicy(t *testing.T) {
	p, err := Load("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p.Hash = "sha256:…" // a comment more in the policy is no change of the record
	var b bytes.Buffer
	if err := p.WriteRecord(&b, nil); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(recordFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("run go test ./retention/policy -run Record -update (-want +got):\n%s", diff)
	}
	for _, s := range p.Subjects {
		for _, g := range s.Grounds {
			for _, part := range []string{"| " + g.ID + " |", cell(g.Why), basisWords[g.Basis]} {
				if !strings.Contains(b.String(), part) {
					t.Errorf("the record does not say %q", part)
				}
			}
		}
	}
}
