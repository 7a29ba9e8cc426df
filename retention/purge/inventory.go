package purge

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// item is a row that belongs to a person, and what is to become of it.
type item struct {
	ref
	def    *dataverse.Table
	rule   int // index of the rule that decided, noRule
	do     retention.Disposition
	direct bool                       // a rule or the person leads to it, not only a row that is to be deleted
	byRef  bool                       // a rule leads to it by an id
	joined map[retention.Field]string // the values by which rules lead to it, by where in the row they stand
	owners []*person                  // whose row it is, in the order in which they are purged
	held   []attachment               // the rows that a delete would reach it from
	row    dataverse.Row

	binned  bool // its delete goes to the recycle bin
	sealed  bool // closed, and may not be written to: deleted without being emptied before
	stays   bool // emptied, and left to go with the person
	shared  bool // others on it are still justified: the owners are taken off it
	parties []dataverse.Row
	linked  bool // a rule's own link leads to it
	settled bool // what becomes of it was decided before
	done    bool // written by an earlier change set of this chunk
}

// withPerson tables are part of the person's own row in all but storage: they are emptied before, and go with it.
var withPerson = map[string]bool{"customeraddress": true, "leadaddress": true}

// noRule is the item.rule of a row that no rule leads to.
const noRule = 1 << 30

// attachment is how a row hangs on another.
type attachment struct {
	parent ref
	over   reach
}

// person is one whose turn has come.
type person struct {
	ref
	row     dataverse.Row
	items   []*item
	binding []ref     // kept rows that cannot be freed
	err     error     // why the person is left alone
	looked  time.Time // when the look at them began; zero for whoever is anonymous already
	later   bool      // shares an activity with a person before them: to be taken in a later chunk
	many    bool      // more rows belong to them than one look can list
	stages  *stages   // what of theirs has gone ahead; nil: nothing
	// stays are rows that this purge has left in place by a rule. Freeing them, or emptying the person, can take away what
	// the rule found them by: they stay all the same.
	stays map[ref]bool
	// decided is what was decided of other rows before anything of this purge was written.
	decided map[ref]decision
	absent  []ref // of these, those that no rule has found in this look
}

func (p *person) bound() bool {
	return len(p.binding) > 0 || p.stages != nil && len(p.stages.binding) > 0
}

// inventory is everything that belongs to a chunk of persons.
type inventory struct {
	*tables
	reader  reader
	subject *retention.CheckedSubject
	persons []*person
	byID    map[uuid.UUID]*person
	items   map[ref]*item
	erasers map[eraserKey]*eraser
	second  bool         // the persons' own rows are anonymous already
	jobs    bool         // the policy's engine is bulk-delete
	tried   map[ref]bool // rows that a bulk delete job did not delete
	plain   bool         // rows that cannot be emptied are deleted all the same: the bulk delete was refused
	// window is how many rows of a person are looked at together, limit how many operations a change set holds. Zero: all.
	window, limit int
	listed        map[ref]*item // rows that are left for a later look
	justify       func(ctx context.Context, others map[string][]uuid.UUID) (judgement, error)
	noticed       bool // the persons' turn has come by their dates, so that of everybody who goes with them it must have, too
}

