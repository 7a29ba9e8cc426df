package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// Check holds a policy against an environment: that it is the one that the policy is for, and that every table, column,
// type, option, filter, path and view is there. It compiles the queries on the way. The error is [Problems] where the
// policy does not fit, and something else where the environment did not answer.
func Check(ctx context.Context, p *policy.Policy, r dataverse.Reader) (*Policy, error) {
	out, err := Compile(ctx, p, r)
	if err == nil && len(out.Unsafe) > 0 {
		return nil, out.Unsafe
	}
	return out, err
}

// Compile is Check for verbs that only look: a policy that fits and is unsafe all the same is an error of Check, and is answered
// by Compile with what is unsafe about it.
func Compile(ctx context.Context, p *policy.Policy, r dataverse.Reader) (*Policy, error) {
	c := &checker{ctx: ctx, policy: p, reader: r, model: newModel(ctx, r), out: &Policy{Policy: p}}
	if err := c.environment(); err != nil {
		return nil, err
	}
	if len(c.problems) > 0 {
		return nil, c.problems // of another environment's tables nothing else is worth saying
	}
	readAhead(ctx, r, named(p))
	for i := range p.Subjects {
		c.subject(&p.Subjects[i])
	}
	c.rows()
	if c.model.err != nil {
		return nil, fmt.Errorf("check the policy: %w", c.model.err)
	}
	c.out.Undecided = once(c.out.Undecided) // what classes share is found for each
	if len(c.problems) > 0 {
		return nil, append(once(append(c.problems, c.out.Unsafe...)).Sorted(p.Files), undecided(c.out.Undecided)...)
	}
	c.out.Warnings, c.out.Unsafe = once(append(c.warnings, p.Suspicious()...)).Sorted(p.Files), once(c.out.Unsafe).Sorted(p.Files)
	return c.out, nil
}

// once is a list without what stands in it already.
func once[S ~[]E, E comparable](all S) S {
	seen := map[E]bool{}
	return slices.DeleteFunc(all, func(e E) bool {
		before := seen[e]
		seen[e] = true
		return before
	})
}

type checker struct {
	ctx      context.Context
	policy   *policy.Policy
	reader   dataverse.Reader
	model    *model
	out      *Policy
	problems policy.Problems
	warnings policy.Problems
	views    map[string][]view // by table, once they were read
	// What a map is drawn from besides definitions, once it was asked for.
	summaries []dataverse.TableSummary
	addresses map[string][]dataverse.AddressColumn
	counted   map[string]int  // rows of places, by what was asked
	empty     map[string]bool // of tables that were asked: whether there is no row
}

func (c *checker) problem(at policy.Pos, message, hint string) {
	c.problems = append(c.problems, c.policy.Problem(at, message, hint))
}

// unsafe is a problem of a policy that fits the environment, and that nobody may act by.
func (c *checker) unsafe(at policy.Pos, message, hint string) {
	c.out.Unsafe = append(c.out.Unsafe, c.policy.Problem(at, message, hint))
}

func (c *checker) warn(at policy.Pos, message, hint string) {
	c.warnings = append(c.warnings, c.policy.Problem(at, message, hint))
}

func (c *checker) environment() error {
	org, err := c.reader.Organization(c.ctx)
	if err != nil {
		return fmt.Errorf("check the policy: %w", err)
	}
	c.out.Organization, c.out.Production = org.ID, org.Production
	if want := c.policy.Environment.Organization; !strings.EqualFold(want, org.ID.String()) {
		c.problem(c.policy.At["organization"].Pos,
			fmt.Sprintf("the policy is for the organisation %s, and this environment is %s", want, org.ID),
			"connect to the policy's environment, or pin the policy to this one if that is meant")
		return nil
	}
	if org.Production && !c.policy.Environment.AllowProduction {
		c.problem(c.policy.At["allowProduction"].Pos, "this is a production environment, and the policy does not allow one",
			"allowProduction: true, once the policy was tried on a sandbox")
	}
	return nil
}

// table is the environment's table of that name; a name that it does not have is a problem.
func (c *checker) table(name string, at policy.Pos) *table {
	t := c.model.get(name)
	if t == nil && c.model.err == nil {
		c.problem(at, fmt.Sprintf("unknown table `%s`", name), c.model.didYouMean(name))
	}
	return t
}

