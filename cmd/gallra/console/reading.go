package console

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/report"
)

// reading is a plan as the console keeps it: everybody who is not merely kept, with their names, sorted beforehand in every order that
// a list can have. A reading does not change; an action on a person makes a new one.
type reading struct {
	*report.Coming
	checked    *compile.Policy
	evaluation *evaluate.Evaluation
	read       time.Time
	traces     func(table string, id uuid.UUID) retention.Trace
	stages     func(table string, id uuid.UUID) retention.Stage
	held       func(table string, id uuid.UUID, ground string) retention.Held
	id         string // of this reading of the plan; a run carries out the plan that was looked at or nothing
	touched    int    // actions on persons since the plan was read

	totals   []plan.GroundTotals
	rails    []plan.GuardRail
	changes  plan.Changes
	evidence *evidence
	// unapproved are those who are due and wait for somebody else's approval.
	unapproved int
	waiting    approval
	ended      []plan.RowTotals // what a run would do to rows whose own period is over
	// histories is what the ledger remembers of changes that grounds count from.
	histories func(subject, ground string) retention.History
	unasked   int        // who are due besides them, and wait since they were not asked in time
	asked     plan.Asked // what the ledger knows of words to persons

	kept bool // persons who are kept stand in the lists as well

	byID    []int32 // persons by table and id
	rank    []int32 // of each person by name
	orders  map[string][]int32
	folded  string           // names and addresses in small letters, for the search
	spans   []span           // of each person's in folded
	reasons map[int32]string // of persons on whom somebody acted since
}

// known is what the ledger knew when the plan was read, for looks at single persons.
func (b *reading) known(today retention.Date) evaluate.EvaluateOptions {
	return evaluate.EvaluateOptions{Today: today, Traces: b.traces, Held: b.held, Changes: b.histories, Stages: b.stages, Asked: b.asked}
}

// purges is how many a run would purge.
func (b *reading) purges() int { return b.Count(retention.Purge) - b.unapproved - b.unasked }

// rowsDue is how many rows a run would end whose own period is over.
func (b *reading) rowsDue() (n int) {
	for _, t := range b.ended {
		n += t.Due
	}
	return n
}

// span is a piece of a long text.
type span struct {
	at  uint32
	len uint16
}

// actions are all actions in the order in which the list sorts them: what is nearest first.
var actions = []retention.Action{retention.Purge, plan.Stuck, retention.Schedule, retention.Move, retention.Wait, retention.Hold, retention.Clear, retention.Keep}

// reason is why a person has their date, as it stands on the row.
func (b *reading) reason(i int32) string {
	if text, ok := b.reasons[i]; ok {
		return text
	}
	return b.Reason(&b.Persons[i])
}

// compareID orders persons by table and id.
func (b *reading) compareID(i int32, table int32, id uuid.UUID) int {
	p := &b.Persons[i]
	return cmp.Or(cmp.Compare(p.Table, table), bytes.Compare(p.ID[:], id[:]))
}

// find is where a person stands; false for somebody of whom the plan says nothing.
func (b *reading) find(table string, id uuid.UUID) (int32, bool) {
	t := int32(slices.IndexFunc(b.Tables, func(t report.Table) bool { return t.Name == table }))
	at, ok := slices.BinarySearchFunc(b.byID, id, func(i int32, id uuid.UUID) int { return b.compareID(i, t, id) })
	if !ok {
		return 0, false
	}
	return b.byID[at], true
}

// maxFolded keeps what a row may hold as a name from growing what is searched.
const maxFolded = 400

// sort makes the orders that a list can have, and what is searched.
func (b *reading) sort() {
	n := len(b.Persons)
	b.byID = make([]int32, n)
	b.spans = make([]span, n)
	var folded strings.Builder
	for i := range b.Persons {
		b.byID[i] = int32(i)
		p := &b.Persons[i]
		text := strings.ToLower(p.Name + "\n" + p.Email + "\n" + p.Company)
		if len(text) > maxFolded {
			text = text[:maxFolded]
		}
		b.spans[i] = span{uint32(folded.Len()), uint16(len(text))}
		folded.WriteString(text)
	}
	b.folded = folded.String()
	slices.SortFunc(b.byID, func(i, j int32) int { return b.compareID(i, b.Persons[j].Table, b.Persons[j].ID) })

	b.orders = map[string][]int32{"name": collated(b.alphabet(), n, func(i int) string { return b.Persons[i].Name })}
	b.orders["company"] = collated(b.alphabet(), n, func(i int) string { return b.Persons[i].Company })
	b.rank = make([]int32, n)
	for rank, i := range b.orders["name"] {
		b.rank[i] = int32(rank)
	}
	owners := make([]int, len(b.Owners)) // an owner's rank by name
	for rank, i := range collated(b.alphabet(), len(b.Owners), func(i int) string { return b.Owners[i].Name }) {
		owners[i] = rank
	}
	b.sortBy("owner", func(x, y *report.Person) int { return cmp.Compare(owners[x.Owner], owners[y.Owner]) })
	b.sortBy("table", func(x, y *report.Person) int { return cmp.Compare(x.Table, y.Table) })
	for name, compare := range b.comparers() {
		b.sortBy(name, compare)
	}
}

