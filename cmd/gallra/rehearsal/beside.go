package rehearsal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gallra/gallra/retention/rehearse"
)

// speech prints lines and titles.
func (h *Host) speech() (say func(string, ...any), section func(string)) {
	say = func(format string, args ...any) { fmt.Fprintln(h.Out, h.Folded(fmt.Sprintf(format, args...))) }
	return say, func(title string) { say("\n── %s", title) }
}

// encode prints a rehearsal, or two and their difference, for machines.
func (h *Host) encode(a, b *rehearse.Result, d *rehearse.Difference) error {
	e := json.NewEncoder(h.Out)
	for _, r := range []*rehearse.Result{a, b} {
		if r == nil {
			continue
		}
		if err := e.Encode(struct {
			Kind string `json:"kind"`
			*rehearse.Result
		}{"rehearsal", r}); err != nil {
			return err
		}
	}
	if d == nil {
		return nil
	}
	return e.Encode(pairsOf(d))
}

// pairs is the difference of two rehearsals, in numbers.
type pairs struct {
	Kind   string      `json:"kind"`
	Months []monthPair `json:"months"`
	Groups []groupPair `json:"groups"`
}

func pairsOf(d *rehearse.Difference) pairs {
	out := pairs{Kind: "difference", Months: []monthPair{}, Groups: []groupPair{}}
	for _, m := range d.Months {
		out.Months = append(out.Months, monthPair{m.Month, counts{m.A.Scheduled, m.A.Rescued, m.A.Purged}, counts{m.B.Scheduled, m.B.Rescued, m.B.Purged}})
	}
	for _, g := range d.Groups {
		out.Groups = append(out.Groups, groupPair{g.Table, g.Class, g.Ground, counts{g.A.Scheduled, g.A.Rescued, g.A.Purged}, counts{g.B.Scheduled, g.B.Rescued, g.B.Purged}})
	}
	return out
}

// counts are how many persons of a month or a group get a date, lose it again and are purged by one policy.
type counts struct {
	Scheduled int `json:"scheduled"`
	Rescued   int `json:"rescued"`
	Purged    int `json:"purged"`
}

type monthPair struct {
	Month string `json:"month"`
	A     counts `json:"a"`
	B     counts `json:"b"`
}

type groupPair struct {
	Table  string `json:"table"`
	Class  string `json:"class,omitempty"`
	Ground string `json:"ground,omitempty"`
	A      counts `json:"a"`
	B      counts `json:"b"`
}

// beside prints two rehearsals of the same nights side by side, by two policies.
func (h *Host) beside(a, b *rehearse.Result, d *rehearse.Difference, other string) {
	say, section := h.speech()
	say("%d nights from %s to %s on a snapshot of %s (rows: %s)", a.Nights, a.From.Words(), a.To.Words(), a.Taken, a.Sample)
	first, second := filepath.Base(h.PolicyFile()), filepath.Base(other)
	if first == second {
		first, second = h.PolicyFile(), other
	}
	say("A is %s, B is %s; numbers are of A / of B, and how many more B has", first, second)
	if !slices.ContainsFunc(d.Months, func(m rehearse.MonthPair) bool { return m.Differs() }) && !slices.ContainsFunc(d.Groups, func(g rehearse.GroupPair) bool { return g.Differs() }) {
		say("the two policies do the same in these nights")
	}
	cells := func(a, b counts) (all []string) {
		for _, pair := range [][2]int{{a.Scheduled, b.Scheduled}, {a.Rescued, b.Rescued}, {a.Purged, b.Purged}} {
			cell := fmt.Sprintf("%d / %d", pair[0], pair[1])
			if pair[0] != pair[1] {
				cell += fmt.Sprintf("  %+d", pair[1]-pair[0])
			}
			all = append(all, cell)
		}
		return all
	}
	heads := []string{"scheduled", "rescued", "purged"}
	section("Month by month")
	var rows [][]string
	all := pairsOf(d)
	for _, m := range all.Months {
		rows = append(rows, append([]string{m.Month}, cells(m.A, m.B)...))
	}
	say("%s", h.Table(append([]string{"month"}, heads...), rows))
	section("By what kept them last")
	rows = nil
	for _, g := range all.Groups {
		ground, class := g.Ground, g.Class
		if ground == "" {
			ground = "none ever"
		}
		if class == "" {
			class = "-"
		}
		rows = append(rows, append([]string{g.Table, class, ground}, cells(g.A, g.B)...))
	}
	say("%s", h.Table(append([]string{"table", "class", "ground"}, heads...), rows))
	for i, r := range []*rehearse.Result{a, b} {
		h.rails(r, func(title string) { section(string(rune('A'+i)) + ": " + title) }, say)
	}
	say("\neverything else of one policy is told without --beside")
}