// column is a table's column; a name that it does not have is a problem.
func (c *checker) column(t *table, name string, at policy.Pos) *dataverse.Attribute {
	a := t.column(name)
	if a == nil {
		c.problem(at, fmt.Sprintf("unknown column `%s` of `%s`", name, t.LogicalName), t.didYouMean(name, t.columns()))
	}
	return a
}

func (c *checker) subject(s *policy.Subject) {
	t := c.table(s.Table, s.Pos)
	if t == nil || c.notOfPersons(t, s.Pos) || !c.writable(t, s) {
		return
	}
	s = c.spelledOut(t, s)
	out := Subject{
		Subject: s, EntitySet: t.EntitySet, PrimaryID: t.PrimaryID, PrimaryName: t.PrimaryName,
		Persons: Read{Table: s.Table, Set: t.EntitySet, Select: []string{t.PrimaryID}, ID: Field(t.PrimaryID)},
	}
	selected := func(name string) {
		if !slices.Contains(out.Persons.Select, name) {
			out.Persons.Select = append(out.Persons.Select, name)
		}
	}
	c.ownColumns(t, &out)
	own := out.Own
	for _, name := range []string{own.PurgeScheduledOn, own.PurgeNoticedOn, own.LegalHold, own.RetainUntil, own.RetainReason} {
		if name != "" {
			selected(name)
		}
	}
	if own.AnonymizedOn != "" {
		c.bears(t, &out)
	}
	if s.Identity != "" {
		if a := c.column(t, s.Identity, s.At["identity"].Pos); a != nil {
			if a.Type != "String" {
				c.problem(s.At["identity"].Pos, fmt.Sprintf("`identity` is a column of text, and `%s` is %s", s.Identity, typeWords(a)), "such as emailaddress1")
			}
			selected(wireName(a))
		}
	}
	if a := t.Attributes["masterid"]; a != nil && isLookup(a) && slices.Contains(a.Targets, s.Table) {
		out.Master = wireName(a)
		selected(out.Master)
	}
	if len(s.Classes) == 0 {
		c.survives(t, s)
		out.Coarse = c.coarsened(t, s)
		out.Stages = c.stages(t, &out)
		out.Ask = c.ask(s)
	}
	c.model.asked = map[string]bool{}
	for i := range s.Grounds {
		g := c.ground(t, &s.Grounds[i], int32(i))
		for _, name := range g.Person.Columns {
			selected(name)
		}
		out.Grounds = append(out.Grounds, g)
	}
	related := func(to *Subject, rules []policy.RelatedRule) {
		for i := range rules {
			r := c.rule(t, &rules[i])
			for _, name := range r.Person.Columns {
				selected(name)
			}
			to.Related = append(to.Related, r)
		}
		c.deletesObjections(to)
	}
	if len(s.Classes) == 0 {
		related(&out, s.Related)
	}
	rules := c.classes(t, &out, related)
	c.sees(&out)
	c.readElsewhere(t, &out)
	out.Reads = slices.Sorted(maps.Keys(c.model.asked))
	c.model.asked = nil
	if len(rules) == 0 {
		c.places(t, &out)
	}
	for _, r := range rules {
		r.Persons, r.Reads = out.Persons, out.Reads
		c.places(t, r)
	}
	c.out.Subjects = append(c.out.Subjects, out)
}

// survives checks the columns that stay on anonymised rows.
func (c *checker) survives(t *table, s *policy.Subject) {
	c.retained(t, s.Retain, s.At["retain"], true)
	if a := t.Attributes[s.Identity]; a != nil && slices.Contains(s.Retain, s.Identity) && !identifies(a) {
		c.problem(s.At["retain"].Item(slices.Index(s.Retain, s.Identity)), fmt.Sprintf("`%s` of `%s` is the subject's identity: a row that keeps it is not anonymous", s.Identity, s.Table), "leave it out")
	}
}

