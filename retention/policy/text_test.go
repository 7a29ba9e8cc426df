package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
)

// TestLoadWhateverEditorWroteIt holds that a policy is the same with the marks and line ends of other systems, its hash and
// the places of its problems included, and the files that it names likewise.
func TestLoadWhateverEditorWroteIt(t *testing.T) {
	const fetch = "<fetch>\n  <entity name=\"lead\">\n  </entity>\n</fetch>\n"
	policy := header + "  lead:\n    purge: anonymize\n    grounds:\n      - {id: g, basis: contract, why: w, fetchXml: q.xml}\ninclude: [more.yaml]\n"
	more := "subjects:\n  contact:\n    purge: delete\n    grounds:\n      - id: h\n        basis: contract\n        why: |\n          two\n          lines\n        where: statecode eq 0\n"
	as := func(text string, how func(string) string) *Policy {
		t.Helper()
		p, err := Load(write(t, "policy.yaml", how(text), "more.yaml", how(more), "q.xml", how(fetch)))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	mark := func(s string) string { return "\ufeff" + s }
	want := as(policy, func(s string) string { return s })
	for name, how := range map[string]func(string) string{
		"a byte order mark": mark, "the line ends of Windows": crlf, "both": func(s string) string { return mark(crlf(s)) },
		"the line ends of old Macintoshes": func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
	} {
		got := as(policy, how)
		if got.Hash != want.Hash {
			t.Errorf("%s makes another policy of it: %s, want %s", name, got.Hash, want.Hash)
		}
		if got.Subjects[0].Grounds[0].FetchXML != fetch || got.Subjects[1].Grounds[0].Why != want.Subjects[1].Grounds[0].Why {
			t.Errorf("%s: the texts are others: %+v", name, got.Subjects)
		}
		broken := strings.Replace(policy, "basis: contract", "basis: contrct", 1)
		path := write(t, "policy.yaml", how(broken), "more.yaml", how(more), "q.xml", how(fetch))
		_, err := Load(path)
		if diff := cmp.Diff("policy.yaml:8:24: `basis` cannot be `contrct`", strings.SplitN(told(t, path, err), "\n", 2)[0]); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
	// What is hashed, as docs/policy.md tells it.
	sum := sha256Of(policy, more, fetch)
	if order := sha256Of(policy, fetch, more); want.Hash != sum && want.Hash != order {
		t.Errorf("hash %s is over something else than the files' texts", want.Hash)
	}
	if as(policy+"# \n", mark).Hash == want.Hash {
		t.Error("a comment more makes no other policy of it")
	}
}

func sha256Of(files ...string) string {
	h := sha256.New()
	for _, f := range files {
		_ = binary.Write(h, binary.BigEndian, uint64(len(f)))
		h.Write([]byte(f))
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
}

// TestLoadRefusesWhatIsNoText holds that nothing is taken that looks otherwise than it reads, and each mistake has its place.
func TestLoadRefusesWhatIsNoText(t *testing.T) {
	ground := func(why string) string {
		return header + "  contact:\n    purge: delete\n    grounds:\n      - {id: g, basis: contract, why: " + why + ", where: statecode eq 0}\n"
	}
	var wide bytes.Buffer
	wide.Write([]byte{0xff, 0xfe})
	_ = binary.Write(&wide, binary.LittleEndian, utf16.Encode([]rune(ground("w"))))
	tests := []struct{ name, policy, want string }{
		{"a NUL byte", ground("a\x00b"), "policy.yaml:8:40: a control character (U+0000)"},
		{"a NUL byte in quotes", ground("\"a\x00b\""), "policy.yaml:8:41: a control character (U+0000)"},
		{"NUL bytes at the end", ground("w") + "\x00\x00", "policy.yaml:9:1: a control character (U+0000)"},
		{"an escape for terminals", ground("a\x1b[31m"), "policy.yaml:8:40: a control character (U+001B)"},
		{"another encoding", ground("f\xf6r"), "policy.yaml:8:40: the byte 0xf6 is no text in UTF-8"},
		{"text that runs backwards", ground("a\u202eb"), "policy.yaml:8:40: a mark (U+202E) that makes the line look otherwise than it reads"},
		{"UTF-16", wide.String(), "policy.yaml: the file is in UTF-16"},
		{"too large", strings.Repeat("# a comment\n", maxText/12+1), "policy.yaml: the file is larger than 8 MB"},
	}
	for _, tt := range tests {
		path := write(t, "policy.yaml", tt.policy)
		_, err := Load(path)
		if got := strings.SplitN(told(t, path, err), "\n", 2)[0]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if strings.ContainsAny(err.Error(), "\x00\x1b") {
			t.Errorf("%s: it is printed", tt.name)
		}
	}
	if _, err := Load(write(t, "policy.yaml", ground("\"Zażółć 漢字 👋 א\u200fב\""))); err != nil {
		t.Errorf("text of other scripts: %v", err)
	}
}

// TestLoadHostileYAML feeds the reader what makes others hang or run out of memory, or reads as two things.
func TestLoadHostileYAML(t *testing.T) {
	const g = "{id: g, basis: contract, why: w, where: statecode eq 0}"
	sound := header + "  contact:\n    purge: delete\n    grounds:\n      - " + g + "\n"
	doubling := func(first string) string { // each list holds the one before nine times
		var b strings.Builder
		b.WriteString("  a0: &a0 [" + strings.Repeat(first+",", 9) + "]\n")
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "  a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9))
		}
		return b.String()
	}
	many := ""
	for i := range 3000 {
		many += "      - " + strings.Replace(g, "id: g", fmt.Sprintf("id: g%d", i), 1) + "\n"
	}
	tests := []struct{ name, policy, want string }{
		{"brackets in brackets", strings.Repeat("[", 100_000), "policy.yaml:1:51: more than 50 lists and mappings in each other"},
		{"braces in braces", sound + "limits: " + strings.Repeat("{a: ", 100_000), "policy.yaml:9:"},
		{"mappings in mappings", func() string {
			var b strings.Builder
			for i := range 1000 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(), "policy.yaml:51:52: more than 50 lists and mappings in each other"},
		{"keys without an end", sound + func() string {
			var b strings.Builder
			for i := range 50_000 {
				fmt.Fprintf(&b, "k%d: 1\n", i)
			}
			return b.String()
		}(), "policy.yaml:5005:6: more than 5000 keys in one place"},
		{"a bomb of aliases", sound + "  lead:\n" + strings.ReplaceAll(doubling("x"), "  a", "    a"), "policy.yaml:10:5: a subject needs `purge`"},
		{"subjects by alias", header + "  t0: &t\n    purge: delete\n    grounds:\n" + many + func() string {
			var b strings.Builder
			for i := range 3000 {
				fmt.Fprintf(&b, "  t%d: *t\n", i+1)
			}
			return b.String()
		}(), "aliases make more than ten times of the file what stands in it"},
		{"an alias of itself", header + "  contact:\n    purge: delete\n    grounds: &x [*x]\n", "policy.yaml:7:17: a ground is keys and values, not a list"},
		{"a merge key", strings.Replace(sound, g, "{<<: *nothing, id: g, basis: contract, why: w, where: statecode eq 0}", 1), "merge keys are not part of the policy language"},
		{"a key twice", sound + "version: 1\n", "policy.yaml:9:1: `version` stands twice in a policy"},
		{"a key twice, once in quotes", sound + "\"version\": 1\n", "policy.yaml:9:1: `version` stands twice in a policy"},
		{"a subject twice", sound + "  contact: {purge: anonymize, grounds: [" + g + "]}\n", "policy.yaml:9:3: `contact` stands twice in `subjects`"},
		{"an octal number", sound + "limits: {purges: 0777}\n", "policy.yaml:9:18: `purges`: `0777` can be read as more than one number"},
		{"a hexadecimal number", sound + "limits: {purges: 0x1f}\n", "policy.yaml:9:18: `purges`: `0x1f` can be read as more than one number"},
		{"a number with a gap", sound + "limits: {purges: 1_000}\n", "policy.yaml:9:18: `purges`: `1_000` can be read as more than one number"},
		{"a number of 20 digits", sound + "limits: {purges: 99999999999999999999}\n", "policy.yaml:9:18: `purges`: 99999999999999999999 is larger than any number here may be"},
		{"a number of 19 digits", sound + "limits: {purges: 9223372036854775807}\n", "policy.yaml:9:18: `purges`: 9223372036854775807 is larger than any number here may be"},
		{"an infinite number", sound + "limits: {purges: .inf}\n", "policy.yaml:9:18: `purges` is a whole number, not"},
		{"a tag", sound + "limits: {purges: !!int \"5\"}\n", "policy.yaml:9:18: `purges` is a whole number, not a value with a tag of YAML's"},
		{"tabs for indentation", strings.Replace(sound, "    purge", "\tpurge", 1), "policy.yaml:6:1: not YAML"},
		{"two documents", sound + "---\n" + sound, "policy.yaml:10:1: a second document in one file"},
		{"half a filter", strings.Replace(sound, "statecode eq 0", "statecode eq", 1), "policy.yaml:8:61: not a filter"},
		{"a filter without a bottom", strings.Replace(sound, "statecode eq 0", "\""+strings.Repeat("(", 5000)+"\"", 1), "not a filter: "},
	}
	for _, tt := range tests {
		path := write(t, "policy.yaml", tt.policy)
		_, err := Load(path)
		got := told(t, path, err)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %.300q, want %q", tt.name, got, tt.want)
		}
		for _, line := range strings.Split(got, "\n") {
			if len(line) > 1000 {
				t.Errorf("%s: a line of %d bytes is printed", tt.name, len(line))
			}
		}
	}
	rows := "    rows:\n      r:\n" + strings.ReplaceAll("  table: contact\n"+doubling("x"), "  ", "        ")
	if _, err := LoadTests(write(t, "cases.yaml", "today: 2026-11-24\ncases:\n  - name: n\n"+rows)); err == nil || !strings.Contains(err.Error(), "aliases make more than ten times") {
		t.Errorf("a bomb of aliases in a file of tests: %.300v", err)
	}
	if _, err := Load(write(t, "policy.yaml", "%YAML 1.2\n---\n"+sound)); err != nil {
		t.Errorf("a directive: %v", err)
	}
}

// TestLoadLongPolicy holds that what is told of a long policy does not grow faster than it does: each mistake once, with its
// line.
func TestLoadLongPolicy(t *testing.T) {
	const lines = 10_000
	policy := func(entry string) string {
		var b strings.Builder
		b.WriteString(header + "  contact:\n    purge: delete\n    grounds:\n")
		for i := range lines {
			fmt.Fprintf(&b, "      - "+entry+"\n", i)
		}
		return b.String()
	}
	p, err := Load(write(t, "policy.yaml", policy("{id: g%d, basis: contract, why: w, where: statecode eq 0}")))
	if err != nil || len(p.Subjects[0].Grounds) != lines {
		t.Fatal(err)
	}
	_, err = Load(write(t, "policy.yaml", policy("{id: g%d, basis: contract, why: w, where: statecode eq}")))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != lines {
		t.Fatalf("%d problems, want %d", len(problems), lines)
	}
	if text := err.Error(); strings.Count(text, "not a filter") != maxPrinted || !strings.HasSuffix(text, "and 9800 problems more, which --json lists") {
		t.Errorf("%d bytes are printed, and end in %q", len(text), text[len(text)-60:])
	}
	if at := problems[lines-1].Pos; at.Line != lines+7 {
		t.Errorf("the last stands at %v", at)
	}
}

// FuzzLoad holds that nothing makes the reader panic, and that what it takes it takes again as it is.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(gallra.ModelPolicy))
	f.Add([]byte("a: &a [*a]\nb: {<<: *a}\n"))
	f.Add([]byte("? [x]\n: - !!map {y: |\n  z}\n"))
	f.Add([]byte("%YAML 1.2\n---\n- \t\n...\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("neither a policy nor problems: %v", err)
		}
		if err == nil && p.Hash == "" {
			t.Error("a policy without a hash")
		}
	})
}
