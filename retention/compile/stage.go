package compile

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Stage is a step on the way to the purge.
type Stage struct {
	*policy.Stage
	Team   uuid.UUID // that owns archived rows
	Coarse []Coarse
	// Rules is the subject with the rules for related rows that a reduction applies, instead of those of the purge; nil: none.
	Rules *Subject
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
func (c *checker) stages(t *table, of *Subject) []Stage {
	s := of.Subject
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
			if len(stage.Stage.Related) > 0 {
				stage.Rules = c.ahead(t, of, stage.Stage.Related)
			}
		}
		out = append(out, stage)
	}
	return out
}

// ahead is a subject with rules for related rows that are applied before the purge: nothing of the person's own row goes by it.
func (c *checker) ahead(t *table, of *Subject, rules []policy.RelatedRule) *Subject {
	own, out := *of.Subject, *of
	own.Purge, own.Related, own.Classes, own.Stages = policy.Anonymize, rules, nil, nil
	out.Subject, out.Related, out.Classes, out.Stages, out.Map = &own, nil, nil, nil, &personmap.Map{}
	for i := range rules {
		out.Related = append(out.Related, c.rule(t, &rules[i]))
	}
	c.deletesObjections(&out)
	return &out
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
	return c.oneNamed("team", name, at, "make one that owns archived rows, with no members but those who may still look at them")
}

// oneNamed is the one row of a table with that name; otherwise the hint says what to do.
func (c *checker) oneNamed(table, name string, at policy.Pos, hint string) uuid.UUID {
	var found []uuid.UUID
	for row, err := range c.reader.Rows(c.ctx, dataverse.Query{Table: table, Select: []string{table + "id"}, Filter: "name eq " + odata.Quote(name)}) {
		if err != nil {
			c.model.err = err
			return uuid.Nil
		}
		found = append(found, row.ID(table+"id"))
	}
	if len(found) != 1 {
		c.problem(at, fmt.Sprintf("%d %ss are called `%s`", len(found), table, name), hint)
		return uuid.Nil
	}
	return found[0]
}

// Ask is the word to a person before their purge.
type Ask struct {
	*policy.Ask
	Queue uuid.UUID
}

// ask checks how persons are asked.
func (c *checker) ask(s *policy.Subject) *Ask {
	if s.Ask == nil {
		return nil
	}
	return &Ask{Ask: s.Ask, Queue: c.oneNamed("queue", s.Ask.Queue, s.Ask.At["queue"].Pos,
		"make the queue in the Power Platform admin centre (Email > Queues) or name another; whoever asks persons is a member of it")}
}

// Asking is how persons of these rules are asked, nil if they are not.
func (s *Subject) Asking() *retention.Asking {
	if s.Ask == nil {
		return nil
	}
	return &s.Ask.Ask.Asking
}