// take lists what belongs to the persons. Their rows must have been read.
func (inv *inventory) take(ctx context.Context) error {
	inv.items, inv.erasers, inv.listed = make(map[ref]*item), make(map[eraserKey]*eraser), make(map[ref]*item)
	inv.byID = make(map[uuid.UUID]*person, len(inv.persons))
	for _, p := range inv.persons {
		inv.byID[p.id] = p
		p.items, p.binding, p.later, p.many = nil, nil, false, false
	}
	if err := inv.byRules(ctx); err != nil {
		return err
	}
	if err := inv.byDecision(ctx); err != nil {
		return err
	}
	var reached []*item
	if inv.subject.Purge == retention.Delete {
		var err error
		if reached, err = inv.byReach(ctx); err != nil {
			return err
		}
	}
	inv.portion()
	reached = slices.DeleteFunc(reached, func(it *item) bool { return inv.items[it.ref] != it })
	if err := inv.judge(ctx, reached); err != nil {
		return err
	}
	if err := inv.descend(ctx); err != nil {
		return err
	}
	inv.forget()
	if err := inv.pair(ctx); err != nil {
		return err
	}
	if err := inv.details(ctx); err != nil {
		return err
	}
	if err := inv.share(ctx); err != nil {
		return err
	}
	if err := inv.joined(ctx); err != nil {
		return err
	}
	if err := inv.bind(ctx); err != nil {
		return err
	}
	inv.spare()
	inv.unruled()
	if err := inv.lock(ctx); err != nil {
		return err
	}
	inv.settle()
	return nil
}

// byRules finds the rows that the policy's rules lead to.
func (inv *inventory) byRules(ctx context.Context) error {
	type asked struct {
		rule  int
		qs    dataverse.Query
		read  retention.Read
		byVal map[string][]*person
	}
	var all []asked
	for ids := range slices.Chunk(inv.persons, maxIDs) {
		for i := range inv.subject.Related {
			rule := &inv.subject.Related[i]
			if rule.Table == retention.AnyTable {
				continue
			}
			a := asked{rule: i}
			var read retention.Read
			if rule.Person.ByValue() {
				a.byVal = make(map[string][]*person)
				var values []string
				for _, p := range ids {
					for _, c := range rule.Person.Columns {
						if v := p.row.Text(c); fold(v) != "" {
							if a.byVal[fold(v)] == nil {
								values = append(values, strings.TrimSpace(v))
							}
							a.byVal[fold(v)] = append(a.byVal[fold(v)], p)
						}
					}
				}
				if len(values) == 0 {
					continue
				}
				read = rule.Reading(nil, values)
			} else {
				read = rule.Reading(personIDs(ids), nil)
			}
			a.read, a.qs = read, query(read)
			all = append(all, a)
		}
	}
	qs := make([]dataverse.Query, len(all))
	for i := range all {
		qs[i] = all[i].qs
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		a := all[i]
		rule := &inv.subject.Related[a.rule]
		for _, row := range rows {
			id := fieldID(row, a.read.ID)
			if id == uuid.Nil {
				continue
			}
			var owners []*person
			if rule.Person.ByValue() {
				owners = a.byVal[fold(fieldText(row, rule.Person.Value))]
			} else {
				for _, f := range rule.Person.Fields {
					if p := inv.byID[fieldID(row, f)]; p != nil {
						owners = append(owners, p)
					}
				}
			}
			for _, p := range owners {
				if p.id == id { // a rule on the subject table itself may lead back to the person
					continue
				}
				it := inv.add(ref{rule.Table, id}, a.rule, p)
				if !rule.Person.ByValue() {
					it.byRef = true
					continue
				}
				if it.joined == nil {
					it.joined = make(map[retention.Field]string)
				}
				it.joined[rule.Person.Value] = strings.TrimSpace(fieldText(row, rule.Person.Value))
			}
		}
	}
	return nil
}

func personIDs(ps []*person) []uuid.UUID {
	ids := make([]uuid.UUID, len(ps))
	for i, p := range ps {
		ids[i] = p.id
	}
	return ids
}

// add puts a row on the list. The first rule that leads to it decides.
func (inv *inventory) add(r ref, rule int, owner *person) *item {
	it := inv.items[r]
	if it == nil {
		it = &item{ref: r, rule: rule}
		inv.items[r] = it
	}
	it.rule, it.direct, it.linked = min(it.rule, rule), true, it.linked || rule != noRule
	if !slices.Contains(it.owners, owner) {
		it.owners = append(it.owners, owner)
	}
	return it
}

