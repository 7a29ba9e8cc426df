package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention"
)

// Edited is a policy's file with a change in it, as text. Nothing was written.
type Edited struct {
	Name string // of the file, without its folder
	Text string
	Line int // that differs
}

// plainPeriod is a period as it stands in a file, in quotes or not.
var plainPeriod = regexp.MustCompile(`^("[^"]*"|'[^']*'|[0-9]+[ \t]+[a-z]+(?:[ \t]+[0-9]+[ \t]+[a-z]+)*(?:[ \t]+from[ \t]+[a-z \t]*[a-z])?)`)

// WithPeriod is the policy with another period for one ground of a subject table, for a simulation, and the changed file:
// the text of the file that names the ground, comments and all, with the new period in place of the old one. The policy
// itself stays as it is. A changed policy has no hash until it is a file.
func (p *Policy) WithPeriod(table, ground string, keep retention.Period) (*Policy, *Edited, error) {
	changed := *p
	changed.Hash = ""
	changed.Subjects = slices.Clone(p.Subjects)
	s := changed.Subject(table)
	if s == nil {
		return nil, nil, fmt.Errorf("the policy has no subject table %q", table)
	}
	s.Grounds = slices.Clone(s.Grounds)
	i := slices.IndexFunc(s.Grounds, func(g Ground) bool { return g.ID == ground })
	if i < 0 {
		return nil, nil, fmt.Errorf("%s has no ground %q", table, ground)
	}
	g := &s.Grounds[i]
	at, written := g.At["keep"]
	lines := p.Sources[at.File]
	if !written || at.Line < 1 || at.Line > len(lines) {
		return nil, nil, fmt.Errorf("the ground %s names no period that could be changed", ground)
	}
	line := []rune(lines[at.Line-1])
	if at.Column < 1 || at.Column > len(line) {
		return nil, nil, fmt.Errorf("the period of %s stands in a form that cannot be changed here", ground)
	}
	before, rest := string(line[:at.Column-1]), string(line[at.Column-1:])
	old := plainPeriod.FindString(rest)
	read, err := retention.ParseKeeping(strings.Trim(old, `"'`))
	if read.YearEnds = g.Keep.YearEnds; err != nil || read != g.Keep {
		return nil, nil, fmt.Errorf("the period of %s stands in a form that cannot be changed here", ground)
	}
	lines = slices.Clone(lines)
	g.Keep.Period = keep
	lines[at.Line-1] = before + g.Keep.String() + rest[len(old):]
	return &changed, &Edited{Name: filepath.Base(at.File), Text: strings.Join(lines, "\n"), Line: at.Line}, nil
}

// Source is the text of one of the policy's files, as it was read.
func (p *Policy) Source(file string) string { return strings.Join(p.Sources[file], "\n") }
