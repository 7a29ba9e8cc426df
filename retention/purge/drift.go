package purge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What the rules depend on in an environment is written down as facts, each a name and a value, when a run has purged by
// them or could have. The next run compares: what changed is told, and stops the purge where a rule depends on it.
//
//	subject contact                     the table's relationships are among the facts
//	delete contact.annotation.objectid  what the delete of a contact does to notes: Cascade, Restrict, RemoveLink …
//	place contact.nord_x.nord_email     how persons stand there besides: value, party, many-to-many, behind
//	places contact                      they are among the facts
//	choice quote.statecode              the values that the column can have (a fingerprint)
//	option quote.statecode.2            what the value is called (a fingerprint)
//	view contact.listed-by-hand         the view that a ground names, and what it finds persons by (two fingerprints)
//	bin organization, bin contact       for how many days the recycle bin keeps deleted rows, or off
//	audit organization                  on or off, and for how many days

// Change is something that changed in the environment since the last run.
type Change struct {
	What     string // the name of the fact
	Sentence words.Said
	// Stops tells that a rule depends on it, so that nobody is purged before somebody has looked at it.
	Stops bool
	table string
	way   words.Said // what to do about it
}

// surroundings is the environment as the rules of a policy depend on it.
type surroundings struct {
	tables *environment.Tables
	policy *compile.Policy
}

// Drift tells what has changed in the environment since the last run that wrote it down, as a run with --apply would find
// it. It writes nothing.
func Drift(ctx context.Context, client dataverse.Reader, policy *compile.Policy, before map[string]string) ([]Change, error) {
	if len(before) == 0 {
		return nil, nil // nothing to compare with
	}
	tables, err := environment.ReadTables(ctx, client, policy)
	if err != nil {
		return nil, err
	}
	s := surroundings{tables, policy}
	now, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	return s.changes(before, now), nil
}

// rail is the guard rail of a change that stops the purge.
func (c Change) rail() plan.GuardRail {
	return plan.GuardRail{Rail: policy.Drift, Table: c.table, Sentence: words.Say("rail.drift", c.Sentence), Remedy: c.way}
}

// DriftRails are the guard rails of the changes that stop a purge.
func DriftRails(changes []Change) (rails []plan.GuardRail) {
	for _, c := range changes {
		if c.Stops {
			rails = append(rails, c.rail())
		}
	}
	return rails
}