// byReach finds the rows that a delete of the persons would take along, or be refused because of.
func (inv *inventory) byReach(ctx context.Context) ([]*item, error) {
	var refs []ref
	for _, p := range inv.persons {
		refs = append(refs, p.ref)
	}
	return inv.children(ctx, refs)
}

// descend finds the rows that hang on rows that are to be deleted, level by level.
func (inv *inventory) descend(ctx context.Context) error {
	asked := make(map[ref]bool)
	for {
		var parents []ref
		for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
			it := inv.items[r]
			inv.decide(it)
			if it.do == retention.Delete && !asked[r] && !withPerson[r.table] {
				asked[r] = true
				parents = append(parents, r)
			}
		}
		if len(parents) == 0 {
			return nil
		}
		fresh, err := inv.children(ctx, parents)
		if err != nil {
			return err
		}
		if err := inv.judge(ctx, fresh); err != nil {
			return err
		}
	}
}

// children lists the rows that a delete of the parents would reach, and answers those for which there is no rule yet.
func (inv *inventory) children(ctx context.Context, parents []ref) ([]*item, error) {
	type asked struct {
		over    reach
		parents []uuid.UUID
		rule    int
	}
	byTable := make(map[string][]uuid.UUID)
	for _, r := range parents {
		byTable[r.table] = append(byTable[r.table], r.id)
	}
	var all []asked
	var qs []dataverse.Query
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		over, err := inv.reaches(ctx, table)
		if err != nil {
			return nil, err
		}
		for _, r := range over {
			for ids := range slices.Chunk(byTable[table], maxIDs) {
				all = append(all, asked{r, ids, noRule})
				qs = append(qs, dataverse.Query{Table: r.Referencing, Set: r.child.EntitySet, Select: []string{r.child.PrimaryID, r.wire}, Filter: idFilter(r.wire, ids)})
			}
		}
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	var fresh []*item
	for i, rows := range answers {
		over := all[i].over
		for _, row := range rows {
			parent := ref{over.Referenced, row.ID(over.wire)}
			r := ref{over.Referencing, row.ID(over.child.PrimaryID)}
			it := inv.items[r]
			if p := inv.byID[r.id]; p != nil {
				continue // another person of the chunk, who is purged in their own right
			}
			if it == nil {
				// One that was left for later is part of what goes now, so it comes with it.
				if it = inv.listed[r]; it == nil {
					it = &item{ref: r, rule: noRule}
				}
				if it.rule == noRule {
					fresh = append(fresh, it)
				}
				delete(inv.listed, r)
				inv.items[r] = it
			}
			for _, owner := range inv.ownersOf(parent) {
				if !slices.Contains(it.owners, owner) {
					it.owners = append(it.owners, owner)
				}
			}
			it.held = append(it.held, attachment{parent, over})
			it.direct = it.direct || inv.byID[parent.id] != nil
		}
	}
	return fresh, nil
}

func (inv *inventory) ownersOf(r ref) []*person {
	if p := inv.byID[r.id]; p != nil && p.ref == r {
		return []*person{p}
	}
	if it := inv.items[r]; it != nil {
		return it.owners
	}
	return nil
}

// judge finds the rule for rows that no rule led to. Rules that name their table are asked whether they match; of the
// rows that none matches those of business are kept, and the others go if a rule * says so, or if they are parts of a row
// that goes.
func (inv *inventory) judge(ctx context.Context, fresh []*item) error {
	byTable := make(map[string][]*item)
	for _, it := range fresh {
		byTable[it.table] = append(byTable[it.table], it)
	}
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		for i := range inv.subject.Related {
			rule := &inv.subject.Related[i]
			if rule.Table != name && (rule.Table != retention.AnyTable || retention.Business(name)) {
				continue
			}
			open := slices.DeleteFunc(slices.Clone(byTable[name]), func(it *item) bool { return it.rule != noRule })
			if rule.Filter == "" {
				for _, it := range open {
					it.rule = i
				}
				continue
			}
			t, err := inv.table(ctx, name)
			if err != nil {
				return err
			}
			var qs []dataverse.Query
			for group := range slices.Chunk(open, maxIDs) {
				filter := "(" + rule.Filter + ") and (" + idFilter(t.PrimaryID, itemIDs(group)) + ")"
				qs = append(qs, dataverse.Query{Table: name, Select: []string{t.PrimaryID}, Filter: filter})
			}
			answers, err := inv.reader.queries(ctx, qs)
			if err != nil {
				return err
			}
			for _, rows := range answers {
				for _, row := range rows {
					inv.items[ref{name, row.ID(t.PrimaryID)}].rule = i
				}
			}
		}
	}
	return nil
}

