package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Rows whose own period is over go one by one, each with all that its delete takes along. In such a list each of them stands in
// for the person of a purge: what belongs to it is its own row and its parts. It goes whole or stays whole: nothing is taken off
// it, and nothing is freed from it.

// Why a row stays although its period is over.
const (
	ErrPart  environment.Reason = "part-stays"  // what its delete would take along is a row of business or a person, or forbids the delete
	ErrFirst environment.Reason = "part-before" // what its delete would take along goes in its own right, before it
)

// OfRows is an empty list for rows of one rule.
func OfRows(tables *environment.Tables, from environment.Reader, rule *compile.RowRule, ids []*Person) *List {
	like := &policy.RelatedRule{Table: rule.Table, Do: rule.Do, Erase: rule.Erase}
	subject := &compile.Subject{Subject: &policy.Subject{Table: rule.Table, Purge: rule.Do}, Related: []compile.Rule{{RelatedRule: like, Erase: rule.Erase}}, Map: &personmap.Map{}}
	return &List{Tables: tables, Reader: from, Subject: subject, Persons: ids}
}

// TakeRows lists the rows and their parts. Stops tells which of some rows have to stay, and why: then what they are part of stays
// as well. Why a row stays is its Err; one that is not there any more has no items.
func (inv *List) TakeRows(ctx context.Context, rule *compile.RowRule, stops func(ctx context.Context, rows []environment.Ref, parts bool) (map[environment.Ref]environment.Reason, error)) error {
	inv.Items, inv.erasers, inv.listed, inv.byID = make(map[environment.Ref]*Item), make(map[eraserKey]*Eraser), make(map[environment.Ref]*Item), nil
	var roots []environment.Ref
	for _, p := range inv.Persons {
		p.Items, p.Err = nil, nil
		inv.Items[p.Ref] = &Item{Ref: p.Ref, Rule: 0, Found: foundByID, Owners: []*Person{p}, Fate: fateOf(rule.Do)}
		roots = append(roots, p.Ref)
	}
	if rule.Do == policy.Delete {
		if err := inv.parts(ctx, roots); err != nil {
			return err
		}
	}
	if err := inv.stopped(ctx, roots, stops); err != nil {
		return err
	}
	maps.DeleteFunc(inv.Items, func(_ environment.Ref, it *Item) bool {
		it.Owners = slices.DeleteFunc(it.Owners, func(p *Person) bool { return p.Err != nil })
		return len(it.Owners) == 0
	})
	for _, step := range []func(context.Context) error{inv.readDetails, inv.readActivities, inv.spareFiles, inv.sealClosed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	inv.handOut()
	return nil
}

// parts lists what the deletes would take along, level by level.
func (inv *List) parts(ctx context.Context, roots []environment.Ref) error {
	own := make(map[environment.Ref]bool)
	for _, r := range roots {
		own[r] = true
	}
	done := maps.Clone(own)
	for open := roots; len(open) > 0; {
		if _, err := inv.children(ctx, open, func(string) bool { return true }); err != nil {
			return err
		}
		var next []environment.Ref
		for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
			it := inv.Items[r]
			for _, h := range it.Held {
				parent := inv.Items[h.Parent]
				if parent == nil {
					continue
				}
				for _, p := range parent.Owners {
					switch {
					case own[r] && r != p.Ref:
						p.Err = ErrFirst
					case h.over.Delete != "Cascade", inv.Tables.Persons[r.Table], personmap.Is(r.Table, personmap.Business):
						p.Err = ErrPart
					}
				}
			}
			if !done[r] {
				done[r] = true
				it.Fate, it.settled = Delete, true
				next = append(next, r)
			}
		}
		open = next
	}
	return nil
}

// stopped asks which rows have to stay.
func (inv *List) stopped(ctx context.Context, roots []environment.Ref, stops func(context.Context, []environment.Ref, bool) (map[environment.Ref]environment.Reason, error)) error {
	var own, parts []environment.Ref
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		if slices.Contains(roots, r) {
			own = append(own, r)
		} else {
			parts = append(parts, r)
		}
	}
	for i, rows := range [][]environment.Ref{own, parts} {
		why, err := stops(ctx, rows, i == 1)
		if err != nil {
			return err
		}
		for _, r := range rows {
			reason, is := why[r]
			if !is {
				continue
			}
			for _, p := range inv.Items[r].Owners {
				if p.Err == nil || i == 0 { // what is said of the row itself says more
					p.Err = reason
				}
			}
		}
	}
	return nil
}

// readActivities reads the parties of the activities that go.
func (inv *List) readActivities(ctx context.Context) error {
	var activities []*Item
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		if it := inv.Items[r]; it.Fate == Delete && it.Def.Activity && environment.PartiesNav(it.Def) != "" {
			activities = append(activities, it)
		}
	}
	return inv.readParties(ctx, activities)
}

// EraseRow erases what a rule of rows names.
func EraseRow(t *dataverse.Table, rule *compile.RowRule) *Eraser { return eraseNamed(t, rule.Erase) }

// Filled is the filter for rows in which something stands that is to be erased.
func (e *Eraser) Filled() string {
	var terms []string
	for _, c := range e.columns {
		term := c.wire + " ne null"
		switch {
		case c.blind:
			continue
		case c.unique:
			term = "(" + term + " and not startswith(" + c.wire + ",'purged '))"
		case c.required:
			term = "(" + term + " and " + c.wire + " ne " + odata.Quote(environment.RequiredPlaceholder(c.attr.MaxLength)) + ")"
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " or ")
}