// comparers order persons in ways that an action on one of them can change.
func (b *reading) comparers() map[string]func(x, y *report.Person) int {
	states := map[retention.Action]int{}
	for i, a := range actions {
		states[a] = i
	}
	return map[string]func(x, y *report.Person) int{
		"date": func(x, y *report.Person) int { return cmp.Compare(dateRank(x), dateRank(y)) },
		"state": func(x, y *report.Person) int {
			return cmp.Or(cmp.Compare(states[x.Action], states[y.Action]), cmp.Compare(dateRank(x), dateRank(y)))
		},
		"ground": func(x, y *report.Person) int {
			return strings.Compare(b.Grounds[x.Ground].ID, b.Grounds[y.Ground].ID)
		},
	}
}

// dateRank lets those without a date come last.
func dateRank(p *report.Person) retention.Date {
	if p.PurgeOn.IsZero() {
		return retention.Open
	}
	return p.PurgeOn
}

// ordered compares persons; of equals the name decides, as people who read a list expect.
func (b *reading) ordered(compare func(x, y *report.Person) int) func(i, j int32) int {
	return func(i, j int32) int {
		return cmp.Or(compare(&b.Persons[i], &b.Persons[j]), cmp.Compare(b.rank[i], b.rank[j]))
	}
}

func (b *reading) sortBy(name string, compare func(x, y *report.Person) int) {
	order := slices.Clone(b.orders["name"])
	slices.SortFunc(order, b.ordered(compare))
	b.orders[name] = order
}

// moved is an order after some of its persons changed: these are taken out and put where they belong now.
func (b *reading) moved(order []int32, changed []int32, compare func(x, y *report.Person) int) []int32 {
	next := make([]int32, 0, len(order))
	for _, i := range order {
		if !slices.Contains(changed, i) {
			next = append(next, i)
		}
	}
	for _, i := range changed {
		at, _ := slices.BinarySearchFunc(next, i, b.ordered(compare))
		next = slices.Insert(next, at, i)
	}
	return next
}

// alphabet is the one that lists are sorted by: that of the policy's language. Of a policy that names none it is the Swedish, in
// which others find their letters as well.
func (b *reading) alphabet() language.Tag {
	if b.checked.Policy.Language == "" {
		return language.Swedish
	}
	return words.In(subject, b.checked.Policy.Language).Tag()
}

// collated are the indexes of n texts in alphabetical order, as a reader of the language looks them up; empty ones come last.
func collated(alphabet language.Tag, n int, text func(int) string) []int32 {
	c := collate.New(alphabet)
	var buf collate.Buffer
	keys := make([][]byte, n)
	order := make([]int32, n)
	for i := range n {
		order[i] = int32(i)
		if t := text(i); t != "" {
			keys[i] = bytes.Clone(c.KeyFromString(&buf, t))
			buf.Reset()
		}
	}
	sort.SliceStable(order, func(x, y int) bool {
		a, b := keys[order[x]], keys[order[y]]
		if len(a) == 0 || len(b) == 0 {
			return len(a) > len(b)
		}
		return bytes.Compare(a, b) < 0
	})
	return order
}

// with is the reading after somebody acted on persons, whose decisions are now these.
func (b *reading) with(decisions ...*plan.Planned) *reading {
	next, coming := *b, *b.Coming
	next.Coming = &coming
	coming.Persons, coming.Tables, coming.Grounds = slices.Clone(b.Persons), slices.Clone(b.Tables), slices.Clone(b.Grounds)
	for i := range coming.Tables {
		coming.Tables[i].Actions = maps.Clone(b.Tables[i].Actions)
	}
	if next.reasons = maps.Clone(b.reasons); next.reasons == nil {
		next.reasons = map[int32]string{}
	}
	next.touched++
	var changed []int32
	for _, d := range decisions {
		at, ok := b.find(d.Person.Table, d.Person.ID)
		if !ok {
			continue // kept, and nothing is written about them: the plan does not list them
		}
		p := &coming.Persons[at]
		state := d.State()
		if p.Action == plan.Stuck && state == retention.Purge {
			state = plan.Stuck // what was done has not freed them
		} else {
			p.Stuck = ""
		}
		coming.Tables[p.Table].Actions[p.Action]--
		coming.Tables[p.Table].Actions[state]++
		p.Action, p.PurgeOn, p.NoticedOn, p.Until = state, d.PurgeOn, d.NoticedOn, d.Until
		ground := slices.IndexFunc(coming.Grounds, func(g report.Ground) bool { return g.ID == d.GroundID() })
		if ground < 0 {
			ground = len(coming.Grounds)
			g := report.Ground{ID: d.GroundID()}
			if d.Ground != nil && g.ID == d.Ground.ID {
				g.Why, g.Basis = d.Ground.Why, d.Ground.Basis
			}
			coming.Grounds = append(coming.Grounds, g)
		}
		p.Ground = int32(ground)
		next.reasons[at] = d.Reason()
		changed = append(changed, at)
	}
	next.orders = maps.Clone(b.orders)
	for name, compare := range next.comparers() {
		next.orders[name] = next.moved(b.orders[name], changed, compare)
	}
	return &next
}
