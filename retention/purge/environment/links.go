package environment

import (
	"context"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Rows that lead to a person and that no delete reaches: the person map says which of them a purge looks at. Of most of the
// places there is no row in the whole environment, which is asked once a run.

// occupancy remembers which places hold rows at all.
type occupancy struct {
	turn  Turn
	known map[string]bool
}

// probe is a place and a query for its rows.
type probe struct {
	key   string
	query dataverse.Query
}

// holding answers which of the places hold a row. Each is asked once a run: what comes into an empty place while it lasts is
// seen by the next.
func (t *Tables) holding(ctx context.Context, from Reader, probes []probe) (map[string]bool, error) {
	end, err := t.occupied.turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var keys []string
	var qs []dataverse.Query
	for _, p := range probes {
		if _, known := t.occupied.known[p.key]; !known && !slices.Contains(keys, p.key) {
			p.query.Top = 1
			keys, qs = append(keys, p.key), append(qs, p.query)
		}
	}
	if len(qs) > 0 {
		answers, err := from.Queries(ctx, qs)
		if err != nil {
			return nil, err
		}
		for i, rows := range answers {
			t.occupied.known[keys[i]] = len(rows) > 0
		}
	}
	out := make(map[string]bool, len(probes))
	for _, p := range probes {
		out[p.key] = t.occupied.known[p.key]
	}
	return out, nil
}

// occupiedReaches leaves the relationships over which rows lead somewhere.
func (t *Tables) occupiedReaches(ctx context.Context, from Reader, over []Reach) ([]Reach, error) {
	holds, err := t.holding(ctx, from, reachProbes(over))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(over, func(r Reach) bool { return !holds[r.Referencing+"."+r.ReferencingAttribute] }), nil
}

func reachProbes(over []Reach) []probe {
	probes := make([]probe, len(over))
	for i, r := range over {
		probes[i] = probe{r.Referencing + "." + r.ReferencingAttribute, dataverse.Query{Table: r.Referencing, Set: r.Child.EntitySet, Select: []string{r.Child.PrimaryID}, Filter: r.Wire + " ne null"}}
	}
	return probes
}

// Probe finds out, once a run, which places of a subject hold rows at all: all of them in one request.
func (t *Tables) Probe(ctx context.Context, from Reader, s *compile.Subject) error {
	probes := append(reachProbes(t.links(s)), t.partyProbes(s)...)
	_, associations, err := t.associations(ctx, s)
	if err != nil {
		return err
	}
	_, values := t.values(s)
	_, err = t.holding(ctx, from, slices.Concat(probes, associations, values))
	return err
}

// Links are the lookups that lead to persons of a subject, that a delete of them does not reach, and that no rule of their own
// leads over: those that the rule '*' covers, rows of business, and what nobody has decided of yet.
func (t *Tables) Links(ctx context.Context, from Reader, s *compile.Subject) ([]Reach, error) {
	return t.occupiedReaches(ctx, from, t.links(s))
}

func (t *Tables) links(s *compile.Subject) (out []Reach) {
	for i := range s.Map.Places {
		p := &s.Map.Places[i]
		switch {
		case p.Kind != personmap.Lookup || p.Via != "" || !t.Exists(p.Table):
		case p.Reached() && s.Purge == policy.Delete:
		case p.Rule >= 0 && s.Related[p.Rule].Table != policy.AnyTable:
		case p.Do == personmap.Deleted, p.Do == personmap.Kept, p.Do == personmap.Undecided:
			out = append(out, t.reach(s.Table, p))
		}
	}
	return out
}

// reach is a place as a relationship, as far as finding rows needs it.
func (t *Tables) reach(to string, p *personmap.Place) Reach {
	return Reach{Child: t.all[p.Table], Wire: "_" + p.Column + "_value", Relationship: dataverse.Relationship{
		Referenced: to, Referencing: p.Table, ReferencingAttribute: p.Column, ReferencingNav: p.Nav, Delete: p.Delete}}
}

// unlinked are the lookups to rows of a table that the service clears when those are deleted, so that the rows which hold them
// stay with their text.
func (t *Tables) unlinked(ctx context.Context, name string) ([]Reach, error) {
	table, err := t.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []Reach
	for _, r := range table.OneToMany {
		if r.Delete == "Cascade" || r.Delete == "Restrict" || !personmap.Hangs(r) || !t.Exists(r.Referencing) || t.Persons[r.Referencing] || personmap.Skipped(r.Referencing) || personmap.Is(r.Referencing, personmap.Keeper) {
			continue
		}
		out = append(out, Reach{Relationship: r, Child: t.all[r.Referencing], Wire: "_" + r.ReferencingAttribute + "_value"})
	}
	slices.SortFunc(out, func(a, b Reach) int {
		return CompareStrings(a.Referencing, b.Referencing, a.ReferencingAttribute, b.ReferencingAttribute)
	})
	return out, nil
}

// parts are the lookups over which rows hang on a row that stays and can tell whose it was.
func (t *Tables) parts(ctx context.Context, name string) ([]Reach, error) {
	if personmap.Is(name, personmap.Company) {
		return nil, nil
	}
	return t.partsOf(ctx, name)
}

// AtCompanies are the lookups over which rows hang on companies, by table, as far as anything stands behind them.
func (t *Tables) AtCompanies(ctx context.Context, from Reader, names []string) (map[string][]Reach, error) {
	out := make(map[string][]Reach)
	for _, name := range names {
		over, err := t.partsOf(ctx, name)
		if err != nil {
			return nil, err
		}
		if out[name], err = t.occupiedReaches(ctx, from, over); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tables) partsOf(ctx context.Context, name string) ([]Reach, error) {
	over, err := t.Reaches(ctx, name)
	if err != nil {
		return nil, err
	}
	over = slices.DeleteFunc(over, func(r Reach) bool { return t.Persons[r.Referencing] || personmap.Is(r.Referencing, personmap.Business) })
	unlinked, err := t.unlinked(ctx, name)
	return append(over, unlinked...), err
}

// Hanging are the lookups over which rows hang on rows of tables that go, and lose their link, and on rows of tables that stay, by
// table. Which of them anything stands behind is asked together.
func (t *Tables) Hanging(ctx context.Context, from Reader, going, staying []string) (unlinked, parts map[string][]Reach, err error) {
	unlinked, parts = make(map[string][]Reach), make(map[string][]Reach)
	var all []Reach
	for _, name := range going {
		if unlinked[name], err = t.unlinked(ctx, name); err != nil {
			return nil, nil, err
		}
		all = append(all, unlinked[name]...)
	}
	for _, name := range staying {
		if parts[name], err = t.parts(ctx, name); err != nil {
			return nil, nil, err
		}
		all = append(all, parts[name]...)
	}
	if _, err = t.occupiedReaches(ctx, from, all); err != nil {
		return nil, nil, err
	}
	for _, of := range []map[string][]Reach{unlinked, parts} {
		for name, over := range of { // known by now
			if of[name], err = t.occupiedReaches(ctx, from, over); err != nil {
				return nil, nil, err
			}
		}
	}
	return unlinked, parts, nil
}

// Pointing are the lookups of any table that lead to rows of a table, as far as any row holds one: parts of those rows, which a
// delete takes along, and what the platform keeps of them left out.
func (t *Tables) Pointing(ctx context.Context, from Reader, name string) ([]Reach, error) {
	table, err := t.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []Reach
	for _, r := range table.OneToMany {
		if r.Delete == "Cascade" || !t.Exists(r.Referencing) || personmap.Skipped(r.Referencing) || personmap.Is(r.Referencing, personmap.Keeper) {
			continue
		}
		out = append(out, Reach{Relationship: r, Child: t.all[r.Referencing], Wire: "_" + r.ReferencingAttribute + "_value"})
	}
	slices.SortFunc(out, func(a, b Reach) int {
		return CompareStrings(a.Referencing, b.Referencing, a.ReferencingAttribute, b.ReferencingAttribute)
	})
	return t.occupiedReaches(ctx, from, out)
}

// Parties are the kinds of activities of whose parties only the rule '*' speaks, as far as there is any row.
func (t *Tables) Parties(ctx context.Context, from Reader, s *compile.Subject) (map[string]bool, error) {
	holds, err := t.holding(ctx, from, t.partyProbes(s))
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool)
	for table, any := range holds {
		if any {
			out[table] = true
		}
	}
	return out, nil
}

func (t *Tables) partyProbes(s *compile.Subject) (probes []probe) {
	for i := range s.Map.Places {
		p := &s.Map.Places[i]
		if p.Kind == personmap.Party && p.Rule >= 0 && s.Related[p.Rule].Table == policy.AnyTable && t.Exists(p.Table) {
			x := t.all[p.Table]
			probes = append(probes, probe{p.Table, dataverse.Query{Table: p.Table, Set: x.EntitySet, Select: []string{x.PrimaryID}}})
		}
	}
	return probes
}

// Associations are the many-to-many relationships of a subject table that anything is associated by and that the policy does
// not leave alone.
func (t *Tables) Associations(ctx context.Context, from Reader, s *compile.Subject) ([]dataverse.ManyToMany, error) {
	all, probes, err := t.associations(ctx, s)
	if err != nil {
		return nil, err
	}
	holds, err := t.holding(ctx, from, probes)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m dataverse.ManyToMany) bool { return !holds[m.Intersect] }), nil
}

