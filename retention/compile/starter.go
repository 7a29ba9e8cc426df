package compile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// StarterOptions are what a starter policy needs besides the environment.
type StarterOptions struct {
	Today    retention.Date
	TimeZone *time.Location
	Notice   retention.Period // zero: the default
}

// maxStarterGrounds is how many grounds a starter policy has for a table: as many as people read.
const maxStarterGrounds = 12

// A Topic is what may justify keeping somebody, as an interview asks about it: deals, quotes, a table of the company's own.
type Topic struct {
	ID       string // what answers call it
	Question string
	Rows     int // that there are today, of all subject tables
	Default  retention.Period
}

// Answers say by topic for how long it keeps a person; a topic that is answered by [Never] keeps nobody. Without an answer its
// default counts, or the answer to [AllTopics].
type Answers map[string]retention.Period

// Never is the answer that something justifies nobody.
var Never = retention.Period{Days: -1}

// AllTopics is the topic whose answer counts for all that have none.
const AllTopics = "all"

func (a Answers) of(topic string, otherwise retention.Period) retention.Period {
	if p, ok := a[topic]; ok {
		return p
	}
	if p, ok := a[AllTopics]; ok {
		return p
	}
	return otherwise
}

// A Starter makes a first policy from an environment's own metadata and row counts: at most a dozen grounds for each table of
// persons, and only such as have rows. None counts from a date that gallra's own writing moves.
type Starter struct {
	reader   dataverse.Reader
	options  StarterOptions
	org      dataverse.Organization
	checker  *checker
	subjects []starterSubject
}

// NewStarter looks at the environment. It reads metadata and counts, and no row of a person.
func NewStarter(ctx context.Context, r dataverse.Reader, o StarterOptions) (*Starter, error) {
	org, err := r.Organization(ctx)
	if err != nil {
		return nil, fmt.Errorf("write a starter policy: %w", err)
	}
	if o.Notice.IsZero() {
		o.Notice = policy.DefaultNotice
	}
	pol := &policy.Policy{TimeZone: o.TimeZone, Notice: o.Notice, Columns: policy.DefaultColumns, Sources: map[string][]string{},
		Environment: policy.Environment{Organization: org.ID.String(), AllowProduction: true}}
	s := &Starter{reader: r, options: o, org: org}
	for _, table := range personmap.Tables(personmap.Person) {
		pol.Subjects = append(pol.Subjects, policy.Subject{Table: table, Purge: starterPurge[table], Columns: policy.DefaultColumns, At: map[string]policy.Place{}})
	}
	s.checker = &checker{ctx: ctx, policy: pol, reader: r, model: newModel(ctx, r), out: &Policy{Policy: pol}}
	for _, table := range personmap.Tables(personmap.Person) {
		t := s.checker.model.get(table)
		if t == nil {
			continue
		}
		sub, err := s.subject(ctx, t)
		if err != nil {
			return nil, err
		}
		s.subjects = append(s.subjects, sub)
	}
	if s.checker.model.err != nil {
		return nil, fmt.Errorf("write a starter policy: %w", s.checker.model.err)
	}
	if len(s.subjects) == 0 {
		return nil, errors.New("write a starter policy: the environment has neither contacts nor leads")
	}
	return s, nil
}

// Topics are what there is to ask about, in the order of a conversation.
func (s *Starter) Topics() []Topic {
	var all []Topic
	for _, sub := range s.subjects {
		for _, g := range sub.grounds {
			i := slices.IndexFunc(all, func(t Topic) bool { return t.ID == g.topic })
			if i < 0 {
				i = len(all)
				all = append(all, Topic{ID: g.topic, Question: g.question, Default: g.otherwise})
			}
			all[i].Rows += g.rows
		}
	}
	slices.SortStableFunc(all, func(a, b Topic) int { return cmp.Compare(topicPlace(a.ID), topicPlace(b.ID)) })
	return all
}

// topicPlace is where a topic stands in a conversation; what is the company's own comes last.
func topicPlace(id string) int {
	if i := slices.Index([]string{"customers", "deals", "quotes", "orders", "cases", "events", "consents", "activities", "entered"}, id); i >= 0 {
		return i
	}
	return len(id) + 100
}

// starterPurge is what a starter policy does with the rows of persons.
var starterPurge = map[string]policy.Disposition{"contact": policy.Delete, "lead": policy.Anonymize}

