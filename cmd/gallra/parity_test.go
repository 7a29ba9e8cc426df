package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inConsole says of every verb and flag of the command line by which pages the console offers it (METHOD /path, as it is routed), or
// after a dash why it does not.
var inConsole = map[string]string{
	"approve":                    "POST /approve, POST /approve/policy",
	"completion bash":            "- of a shell",
	"completion fish":            "- of a shell",
	"completion powershell":      "- of a shell",
	"completion zsh":             "- of a shell",
	"console":                    "- the console itself",
	"console --idle":             "- how the console is started",
	"console --key":              "POST /ledger/checkpoint",
	"console --lang":             "POST /language",
	"console --language":         "POST /owners",
	"console --listen":           "- how the console is started",
	"console --no-open":          "- how the console is started",
	"console --snapshots":        "POST /rehearsal",
	"demo":                       "- a CRM to try gallra on: it serves the console itself",
	"doctor":                     "POST /health",
	"emulator":                   "- a CRM to try gallra on",
	"erase":                      "GET /person/{table}/{id}/erase",
	"erase --apply":              "POST /erase",
	"erase --bypass":             "POST /erase",
	"erase --despite":            "POST /erase/choose",
	"erase --lang":               "GET /erase/receipt/{file}",
	"erase --receipt":            "GET /erase/receipt/{file}",
	"erase --row":                "POST /erase/choose",
	"explain":                    "GET /person/{table}/{id}",
	"hold":                       "POST /person/{table}/{id}/{act}",
	"hold --reason":              "POST /person/{table}/{id}/{act}",
	"ledger checkpoint":          "POST /ledger/checkpoint",
	"ledger checkpoint --key":    "POST /ledger/checkpoint",
	"ledger checkpoint --out":    "- the browser keeps the line as a file",
	"ledger export":              "GET /ledger/export.csv",
	"ledger export --out":        "GET /ledger/export.xlsx",
	"ledger verify":              "POST /ledger/verify",
	"ledger verify --checkpoint": "- whoever holds a filed checkpoint against the ledger is another than who works in the console: by the command line, on a machine of theirs",
	"ledger verify --public-key": "- as --checkpoint",
	"map":                        "GET /map",
	"map --all":                  "GET /map",
	"map --svg":                  "GET /map",
	"notify":                     "POST /owners/look",
	"notify --apply":             "POST /owners",
	"notify --language":          "POST /owners",
	"plan":                       "GET /{$}",
	"plan --all":                 "GET /people",
	"plan --as-of":               "POST /ahead",
	"plan --csv":                 "GET /people/export.csv",
	"plan --full":                "- the console reads everything itself",
	"plan --ground":              "GET /people",
	"plan --names":               "GET /people",
	"plan --out":                 "- a page that is confirmed is carried out as it was shown, without a file between",
	"plan --owner":               "GET /people",
	"plan --table":               "GET /people",
	"policy check":               "POST /read",
	"policy init":                "- the console begins with a policy: the interview makes the first one",
	"policy notice":              "GET /policy/notice",
	"policy notice --html":       "GET /policy/notice",
	"policy notice --lang":       "GET /policy/notice",
	"policy record":              "GET /policy/record",
	"policy record --html":       "GET /policy/record",
	"policy record --lang":       "GET /policy/record",
	"policy record --snapshot":   "- the console has the environment itself",
	"policy schema":              "- for editors of policies",
	"policy show":                "GET /policy",
	"policy test":                "- for whoever writes the policy, beside its file",
	"provision":                  "- by an administrator of the environment, once: the console reads and writes with the rights of whoever works in it",
	"reapply":                    "POST /restore/look",
	"reapply --apply":            "POST /restore",
	"reapply --bypass":           "POST /restore",
	"rehearse":                   "POST /rehearsal",
	"release":                    "POST /person/{table}/{id}/{act}",
	"release --reason":           "POST /person/{table}/{id}/{act}",
	"report":                     "POST /report",
	"report --by-owner":          "POST /report",
	"report --lang":              "POST /report",
	"report --mask":              "POST /report",
	"report --out":               "GET /report/file/{name}",
	"run":                        "GET /run",
	"run --apply":                "POST /run",
	"run --bypass":               "POST /run",
	"run --approved-policy":      "- for the job that changes from one policy to the next",
	"run --full":                 "- the console reads everything itself",
	"run --max-operations":       "- a budget for jobs; a run is stopped on its page",
	"run --max-purges":           "- a lower limit for one run of a job; in the console the number is typed",
	"run --max-rows":             "- as --max-purges",
	"run --plan":                 "POST /run",
	"run --stop-after":           "- for jobs; a run is stopped on its page",
	"simulate":                   "POST /policy/simulate",
	"simulate --as-of":           "- the page tries a period today; a whole other policy or another day is for the command line, which has the file",
	"simulate --back-cast":       "- as --as-of",
	"snapshot":                   "- it writes an environment into a file, for another machine",
	"snapshot inspect":           "- it proves what is in such a file, where the file is",
	"status":                     "GET /run",
}

// whole are verbs that the console offers with all their flags in one way, or not at all for one reason.
var whole = []string{"completion", "provision", "emulator", "demo", "policy init", "policy check", "snapshot", "rehearse", "policy test", "doctor", "status", "explain"}

// What the command line can, the console can, or it is said here why not; and nothing stands here that there is not any more.
func TestConsoleCanWhatTheCommandLineCan(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("console", "console.go"))
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, m := range regexp.MustCompile(`"((?:GET|POST) /[^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		routes[m[1]] = true
	}
	if len(routes) < 40 {
		t.Fatalf("only %d routes were found: have they moved?", len(routes))
	}
	there := map[string]bool{}
	check := func(what string) {
		there[what] = true
		where, ok := inConsole[what]
		switch {
		case !ok:
			t.Errorf("%s: does the console offer it, and if not, why?", what)
		case strings.HasPrefix(where, "- "):
		default:
			for _, route := range strings.Split(where, ", ") {
				if !routes[route] {
					t.Errorf("%s: the console has no %s", what, route)
				}
			}
		}
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		name := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), "gallra"))
		if c.Runnable() && name != "" && !c.Hidden && c.Name() != "help" {
			check(name)
			all := false
			for _, w := range whole {
				all = all || name == w || strings.HasPrefix(name, w+" ")
			}
			c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" && !f.Hidden && !all {
					check(name + " --" + f.Name)
				}
			})
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}}))
	for what := range inConsole {
		if !there[what] {
			t.Errorf("%s is offered or excused, and the command line has no such thing", what)
		}
	}
}
