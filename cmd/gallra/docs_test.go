package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// block is a fenced block of commands in a page.
type block struct {
	line   int
	tenant bool
	text   []string
}

// blocks reads a page's commands. Every command of ours or of Azure has to stand in a block that says whether it needs a
// tenant: one that stands elsewhere would be run by nobody.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var now *block
	fence, before := false, ""
	for i, line := range strings.Split(string(text), "\n") {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && fence:
			fence = false
			if now != nil {
				all, now = append(all, *now), nil
			}
		case isFence:
			fence = true
			if info == "sh" || info == "sh tenant" {
				now = &block{line: i + 1, tenant: info == "sh tenant"}
				if now.tenant && !strings.Contains(strings.ToLower(before), "needs a tenant") {
					t.Errorf("%s:%d: commands that need a tenant, and the text before them does not say so: %q", page, i+1, before)
				}
				before = ""
			}
		case now != nil:
			now.text = append(now.text, line)
		case fence || strings.HasPrefix(line, "    "):
			if command := strings.TrimSpace(line); strings.HasPrefix(command, "gallra ") || strings.HasPrefix(command, "az ") {
				t.Errorf("%s:%d: a command outside of a sh block: %s", page, i+1, command)
			}
		default:
			before += " " + line
		}
	}
	return all
}

var endsWith = regexp.MustCompile(`#.*ends with (\d+)`)

// script runs the lines one by one in one shell and stops at the first that ends otherwise than the page says.
func script(page string, lines []string, from int) string {
	var b strings.Builder
	for i, line := range lines {
		want := "0"
		if m := endsWith.FindStringSubmatch(line); m != nil {
			want = m[1]
		}
		fmt.Fprintf(&b, "%s\ncode=$?; [ $code = %s ] || { echo '%s:%d: ends with' $code 'not %s' >&2; exit 99; }\n", line, want, page, from+i+1, want)
	}
	return b.String()
}

// TestDocs runs every command of the pages that needs no tenant, in order, as a reader would.
func TestDocs(t *testing.T) {
	cases, err := os.ReadFile("../../testdata/policy/sales.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// named writes files that a page speaks of.
	named := func(p *platform, files map[string]string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	provisioned := func(p *platform) {
		named(p, map[string]string{"new.yaml": gallra.ModelPolicy, "cases.yaml": string(cases)})
		for _, args := range [][]string{{"provision"}, {"run", "--apply"}} {
			if code, log := p.run(args...); code != 0 {
				t.Fatalf("%v: exit %d\n%s", args, code, log)
			}
		}
	}
	for page, prepare := range map[string]func(*platform){
		"quickstart.md": func(p *platform) {
			// The reader writes their own.
			if err := os.Remove(filepath.Join(p.dir, "sales.yaml")); err != nil {
				t.Fatal(err)
			}
			p.env = without(p.env, "GALLRA_POLICY")
		},
		"operations.md": provisioned,
		"security.md":   nil,
		"erasure.md":    nil,
		"policy.md": func(p *platform) {
			named(p, map[string]string{"stricter.yaml": gallra.ModelPolicy, "policy.test.yaml": string(cases)})
		},
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			crm := emulator.New(emulator.Options{Token: "job-token"})
			if err := sample.Load(crm); err != nil {
				t.Fatal(err)
			}
			web := httptest.NewServer(crm)
			defer web.Close()
			p := newPlatform(t, web.URL)
			if prepare != nil {
				prepare(p)
			}
			var text strings.Builder
			for _, b := range blocks(t, filepath.Join("../../docs", page)) {
				if !b.tenant {
					text.WriteString(script("docs/"+page, b.text, b.line))
				}
			}
			c := exec.Command("/bin/sh", "-c", text.String())
			c.Dir = p.dir
			c.Env = append(p.env, "PERSON="+idOf(t, crm, "contact", "scott.konersmann@cpandl.example"), "ADDRESS=walter.harp@wideworldimporters.example")
			c.Env = append(without(c.Env, "PATH"), "PATH="+p.dir+":"+os.Getenv("PATH"))
			var out bytes.Buffer
			c.Stdout, c.Stderr = &out, &out
			if err := c.Run(); err != nil {
				t.Errorf("%v\n%s", err, tail(out.String(), 40))
			}
		})
	}
}

func without(env []string, name string) (rest []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			rest = append(rest, e)
		}
	}
	return rest
}

func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func idOf(t *testing.T, crm *emulator.Server, table, text string) string {
	t.Helper()
	for _, p := range crm.Find(text) {
		if p.Where == "row" && p.Table == table {
			return p.ID
		}
	}
	t.Fatalf("no row of %s holds %q", table, text)
	return ""
}