// starterSubject is what goes into the policy about one table.
type starterSubject struct {
	table    string
	persons  int
	identity string
	grounds  []starterGround // in the order of their weight
	related  []starterRule
}

// starterGround is a suggested ground and how many rows it has.
type starterGround struct {
	policy.Ground
	topic, question string
	otherwise       retention.Period // how long it keeps without an answer
	endless         bool             // it keeps for as long as it holds, whatever the answer is but never
	rows            int
	always          bool // also without rows: tomorrow there may be some
}

// starterRule is a suggested rule, or a set of them.
type starterRule struct {
	policy.RelatedRule
	comment string
}

// noSign tells of which tables a row justifies nobody by itself: those that the platform makes, parts of others, and those whose
// rows the sets of rules speak of.
func noSign(table string) bool {
	return personmap.Skipped(table) || personmap.Is(table, personmap.Keeper) || personmap.Is(table, personmap.Part) || personmap.Is(table, personmap.Closing) ||
		personmap.Is(table, personmap.Business) || personmap.Is(table, personmap.File) ||
		slices.ContainsFunc(policy.Sets(), func(set policy.Set) bool {
			return slices.ContainsFunc(set.Rules, func(r policy.SetRule) bool { return r.Table == table })
		})
}

func (s *Starter) subject(ctx context.Context, t *table) (starterSubject, error) {
	out := starterSubject{table: t.LogicalName}
	if a := t.Attributes["emailaddress1"]; a != nil {
		out.identity = "emailaddress1"
	}
	n, err := s.reader.Count(ctx, dataverse.Query{Table: t.LogicalName, Set: t.EntitySet})
	if err != nil {
		return out, fmt.Errorf("write a starter policy: count the rows of %s: %w", t.LogicalName, err)
	}
	out.persons = n
	candidates := slices.Concat(s.standardGrounds(t), s.dateGrounds(t), s.ownTables(t))
	if err := s.count(ctx, t, candidates); err != nil {
		return out, err
	}
	ids := map[string]bool{}
	for _, g := range candidates {
		if g.rows > 0 || g.rows == 0 && g.always {
			g.ID = groundName(g.ID, ids)
			out.grounds = append(out.grounds, g)
		}
	}
	if out.related, err = s.rules(ctx, t); err != nil {
		return out, err
	}
	return out, nil
}

// chosen are the grounds that go into the policy by the answers, and what has rows and is not among them.
func (s *starterSubject) chosen(a Answers) (grounds []starterGround, left []string) {
	for _, g := range s.grounds {
		keep := a.of(g.topic, g.otherwise)
		if keep == Never || len(grounds) == maxStarterGrounds {
			left = append(left, fmt.Sprintf("%s (%s)", where(g.Ground), policy.Count(g.rows, "row")))
			continue
		}
		if !g.endless {
			g.Keep = retention.Keeping{Period: keep}
		}
		grounds = append(grounds, g)
	}
	slices.Sort(left)
	return grounds, slices.Compact(left)
}

// where names what points at persons.
func where(g policy.Ground) string {
	switch {
	case g.Party != "":
		return g.Table + " by its parties"
	case g.Table == "":
		return g.After + g.Until
	}
	link, _, _ := strings.Cut(g.Link, "=")
	return g.Table + "." + strings.TrimSpace(link)
}

// groundName is an id of its own that a ground may have.
func groundName(wish string, taken map[string]bool) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(wish))
	clean = clean[:min(len(clean), 55)]
	name := clean
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", clean, i)
	}
	taken[name] = true
	return name
}

func months(n int) retention.Period { return retention.Period{Months: n} }

