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

	"github.com/google/uuid"
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
	Years    int       // how long any sign of life keeps a person
	User     uuid.UUID // whoever signs in: what this user changes is no sign of life
}

// Starter makes a policy from an environment's own metadata and row counts, as text. Run as it stands, it schedules
// nobody who has any sign of life within the years: a related row of any kind, an agreed date, a consent, a change by
// anybody but gallra. It is made to be narrowed by people who know what their rows mean.
func Starter(ctx context.Context, r dataverse.Reader, o StarterOptions) (string, error) {
	org, err := r.Organization(ctx)
	if err != nil {
		return "", fmt.Errorf("write a starter policy: %w", err)
	}
	pol := &policy.Policy{TimeZone: o.TimeZone, Notice: policy.DefaultNotice, Columns: policy.DefaultColumns, Sources: map[string][]string{},
		Environment: policy.Environment{Organization: org.ID.String(), AllowProduction: true}}
	s := &starter{reader: r, options: o, org: org}
	for _, table := range []string{"contact", "lead"} {
		pol.Subjects = append(pol.Subjects, policy.Subject{Table: table, Purge: starterPurge[table], Columns: policy.DefaultColumns, At: map[string]policy.Place{}})
	}
	s.checker = &checker{ctx: ctx, policy: pol, reader: r, model: newModel(ctx, r), out: &Policy{Policy: pol}}
	for _, table := range []string{"contact", "lead"} {
		t := s.checker.model.get(table)
		if t == nil {
			continue
		}
		sub, err := s.subject(ctx, t)
		if err != nil {
			return "", err
		}
		s.subjects = append(s.subjects, sub)
	}
	if s.checker.model.err != nil {
		return "", fmt.Errorf("write a starter policy: %w", s.checker.model.err)
	}
	if len(s.subjects) == 0 {
		return "", errors.New("write a starter policy: the environment has neither contacts nor leads")
	}
	return s.text(), nil
}

// starterPurge is what a starter policy does with the rows of persons.
var starterPurge = map[string]policy.Disposition{"contact": policy.Delete, "lead": policy.Anonymize}

type starter struct {
	reader   dataverse.Reader
	options  StarterOptions
	org      dataverse.Organization
	checker  *checker
	subjects []starterSubject
}

// keep is the years and, so that nobody is scheduled within them, more than the notice.
func (s *starter) keep() retention.Period {
	return retention.Period{Years: s.options.Years, Months: policy.DefaultNotice.Months + 1}
}

// starterSubject is what goes into the policy about one table.
type starterSubject struct {
	table    string
	persons  int
	identity string
	grounds  []starterGround
	related  []starterRule
	empty    []string // what points at persons and holds no rows, or cannot be read
}

// starterGround is a suggested ground and how many rows it has.
type starterGround struct {
	policy.Ground
	rows    int
	always  bool // also without rows: tomorrow there may be some
	comment string
}

// starterRule is a suggested rule, or a set of them.
type starterRule struct {
	policy.RelatedRule
	comment string
}

// noSign tells of which tables a row is no sign of life: those that the platform makes by itself, and parts of others.
// Activities are found by activitypointer and its parties.
func noSign(table string) bool {
	return personmap.Skipped(table) || personmap.Is(table, personmap.Keeper) || personmap.Is(table, personmap.Part) || personmap.Is(table, personmap.Closing) ||
		slices.Contains([]string{"listmember", "sharepointdocumentlocation", "socialprofile"}, table)
}

// alwaysKept are the tables whose rows are signs of life also where there are none today.
var alwaysKept = append([]string{"connection", "annotation", "msevtmgt_eventregistration"}, personmap.Tables(personmap.Business)...)

