package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/examples/container"
)

// block is a fenced block of commands in a page.
type block struct {
	line   int
	tenant bool
	reads  string // what reads the text instead of the shell
	text   []string
}

// interpreters are what runs the blocks of other languages. A block of YAML that begins with the name of a file is written there.
var interpreters = map[string]string{"python": "python3 -", "js": "node --input-type=module -", "yaml": "cat"}

var fileName = regexp.MustCompile(`^# (\w[\w.-]*\.yaml)$`)

// end makes one command of a block in another language.
func (b *block) end() {
	if b.reads == "" {
		return
	}
	reads, text := b.reads, strings.Join(b.text, "\n")
	b.text = nil
	if reads == "cat" {
		m := fileName.FindStringSubmatch(strings.SplitN(text, "\n", 2)[0])
		if m == nil {
			return // a part of a policy
		}
		reads += " > " + m[1]
	} else if _, err := exec.LookPath(strings.Fields(reads)[0]); err != nil && os.Getenv("GALLRA_CLIENTS") != "required" {
		return // where the runtime is not
	}
	b.text = []string{reads + " <<'PAGE'\n" + text + "\nPAGE"}
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
				now.end()
				all, now = append(all, *now), nil
			}
		case isFence:
			fence = true
			if reads := interpreters[info]; reads != "" {
				now = &block{line: i + 1, reads: reads}
			}
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
	// prepare is what a page takes for granted. Every page is tried, also one that is not here.
	prepare := map[string]func(*platform){
		"quickstart.md": func(p *platform) {
			// The reader writes their own.
			if err := os.Remove(filepath.Join(p.dir, "sales.yaml")); err != nil {
				t.Fatal(err)
			}
			p.env = without(p.env, "GALLRA_POLICY")
		},
		"operations.md": provisioned,
		"rehearsal.md": func(p *platform) {
			named(p, map[string]string{"cases.yaml": strings.Replace(string(cases), "policy: sales.yaml", "policy: sales.yaml\nschema: crm.gallra", 1)})
		},
		"emulator-howto.md": func(p *platform) {
			p.env = without(without(without(p.env, "GALLRA_POLICY"), "GALLRA_URL"), "GALLRA_TOKEN")
		},
		"ledger.md": func(p *platform) {
			provisioned(p)
			private, public := ed25519Files(t)
			named(p, map[string]string{"gallra.key.pem": private, "gallra.pub.pem": public})
		},
		"README.md": func(p *platform) {
			p.env = without(without(without(p.env, "GALLRA_POLICY"), "GALLRA_URL"), "GALLRA_TOKEN")
			if err := os.MkdirAll(filepath.Join(p.dir, "testdata/policy"), 0o700); err != nil {
				t.Fatal(err)
			}
			named(p, map[string]string{"testdata/policy/sales.yaml": gallra.ModelPolicyFile})
		},
		"policy.md": func(p *platform) {
			named(p, map[string]string{"stricter.yaml": gallra.ModelPolicy, "policy.test.yaml": string(cases)})
		},
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	for _, file := range append(pages, "../../README.md", "../../CONTRIBUTING.md") {
		page := filepath.Base(file)
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			all := blocks(t, file)
			if !slices.ContainsFunc(all, func(b block) bool { return !b.tenant && len(b.text) > 0 }) {
				return
			}
			crm := company(t, emulator.Options{Token: "job-token"})
			web := httptest.NewServer(crm)
			defer web.Close()
			p := newPlatform(t, web.URL)
			if prepare[page] != nil {
				prepare[page](p)
			}
			text := ""
			for _, b := range all {
				if !b.tenant {
					text += script(page, b.text, b.line)
				}
			}
			if page == "README.md" { // whoever tries it once tries it again
				text += text
			}
			// What was built is run, and on a port that is free.
			text = strings.ReplaceAll(strings.ReplaceAll(text, "go run ./cmd/gallra", "gallra"), "go build -o gallra ./cmd/gallra", "true")
			text = strings.ReplaceAll(text, "127.0.0.1:8080", freeAddress(t))
			c := exec.Command("/bin/sh", "-c", text)
			c.Dir = p.dir
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			c.Env = append(p.env, "PERSON="+idOf(t, crm, "contact", "scott.konersmann@cpandl.example"), "ADDRESS=walter.harp@wideworldimporters.example")
			c.Env = append(without(c.Env, "PATH"), "PATH="+p.dir+":"+os.Getenv("PATH"))
			// A file, not a buffer: what the page leaves running would keep a pipe open.
			out, err := os.Create(filepath.Join(p.dir, "output"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = out.Close() }()
			c.Stdout, c.Stderr = out, out
			err = c.Start()
			if err == nil {
				err = c.Wait()
				_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what the page has left running
			}
			if err != nil {
				text, _ := os.ReadFile(out.Name())
				t.Errorf("%v\n%s", err, tail(string(text), 40))
			}
		})
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// ed25519Files are a key and its public half, as openssl genpkey writes them.
func ed25519Files(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p}))
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

// TestHowtoShowsTheExample: what the page shows in Go is what go doc shows, and what runs there.
func TestHowtoShowsTheExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/emulator-howto.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../dataverse/emulator/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```go\n")
	shown, _, found := strings.Cut(rest, "```")
	if !found || !strings.Contains(string(source), "func Example() {\n"+shown+"}\n") {
		t.Errorf("the page shows another example than example_test.go has:\n%s", shown)
	}
}

// TestExamples runs what dataverse/emulator/examples has in other languages, and in Go, with this command in the place of a container.
func TestExamples(t *testing.T) {
	const command = "gallra emulator --listen 127.0.0.1:{port}"
	for _, example := range [][]string{{"python", "python3", "-m", "unittest", "-v", "test_contacts"}, {"node", "node", "--test", "contacts.test.mjs"}} {
		t.Run(example[0], func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(example[1]); err != nil {
				if os.Getenv("GALLRA_CLIENTS") == "required" {
					t.Fatal(err)
				}
				return // where the runtime is not
			}
			c := exec.CommandContext(t.Context(), example[1], example[2:]...)
			c.Dir = "../../dataverse/emulator/examples/" + example[0]
			c.Env = append(os.Environ(), "GALLRA_EMULATOR="+command, "NO_PROXY=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1")
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, tail(string(out), 40))
			}
		})
	}
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		e, err := container.Start(t.Context(), command, "--organization", "Contoso")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Stop() }()
		answer, err := http.Get(e.URL + "/emulator/health")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), "Contoso") {
			t.Errorf("%s %v", text, err)
		}
	})
}
