package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/snapshot"
)

// written is a file with a table of n rows.
func written(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.gallra")
	w, _, err := snapshot.Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, n)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, w *snapshot.Writer, n int) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Part("head", func() error { return w.WriteHead(snapshot.Head{Gallra: "test"}) }))
	must(w.Part("definitions", func() error {
		return w.WriteTable(snapshot.Table{Name: "contact", ID: "contactid", Columns: []snapshot.Column{{Name: "contactid", Type: "Uniqueidentifier"}, {Name: "fullname", Type: "String"}}})
	}))
	must(w.Part("rows of contact", func() error {
		if err := w.Rows("contact", []snapshot.RowColumn{{Name: "contactid", Mask: snapshot.ID}, {Name: "fullname", Mask: snapshot.Text}}); err != nil {
			return err
		}
		for i := range n {
			if err := w.Row(fmt.Appendf(nil, `[0,"00000000-0000-0000-0000-%012d",1,"a \"quoted\" \u00e9 name"]`, i)); err != nil {
				return err
			}
		}
		return w.EndRows(n)
	}))
}

// read reads a file to its end, and counts its rows.
func read(path string) (rows int, err error) {
	r, err := snapshot.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	for {
		if _, _, err := r.NextTable(); errors.Is(err, io.EOF) {
			return rows, nil
		}
		for {
			more, err := r.NextRow(func(c snapshot.Cell) error {
				if c.Column == 1 && string(c.Text) != `a "quoted" é name` {
					return errors.New("another text: " + string(c.Text))
				}
				return nil
			})
			if err != nil {
				return rows, err
			}
			if !more {
				break
			}
			rows++
		}
	}
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		if got, err := read(written(t, n)); err != nil || got != n {
			t.Errorf("%d rows: %d, %v", n, got, err)
		}
	}
}

// repack is the file with another text.
func repack(t *testing.T, path string, change func(string) string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := gzip.NewWriter(&b)
	if _, err := out.Write([]byte(change(string(text)))); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.gallra")
	if err := os.WriteFile(other, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return other
}

func TestFilesThatAreNotWholeAreRefusedByName(t *testing.T) {
	path := written(t, 50)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(text []byte) string {
		name := filepath.Join(t.TempDir(), "x.gallra")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	line := func(text string, n int) string { return strings.Join(strings.SplitAfter(text, "\n")[:n], "") }
	for name, c := range map[string]struct{ path, why string }{
		"cut in the middle":        {plain(whole[:len(whole)/2]), "cut"},
		"cut after a part":         {repack(t, path, func(s string) string { return s[:strings.LastIndex(s, `{"kind":"end"`)] }), "cut"},
		"no snapshot":              {plain([]byte("version: 1\n")), "no snapshot"},
		"another gzip":             {repack(t, path, func(string) string { return "hello\n" }), "no snapshot"},
		"empty":                    {plain(nil), "no snapshot"},
		"a newer format":           {repack(t, path, func(s string) string { return strings.Replace(s, `"gallraSnapshot":1`, `"gallraSnapshot":2`, 1) }), "format 2"},
		"a row is edited":          {repack(t, path, func(s string) string { return strings.Replace(s, "000000000007", "000000000077", 1) }), "changed"},
		"a row is gone":            {repack(t, path, func(s string) string { return line(s, 10) + s[len(line(s, 11)):] }), "changed"},
		"a byte is another":        {plain(bytes.Replace(whole, whole[200:202], []byte{^whole[200], ^whole[201]}, 1)), ""},
		"something comes after it": {repack(t, path, func(s string) string { return s + "{\"kind\":\"rows\"}\n" }), "changed"},
	} {
		_, err := read(c.path)
		var file *snapshot.FileError
		if !errors.As(err, &file) || !strings.Contains(err.Error(), c.why) || file.Hint() == "" || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := snapshot.Inspect(c.path, nil); err == nil {
			t.Errorf("%s: inspected without an error", name)
		}
	}
}

func TestAFileThatWasCutIsGoneOnWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.gallra")
	w, resumed, err := snapshot.Begin(path)
	if err != nil || resumed {
		t.Fatal(resumed, err)
	}
	secret := bytes.Clone(w.Secret())
	var refused *snapshot.FileError
	if _, _, err := snapshot.Begin(path); !errors.As(err, &refused) || !strings.Contains(refused.Why, "somebody else") {
		t.Errorf("a second one that writes the same file: %v", err)
	}
	cut := errors.New("cut")
	if err := w.Part("head", func() error { return w.WriteHead(snapshot.Head{Gallra: "test"}) }); err != nil {
		t.Fatal(err)
	}
	err = w.Part("definitions", func() error {
		for range 10_000 {
			if err := w.WriteTable(snapshot.Table{Name: "nonsense"}); err != nil {
				return err
			}
		}
		return cut
	})
	if !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file that is not whole is there")
	}
	if w, resumed, err = snapshot.Begin(path); err != nil || !resumed || !w.Done("head") || w.Done("definitions") || !bytes.Equal(secret, w.Secret()) {
		t.Fatal(resumed, err)
	}
	if head, err := w.Head(); err != nil || head.Gallra != "test" {
		t.Error(head, err)
	}
	write(t, w, 5)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if n, err := read(path); err != nil || n != 5 {
		t.Error(n, err)
	}
	for _, rest := range []string{".partial", ".resume"} {
		if _, err := os.Stat(path + rest); err == nil {
			t.Errorf("%s is left", rest)
		}
	}
}
