package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// Reviewed is a plan that was written to a file and looked at by somebody: what they agreed to, and nothing else, is what
// a run of it may do.
type Reviewed struct {
	AsOf         retention.Date
	Organization uuid.UUID
	Policy       string // hash

	said      map[string]map[uuid.UUID]said
	rows      map[string]int // rows that each rule would end whose own period is over
	confirmed int
}

// said is what a plan says of a person.
type said struct {
	action  retention.Action
	purgeOn retention.Date
}

// PlanFileError says that a file is no whole plan.
type PlanFileError struct {
	Line int
	Why  string
}

func (e *PlanFileError) Error() string {
	if e.Line == 0 {
		return "not a plan: " + e.Why
	}
	return fmt.Sprintf("not a plan: line %d: %s", e.Line, e.Why)
}

// Hint tells where a plan comes from.
func (e *PlanFileError) Hint() string { return "gallra plan --out FILE makes one" }

// ExitCode is that of wrong usage, settings or policy.
func (e *PlanFileError) ExitCode() int { return 2 }

// StalePlanError says that a reviewed plan is not for this run.
type StalePlanError struct{ Sentence, Remedy string }

func (e *StalePlanError) Error() string { return e.Sentence }

// Hint tells what to do about it.
func (e *StalePlanError) Hint() string { return e.Remedy }

// ExitCode is that of wrong usage, settings or policy.
func (e *StalePlanError) ExitCode() int { return 2 }

// ReadPlan reads what [Plan.WriteJSON] wrote. Lines may have been taken out: those decisions are not carried out. The
// header and the totals at the end must be there, since a plan that was cut off says something else than it did. An editor
// may have added a byte order mark or other line ends.
func ReadPlan(r io.Reader) (*Reviewed, error) {
	p := &Reviewed{said: map[string]map[uuid.UUID]said{}, rows: map[string]int{}}
	in := bufio.NewReader(r)
	switch head, _ := in.Peek(3); { // what cannot be read is told by the first line
	case bytes.Equal(head, policy.ByteOrderMark):
		_, _ = in.Discard(len(policy.ByteOrderMark))
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, &PlanFileError{Why: "it is in UTF-16, as > of Windows PowerShell writes it; gallra plan --out FILE writes UTF-8"}
	}
	ended := false
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		last := err != nil
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 && n == 1:
			return nil, &PlanFileError{Why: "the file is empty"}
		case len(line) == 0:
		case ended && kindOf(line) == "tally": // as --json prints it, of the rows of whoever is purged now
		case ended:
			return nil, &PlanFileError{n, "something follows the totals"}
		default:
			if ended, err = p.line(n, line); err != nil {
				return nil, err
			}
		}
		if last {
			break
		}
	}
	if !ended {
		return nil, &PlanFileError{Why: "it breaks off before its totals"}
	}
	return p, nil
}

// kindOf is what a line is of; empty for what is none.
func kindOf(line []byte) string {
	var of struct {
		Kind string `json:"kind"`
	}
	_ = json.Unmarshal(line, &of)
	return of.Kind
}

