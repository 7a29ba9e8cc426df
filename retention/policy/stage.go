package policy

import (
	"fmt"

	"github.com/gallra/gallra/retention"
)

// What a stage does.
const (
	Archive Disposition = "archive" // the row becomes inactive and a team's: it is still there, and out of the way
	Reduce  Disposition = "reduce"  // columns are emptied or made coarse
	Purge   Disposition = "purge"   // what the subject's own disposition says; the last stage
)

// Stage is a step on the way to the purge of a person whom nothing justifies any more.
type Stage struct {
	Do      Disposition
	After   retention.Keeping // counted from the day on which the last ground ended
	Team    string
	Erase   []string
	Coarsen []Coarsened

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"`
}

// stages reads the steps on the way to the purge.
func (l *loader) stages(files []fileStage, at Pos) (out []Stage) {
	if len(files) == 0 && !l.blamed(at) {
		l.problem(at, "`stages` has no entries", "")
	}
	seen := map[string]bool{}
	far := retention.NewDate(2000, 1, 1) // periods are told apart by where they lead to
	for i := range files {
		f := &files[i]
		bad := func(key, message, hint string) {
			pos := f.At[key].Pos
			if !f.has(key) {
				pos = f.Pos
			}
			l.problem(pos, message, hint)
		}
		f.After.YearEnds = l.policy.YearEnds
		s := Stage{Do: Disposition(f.Do), After: f.After, Team: f.Team, Erase: f.Erase, Coarsen: f.Coarsen, Pos: f.Pos, At: f.At}
		last := i == len(files)-1
		switch {
		case seen[f.Do]:
			bad("do", fmt.Sprintf("two stages do `%s`", f.Do), "each comes once")
		case last && s.Do != Purge && s.Do != "":
			bad("do", "the last stage is not `do: purge`: persons would stay for ever", "add {after: …, do: purge}")
		case !last && s.Do == Purge:
			bad("do", "`do: purge` is not the last stage: nothing is left for those after it", "")
		}
		seen[f.Do] = true
		switch {
		case i == 0 && f.has("after"):
			bad("after", "the first stage comes on the day on which the last ground has ended", "leave `after` out; a longer `keep` of the grounds says the same")
		case i > 0 && !f.has("after"):
			bad("after", "a stage after the first needs `after`: how long after the last ground ended", "such as after: 3 years")
		case i > 0 && s.After.End(retention.NewDate(2000, 1, 1)) <= far:
			bad("after", "the stage does not come later than the one before it", "every `after` counts from the day on which the last ground ended")
		}
		if i > 0 {
			far = s.After.End(retention.NewDate(2000, 1, 1))
		}
		for key, of := range map[string]Disposition{"team": Archive, "erase": Reduce, "coarsen": Reduce} {
			if f.has(key) && s.Do != of && s.Do != "" {
				bad(key, fmt.Sprintf("`%s` is for do: %s", key, of), "")
			}
		}
		if s.Do == Archive && !f.has("team") {
			bad("do", "do: archive needs `team`: who owns archived rows", "a team with no members but those who may still look at them")
		}
		if s.Do == Reduce && !f.has("erase") && !f.has("coarsen") {
			bad("do", "do: reduce needs `erase` or `coarsen`: what goes", "")
		}
		out = append(out, s)
	}
	return out
}