// standardGrounds are those of the standard tables, open business first: what is left out for want of room is what keeps the
// fewest people the longest.
func (s *Starter) standardGrounds(t *table) []starterGround {
	var all []starterGround
	add := func(topic, question string, otherwise retention.Period, endless bool, g policy.Ground) {
		if s.checker.model.get(g.Table) == nil && g.Table != "" {
			return
		}
		all = append(all, starterGround{Ground: g, topic: topic, question: question, otherwise: otherwise, endless: endless})
	}
	const (
		customers  = "For how long after somebody ceased to be the primary contact of a customer are they kept?"
		deals      = "For how long after a deal was won or lost is its contact kept? (An open deal keeps them anyway.)"
		quotes     = "For how long after a quote was won or closed is its contact kept? (A quote that stands keeps them anyway.)"
		orders     = "For how long after an order is the person who ordered kept?"
		cases      = "For how long after a case was opened is the person it is about kept? (An open case keeps them anyway.)"
		events     = "For how long after an event are its participants kept?"
		consents   = "For how long does a consent to hear from you keep a person, if it is not renewed?"
		activities = "For how long after an e-mail, a call or a meeting is who took part in it kept?"
		entered    = "For how long is a new contact or lead kept before anything comes of it?"
	)
	if t.LogicalName == "lead" {
		add("deals", deals, months(24), true, policy.Ground{ID: "open-opportunity", Basis: "contract", Why: "An open deal came of the lead", Table: "opportunity", Link: "originatingleadid", Where: "statecode eq 0"})
	} else {
		customer := "statecode eq 0"
		if s.hasCustomers() {
			customer += " and customertypecode eq 3"
		}
		add("customers", customers, months(6), false, policy.Ground{ID: "primary-contact", Basis: "contract", Why: "Responsible for the agreement of an active customer", Trigger: "Ceased to be the primary contact",
			Table: "account", Link: "primarycontactid", Where: customer, After: policy.Lost})
		add("deals", deals, months(24), true, policy.Ground{ID: "open-opportunity", Basis: "contract", Why: "Steps at the request of the person before a contract", Table: "opportunity", Link: "parentcontactid", Where: "statecode eq 0"})
		add("deals", deals, months(24), true, policy.Ground{ID: "open-opportunity-as-customer", Basis: "contract", Why: "The person is the customer of an open deal", Table: "opportunity", Link: "customerid", Where: "statecode eq 0"})
		add("quotes", quotes, months(12), true, policy.Ground{ID: "open-quote", Basis: "contract", Why: "A quote to the person is being drafted or stands", Table: "quote", Link: "customerid", Where: "statecode eq 0 or statecode eq 1"})
		add("cases", cases, months(12), true, policy.Ground{ID: "open-case", Basis: "contract", Why: "A case of the person is open", Table: "incident", Link: "customerid", Where: "statecode eq 0"})
	}
	add("events", events, months(6), false, policy.Ground{ID: "event-participant", Basis: "legitimate-interests", Why: "Follow-up of an event that the person was registered for", Trigger: "Event ended",
		Table: "msevtmgt_eventregistration", Link: "msevtmgt_contactid", After: "msevtmgt_eventid/msevtmgt_eventenddate"})
	add("consents", consents, months(24), false, policy.Ground{ID: "marketing-consent", Basis: "consent", Why: "Has consented to news from us", Trigger: "Consent given",
		Table: "msdynmkt_contactpointconsent4", Link: "msdynmkt_contactpointvalue = " + addressesOf(t), Where: "statecode eq 0 and msdynmkt_value eq 534120001", After: "modifiedon"})
	if t.LogicalName == "contact" {
		add("deals", deals, months(24), false, policy.Ground{ID: "closed-opportunity", Basis: "legitimate-interests", Why: "Follow-up of a deal that was won or lost", Trigger: "Opportunity closed",
			Table: "opportunity", Link: "parentcontactid", Where: "statecode eq 1 or statecode eq 2", After: "actualclosedate"})
		add("quotes", quotes, months(12), false, policy.Ground{ID: "closed-quote", Basis: "legitimate-interests", Why: "Follow-up of a quote", Trigger: "Quote closed",
			Table: "quote", Link: "customerid", Where: "statecode eq 2 or statecode eq 3", After: "closedon"})
		add("orders", orders, months(24), false, policy.Ground{ID: "order", Basis: "contract", Why: "Has ordered from us", Trigger: "Ordered", Table: "salesorder", Link: "customerid", After: "createdon"})
		add("cases", cases, months(12), false, policy.Ground{ID: "case", Basis: "legitimate-interests", Why: "Follow-up of a case", Trigger: "Case opened", Table: "incident", Link: "customerid", After: "createdon"})
	}
	add("entered", entered, months(12), false, policy.Ground{ID: "entered", Basis: "legitimate-interests", Why: "Has come to us not long ago", Trigger: "Entered", After: "createdon"})
	all[len(all)-1].always = true
	// A purge takes people off activities, which moves the day of the last change.
	add("activities", activities, months(12), false, policy.Ground{ID: "activity", Basis: "legitimate-interests", Why: "Took part in an e-mail, a call, a meeting or another activity", Trigger: "Last activity",
		Table: "activitypointer", Party: "any", After: "createdon"})
	return all
}