// facts reads what the rules depend on.
func (e surroundings) facts(ctx context.Context) (map[string]string, error) {
	facts := make(map[string]string)
	tables := make(map[string]bool) // whose deletes matter
	for i := range e.policy.Subjects {
		s := &e.policy.Subjects[i]
		tables[s.Table] = true
		facts["places "+s.Table] = "known"
		for _, kind := range s.Judged() {
			for j := range kind.Map.Places {
				if p := &kind.Map.Places[j]; p.Via == "" && p.Kind != personmap.Lookup && p.Kind != personmap.Mirror {
					facts["place "+s.Table+"."+p.Key()] = string(p.Kind)
				}
			}
		}
		for j := range s.Grounds {
			if g := &s.Grounds[j]; g.View != "" {
				facts["view "+s.Table+"."+g.ID] = fingerprint(g.View) + "-" + fingerprint(g.Finds())
			}
		}
		for _, rule := range s.Related {
			if rule.Do == policy.Delete && rule.Table != policy.AnyTable {
				tables[rule.Table] = true
			}
		}
	}
	for _, rule := range e.policy.Rows {
		if rule.Do == policy.Delete {
			tables[rule.Table] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		t, err := e.tables.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		facts["subject "+name] = "known"
		if s := e.policy.Subject(name); s != nil && slices.ContainsFunc(s.Related, func(r compile.Rule) bool { return r.Table == policy.AnyTable }) {
			facts["star "+name] = everyKind
		}
		for _, rel := range t.OneToMany {
			if e.tables.Exists(rel.Referencing) && !personmap.Is(rel.Referencing, personmap.Keeper) && rel.Referencing != "activitypointer" {
				facts["delete "+name+"."+rel.Referencing+"."+rel.ReferencingAttribute] = cmp.Or(rel.Delete, "unknown")
			}
		}
		facts["bin "+name] = "off"
		if days, on := e.tables.Settings.Binned(name); on {
			facts["bin "+name] = strconv.Itoa(days)
		}
	}
	for _, c := range e.policy.Choices {
		facts[fmt.Sprintf("choice %s.%s", c.Table, c.Column)] = fingerprint(fmt.Sprint(c.Others))
		facts[fmt.Sprintf("option %s.%s.%d", c.Table, c.Column, c.Value)] = fingerprint(c.Label)
	}
	facts["bin organization"], facts["audit organization"] = "off", "off"
	if s := e.tables.Settings; s.RecycleBin {
		facts["bin organization"] = strconv.Itoa(s.RecycleBinDays)
	}
	if s := e.tables.Settings; s.Audited {
		facts["audit organization"] = strconv.Itoa(s.AuditDays)
	}
	return facts, nil
}

// fingerprint stands for a text in the ledger, which holds none.
func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// drift compares the environment with what the last run knew of it, and writes down what is new unless the purge is
// stopped by it: then the next run compares with the same again. The error is nil or not the guard rail, which is answered.
func (r *runner) drift(ctx context.Context) ([]plan.GuardRail, error) {
	around := surroundings{r.tables, r.Policy}
	now, err := around.facts(ctx)
	if err != nil {
		return nil, err
	}
	before := r.Ledger.Facts()
	r.summary.Drift = around.changes(before, now)
	for _, c := range r.summary.Drift {
		r.Log.Warn("the environment changed", "what", c.What, "stops", c.Stops)
	}
	r.known = make(map[string]string)
	for what, value := range now {
		if before[what] != value {
			r.known[what] = value
		}
	}
	for what := range before {
		if _, ok := now[what]; !ok {
			r.known[what] = ""
		}
	}
	return DriftRails(r.summary.Drift), nil
}

// remember writes down what the run knows of the environment.
func (r *runner) remember() error {
	if len(r.known) == 0 {
		return nil
	}
	err := r.Ledger.Append(ledger.Entry{Kind: ledger.Environment, Facts: r.known})
	r.known = nil
	return err
}

// changes are the differences that are the environment's doing, not the policy's, ordered by name.
func (e surroundings) changes(before, now map[string]string) []Change {
	var out []Change
	names := slices.Sorted(maps.Keys(now))
	for what := range before {
		if _, ok := now[what]; !ok {
			names = append(names, what)
		}
	}
	slices.Sort(names)
	for _, what := range names {
		old, was := before[what]
		value, is := now[what]
		if was && is && old == value {
			continue
		}
		kind, name, _ := strings.Cut(what, " ")
		table, rest, _ := strings.Cut(name, ".")
		c := Change{What: what, table: table}
		switch {
		case kind == "delete" && before["subject "+table] != "" && now["subject "+table] != "":
			e.relation(&c, table, rest, old, value)
		case kind == "place" && was != is && before["places "+table] != "" && now["places "+table] != "":
			e.place(&c, table, rest, is)
		case kind == "star" && !was && before["subject "+name] != "":
			if !e.star(&c) {
				continue
			}
		case kind == "option" && was && is:
			column, number, _ := strings.Cut(rest, ".")
			c.Stops = true
			c.Sentence = words.Say("drift.option", number, table, column)
			c.way = words.Say("drift.option.do")
		case kind == "view" && was && is:
			if name, _, _ := strings.Cut(old, "-"); !strings.HasPrefix(value, name+"-") {
				continue // the policy names another view
			}
			c.Stops = true
			c.Sentence = words.Say("drift.view", e.view(table, rest), table, rest)
			c.way = words.Say("drift.view.do")
		case kind == "choice" && was && is:
			c.Sentence = words.Say("drift.choice", table, rest)
		case kind == "bin" && was && is && name == "organization":
			c.Sentence = words.Say("drift.bin", days(old), days(value))
			if old == "off" {
				c.Stops = e.deletes()
				c.way = words.Say("drift.bin.do")
			}
		case kind == "bin" && was && is:
			c.Sentence = words.Say("drift.bin.table", table, days(old), days(value))
			if old == "off" && before["bin organization"] != "off" {
				c.Stops = true // of this table rows are deleted
				c.way = words.Say("drift.bin.do")
			}
		case kind == "audit" && was && is:
			c.Sentence = words.Say("drift.audit", days(old), days(value))
		default:
			continue // the policy speaks of something else than before
		}
		out = append(out, c)
	}
	return out
}

// everyKind is what the rule '*' covers: lookups of every kind. Before there was a map of persons it covered what a delete takes
// along, so a ledger of that time does not have the fact.
const everyKind = "every-kind"

// swept tells whether the rule '*' deletes the rows of a place.
func swept(s *compile.Subject, place string) bool {
	p := s.Map.Place(place)
	return p != nil && p.Rule >= 0 && s.Related[p.Rule].Table == policy.AnyTable
}

// star names what the rule '*' of a subject takes that it did not take in the last run.
func (e surroundings) star(c *Change) bool {
	var places []string
	for _, s := range e.policy.Subject(c.table).Judged() {
		for i := range s.Map.Places {
			p := &s.Map.Places[i]
			if p.Rule >= 0 && s.Related[p.Rule].Table == policy.AnyTable && p.Via == "" && !(p.Reached() && s.Purge == policy.Delete) && !slices.Contains(places, p.Key()) {
				places = append(places, p.Key())
			}
		}
	}
	if len(places) == 0 {
		return false
	}
	c.Stops = true
	c.Sentence = words.Say("drift.star", c.table, len(places), words.Some(places, 8))
	c.way = words.Say("drift.star.do")
	return true
}

// view is the view of a ground.
func (e surroundings) view(table, ground string) string {
	for _, g := range e.policy.Subject(table).Grounds {
		if g.ID == ground {
			return g.View
		}
	}
	return ""
}

// relation judges a relationship that is new, gone or behaves otherwise. A purge by `delete` depends on what a delete
// does to rows that no rule of their own leads to: they are found only by it.
func (e surroundings) relation(c *Change, table, rest, old, value string) {
	child, lookup, _ := strings.Cut(rest, ".")
	takes := func(behavior string) bool { return behavior == "Cascade" || behavior == "Restrict" }
	switch {
	case old == "":
		c.Sentence = words.Say("drift.lookup", child, lookup, table, value)
	case value == "":
		c.Sentence = words.Say("drift.lookup.gone", child, lookup, table)
	default:
		c.Sentence = words.Say("drift.delete", table, old, child, lookup, value)
	}
	c.Stops = takes(old) != takes(value) || takes(old) && old != value
	if s := e.policy.Subject(table); s != nil {
		c.Stops = c.Stops && slices.ContainsFunc(s.Judged(), func(s *compile.Subject) bool { return s.Purge == policy.Delete && !ruled(s, child) })
		if old == "" && value != "" && slices.ContainsFunc(s.Judged(), func(s *compile.Subject) bool { return !ruled(s, child) && swept(s, child+"."+lookup) }) {
			c.Stops = true // the rule '*' deletes rows of which nobody knew
		}
	}
	if c.Stops {
		c.way = words.Say("drift.lookup.do", child, lookup)
	}
}

// place judges a place that turned up since the last run, or is gone.
func (e surroundings) place(c *Change, table, place string, is bool) {
	if !is {
		c.Sentence = words.Say("drift.place.gone", table, place)
		return
	}
	child, _, _ := strings.Cut(place, ".")
	c.Sentence = words.Say("drift.place", table, place)
	// The rule '*' deletes rows of which nobody knew; what no rule speaks of stops the purge by itself.
	c.Stops = slices.ContainsFunc(e.policy.Subject(table).Judged(), func(s *compile.Subject) bool { return !ruled(s, child) && swept(s, place) })
	if c.Stops {
		c.way = words.Say("drift.place.do", child)
	}
}

// ruled tells whether a rule of the subject names the table itself.
func ruled(s *compile.Subject, table string) bool {
	return slices.ContainsFunc(s.Related, func(r compile.Rule) bool { return r.Table == table })
}

// deletes tells whether the policy deletes any rows.
func (e surroundings) deletes() bool {
	return slices.ContainsFunc(e.policy.Rows, func(r compile.RowRule) bool { return r.Do == policy.Delete }) || slices.ContainsFunc(e.policy.Subjects, func(s compile.Subject) bool {
		return s.Purge == policy.Delete || slices.ContainsFunc(s.Related, func(x compile.Rule) bool { return x.Do == policy.Delete })
	})
}

func days(value string) words.Said {
	n, err := strconv.Atoi(value)
	switch {
	case value == "off":
		return words.Say("drift.off")
	case err != nil || n < 0:
		return words.Say("drift.on")
	}
	return words.Say("drift.on.for", words.Length(0, 0, 0, n))
}
