package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// statements of a package, and those of them that a test has run.
type statements struct{ all, run int }

func (s statements) percent() float64 { return 100 * float64(s.run) / float64(max(s.all, 1)) }

// covered prints what of each package the profile says was run.
func covered(profile string, w io.Writer) error {
	f, err := os.Open(profile)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	packages, err := byPackage(f)
	if err != nil {
		return err
	}
	var total statements
	fmt.Fprintln(w, "\nStatements run by the tests of all packages:")
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		s := packages[name]
		total.all, total.run = total.all+s.all, total.run+s.run
		fmt.Fprintf(w, "%8.1f %%  %s\n", s.percent(), strings.TrimPrefix(name, "github.com/gallra/gallra/"))
	}
	fmt.Fprintf(w, "%8.1f %%  of all %d\n", total.percent(), total.all)
	return nil
}

// byPackage reads a profile. Each test binary tells of every block: one that any of them has run counts as run.
func byPackage(in io.Reader) (map[string]statements, error) {
	type block struct {
		statements int
		run        bool
	}
	blocks := map[string]block{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "mode:") {
			continue
		}
		at, counts, _ := strings.Cut(lines.Text(), " ")
		var n, times int
		if _, err := fmt.Sscan(counts, &n, &times); err != nil {
			return nil, fmt.Errorf("coverage profile: %q: %w", lines.Text(), err)
		}
		blocks[at] = block{n, times > 0 || blocks[at].run}
	}
	packages := map[string]statements{}
	for at, b := range blocks {
		name := path.Dir(at[:strings.LastIndexByte(at, ':')])
		s := packages[name]
		s.all += b.statements
		if b.run {
			s.run += b.statements
		}
		packages[name] = s
	}
	return packages, lines.Err()
}
