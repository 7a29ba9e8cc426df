package policy

import (
	"fmt"

	"github.com/gallra/gallra/retention"
)

// What a stage does.
const (
	Archive Disposition = "archive" // the row becomes inactive and a team's: it is still there, and out of the way
	Reduce  Disposition = "reduce"  // columns are emptied or made coarse, and rules for related rows applied
	Purge   Disposition = "purge"   // what the subject's own disposition says; the last stage
)

// Stage is a step on the way to the purge of a person whom nothing justifies any more.
type Stage struct {
	Do      Disposition
	After   retention.Keeping // counted from the day on which the last ground ended
	Team    string
	Erase   []string
	Coarsen []Coarsened
	Related []RelatedRule // that are applied at this stage already; rows that none of them names stay as they are

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
		if f.has("related") {
			s.Related = l.ahead(f)
		}
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
		for key, of := range map[string]Disposition{"team": Archive, "erase": Reduce, "coarsen": Reduce, "related": Reduce} {
			if f.has(key) && s.Do != of && s.Do != "" {
				bad(key, fmt.Sprintf("`%s` is for do: %s", key, of), "")
			}
		}
		if s.Do == Archive && !f.has("team") {
			bad("do", "do: archive needs `team`: who owns archived rows", "a team with no members but those who may still look at them")
		}
		if s.Do == Reduce && !f.has("erase") && !f.has("coarsen") && !f.has("related") {
			bad("do", "do: reduce needs `erase`, `coarsen` or `related`: what goes", "")
		}
		out = append(out, s)
	}
	return out
}

// ahead reads the rules for related rows that a stage applies. They say what happens to rows of tables that they name, and nothing
// of the rest: that waits for the purge.
func (l *loader) ahead(f *fileStage) []RelatedRule {
	if len(f.Related) == 0 && !l.blamed(f.At["related"].Pos) {
		l.problem(f.At["related"].Pos, "`related` has no entries", "")
	}
	rules := l.rules(f.Related)
	for i := range rules {
		r, at := &rules[i], f.Related[i].At
		bad := func(key, message, hint string) {
			if !l.blamed(at[key].Pos) {
				l.problem(at[key].Pos, message, hint)
			}
		}
		switch {
		case r.Set != "":
			bad("set", "a stage takes no set of rules: it says of each table what happens before the purge", "name the tables, such as {table: email, party: any, do: delete}")
		case r.Table == AnyTable:
			bad("table", "a stage names its tables: what else leads to the person waits for the purge", "")
		case r.Behind != "":
			bad("behind", "rows behind the person's own lookups go with the person, at the purge", "")
		case r.Do == Leave:
			bad("do", "a stage leaves alone what its rules do not name", "leave the rule out, or do: keep for rows that a later rule would take")
		case r.End != nil:
			bad("then", "what a stage keeps waits for the purge, whose rules say when it ends", "leave the date out")
		}
	}
	return rules
}