// decide says what is to become of a row by the rule that was found for it.
func (inv *inventory) decide(it *item) {
	if it.do != "" {
		return
	}
	if d, known := it.before(); known {
		it.do, it.settled = d.do, true
		if d.do == retention.Anonymize {
			it.rule = d.rule
		}
		return
	}
	switch {
	case inv.wavers(it):
		it.do = retention.Retain
	case it.rule == noRule && !it.direct && !retention.Business(it.table):
		it.do = retention.Delete // a part of the row that it hangs on, such as an attachment
	case it.rule == noRule:
		it.do = retention.Retain // whether that stops the person is decided by bind
	default:
		it.do = inv.subject.Related[it.rule].Do
	}
}

// details reads what writing a row needs to know of it.
func (inv *inventory) details(ctx context.Context) error {
	byTable := make(map[string][]*item)
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		byTable[r.table] = append(byTable[r.table], inv.items[r])
	}
	var asked []*dataverse.Table
	var qs []dataverse.Query
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		t, err := inv.table(ctx, name)
		if err != nil {
			return err
		}
		cols := []string{t.PrimaryID}
		add := func(names ...string) {
			for _, n := range names {
				if !slices.Contains(cols, n) {
					cols = append(cols, n)
				}
			}
		}
		need := func(attribute, wire string) {
			if a := t.Attributes[attribute]; a != nil && a.ForRead {
				add(wire)
			}
		}
		need("statecode", "statecode")
		need("statuscode", "statuscode")
		if name == "connection" {
			add("name", "_relatedconnectionid_value", "_record2id_value")
		}
		if t.Activity {
			need("regardingobjectid", "_regardingobjectid_value")
			need("sender", "sender")
			need("torecipients", "torecipients")
		}
		for _, it := range byTable[name] {
			it.def = t
			it.binned = it.do == retention.Delete && inv.binned(name)
			it.stays = it.do == retention.Delete && withPerson[name]
			add(inv.eraser(it).selects()...)
		}
		for some := range slices.Chunk(byTable[name], maxIDs) {
			asked = append(asked, t)
			qs = append(qs, dataverse.Query{Table: name, Select: cols, Filter: idFilter(t.PrimaryID, itemIDs(some)), Annotations: true})
		}
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		for _, row := range rows {
			if it := inv.items[ref{asked[i].LogicalName, row.ID(asked[i].PrimaryID)}]; it != nil {
				it.row = row
			}
		}
	}
	maps.DeleteFunc(inv.items, func(_ ref, it *item) bool { return it.row == nil }) // gone since they were listed
	return nil
}

func itemIDs(items []*item) []uuid.UUID {
	ids := make([]uuid.UUID, len(items))
	for i, it := range items {
		ids[i] = it.id
	}
	return ids
}

// eraser is what is erased in a related row before it goes, or instead.
func (inv *inventory) eraser(it *item) *eraser {
	switch {
	case it.do == retention.Anonymize:
		return inv.cached(it.def, it.rule, func() *eraser { return eraseNamed(it.def, inv.subject.Related[it.rule].Erase) })
	case it.unwritable():
	case it.binned, it.stays:
		return inv.cached(it.def, noRule, func() *eraser { return eraseTexts(it.def) })
	}
	return &eraser{table: it.def}
}