func (s *starter) subject(ctx context.Context, t *table) (starterSubject, error) {
	out := starterSubject{table: t.LogicalName}
	if a := t.Attributes["emailaddress1"]; a != nil {
		out.identity = "emailaddress1"
	}
	n, err := s.reader.Count(ctx, dataverse.Query{Table: t.LogicalName, Set: t.EntitySet})
	if err != nil {
		return out, fmt.Errorf("write a starter policy: count the rows of %s: %w", t.LogicalName, err)
	}
	out.persons = n
	candidates := slices.Concat(s.ownGrounds(t), s.activityGrounds(), s.consentGrounds(t), s.pointing(t, &out))
	if err := s.count(ctx, t, candidates); err != nil {
		return out, err
	}
	ids := map[string]bool{}
	for _, g := range candidates {
		switch {
		case g.rows < 0:
			out.empty = append(out.empty, where(g.Ground)+" (cannot be read)")
			continue
		case g.rows == 0 && !g.always:
			out.empty = append(out.empty, where(g.Ground))
			continue
		}
		g.ID = groundName(g.ID, ids)
		g.MayBeEmpty = true
		out.grounds = append(out.grounds, g)
	}
	slices.Sort(out.empty)
	out.empty = slices.Compact(out.empty)
	if out.related, err = s.rules(ctx, t); err != nil {
		return out, err
	}
	return out, nil
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

// ownGrounds are the signs of life on the person's own row.
func (s *starter) ownGrounds(t *table) []starterGround {
	keep := s.keep()
	since := s.options.Today.Sub(keep)
	out := []starterGround{
		{Ground: policy.Ground{ID: "entered", Basis: "legitimate-interests", Why: "Was entered not long ago", Trigger: "Entered", After: "createdon", Keep: retention.Keeping{Period: keep}}, always: true,
			comment: "no row is older than this by itself; shorten it to what your first contact takes"},
		s.changed(t, since),
	}
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if a.Type != "DateTime" || !a.Custom || !a.ForRead || strings.HasPrefix(name, "gallra_") {
			continue
		}
		out = append(out, starterGround{Ground: policy.Ground{ID: "date-" + name, Basis: "legitimate-interests", Why: "Has a date in " + cmp.Or(a.DisplayName, name),
			Trigger: policy.Shorten(cmp.Or(a.DisplayName, name), 100), After: name, Keep: retention.Keeping{Period: keep}}, always: true,
			comment: "a date of your own; `until` instead of `after` if it says until when the person is to be kept"})
	}
	return out
}

// changed is the ground of rows that somebody has worked with. gallra itself changes a row when it writes a purge date,
// which must not count.
func (s *starter) changed(t *table, since retention.Date) starterGround {
	g := starterGround{Ground: policy.Ground{ID: "changed", Basis: "legitimate-interests", Why: "Somebody has worked with the row not long ago",
		Where: fmt.Sprintf("modifiedon ge %sT00:00:00Z", since)}, always: true}
	date := policy.DefaultColumns.PurgeScheduledOn
	except := fmt.Sprintf("(%s eq null or _modifiedby_value ne %s)", date, s.options.User)
	if t.Attributes[date] != nil {
		g.Where += " and " + except
		g.comment = "gallra changes a row when it writes a purge date; so that this keeps nobody, the user that the job signs in as\n" +
			"stands here. The day does not move by itself: a later one keeps fewer"
		return g
	}
	g.comment = "gallra changes a row when it writes a purge date. So that this keeps nobody, add after gallra provision, with the id\n" +
		"of the user that the job signs in as:\n" +
		"  and " + except + "\n" +
		"The day does not move by itself: a later one keeps fewer"
	return g
}

// activityGrounds are the e-mails, calls, meetings and tasks that a person takes part in or that are about them.
func (s *starter) activityGrounds() []starterGround {
	if s.checker.model.get("activitypointer") == nil {
		return nil
	}
	keep := s.keep()
	return []starterGround{
		{Ground: policy.Ground{ID: "activity-party", Basis: "legitimate-interests", Why: "Took part in an e-mail, a call, a meeting or another activity",
			Trigger: "Last activity", Table: "activitypointer", Party: "any", After: "modifiedon", Keep: retention.Keeping{Period: keep}}, always: true,
			comment: "narrow it to the kinds of activity that mean something, such as table: appointment"},
		{Ground: policy.Ground{ID: "activity-regarding", Basis: "legitimate-interests", Why: "An activity is about the person",
			Trigger: "Last activity", Table: "activitypointer", Link: "regardingobjectid", After: "modifiedon", Keep: retention.Keeping{Period: keep}}, always: true,
			comment: "tasks and campaign responses count as well"},
	}
}

