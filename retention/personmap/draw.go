package personmap

import (
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Environment is what a map is drawn from.
type Environment struct {
	Tables []dataverse.TableSummary
	// Definition is the table of that name, nil if there is none or nobody wants it read: then what hangs on its rows is not
	// on the map.
	Definition func(name string) *dataverse.Table
	// Addresses are the columns anywhere that hold addresses and numbers, by table.
	Addresses map[string][]dataverse.AddressColumn
	// Named are the tables that rules of any subject name.
	Named map[string]bool
	// Persons are the tables whose rows are persons.
	Persons map[string]bool
}

// Draw draws the map of a subject table, by a subject whose sets of rules are spelled out.
func Draw(env Environment, t *dataverse.Table, s *policy.Subject) *Map {
	d := &drawing{env: env, subject: t, rules: s, tables: make(map[string]dataverse.TableSummary, len(env.Tables)), out: &Map{Subject: t.LogicalName}}
	for _, x := range env.Tables {
		d.tables[x.LogicalName] = x
	}
	d.lookups()
	d.parties()
	d.manyToMany()
	d.values()
	d.behind()
	d.further()
	d.withLeft()
	d.out.sort()
	return d.out
}

type drawing struct {
	env     Environment
	subject *dataverse.Table
	rules   *policy.Subject
	tables  map[string]dataverse.TableSummary
	out     *Map
}

func (d *drawing) add(p Place) {
	p.Rows, p.Elsewhere = -1, d.tables[p.Table].Elsewhere
	if p.Rule >= 0 && p.Rule < len(d.rules.Related) {
		r := &d.rules.Related[p.Rule]
		p.Why, p.Set, p.Line = r.Why, r.From, r.Pos.Line
	}
	d.out.Places = append(d.out.Places, p)
}

// treatment is what a rule asks for.
func treatment(do policy.Disposition) Treatment {
	switch do {
	case policy.Delete:
		return Deleted
	case policy.Anonymize:
		return Anonymized
	case policy.Leave:
		return Left
	}
	return Kept
}

// pointing are the lookups that lead to rows of a table, each once.
func pointing(t *dataverse.Table) []dataverse.Relationship {
	all := slices.Clone(t.OneToMany)
	slices.SortFunc(all, func(a, b dataverse.Relationship) int {
		return strings.Compare(a.Referencing+" "+a.ReferencingAttribute, b.Referencing+" "+b.ReferencingAttribute)
	})
	return slices.CompactFunc(all, func(a, b dataverse.Relationship) bool {
		return a.Referencing == b.Referencing && a.ReferencingAttribute == b.ReferencingAttribute
	})
}

// Skipped tells of whose lookups nothing is to be said: tables of the platform, and what only shows other tables' rows.
func Skipped(table string) bool {
	return Is(table, Common) || Is(table, Platform) && !Is(table, Business) || Is(table, Record) && !Is(table, Keeper)
}

// lookups are the places that point at the person.
func (d *drawing) lookups() {
	for _, r := range pointing(d.subject) {
		table := r.Referencing
		p := Place{Kind: Lookup, Table: table, Column: r.ReferencingAttribute, Nav: r.ReferencingNav, Link: r.ReferencingAttribute, Delete: r.Delete, Rule: NoRule}
		switch {
		case Skipped(table):
			continue
		case Is(table, Keeper), Is(table, Part), mirror(table, r.ReferencingAttribute):
			p.Kind, p.Do = Mirror, WithRow
		case !d.stored(table):
			d.outOfReach(&p)
		default:
			d.decide(&p)
		}
		d.add(p)
	}
}

// stored tells whether the rows of a table are kept where a run can read and delete them.
func (d *drawing) stored(table string) bool {
	return d.tables[table].EntitySet != "" && !d.tables[table].Elsewhere
}

// outOfReach is a place that no run comes to, unless the policy says that it is left as it is.
func (d *drawing) outOfReach(p *Place) {
	p.Do = Unreachable
	d.pick(p, func(r *policy.RelatedRule) bool {
		return Leaves(r, p.Table, p.Column)
	})
}

// Leaves tells whether a rule says of the rows that point somewhere by a lookup of a table that they are left as they are.
func Leaves(r *policy.RelatedRule, table, column string) bool {
	return r.Table == table && r.Do == policy.Leave && r.Party == "" && (r.Link == "" || r.Link == column)
}

// Hangs tells whether rows hang on those that a lookup points at: a delete takes them along or is refused because of them, they were
// written when those were closed, or somebody has added the lookup. An answer to an e-mail hangs on nothing in this sense.
func Hangs(r dataverse.Relationship) bool {
	return r.Delete == "Cascade" || r.Delete == "Restrict" || r.Custom || Is(r.Referencing, Closing)
}

// hanging are the lookups over which rows hang on rows of a table.
func (d *drawing) hanging(t *dataverse.Table) []dataverse.Relationship {
	return slices.DeleteFunc(pointing(t), func(r dataverse.Relationship) bool {
		table := r.Referencing
		return Skipped(table) || Is(table, Keeper) || Is(table, Part) || table == d.subject.LogicalName || d.tables[table].EntitySet == "" || d.env.Persons[table] || !Hangs(r)
	})
}

// decide finds what becomes of the rows whose lookup points at the person.
func (d *drawing) decide(p *Place) {
	reached := p.Reached() && d.rules.Purge == policy.Delete
	d.pick(p, func(r *policy.RelatedRule) bool {
		switch {
		case r.Table == policy.AnyTable:
			return !Is(p.Table, Business)
		case r.Table != p.Table:
			return false
		case r.Do == policy.Leave:
			return !reached && r.Party == "" && (r.Link == "" || r.Link == p.Column)
		}
		return reached || r.Link == p.Column // otherwise found only by what leads over this lookup
	})
	switch {
	case p.Rule != NoRule:
	case Is(p.Table, Closing):
		p.Do = WithRow
	case d.env.Persons[p.Table]:
		p.Do = Judged
	case Is(p.Table, Business):
		p.Do = Kept
	default:
		p.Do = Undecided
	}
	if (p.Do == Kept || p.Do == Anonymized) && reached { // an emptied row points at the person as well
		p.Binds = true
		if t := d.env.Definition(p.Table); t != nil {
			p.Binds = !Freeable(p.Table, t.Attributes[p.Column]) || d.rules.WhenBound == policy.BoundFail && p.Delete == "Restrict"
		}
	}
}

// pick takes the first rule that speaks of a place, and of those that speak of some of its rows only the first if there is
// no other.
func (d *drawing) pick(p *Place, speaks func(*policy.RelatedRule) bool) {
	for i := range d.rules.Related {
		r := &d.rules.Related[i]
		if !speaks(r) || r.Where != "" && p.Rule != NoRule {
			continue
		}
		if p.Rule, p.Do = i, treatment(r.Do); r.Where == "" {
			return
		}
	}
}

// further are the rows that hang on rows that go, and on rows that stay. What a delete takes along is part of those that go, unless a
// rule names the table; of the others the service clears the link. What hangs on rows that stay is searched with them.
func (d *drawing) further() {
	w := &walk{seen: map[string]bool{d.subject.LogicalName: true}, stays: make(map[string]bool), links: make(map[string][]string)}
	for _, p := range d.out.Places {
		if p.Do == Deleted {
			w.add(p.Table, false)
			if p.Link != "" {
				w.links[p.Table] = append(w.links[p.Table], p.Link)
			}
		}
	}
	d.walk(w)
	for _, p := range d.out.Places {
		if (p.Do == Kept || p.Do == Anonymized || p.Do == Searched) && !Is(p.Table, Company) {
			w.add(p.Table, true)
		}
	}
	d.walk(w)
}

// walk is a way from table to table.
type walk struct {
	queue       []string
	seen, stays map[string]bool     // stays: tables whose rows do not go
	links       map[string][]string // of a table that goes, how its rows lead to the person
}

func (w *walk) add(table string, stays bool) {
	if !w.seen[table] || w.stays[table] && !stays {
		w.seen[table], w.stays[table] = true, stays
		w.queue = append(w.queue, table)
	}
}

func (d *drawing) walk(w *walk) {
	for ; len(w.queue) > 0; w.queue = w.queue[1:] {
		via := w.queue[0]
		t := d.env.Definition(via)
		if t == nil {
			continue
		}
		for _, r := range d.hanging(t) {
			table := r.Referencing
			if w.stays[via] && Is(table, Business) {
				continue // kept by what leads to the person itself
			}
			p := Place{Kind: Lookup, Table: table, Column: r.ReferencingAttribute, Nav: r.ReferencingNav, Via: via, Delete: r.Delete, Rule: NoRule}
			for _, link := range w.links[via] {
				p.Links = append(p.Links, r.ReferencingAttribute+"/"+link)
			}
			if len(p.Links) > 0 {
				p.Link = p.Links[0]
			}
			if d.stored(table) {
				d.decideFurther(&p, p.Reached() && !w.stays[via], w.stays[via])
			} else {
				d.outOfReach(&p)
			}
			d.add(p)
			goes := p.Do == Deleted || p.Do == WithRow
			if fresh := !w.seen[table] || w.stays[table] && goes; fresh && (goes || p.Do == Unlinked || p.Do == Searched) {
				w.add(table, !goes)
				w.links[table] = p.Links
			}
		}
	}
}

// followed tells whether rules lead over all the rows of a table that are left to what hangs on them by a lookup.
func (d *drawing) followed(via string, r dataverse.Relationship) bool {
	return !slices.ContainsFunc(d.out.Places, func(p Place) bool {
		return p.Table == via && p.Do == Left && (p.Kind != Lookup || p.Via != "" || !slices.ContainsFunc(d.rules.Related, func(rule policy.RelatedRule) bool {
			return rule.Table == r.Referencing && rule.Link == r.ReferencingAttribute+"/"+p.Column && rule.Where == ""
		}))
	})
}

// withLeft are the rows that hang on rows that a rule leaves: nothing of those is read, so they are left with them, whatever becomes of
// other rows of their table. A rule whose path leads over the rows that are left finds its own.
func (d *drawing) withLeft() {
	left := make(map[string]int) // the rule by which the rows of a table are left
	var queue []string
	leave := func(table string, rule int) {
		if _, known := left[table]; !known && d.stored(table) {
			left[table], queue = rule, append(queue, table)
		}
	}
	for _, p := range d.out.Places {
		if p.Do == Left && p.Rule >= 0 {
			leave(p.Table, p.Rule)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		via := queue[0]
		t := d.env.Definition(via)
		if t == nil {
			continue
		}
		for _, r := range d.hanging(t) {
			table := r.Referencing
			if !d.stored(table) {
				continue
			}
			if d.followed(via, r) {
				continue
			}
			d.add(Place{Kind: Lookup, Table: table, Column: r.ReferencingAttribute, Nav: r.ReferencingNav, Via: via, Delete: r.Delete, Do: Left, Rule: left[via]})
			leave(table, left[via])
		}
	}
}

// decideFurther finds what becomes of rows that hang on others; reached tells whether a delete of those takes them along, stay that
// those do not go.
func (d *drawing) decideFurther(p *Place, reached, stay bool) {
	d.pick(p, func(r *policy.RelatedRule) bool {
		switch {
		case r.Table == policy.AnyTable:
			return reached && !Is(p.Table, Business)
		case r.Table != p.Table:
			return false
		case r.Do == policy.Leave:
			return !reached && (r.Link == "" || r.Link == p.Column)
		}
		return reached || r.Link == p.Column || p.Link != "" && strings.HasPrefix(r.Link, p.Column+"/")
	})
	switch {
	case p.Rule != NoRule:
	case Is(p.Table, Business):
		p.Do = Kept
	case reached:
		p.Do = WithRow
	case stay:
		p.Do = Searched
	default:
		p.Do = Unlinked
	}
}

// parties are the activities that the person takes part in.
func (d *drawing) parties() {
	for _, x := range d.env.Tables {
		if !x.Activity || Is(x.LogicalName, Common) || Is(x.LogicalName, Closing) || !d.stored(x.LogicalName) {
			continue
		}
		p := Place{Kind: Party, Table: x.LogicalName, Column: "party", Delete: "NoCascade", Do: Undecided, Rule: NoRule}
		d.pick(&p, func(r *policy.RelatedRule) bool {
			return r.Table == x.LogicalName && (r.Party != "" || r.Do == policy.Leave && r.Link == "") || r.Table == policy.AnyTable
		})
		d.add(p)
	}
}

// manyToMany are the rows that are associated with the person. The associations are the person's: they go with the row, or are
// taken off it where it stays.
func (d *drawing) manyToMany() {
	for _, m := range d.subject.ManyToMany {
		other := m.Entity1
		if other == d.subject.LogicalName {
			other = m.Entity2
		}
		has := func(p Place) bool { return p.Table == m.Intersect }
		if m.Intersect == "" || slices.ContainsFunc(d.out.Places, has) || Is(other, Platform) {
			continue
		}
		p := Place{Kind: ManyToMany, Table: m.Intersect, Column: m.SchemaName, Do: TakenOff, Rule: NoRule}
		if d.rules.Purge == policy.Delete {
			p.Do = WithRow
		}
		for i, r := range d.rules.Related {
			if r.Table == m.Intersect {
				if p.Rule = i; r.Do == policy.Leave || r.Do == policy.Retain {
					p.Do = treatment(r.Do)
				}
				break
			}
		}
		d.add(p)
	}
}

// values are the rows that hold an address or a number, whoever's it is.
func (d *drawing) values() {
	linked := maps.Clone(d.env.Named) // where persons of another subject stand, their rules decide
	if linked == nil {
		linked = make(map[string]bool)
	}
	for _, p := range d.out.Places {
		if p.Kind == Lookup && p.Via == "" && p.Decided() || p.Kind == Party {
			linked[p.Table] = true
		}
	}
	for _, table := range slices.Sorted(maps.Keys(d.env.Addresses)) {
		x := d.tables[table]
		if x.EntitySet == "" || x.Activity && !x.Custom || d.env.Persons[table] || Skipped(table) || Is(table, Keeper) || Is(table, Part) || Is(table, Own) || Is(table, Common) {
			continue
		}
		for _, a := range d.env.Addresses[table] {
			p := Place{Kind: Value, Table: table, Column: a.LogicalName, Mail: a.Mail, Do: Searched, Rule: NoRule}
			if x.Elsewhere {
				d.outOfReach(&p)
				d.add(p)
				continue
			}
			d.pick(&p, func(r *policy.RelatedRule) bool {
				left, _, byValue := strings.Cut(r.Link, "=")
				return r.Table == table && (byValue && strings.TrimSpace(left) == a.LogicalName || r.Do == policy.Leave && (r.Link == "" || r.Link == a.LogicalName))
			})
			switch {
			case p.Rule != NoRule:
			case Is(table, Business):
				p.Do = Kept
			case a.Mail && !linked[table]:
				p.Do = Undecided
			}
			d.add(p)
		}
	}
}

// behind are the rows that a lookup of the person's own row points at and that may be about nobody else.
func (d *drawing) behind() {
	for _, name := range slices.Sorted(maps.Keys(d.subject.Attributes)) {
		a := d.subject.Attributes[name]
		if a.Type != "Lookup" || !a.ForRead || !a.Custom && !profile(d.subject.LogicalName, name) {
			continue
		}
		for _, target := range a.Targets {
			if d.env.Persons[target] || Is(target, Business) || Is(target, Own) || Skipped(target) || d.tables[target].EntitySet == "" {
				continue
			}
			p := Place{Kind: Behind, Table: target, Column: name, Do: Searched, Rule: NoRule}
			if d.tables[target].Elsewhere {
				d.outOfReach(&p)
				d.add(p)
				continue
			}
			d.pick(&p, func(r *policy.RelatedRule) bool {
				return r.Table == target && (r.Behind == name || r.Do == policy.Leave && r.Link == "" && r.Behind == "")
			})
			d.add(p)
		}
	}
}