func (t *Tables) associations(ctx context.Context, s *compile.Subject) (all []dataverse.ManyToMany, probes []probe, err error) {
	def, err := t.Table(ctx, s.Table)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range def.ManyToMany {
		p := s.Map.Place(m.Intersect + "." + m.SchemaName)
		if p == nil || p.Do != personmap.TakenOff && p.Do != personmap.WithRow || !t.Exists(m.Intersect) {
			continue
		}
		all = append(all, m)
		probes = append(probes, probe{m.Intersect, dataverse.Query{Table: m.Intersect, Set: t.all[m.Intersect].EntitySet}})
	}
	return all, probes, nil
}

// Summary is the table's entry in the list of tables.
func (t *Tables) Summary(table string) dataverse.TableSummary { return t.all[table] }

// Values are the columns of a table in which addresses and numbers of persons are searched for.
type Values struct {
	Table          string
	Mails, Numbers []string
}

// Values are the columns of tables other than the persons' in which addresses or numbers are searched for, as far as anything
// stands in them, ordered by table.
func (t *Tables) Values(ctx context.Context, from Reader, s *compile.Subject) ([]Values, error) {
	all, probes := t.values(s)
	holds, err := t.holding(ctx, from, probes)
	if err != nil {
		return nil, err
	}
	var out []Values
	for _, p := range all {
		if !holds[p.Key()] {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Table != p.Table {
			out = append(out, Values{Table: p.Table})
		}
		v := &out[len(out)-1]
		if p.Mail {
			v.Mails = append(v.Mails, p.Column)
		} else {
			v.Numbers = append(v.Numbers, p.Column)
		}
	}
	return out, nil
}

func (t *Tables) values(s *compile.Subject) (all []*personmap.Place, probes []probe) {
	for i := range s.Map.Places {
		p := &s.Map.Places[i]
		if p.Kind != personmap.Value || p.Do == personmap.Left || !t.Exists(p.Table) {
			continue
		}
		x := t.all[p.Table]
		all = append(all, p)
		probes = append(probes, probe{p.Key(), dataverse.Query{Table: p.Table, Set: x.EntitySet, Select: []string{x.PrimaryID}, Filter: p.Column + " ne null"}})
	}
	return all, probes
}