// consentGrounds are the consents that hang on the bare address.
func (s *starter) consentGrounds(t *table) []starterGround {
	const consent = "msdynmkt_contactpointconsent4"
	if s.checker.model.get(consent) == nil {
		return nil
	}
	var columns []string
	for _, name := range []string{"emailaddress1", "emailaddress2", "emailaddress3"} {
		if t.Attributes[name] != nil {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	return []starterGround{{Ground: policy.Ground{ID: "consent", Basis: "consent", Why: "Has said something about what they want to hear from us", Trigger: "Consent registered",
		Table: consent, Link: "msdynmkt_contactpointvalue = " + strings.Join(columns, ", "), After: "modifiedon", Keep: retention.Keeping{Period: s.keep()}}, always: true,
		comment: "opt-outs count as well: narrow it to msdynmkt_value eq 534120001, opted in"}}
}

// pointing are the tables that point at persons by lookups.
func (s *starter) pointing(t *table, out *starterSubject) []starterGround {
	keep := s.keep()
	var all []starterGround
	seen := map[string]bool{}
	rels := slices.SortedFunc(slices.Values(t.OneToMany), func(a, b dataverse.Relationship) int {
		return cmp.Or(strings.Compare(a.Referencing, b.Referencing), strings.Compare(a.ReferencingAttribute, b.ReferencingAttribute))
	})
	for _, r := range rels {
		at := r.Referencing + "." + r.ReferencingAttribute
		if seen[at] || r.Referencing == t.LogicalName || noSign(r.Referencing) {
			continue
		}
		seen[at] = true
		from := s.checker.model.get(r.Referencing)
		switch {
		case from == nil || from.column(r.ReferencingAttribute) == nil:
			out.empty = append(out.empty, at+" (cannot be read)")
			continue
		case from.Activity && r.ReferencingAttribute == "regardingobjectid":
			continue
		}
		always := slices.Contains(alwaysKept, r.Referencing)
		name := cmp.Or(from.DisplayName, from.LogicalName)
		if personmap.Is(r.Referencing, personmap.Business) && from.Attributes["statecode"] != nil {
			all = append(all, starterGround{Ground: policy.Ground{ID: "open-" + r.Referencing + "-" + r.ReferencingAttribute, Basis: "contract",
				Why: "Stands on an active row of " + name, Table: r.Referencing, Link: r.ReferencingAttribute, Where: openStates(r.Referencing)}, always: always,
				comment: suggestion(r.Referencing)})
		}
		date := "modifiedon"
		if s.checker.policy.Subject(r.Referencing) != nil || from.Attributes[date] == nil {
			date = "createdon" // a purge date that gallra writes there would move modifiedon
		}
		g := starterGround{Ground: policy.Ground{ID: "recent-" + r.Referencing + "-" + r.ReferencingAttribute, Basis: "legitimate-interests", Why: "Stands on a row of " + name,
			Table: r.Referencing, Link: r.ReferencingAttribute, After: date, Keep: retention.Keeping{Period: keep}}, always: always}
		if from.Attributes[date] == nil {
			g.After, g.Keep = "", retention.Keeping{} // without a date of its own it holds for as long as it is there
			g.comment = "the table has no date to count from: this keeps the person for as long as the row is there"
		}
		all = append(all, g)
	}
	return all
}

// openStates is the filter of rows that are still running.
func openStates(table string) string {
	if table == "quote" || table == "salesorder" {
		return "statecode eq 0 or statecode eq 1" // a draft, and what has been sent
	}
	return "statecode eq 0"
}

// suggestion is what the ground of a table of business usually becomes.
func suggestion(table string) string {
	switch table {
	case "account":
		return "narrow it to customers: statecode eq 0 and customertypecode eq 3"
	case "opportunity":
		return "an open deal; for closed ones count from actualclosedate"
	case "quote":
		return "0 is a draft, 1 a quote that stands; for closed ones count from closedon"
	case "incident":
		return "an open case"
	case "lead":
		return "an open lead of the same person"
	}
	return "what of this is still running?"
}

// count counts the candidates' rows, -1 where they cannot be read. They are compiled as a check would compile them.
func (s *starter) count(ctx context.Context, t *table, all []starterGround) error {
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
