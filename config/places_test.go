package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/gallra/gallra/config"
)

// What cannot be written is said before anything is done, with the flag, the place and what to do, and nothing is left of the trial.
func TestPlaces(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, mode := range map[string]os.FileMode{"old.csv": 0o600, "shut.csv": 0o400} {
		if err := os.WriteFile(name, []byte("old"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"kept": 0o700, "closed": 0o500} {
		if err := os.Mkdir(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		flag, value, want, hint string
		rights                  bool // whoever may do everything is refused nothing
	}{
		{flag: "file", value: "kept/new.csv"},
		{flag: "file", value: "new.csv"},
		{flag: "file", value: "old.csv"},
		{flag: "file", value: os.DevNull},
		{flag: "file", value: "gone/new.csv", want: "--file: gone/new.csv cannot be written: the folder gone is not there", hint: "make the folder"},
		{flag: "file", value: "kept", want: "--file: kept is a folder, not a file", hint: "name a file in it"},
		{flag: "file", value: "old.csv/new.csv", want: "--file: old.csv/new.csv cannot be written: old.csv is no folder", hint: "name a file in a folder"},
		{flag: "file", value: "old.csv/a/new.csv", want: "old.csv/a is no folder", hint: "name a file in a folder"},
		{flag: "file", value: "shut.csv", want: "--file: shut.csv cannot be written: permission denied", hint: "the right to write there", rights: true},
		{flag: "file", value: "closed/new.csv", want: "--file: closed/new.csv cannot be written: permission denied", hint: "the right to write there", rights: true},
		{flag: "new", value: "old.csv", want: "old.csv is there already", hint: "name another file: evidence stays"},
		{flag: "new", value: "kept", want: "--new: kept is a folder, not a file", hint: "name a file in it"},
		{flag: "new", value: "gone/new.csv", want: "the folder gone is not there", hint: "make the folder"},
		{flag: "many", value: "kept/a.html,gone/b.html", want: "--many: gone/b.html cannot be written", hint: "make the folder"},
		{flag: "folder", value: "kept"},
		{flag: "folder", value: "gone/deep"},
		{flag: "folder", value: "old.csv", want: "--folder: nothing can be written into old.csv: old.csv is no folder", hint: "name a folder"},
		{flag: "folder", value: "old.csv/a/b", want: "old.csv is no folder", hint: "name a folder"},
		{flag: "folder", value: "closed/deep", want: "--folder: closed/deep cannot be written: permission denied", hint: "the right to write there", rights: true},
		{flag: "other", value: "gone/new.csv"},
	} {
		if tt.rights && os.Geteuid() <= 0 {
			continue
		}
		f := pflag.NewFlagSet("test", pflag.ContinueOnError)
		for _, name := range []string{"file", "new", "folder", "other"} {
			f.String(name, "", "")
		}
		f.StringSlice("many", nil, "")
		config.WritesFile(f, "file")
		config.WritesNewFile(f, "new", "evidence stays")
		config.WritesNewFile(f, "many", "evidence stays")
		config.WritesFolder(f, "folder")
		if err := f.Set(tt.flag, tt.value); err != nil {
			t.Fatal(err)
		}
		before := listed(t)
		err := config.Places(f)
		if after := listed(t); after != before {
			t.Errorf("--%s %s leaves %s where there was %s", tt.flag, tt.value, after, before)
		}
		if tt.want == "" {
			if err != nil {
				t.Errorf("--%s %s: %v", tt.flag, tt.value, err)
			}
			continue
		}
		var told *config.Error
		if !errors.As(err, &told) || !strings.Contains(told.Error(), filepath.FromSlash(tt.want)) || !strings.Contains(told.Hint(), tt.hint) {
			t.Errorf("--%s %s: %#v, want %q and the hint %q", tt.flag, tt.value, err, tt.want, tt.hint)
		}
	}
	if text, err := os.ReadFile("old.csv"); err != nil || string(text) != "old" {
		t.Errorf("old.csv holds %q, %v", text, err)
	}
}

func listed(t *testing.T) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}
