package compile

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Stage is a step on the way to the purge.
type Stage struct {
	*policy.Stage
	Team   uuid.UUID // that owns archived rows
	Coarse []Coarse
}

// After is how long after the end of the last ground each stage comes.
func (s *Subject) After() []retention.Keeping {
	out := make([]retention.Keeping, len(s.Stages))
	for i := range s.Stages {
		out[i] = s.Stages[i].After
	}
	return out
}

// Coming is the stage that comes after some have been done; nil for the purge.
func (s *Subject) Coming(done int) *Stage {
	if done >= len(s.Stages)-1 {
		return nil
	}
	return &s.Stages[done]
}

// stages checks the steps on the way to the purge.
func (c *checker) stages(t *table, s *policy.Subject) []Stage {
	var out []Stage
	for i := range s.Stages {
		stage := Stage{Stage: &s.Stages[i]}
		at := stage.At["do"].Pos
		switch stage.Do {
		case policy.Archive:
			if !archives(t) {
				c.problem(at, fmt.Sprintf("rows of `%s` cannot be archived: they have no owner, or other states than active and inactive", s.Table), "use do: reduce, or longer grounds")
				continue
			}
			stage.Team = c.team(stage.Stage.Team, stage.At["team"].Pos)
		case policy.Reduce:
			for j, name := range stage.Erase {
				a := c.column(t, name, stage.At["erase"].Item(j))
				switch {
				case a == nil:
				case !a.ForUpdate, a.Primary, name == t.PrimaryName, name == s.Identity:
					c.problem(stage.At["erase"].Item(j), fmt.Sprintf("`%s` of `%s` cannot be emptied before the purge", name, s.Table), "what a person is known by goes with the purge")
				case !a.ForRead, a.Secured, !slices.Contains(emptied, a.Type):
					c.problem(stage.At["erase"].Item(j), fmt.Sprintf("`%s` of `%s` is %s, which a stage cannot empty", name, s.Table, typeWords(a)), "texts, dates, numbers and choices can be; the purge takes the rest")
				case slices.Contains([]string{"ApplicationRequired", "SystemRequired"}, a.Required):
					c.problem(stage.At["erase"].Item(j), fmt.Sprintf("`%s` of `%s` may not be empty", name, s.Table), "leave it to the purge")
				}
			}
			own := *s
			own.Coarsen = stage.Stage.Coarsen
			stage.Coarse = c.coarsened(t, &own)
		}
		out = append(out, stage)
	}
	return out
}

// emptied are the types of columns that a stage can empty.
var emptied = []string{"String", "Memo", "DateTime", "Picklist", "MultiSelectPicklist", "Integer", "BigInt", "Decimal", "Double", "Money"}

// archives tells whether rows of a table can be made inactive and handed to a team.
func archives(t *table) bool {
	state, owner := t.Attributes["statecode"], t.Attributes["ownerid"]
	return state != nil && owner != nil && len(state.Options) == 2 &&
		slices.ContainsFunc(state.Options, func(o dataverse.Option) bool { return o.Value == 0 }) && slices.ContainsFunc(state.Options, func(o dataverse.Option) bool { return o.Value == 1 })
}

// team is the one team of that name.
func (c *checker) team(name string, at policy.Pos) uuid.UUID {
	var found []uuid.UUID
	for row, err := range c.reader.Rows(c.ctx, dataverse.Query{Table: "team", Select: []string{"teamid"}, Filter: "name eq " + odata.Quote(name)}) {
		if err != nil {
			c.model.err = err
			return uuid.Nil
		}
		found = append(found, row.ID("teamid"))
	}
	if len(found) != 1 {
		c.problem(at, fmt.Sprintf("%d teams are called `%s`", len(found), name), "make one that owns archived rows, with no members but those who may still look at them")
		return uuid.Nil
	}
	return found[0]
}
