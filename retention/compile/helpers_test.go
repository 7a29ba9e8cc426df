package compile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// header is what every policy of these tests begins with: 5 lines.
const header = `version: 1
environment: {organization: ` + modelOrganization + `}
timeZone: Europe/Stockholm
subjects:
`

// write puts files into a folder and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// told is what an author is told, without the temporary folder.
func told(t *testing.T, path string, err error) string {
	t.Helper()
	var problems policy.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("no problems, but %v", err)
	}
	return strings.ReplaceAll(problems.Error(), filepath.Dir(path)+string(filepath.Separator), "")
}

func date(s string) retention.Date {
	d, err := retention.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}