// hasCustomers tells whether companies are marked as customers.
func (s *Starter) hasCustomers() bool {
	t := s.checker.model.get("account")
	if t == nil || t.Attributes["customertypecode"] == nil {
		return false
	}
	n, err := s.reader.Count(s.checker.ctx, dataverse.Query{Table: t.LogicalName, Set: t.EntitySet, Filter: "statecode eq 0 and customertypecode eq 3"})
	return err == nil && n > 0
}

// dateGrounds are dates of the company's own on the person's row.
func (s *Starter) dateGrounds(t *table) []starterGround {
	var out []starterGround
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if a.Type != "DateTime" || !a.Custom || !a.ForRead || strings.HasPrefix(name, "gallra_") {
			continue
		}
		called := policy.Shorten(cmp.Or(a.DisplayName, name), 100)
		out = append(out, starterGround{Ground: policy.Ground{ID: "date-" + name, Basis: "legitimate-interests", Why: "Has a date in " + called, Trigger: called, After: name},
			topic: name, question: fmt.Sprintf("For how long after the date in “%s” is a person kept?", called), otherwise: months(12)})
	}
	return out
}

// ownTables are tables of the company's own, and of solutions, that point at persons by lookups.
func (s *Starter) ownTables(t *table) []starterGround {
	var all []starterGround
	seen := map[string]bool{}
	rels := slices.SortedFunc(slices.Values(t.OneToMany), func(a, b dataverse.Relationship) int {
		return cmp.Or(strings.Compare(a.Referencing, b.Referencing), strings.Compare(a.ReferencingAttribute, b.ReferencingAttribute))
	})
	for _, r := range rels {
		at := r.Referencing + "." + r.ReferencingAttribute
		if seen[at] || r.Referencing == t.LogicalName || noSign(r.Referencing) || s.checker.policy.Subject(r.Referencing) != nil {
			continue
		}
		seen[at] = true
		from := s.checker.model.get(r.Referencing)
		if from == nil || from.column(r.ReferencingAttribute) == nil || from.Activity || from.Attributes["createdon"] == nil {
			continue
		}
		called := policy.Shorten(cmp.Or(from.DisplayName, from.LogicalName), 100)
		all = append(all, starterGround{Ground: policy.Ground{ID: r.Referencing + "-" + r.ReferencingAttribute, Basis: "legitimate-interests", Why: "Stands on a row of " + called, Trigger: called + " entered",
			Table: r.Referencing, Link: r.ReferencingAttribute, After: "createdon"},
			topic: r.Referencing, question: fmt.Sprintf("For how long after a row of “%s” was entered is the person on it kept?", called), otherwise: months(24)})
	}
	return all
}

// count counts the candidates' rows, -1 where they cannot be read. They are compiled as a check would compile them.
func (s *Starter) count(ctx context.Context, t *table, all []starterGround) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range all {
		g := &all[i]
		g.At = map[string]policy.Place{}
		before := len(s.checker.problems)
		compiled := s.checker.ground(t, &g.Ground, 0)
		if len(s.checker.problems) > before || s.checker.model.err != nil {
			g.rows = -1
			continue
		}
		filter := compiled.read.Filter
		if g.Table == "" && g.After != "" {
			filter = And(filter, compiled.Date.path+" ne null")
		}
		group.Go(func() error {
			n, err := s.reader.Count(ctx, dataverse.Query{Table: compiled.read.Table, Set: compiled.read.Set, Filter: filter})
			var refused *dataverse.Error
			switch {
			case errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 && refused.Status != 401 && refused.Status != 429:
				g.rows = -1
			case err != nil:
				return fmt.Errorf("write a starter policy: count the rows of %s: %w", compiled.read.Table, err)
			default:
				g.rows = n
			}
			return nil
		})
	}
	if s.checker.model.err != nil {
		return fmt.Errorf("write a starter policy: %w", s.checker.model.err)
	}
	return group.Wait()
}