// ownColumns finds the columns that gallra owns. Until they were provisioned a plan can do without them; columns of the
// customer's own that are to stand in must be there.
func (c *checker) ownColumns(t *table, out *Subject) {
	at := c.columnsAt(out)
	used := map[string]string{}
	for _, want := range []struct {
		role, name, standard string
		to                   *string
		types                []string
		read                 bool // and never written
	}{
		{"purgeScheduledOn", out.Columns.PurgeScheduledOn, policy.DefaultColumns.PurgeScheduledOn, &out.Own.PurgeScheduledOn, []string{"DateTime"}, false},
		{"purgeNoticedOn", out.Columns.PurgeNoticedOn, policy.DefaultColumns.PurgeNoticedOn, &out.Own.PurgeNoticedOn, []string{"DateTime"}, false},
		{"purgeReason", out.Columns.PurgeReason, policy.DefaultColumns.PurgeReason, &out.Own.PurgeReason, []string{"String", "Memo"}, false},
		{"retainUntil", out.Columns.RetainUntil, policy.DefaultColumns.RetainUntil, &out.Own.RetainUntil, []string{"DateTime"}, true},
		{"retainReason", out.Columns.RetainReason, policy.DefaultColumns.RetainReason, &out.Own.RetainReason, []string{"String", "Memo"}, true},
		{"legalHold", out.Columns.LegalHold, policy.DefaultColumns.LegalHold, &out.Own.LegalHold, []string{"Boolean"}, false},
		{"anonymizedOn", out.Columns.AnonymizedOn, policy.DefaultColumns.AnonymizedOn, &out.Own.AnonymizedOn, []string{"DateTime"}, false},
	} {
		if other, twice := used[want.name]; twice {
			c.problem(at, fmt.Sprintf("`%s` of `%s` cannot be both %s and %s", want.name, out.Table, other, want.role), "each needs a column of its own")
			continue
		}
		used[want.name] = want.role
		a := t.column(want.name)
		switch {
		case a == nil && want.name == want.standard:
			out.Unprovisioned = append(out.Unprovisioned, want.name)
		case a == nil:
			c.problem(at, fmt.Sprintf("unknown column `%s` of `%s`", want.name, out.Table), t.didYouMean(want.name, t.columns()))
		case want.name != want.standard && ofThePlatform(a):
			c.problem(at, fmt.Sprintf("`%s` of `%s` is a column of the platform, and cannot be %s: what stands in it means something else", want.name, out.Table, want.role), "map a column of your own, or leave it to gallra provision")
		case !slices.Contains(want.types, a.Type):
			c.problem(at, fmt.Sprintf("`%s` of `%s` is %s, and should be %s", want.name, out.Table, typeWords(a), typeWords(&dataverse.Attribute{Type: want.types[0]})), "")
		case a.Type == "DateTime" && a.DateTimeBehavior != "DateOnly":
			c.problem(at, fmt.Sprintf("`%s` of `%s` holds a time of day, and should be a date only", want.name, out.Table), "the behaviour of the column is DateOnly")
		case want.role == "purgeReason" && a.MaxLength > 0 && a.MaxLength < policy.MaxReason:
			c.problem(at, fmt.Sprintf("`%s` of `%s` holds %d letters, and a reason may have %d", want.name, out.Table, a.MaxLength, policy.MaxReason), "")
		case !a.ForRead || !want.read && !a.ForUpdate:
			c.problem(at, fmt.Sprintf("`%s` of `%s` cannot be read and written", want.name, out.Table), "a calculated column does not do")
		case a.Secured:
			// A hold or an extension that may not be read looks like none.
			c.problem(at, fmt.Sprintf("`%s` of `%s` has column security: whoever may not read it takes it for empty", want.name, out.Table), "take the security off the column, or map another")
		default:
			*want.to = want.name
		}
	}
	if len(out.Unprovisioned) > 0 {
		c.warn(out.Pos, fmt.Sprintf("`%s` does not have %s yet", out.Table, strings.Join(out.Unprovisioned, ", ")), "gallra provision creates what is missing")
	}
}

