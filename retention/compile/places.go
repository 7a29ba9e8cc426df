package compile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// places draws the map of a subject and says which places hold rows that no rule speaks of.
func (c *checker) places(t *table, s *Subject) {
	names := func(table string) bool {
		return slices.ContainsFunc(s.Subject.Related, func(r policy.RelatedRule) bool { return r.Table == table })
	}
	m, err := c.occupied(t, s.Subject, names, onward(s.Subject))
	if err == nil {
		err = c.countPlaces(t, m, func(p *personmap.Place) bool {
			return !p.Decided() || defaulted(p) || unsaid(p) || leftAlong(s.Subject, p) != nil || c.forsaken(p)
		})
	}
	if err != nil {
		c.model.err = cmp.Or(c.model.err, err)
		return
	}
	s.Map = m
	c.undecided(s)
	c.bindingUnsaid(s)
	c.stays(s)
	c.leftGoes(s)
	c.elsewhere(s)
	c.along(s)
}

// listTables reads the list of all tables, once.
func (c *checker) listTables() (err error) {
	if c.summaries == nil {
		c.summaries, err = c.reader.Tables(c.ctx)
	}
	return err
}

// draw draws the map of a subject. The definitions of tables behind are read where wanted says so.
func (c *checker) draw(t *table, s *policy.Subject, wanted func(table string) bool) (*personmap.Map, error) {
	if err := c.listTables(); err != nil {
		return nil, err
	}
	if c.addresses == nil {
		addresses, err := c.reader.AddressColumns(c.ctx)
		switch {
		case err == nil:
			c.addresses = addresses
		case refused(err):
			c.addresses = map[string][]dataverse.AddressColumn{}
		default:
			return nil, err
		}
	}
	persons := personmap.Persons()
	for _, other := range c.policy.Subjects {
		persons[other.Table] = true
	}
	named := map[string]bool{}
	for i := range c.policy.Subjects {
		for _, r := range c.policy.Subjects[i].AllRelated() {
			named[r.Table] = true
			if set := policy.SetOf(r.Set); set != nil {
				for _, sr := range set.Rules {
					named[sr.Table] = true
				}
			}
		}
	}
	m := personmap.Draw(personmap.Environment{Tables: c.summaries, Addresses: c.addresses, Named: named, Persons: persons, Definition: func(name string) *dataverse.Table {
		if !wanted(name) {
			return nil
		}
		if t := c.model.get(name); t != nil {
			return t.Table
		}
		return nil
	}}, t.Table, s)
	return m, c.model.err
}

// defaulted tells whether rows of business are kept since no rule names them.
func defaulted(p *personmap.Place) bool {
	return p.Kind == personmap.Lookup && p.Do == personmap.Kept && p.Rule == personmap.NoRule && (p.Via == "" || p.Reached())
}

// emptyTables are the tables without a single row, of those in which several places are to be counted: one question for all of these.
func (c *checker) emptyTables(m *personmap.Map, which func(*personmap.Place) bool) error {
	places := map[string]int{}
	for i := range m.Places {
		if p := &m.Places[i]; which(p) {
			places[p.Table]++
		}
	}
	if c.empty == nil {
		c.empty = map[string]bool{}
	}
	group, ctx := errgroup.WithContext(c.ctx)
	group.SetLimit(readsAhead)
	var mu sync.Mutex
	before := maps.Clone(c.empty)
	for i := range c.summaries {
		x := &c.summaries[i]
		if _, known := before[x.LogicalName]; known || places[x.LogicalName] < 2 || x.EntitySet == "" || x.Elsewhere {
			continue
		}
		group.Go(func() error {
			empty := true
			for _, err := range c.reader.Rows(ctx, dataverse.Query{Table: x.LogicalName, Set: x.EntitySet, Select: []string{x.PrimaryID}, Top: 1}) {
				switch {
				case refused(err):
				case err != nil:
					return fmt.Errorf("ask for a row of %s: %w", x.LogicalName, err)
				}
				empty = false
			}
			mu.Lock()
			defer mu.Unlock()
			c.empty[x.LogicalName] = empty
			return nil
		})
	}
	return group.Wait()
}

