package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLicencesOfAModuleInAFolderOfARepository(t *testing.T) {
	repository := filepath.Join(t.TempDir(), "repo@v1.0.0")
	module := filepath.Join(repository, "sdk", "part")
	if err := os.MkdirAll(module, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(module, "code.go"), "package part")
	write(filepath.Join(repository, "LICENSE-MIT"), "terms of the repository")
	got, err := licences(module)
	if err != nil || len(got) != 1 || string(got[0]) != "terms of the repository" {
		t.Fatalf("%q, %v", got, err)
	}
	write(filepath.Join(module, "LICENSE.txt"), "own terms")
	if got, err = licences(module); err != nil || len(got) != 1 || string(got[0]) != "own terms" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNoticesRefuseAModuleWithoutALicence(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bare@v1.0.0")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Notices([]Module{{Path: "example.org/bare", Version: "v1.0.0", Dir: dir}})
	if err == nil || !strings.Contains(err.Error(), "example.org/bare") {
		t.Errorf("error %v", err)
	}
}

func TestTime(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	if at, err := Time(t.Context(), "../.."); err != nil || at.Unix() != 1790000000 {
		t.Errorf("%v, %v", at, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := Time(t.Context(), "../.."); err == nil {
		t.Error("no error")
	}
}