func (c *checker) ground(subject *table, g *policy.Ground, index int32) Ground {
	out := Ground{Ground: g, Index: index}
	switch {
	case g.View != "" || g.FetchXML != "":
		c.fetchGround(subject, &out)
		return out
	case g.Table == "":
		s := source{asked: subject, table: subject}
		out.Person = Link{Fields: []Field{Field(subject.PrimaryID)}}
		out.links = []string{subject.PrimaryID}
		c.compile(s, g.Where, g.At, &out.read, nil, func(x *expansion) { c.date(s, &out, x) })
		out.own = ownRow(subject, &out, g.Where)
		c.change(s, &out, nil)
		c.movedByRuns(g, subject)
	default:
		s, ok := c.source(subject, g.Table, g.Party, g.At)
		if !ok {
			return out
		}
		c.compile(s, g.Where, g.At, &out.read, func(x *expansion) string {
			out.Person, out.links, out.linked = c.link(subject, s, g.Link, g.Party, g.At["link"], x)
			return out.linked
		}, func(x *expansion) { c.date(s, &out, x) })
		c.change(s, &out, func(x *expansion) string {
			_, _, linked := c.link(subject, s, g.Link, g.Party, g.At["link"], x)
			return linked
		})
		c.movedByRuns(g, s.table)
	}
	return out
}

func (c *checker) rule(subject *table, r *policy.RelatedRule) Rule {
	out := Rule{RelatedRule: r}
	switch {
	case r.Table == policy.AnyTable:
		return out
	case r.Do == policy.Leave:
		c.left(subject, r)
		return out
	case c.keptElsewhere(r):
		return out
	case r.Behind != "":
		c.behindPerson(subject, &out)
		return out
	}
	s, ok := c.source(subject, r.Table, r.Party, r.At)
	if !ok || c.notByRule(s.table.Table, r) || !c.carriedOut(c.model.get(r.Table).Table, r) {
		return out
	}
	out.bare = c.compile(s, r.Where, r.At, &out.read, func(x *expansion) string {
		var filter string
		out.Person, out.links, filter = c.link(subject, s, r.Link, r.Party, r.At["link"], x)
		return filter
	}, nil)
	if t := c.model.get(r.Table); t != nil && r.Where != "" {
		if e, err := odata.ParseFilter(r.Where); err == nil { // otherwise it was told
			if out.Filter = r.Where; c.rename(e, t) {
				out.Filter = e.String()
			}
		}
		out.Wavers = c.model.reads(t, out.Filter, subject.LogicalName)
	}
	out.Wavers = out.Wavers || out.Person.ByValue()
	out.Erase = c.erased(s.table, r)
	return out
}

// compile puts a query together: who the row leads to, the rule's filter, what else is to be selected. It answers the
// query's filter without that of the rule.
func (c *checker) compile(s source, where string, at map[string]policy.Place, r *Read, link func(*expansion) string, rest func(*expansion)) (bare string) {
	x := &expansion{columns: []string{s.asked.PrimaryID}}
	filter := s.typed
	if link != nil {
		filter = And(filter, link(x))
	}
	bare = filter
	filter = And(filter, c.where(where, at["where"], s))
	if rest != nil {
		rest(x)
	}
	*r = Read{Table: s.asked.LogicalName, Set: s.asked.EntitySet, Select: x.columns, Expand: x.String(), Filter: filter, ID: Field(s.asked.PrimaryID)}
	if len(s.prefix) > 0 {
		r.ID = "_activityid_value"
		r.Select = append(r.Select, "_activityid_value")
	}
	return bare
}

// erased are the columns that an anonymising rule blanks.
func (c *checker) erased(t *table, r *policy.RelatedRule) []string {
	if r.Do != policy.Anonymize {
		return nil
	}
	for i, name := range r.Erase {
		if a := c.column(t, name, r.At["erase"].Item(i)); a != nil && !a.ForUpdate {
			c.problem(r.At["erase"].Item(i), fmt.Sprintf("`%s` of `%s` cannot be written", name, t.LogicalName), "")
		}
	}
	if len(r.Erase) > 0 {
		return r.Erase
	}
	c.retained(t, r.Keep, r.At["retain"], false)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if Personal(a) && !slices.Contains(r.Keep, name) {
			out = append(out, name)
		}
	}
	return out
}

// Personal tells whether anonymising blanks a column where the policy does not say otherwise: every writable text, image,
// file, date and choice, so that a column that nobody thought of does not survive. What keeps the row working (its
// state, owner, currency and other lookups, numbers, yes/no) stays.
func Personal(a *dataverse.Attribute) bool {
	if !a.ForUpdate || a.Primary {
		return false
	}
	switch a.Type {
	case "String", "Memo", "Image", "File", "DateTime", "Picklist", "MultiSelectPicklist":
		return a.AttributeOf == "" || a.Type == "Image"
	}
	return false
}