// countPlaces counts the rows of places. What cannot be counted stays as it is: -1.
func (c *checker) countPlaces(t *table, m *personmap.Map, which func(*personmap.Place) bool) error {
	if err := c.emptyTables(m, which); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(c.ctx)
	group.SetLimit(readsAhead)
	var mu sync.Mutex
	counts := map[string]int{}
	for i := range m.Places {
		p := &m.Places[i]
		if !which(p) {
			continue
		}
		q, ok := c.rowsOf(t, p)
		if !ok {
			continue
		}
		if c.empty[p.Table] {
			p.Rows = 0
			continue
		}
		asked := q.Set + "?" + q.Filter
		if n, known := c.counted[asked]; known {
			p.Rows = n
			continue
		}
		group.Go(func() error {
			n, err := c.reader.Count(ctx, q)
			switch {
			case refused(err):
			case err != nil:
				return fmt.Errorf("count the rows of %s: %w", p.Table, err)
			default:
				p.Rows = n
				mu.Lock()
				defer mu.Unlock()
				counts[asked] = n
			}
			return nil
		})
	}
	err := group.Wait()
	if c.counted == nil {
		c.counted = map[string]int{}
	}
	maps.Copy(c.counted, counts)
	return err
}

// rowsOf asks for the rows of a place.
func (c *checker) rowsOf(t *table, p *personmap.Place) (dataverse.Query, bool) {
	q := dataverse.Query{Table: p.Table}
	if p.Do == personmap.Unreachable {
		return q, false
	}
	for _, s := range c.summaries {
		if s.LogicalName == p.Table {
			q.Set = s.EntitySet
		}
	}
	switch p.Kind {
	case personmap.Lookup, personmap.Mirror:
		switch {
		case p.Nav == "":
			return q, false
		case p.Via != "":
			key := ""
			for _, s := range c.summaries {
				if s.LogicalName == p.Via {
					key = s.PrimaryID
				}
			}
			q.Filter = p.Nav + "/" + key + " ne null"
		default:
			q.Filter = p.Nav + "/" + t.PrimaryID + " ne null"
		}
	case personmap.Party:
		before := len(c.problems)
		s, ok := c.source(t, p.Table, "any", map[string]policy.Place{})
		if c.problems = c.problems[:before]; !ok {
			return q, false
		}
		person := ""
		for _, r := range s.asked.lookupsOf("partyid") {
			if r.Referenced == t.LogicalName {
				person = r.ReferencingNav + "/" + t.PrimaryID + " ne null"
			}
		}
		if person == "" {
			return q, false
		}
		// Whom an activity regards is a line of its parties as well, which goes by the lookup.
		q.Table, q.Set, q.Filter = s.asked.LogicalName, s.asked.EntitySet, And(And(s.typed, person), "participationtypemask ne 8")
	case personmap.Value:
		q.Filter = p.Column + " ne null"
	case personmap.Behind:
		q.Table, q.Set, q.Filter = t.LogicalName, t.EntitySet, "_"+p.Column+"_value ne null"
	case personmap.ManyToMany:
	}
	return q, q.Set != ""
}

// undecided says in one problem which places hold rows that no rule speaks of, and what to write.
func (c *checker) undecided(s *Subject) {
	at := s.At["related"].Pos
	if at.Line == 0 {
		at = s.Pos
	}
	var told, block []string
	for _, p := range s.Map.Undecided() {
		switch {
		case p.Rows == 0:
			continue
		case p.Rows < 0:
			c.warn(at, fmt.Sprintf("rows of `%s` may lead to a `%s` by %s: they cannot be counted, and no rule names them", p.Table, s.Table, p.Column), "say so by a rule: "+suggested(s, &p))
			continue
		}
		told = append(told, fmt.Sprintf("`%s` by %s (%s)", p.Table, p.Column, policy.Count(p.Rows, "row")))
		block = append(block, suggested(s, &p))
	}
	if len(told) > 0 {
		c.out.Undecided = append(c.out.Undecided, Undecided{s.Table, c.policy.Problem(at, fmt.Sprintf("rows lead to a `%s`, and no rule says what becomes of them: %s", s.Table, strings.Join(told, ", ")),
			"add before the last rule\n"+strings.Join(block, "\n")+"\nor say do: leave with a reason, or let the rest go by {table: '*', do: delete}")})
	}
}

