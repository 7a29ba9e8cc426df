// Command testsummary runs go test as it is given, shows what plain go test shows, and then what the run cost: the ten
// slowest tests, the processor time, and the largest process. With -coverage it also says how much of each package the
// tests of all packages run. Its exit code is that of go test.
//
//	go run ./tools/testsummary go test ./...
//	go run ./tools/testsummary -coverage go test ./...
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// event is a line of test2json, as far as it is looked at.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds
}

// key names a test of a package; the package itself has no test.
type key struct{ pkg, test string }

type timed struct {
	key
	seconds float64
}

const slowestShown = 10

func main() {
	coverage := flag.Bool("coverage", false, "say how much of each package is run")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: testsummary [-coverage] go test [flags] packages")
		os.Exit(2)
	}
	os.Exit(run(flag.Args(), *coverage))
}

// run runs the command and gives its exit code.
func run(command []string, coverage bool) int {
	args := slices.Insert(slices.Clone(command[1:]), 1, "-json")
	var profile string
	if coverage {
		dir, err := os.MkdirTemp("", "coverage")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		profile = filepath.Join(dir, "profile")
		args = slices.Insert(args, 2, "-coverpkg=./...", "-coverprofile="+profile)
	}
	cmd := exec.Command(command[0], args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	began := time.Now()
	tests := show(out, os.Stdout)
	err = cmd.Wait()
	summarize(os.Stdout, tests)
	if state := cmd.ProcessState; state != nil {
		fmt.Printf("\nwall %s, processor %s%s\n", time.Since(began).Round(time.Second), (state.UserTime() + state.SystemTime()).Round(time.Second), largest(state))
	}
	if coverage {
		if err := covered(profile, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		return failed.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// show prints the output of failed tests and of packages, and answers how long each test took.
func show(in io.Reader, w io.Writer) []timed {
	var tests []timed
	outputs := map[key][]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(w, lines.Text()) // what is not of a test: errors of the build
			continue
		}
		k := key{e.Package, e.Test}
		switch e.Action {
		case "output":
			if e.Test == "" {
				if !strings.HasPrefix(e.Output, "PASS") {
					fmt.Fprint(w, e.Output)
				}
				continue
			}
			outputs[k] = append(outputs[k], e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "skip", "fail":
			if e.Action == "fail" {
				fmt.Fprint(w, strings.Join(outputs[k], ""))
			}
			delete(outputs, k)
			if e.Test != "" && !strings.Contains(e.Test, "/") {
				tests = append(tests, timed{k, e.Elapsed})
			}
		}
	}
	// A test that never ended, in a process that did.
	for _, k := range slices.SortedFunc(keys(outputs), func(a, b key) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) }) {
		fmt.Fprint(w, strings.Join(outputs[k], ""))
	}
	return tests
}

func keys(m map[key][]string) func(func(key) bool) {
	return func(yield func(key) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func summarize(w io.Writer, tests []timed) {
	slices.SortStableFunc(tests, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintf(w, "\nThe slowest of %d tests:\n", len(tests))
	for _, t := range tests[:min(slowestShown, len(tests))] {
		fmt.Fprintf(w, "%8.1f s  %s.%s\n", t.seconds, strings.TrimPrefix(t.pkg, "github.com/gallra/gallra/"), t.test)
	}
}