type eraserKey struct {
	table string
	rule  int
}

func (inv *inventory) cached(t *dataverse.Table, rule int, make func() *eraser) *eraser {
	k := eraserKey{t.LogicalName, rule}
	if inv.erasers[k] == nil {
		inv.erasers[k] = make()
	}
	return inv.erasers[k]
}

// bind finds the kept rows that cannot be freed. What they hang on cannot be deleted either, up to the person.
func (inv *inventory) bind(ctx context.Context) error {
	order := slices.SortedFunc(maps.Keys(inv.items), ref.compare)
	for again := true; again; {
		again = false
		for _, r := range order {
			it := inv.items[r]
			if it.do == retention.Delete && !it.shared {
				continue
			}
			for _, h := range it.held {
				free, err := inv.freeable(ctx, h.over)
				if err != nil {
					return err
				}
				if free {
					continue
				}
				if p := inv.byID[h.parent.id]; p != nil && p.ref == h.parent {
					if !slices.Contains(p.binding, r) {
						p.binding = append(p.binding, r)
					}
				} else if parent := inv.items[h.parent]; parent != nil && parent.do == retention.Delete && !parent.shared {
					parent.do, parent.binned = retention.Retain, false
					again = true
				}
			}
		}
	}
	return nil
}

// spare keeps the rows that were listed only because they hang on a row that is kept after all.
func (inv *inventory) spare() {
	for again := true; again; {
		again = false
		for _, it := range inv.items {
			if it.direct || it.do != retention.Delete || slices.ContainsFunc(it.held, func(h attachment) bool {
				parent := inv.items[h.parent]
				return parent != nil && parent.do == retention.Delete && !parent.shared
			}) {
				continue
			}
			it.do, again = retention.Retain, true
		}
	}
}

// unruled leaves alone whoever has rows that a delete would take along and that no rule names. The check of the policy
// refuses such a policy; this is for what changed since.
func (inv *inventory) unruled() {
	for _, it := range inv.items {
		if it.rule != noRule || it.settled || !it.direct || retention.Business(it.table) {
			continue
		}
		if slices.ContainsFunc(it.held, func(h attachment) bool { return h.over.cascades() }) {
			for _, p := range it.owners {
				p.err = errNoRule
			}
		}
	}
}

// settle gives every person their rows: children before parents, then by table and id. A row of several persons goes
// with the first of them.
func (inv *inventory) settle() {
	depth := make(map[ref]int)
	var deep func(r ref, seen int) int
	deep = func(r ref, seen int) int {
		if d, ok := depth[r]; ok || seen > len(inv.items) {
			return d
		}
		d := 0
		if it := inv.items[r]; it != nil {
			for _, h := range it.held {
				if inv.items[h.parent] != nil {
					d = max(d, deep(h.parent, seen+1)+1)
				}
			}
		}
		depth[r] = d
		return d
	}
	rank := make(map[*person]int, len(inv.persons))
	for i, p := range inv.persons {
		rank[p] = i
	}
	all := slices.SortedFunc(maps.Values(inv.items), func(a, b *item) int {
		return cmp.Or(cmp.Compare(deep(b.ref, 0), deep(a.ref, 0)), a.ref.compare(b.ref))
	})
	for _, it := range all {
		if it.shared {
			// The list of parties is written as a whole: one person a chunk, so that nobody is taken off before their turn.
			for _, p := range it.owners {
				p.later = p.later || rank[p] > rank[slices.MinFunc(it.owners, func(a, b *person) int { return cmp.Compare(rank[a], rank[b]) })]
			}
		}
		slices.SortFunc(it.owners, func(a, b *person) int { return cmp.Compare(rank[a], rank[b]) })
		for i, p := range it.owners {
			if i == 0 || it.do != retention.Delete {
				p.items = append(p.items, it)
			}
		}
	}
}