// suggested is a rule for a place: what is about the person goes.
func suggested(s *Subject, p *personmap.Place) string {
	switch p.Kind {
	case personmap.Party:
		return fmt.Sprintf("- {table: %s, party: any, do: delete}", p.Table)
	case personmap.Value:
		columns := []string{s.Identity}
		if s.Identity == "" {
			columns = []string{"emailaddress1"}
		}
		return fmt.Sprintf("- {table: %s, link: '%s = %s', do: delete}", p.Table, p.Column, strings.Join(columns, ", "))
	case personmap.Behind:
		return fmt.Sprintf("- {table: %s, behind: %s, do: delete}", p.Table, p.Column)
	}
	if p.Via != "" && p.Link == "" { // no link leads over rows that are found by a party, a value, or behind the person's own lookup
		return fmt.Sprintf("- {table: %s, do: leave, why: …}", p.Table)
	}
	return fmt.Sprintf("- {table: %s, link: %s, do: delete}", p.Table, cmp.Or(p.Link, p.Column))
}

// unsaid tells whether the rows of a place stay with their text, and no rule says that they are to.
func unsaid(p *personmap.Place) bool {
	return p.Rule == personmap.NoRule && (p.Do == personmap.Unlinked || p.Kind == personmap.Behind)
}

// stays warns of rows that stay with their text, since no rule names them: a purge searches them and names those that tell who
// it was.
func (c *checker) stays(s *Subject) {
	at := s.At["related"].Pos
	if at.Line == 0 {
		at = s.Pos
	}
	for _, p := range s.Map.Places {
		if !unsaid(&p) || p.Rows == 0 {
			continue
		}
		if p.Kind == personmap.Behind {
			c.warn(at, fmt.Sprintf("`%s` of a `%s` leads to rows of `%s`, which stay when the person goes", p.Column, s.Table, p.Table),
				fmt.Sprintf("if such a row is about one person: %s; if many share it: - {table: %s, do: leave, why: …}", suggested(s, &p), p.Table))
			continue
		}
		c.warn(at, fmt.Sprintf("rows of `%s` hang on rows of `%s` that go (%s), and stay without their link", p.Table, p.Via, p.Column), "say what becomes of them: "+suggested(s, &p))
	}
}

// leftAlong is the rule by which rows are to be left that go with others.
func leftAlong(s *policy.Subject, p *personmap.Place) *policy.RelatedRule {
	if p.Via == "" || !p.Reached() || p.Do != personmap.WithRow && p.Do != personmap.Deleted || p.Rule >= 0 && s.Related[p.Rule].Table == p.Table {
		return nil
	}
	for i := range s.Related {
		if personmap.Leaves(&s.Related[i], p.Table, p.Column) {
			return &s.Related[i]
		}
	}
	return nil
}

// leftGoes refuses to leave rows that go along with others.
func (c *checker) leftGoes(s *Subject) {
	for _, p := range s.Map.Places {
		r := leftAlong(s.Subject, &p)
		if r == nil || p.Rows == 0 {
			continue
		}
		does := "takes its rows along"
		if p.Delete == "Restrict" {
			does = "is refused because of its rows"
		}
		c.problem(r.At["do"].Pos, fmt.Sprintf("`%s` cannot be left: rows of `%s` go with a `%s`, and their delete %s (%s)", p.Table, p.Via, s.Table, does, p.Column),
			"say do: keep or do: delete, or leave the rows of `"+p.Via+"` as well")
	}
}

// elsewhere warns of places that no run comes to.
func (c *checker) elsewhere(s *Subject) {
	at := s.At["related"].Pos
	if at.Line == 0 {
		at = s.Pos
	}
	for _, name := range s.Map.Elsewhere() {
		c.warn(at, fmt.Sprintf("rows of `%s` can be about a `%s`, and no run comes to them: they are not kept in the environment's own database", name, s.Table),
			fmt.Sprintf("have them deleted where they are kept, and say so: {table: %s, do: leave, why: …}", name))
	}
}

// keptElsewhere refuses a rule that speaks of rows that no run comes to.
func (c *checker) keptElsewhere(r *policy.RelatedRule) bool {
	if err := c.listTables(); err != nil {
		c.model.err = cmp.Or(c.model.err, err)
		return false
	}
	if !slices.ContainsFunc(c.summaries, func(t dataverse.TableSummary) bool { return t.LogicalName == r.Table && t.Elsewhere }) {
		return false
	}
	c.problem(r.At["table"].Pos, fmt.Sprintf("the rows of `%s` are not kept in the environment's own database: no run reads or deletes them", r.Table),
		"have them deleted where they are kept, and say do: leave with a reason")
	return true
}

