package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/internal/words"
)

// Every verb that does something tells what it is for and shows how it is called, and what it shows is a valid call.
func TestEveryExampleIsAValidCall(t *testing.T) {
	root := newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}})
	verbs := 0
	each(root, func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || !c.Runnable() {
			return
		}
		verbs++
		if c.Short == "" {
			t.Errorf("%s does not say what it does", c.CommandPath())
		}
		shown := 0
		for line := range strings.Lines(c.Example) {
			words := shellWords(t, line)
			if len(words) == 0 || words[0] != "gallra" {
				continue
			}
			shown++
			// A command of its own for each call: flags keep what an earlier line set.
			fresh := newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}})
			found, args, err := fresh.Find(words[1:])
			if err == nil {
				err = found.ParseFlags(args)
			}
			if help, _ := found.Flags().GetBool("help"); err == nil && !help {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s --help shows %q: %v", c.CommandPath(), strings.TrimSpace(line), err)
				continue
			}
			if found.CommandPath() != c.CommandPath() && !strings.Contains(line, "#") && shown == 1 {
				t.Errorf("%s --help shows how to call %s", c.CommandPath(), found.CommandPath())
			}
		}
		if shown == 0 {
			t.Errorf("%s --help shows no example", c.CommandPath())
		}
	})
	if verbs < 20 {
		t.Errorf("%d verbs", verbs)
	}
}

// shellWords are the words of a command line up to a comment, a pipe or a redirection.
func shellWords(t *testing.T, line string) (words []string) {
	t.Helper()
	var word strings.Builder
	quote, begun := rune(0), false
	end := func() {
		if begun {
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	for _, r := range strings.TrimSpace(line) {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ':
			end()
		case strings.ContainsRune("#|>&;", r) && !begun:
			return words
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		t.Errorf("a quote is open in %q", line)
	}
	end()
	return words
}

// Every flag that names what is written says so, so that a place where nothing can be written is told before the work: the others that
// speak of files and folders read them.
func TestWhatFlagsWriteIsTriedFirst(t *testing.T) {
	reads := []string{"console --key", "console --language", "notify --language", "console --snapshots", "emulator --file", "emulator --snapshot", "ledger checkpoint --key", "ledger verify --checkpoint", "ledger verify --public-key",
		"policy notice --snapshot", "policy record --snapshot", "rehearse --snapshot", "rehearse --beside", "rehearse --against", "run --plan"}
	written := 0
	each(newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}}), func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			name := strings.TrimPrefix(c.CommandPath(), "gallra ") + " --" + f.Name
			switch speaks := f.Value.Type() != "bool" && (strings.Contains(f.Usage, "file") || strings.Contains(f.Usage, "folder")); {
			case config.Writes(f):
				written++
			case speaks && !slices.Contains(reads, name):
				t.Errorf("%s: %s: is it read or written?", name, f.Usage)
			}
		})
	})
	if written < 11 {
		t.Errorf("%d flags name what is written", written)
	}
}

// Help keeps to the width it is shown at, 80 where nothing says one, and no word of it is broken: only lines of examples, which are
// copied, and single words are wider. What --plain prints has no broken lines.
func TestHelpFitsItsWidth(t *testing.T) {
	unbroken := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, tt := range []struct {
		columns string
		width   int
	}{{"", 80}, {"60", 60}, {"100", 100}, {"300", 110}} {
		root := newRoot(&app{streams: streams{in: os.Stdin, out: os.Stdout, errs: os.Stderr}})
		a := &streams{out: os.Stdin, getenv: func(name string) string { return map[string]string{"COLUMNS": tt.columns}[name] }}
		each(root, func(c *cobra.Command) {
			text, whole := helpOf(c, a.helpWidth()), helpOf(c, 0)
			examples := map[string]bool{}
			for line := range strings.Lines(c.Example) {
				examples[strings.TrimSpace(line)] = true
			}
			for line := range strings.Lines(text) {
				line = strings.TrimRight(line, "\n")
				if len(line) > tt.width && !examples[strings.TrimSpace(line)] && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%s --help at %d: %d columns: %s", c.CommandPath(), tt.width, len(line), line)
				}
			}
			if unbroken(text) != unbroken(whole) {
				t.Errorf("%s --help at %d says something else than at full width", c.CommandPath(), tt.width)
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if !f.Hidden && !strings.Contains(unbroken(text), "--"+f.Name+" ") {
					t.Errorf("%s --help lacks --%s", c.CommandPath(), f.Name)
				}
			})
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() && !strings.Contains(unbroken(text), " "+sub.Name()+" "+unbroken(sub.Short)) {
					t.Errorf("%s --help lacks %s", c.CommandPath(), sub.Name())
				}
			}
		})
	}
	if w := (&streams{out: os.Stdin, plain: true}).helpWidth(); w != 0 {
		t.Errorf("--plain breaks lines at %d", w)
	}
}

// Shells complete verbs, the policy's tables and grounds, and the values of settings.
func TestCompletion(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GALLRA_POLICY", policy)
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"st", []string{"status"}}, {"explain ", []string{"contact", "lead"}}, {"hold ", []string{"contact", "lead"}},
		{"plan --table ", []string{"contact", "lead"}}, {"plan --ground cl", []string{"closed-opportunity\tFollow-up of a deal", "closed-quote\t"}},
		{"report --lang ", words.All()}, {"plan --auth work", []string{"workload-identity"}}, {"simulate ", []string{"yaml", ":8"}}, {"completion ", []string{"bash", "zsh", "fish", "powershell"}},
		{"explain contact ", []string{":4"}}, {"policy ", []string{"check", "record", "schema", "test", "init"}},
	} {
		out := completed(t, tt.line)
		for _, want := range tt.want {
			if !strings.Contains("\n"+out, "\n"+want) {
				t.Errorf("gallra %s completes %q, which lacks %q", tt.line, out, want)
			}
		}
	}
	// A policy or a setting that cannot be read completes nothing, and says nothing.
	t.Setenv("GALLRA_POLICY", filepath.Join(t.TempDir(), "none.yaml"))
	t.Setenv("GALLRA_AUTH", "magic")
	if out := completed(t, "plan --table "); strings.Contains(out, "contact") || strings.Contains(out, "rror") {
		t.Errorf("%q", out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := called(t, "completion", shell); !strings.Contains(out, "gallra") || len(out) < 1000 {
			t.Errorf("completion %s: %d letters", shell, len(out))
		}
	}
}

func completed(t *testing.T, line string) string {
	t.Helper()
	i := strings.LastIndexByte(line, ' ')
	return called(t, append([]string{"__complete"}, append(strings.Fields(line[:i+1]), line[i+1:])...)...)
}

// called is what a command prints that has to succeed.
func called(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs strings.Builder
	if code := run(&app{streams: streams{in: os.Stdin, out: &out, errs: &errs}}, args); code != 0 {
		t.Fatalf("gallra %s: code %d, %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}