// line takes one line in; it tells whether it was the last.
func (p *Reviewed) line(n int, line []byte) (ended bool, err error) {
	bad := func(format string, args ...any) error { return &PlanFileError{n, fmt.Sprintf(format, args...)} }
	read := func(into any) error {
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if d.Decode(into) != nil { // its text would quote the line
			return bad("not a line as gallra plan writes it")
		}
		return nil
	}
	var kind struct {
		Kind string `json:"kind"`
	}
	if json.Unmarshal(line, &kind) != nil {
		return false, bad("not JSON")
	}
	if (n == 1) != (kind.Kind == "plan") {
		return false, bad("a plan begins with its header, and has one")
	}
	switch kind.Kind {
	case "plan":
		var h headerLine
		if err := read(&h); err != nil {
			return false, err
		}
		if h.AsOf.IsZero() || h.AsOf == retention.Open || h.Organization == uuid.Nil || !strings.HasPrefix(h.Policy, "sha256:") {
			return false, bad("the header lacks the day, the organisation or the policy")
		}
		p.AsOf, p.Organization, p.Policy = h.AsOf, h.Organization, h.Policy
	case "decision":
		var d decisionLine
		if err := read(&d); err != nil {
			return false, err
		}
		switch d.Action {
		case retention.Keep, retention.Schedule, retention.Move, retention.Clear, retention.Wait, retention.Hold, retention.Purge:
		default:
			return false, bad("unknown action %q", d.Action)
		}
		if d.Table == "" || d.ID == uuid.Nil {
			return false, bad("a decision without its person")
		}
		if p.said[d.Table] == nil {
			p.said[d.Table] = map[uuid.UUID]said{}
		}
		if _, twice := p.said[d.Table][d.ID]; twice {
			return false, bad("a second decision about %s %s", d.Table, d.ID)
		}
		what := said{action: d.Action}
		if d.PurgeOn != nil {
			what.purgeOn = *d.PurgeOn
		}
		p.said[d.Table][d.ID] = what
	case "rows":
		var r rowsLine
		if err := read(&r); err != nil {
			return false, err
		}
		if _, twice := p.rows[r.Rule]; twice || r.Rule == "" {
			return false, bad("a second line about the rule %q", r.Rule)
		}
		p.rows[r.Rule] = r.Due
	case "totals":
		return true, nil
	default:
		return false, bad("unknown kind %q", kind.Kind)
	}
	return false, nil
}

// Fits tells whether the plan may be carried out today: it was made with this policy, for this organisation, in this
// month, and not for a day that is still to come. The error is a [*StalePlanError].
func (p *Reviewed) Fits(c *compile.Policy, today retention.Date) error {
	again := "make and review a new one: gallra plan --out FILE"
	switch {
	case p.Organization != c.Organization:
		return &StalePlanError{fmt.Sprintf("the plan is for the organisation %s, and this environment is %s", p.Organization, c.Organization),
			"connect to the plan's environment, or " + again}
	case p.Policy != c.Policy.Hash:
		return &StalePlanError{fmt.Sprintf("the plan was made with another policy (%s, and this one is %s)", shortHash(p.Policy), shortHash(c.Policy.Hash)),
			"what was reviewed is not what this policy says: " + again}
	case p.AsOf > today:
		return &StalePlanError{fmt.Sprintf("the plan looks ahead to %s, and today is %s", p.AsOf.Words(), today.Words()),
			"a plan with --as-of is a forecast: " + again}
	case p.AsOf.Month() != today.Month():
		return &StalePlanError{fmt.Sprintf("the plan is of %s, an earlier month, and today is %s", p.AsOf.Words(), today.Words()), again}
	}
	return nil
}

func shortHash(h string) string {
	const shown = len("sha256:") + 12
	if len(h) > shown {
		return h[:shown] + "…"
	}
	return h
}

// Still tells whether a decision of a new evaluation is one that the plan holds, and counts it. It is called once for
// every decision; persons who are kept and need nothing are none.
func (p *Reviewed) Still(table string, id uuid.UUID, a retention.Action) bool {
	if what, ok := p.said[table][id]; !ok || what.action != a {
		return false
	}
	if a != retention.Keep {
		p.confirmed++
	}
	return true
}

// Confirmed is how many decisions of the plan were found to be still true.
func (p *Reviewed) Confirmed() int { return p.confirmed }

// Count is how many decisions the plan holds for which a run has something to do or to see to: all but keep.
func (p *Reviewed) Count() int {
	n := 0
	for _, persons := range p.said {
		for _, what := range persons {
			if what.action != retention.Keep {
				n++
			}
		}
	}
	return n
}

// Names tells whether the plan says of the person that they go by that purge date.
func (p *Reviewed) Names(table string, id uuid.UUID, purgeOn retention.Date) bool {
	what := p.said[table][id]
	return what.goes() && what.purgeOn == purgeOn
}

// Named is how many persons the plan says of that they go by a purge date until that day.
func (p *Reviewed) Named(until retention.Date) int {
	n := 0
	for _, persons := range p.said {
		for _, what := range persons {
			if what.goes() && what.purgeOn <= until {
				n++
			}
		}
	}
	return n
}

func (s said) goes() bool { return s.action == retention.Purge || s.action == retention.Wait }