// bindingUnsaid warns of rows of business that are kept since no rule names them.
func (c *checker) bindingUnsaid(s *Subject) {
	at := s.At["related"].Pos
	if at.Line == 0 {
		at = s.Pos
	}
	told := map[string]bool{}
	for _, p := range s.Map.Places {
		if !defaulted(&p) || p.Rows == 0 || told[p.Table] || personmap.RuleFor(s.Subject, p.Table) >= 0 {
			continue
		}
		told[p.Table] = true
		does, by := "and lose the link", p.Key()
		if p.Binds {
			does = "and bind the person"
		}
		if p.Via != "" {
			by += fmt.Sprintf(", along with the rows of `%s` that go", p.Via)
		}
		c.warn(at, fmt.Sprintf("rows of `%s` are kept, since no rule names them, %s (%s)", p.Table, does, by),
			fmt.Sprintf("say so by a rule: {table: %s, link: %s, do: keep, why: …}", p.Table, p.Column))
	}
}

// along says what goes with rows of business that a rule deletes, and that no rule speaks of.
func (c *checker) along(s *Subject) {
	with := map[string][]string{}
	var order []string
	for _, p := range s.Map.Places {
		if p.Via == "" || p.Do != personmap.WithRow || !personmap.Is(p.Via, personmap.Business) || personmap.RightsOf(p.Table) != "" || slices.Contains(with[p.Via], p.Table) {
			continue
		}
		if with[p.Via] == nil {
			order = append(order, p.Via)
		}
		with[p.Via] = append(with[p.Via], p.Table)
	}
	slices.Sort(order)
	for _, via := range order {
		tables := with[via]
		c.warn(s.At["related"].Pos, fmt.Sprintf("with the rows of `%s` that go, the service deletes rows of %s, and no rule names them", via, inTicks(tables)),
			fmt.Sprintf("say so by rules, such as {table: %s, link: …, do: delete}, or let the rest go by {table: '*', do: delete}", tables[0]))
	}
}

// Maps draws the maps of all subjects, with the rows of every place counted and what hangs on rows that go read as far as it
// holds any: for those who look at the map.
func (c *Policy) Maps(ctx context.Context, r dataverse.Reader) ([]*personmap.Map, error) {
	var out []*personmap.Map
	k := &checker{ctx: ctx, policy: c.Policy, reader: r, model: newModel(ctx, r), out: c}
	for _, s := range c.Judged() {
		t := k.model.get(s.Table)
		if t == nil {
			return nil, cmp.Or(k.model.err, errors.New("the table "+s.Table+" is gone"))
		}
		m, err := k.everywhere(t, s.Subject)
		if err != nil {
			return nil, err
		}
		m.Class = s.ClassID
		out = append(out, m)
	}
	return out, nil
}

// onward tells of which places of a subject it matters to a run what hangs on their rows, further than the tables that rules name: what
// hangs on rows that are left is left with them, and what hangs on rows that go cannot be left. Everything else a run finds by
// itself.
func onward(s *policy.Subject) func(*personmap.Place) bool {
	leaves := slices.ContainsFunc(s.Related, func(r policy.RelatedRule) bool { return r.Do == policy.Leave })
	return func(p *personmap.Place) bool {
		switch p.Do {
		case personmap.Left:
			return true
		case personmap.Deleted, personmap.WithRow, personmap.Unlinked:
			return leaves && p.Kind != personmap.Mirror
		}
		return false
	}
}

// everywhere draws the map of a subject with the rows of every place counted, and goes on from table to table as far as there are
// rows.
func (c *checker) everywhere(t *table, s *policy.Subject) (*personmap.Map, error) {
	all := func(*personmap.Place) bool { return true }
	m, err := c.occupied(t, s, func(string) bool { return false }, all)
	if err == nil {
		err = c.countPlaces(t, m, all)
	}
	return m, err
}

// occupied draws the map of a subject over the tables that known names, and goes on from table to table as far as places that are to be
// gone on from hold rows.
func (c *checker) occupied(t *table, s *policy.Subject, known func(table string) bool, onward func(*personmap.Place) bool) (*personmap.Map, error) {
	holds := map[string]bool{}
	for {
		m, err := c.draw(t, s, func(name string) bool { return known(name) || holds[name] })
		further := func(p *personmap.Place) bool { return onward(p) && !known(p.Table) && !holds[p.Table] }
		if err == nil {
			err = c.countPlaces(t, m, further)
		}
		if err != nil {
			return nil, err
		}
		more := false
		for _, p := range m.Places {
			if p.Rows != 0 && further(&p) {
				holds[p.Table], more = true, true
			}
		}
		if !more {
			return m, nil
		}
	}
}
