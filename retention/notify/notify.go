package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// about is a person and the date of their purge.
type about struct {
	ledger.Key
	on retention.Date
}

// Digest is what one owner is told.
type Digest struct {
	Owner    uuid.UUID
	Language int // the code of the language that it is in
	People   map[string]int
	First    retention.Date
	// Status says what became of it: empty before anything was sent; sent; there, when a run that was killed had sent it; failed; or
	// unsure, when nobody knows yet and the next run looks.
	Status string

	persons []about
	body    map[string]any
	id      uuid.UUID
}

// The statuses of a digest.
const (
	Sent   = "sent"
	There  = "there"
	Failed = "failed"
	Unsure = "unsure"
)

// Summary is what there was to tell.
type Summary struct {
	Digests []Digest // by owner
	// Untold are persons with a purge date that nobody is told of, by why.
	Disabled, DefaultTeam int
	Before                int // persons whose owner has been told of this date before
}

// Deps are what telling works with.
type Deps struct {
	Client    dataverse.Writer
	Policy    *compile.Policy
	Ledger    *ledger.Ledger
	Languages []Language
	Run       ledger.Run
	Log       *slog.Logger // nil: nothing is logged
}

// Plan finds out who is to be told what. It writes nothing.
func Plan(ctx context.Context, d Deps) (*Summary, error) {
	c := &collector{Deps: d, digests: map[uuid.UUID][]about{}, sum: &Summary{}}
	if err := c.people(ctx); err != nil {
		return nil, err
	}
	if err := c.recipients(ctx); err != nil {
		return nil, err
	}
	for _, owner := range slices.SortedFunc(maps.Keys(c.digests), compareIDs) {
		if lang, ok := c.languages[owner]; ok {
			c.sum.Digests = append(c.sum.Digests, c.digest(owner, c.digests[owner], lang))
		}
	}
	return c.sum, nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

type collector struct {
	Deps
	users, teams map[uuid.UUID][]about // by who owns the people
	digests      map[uuid.UUID][]about // by who is told
	languages    map[uuid.UUID]Language
	views        map[string]string         // by table
	names        map[string]provision.Text // what many rows of a table are called, by language
	base         int                       // the organisation's language
	sum          *Summary
}

// people reads who has a purge date, and whose they are.
func (c *collector) people(ctx context.Context) error {
	c.users, c.teams = map[uuid.UUID][]about{}, map[uuid.UUID][]about{}
	c.views, c.names = map[string]string{}, map[string]provision.Text{}
	for i := range c.Policy.Subjects {
		s := &c.Policy.Subjects[i]
		t, err := c.Client.Table(ctx, s.Table)
		if err != nil {
			return err
		}
		if c.names[s.Table], err = provision.Plural(ctx, c.Client, s.Table); err != nil {
			return err
		}
		if t.Attributes["owninguser"] == nil || s.Own.PurgeScheduledOn == "" {
			continue // rows of the whole organisation have no owner to tell
		}
		filter := []string{s.Own.PurgeScheduledOn + " ne null"}
		if s.Own.AnonymizedOn != "" {
			filter = append(filter, s.Own.AnonymizedOn+" eq null")
		}
		if s.Own.LegalHold != "" {
			filter = append(filter, s.Own.LegalHold+" ne true")
		}
		q := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID, s.Own.PurgeScheduledOn, "_owninguser_value", "_owningteam_value"}, Filter: strings.Join(filter, " and ")}
		for row, err := range c.Client.Rows(ctx, q) {
			if err != nil {
				return fmt.Errorf("read who of %s has a purge date: %w", s.Table, err)
			}
			on, ok := retention.DateOnly.Date(row.Text(s.Own.PurgeScheduledOn), nil)
			if !ok {
				continue
			}
			who := about{ledger.Key{Table: s.Table, ID: row.ID(s.PrimaryID)}, on}
			if user := row.ID("owninguser"); user != uuid.Nil {
				c.users[user] = append(c.users[user], who)
			} else if team := row.ID("owningteam"); team != uuid.Nil {
				c.teams[team] = append(c.teams[team], who)
			}
		}
		view := dataverse.Query{Table: "savedquery", Select: []string{"savedqueryid"}, Filter: "savedqueryid eq " + provision.ViewID(s.Table, provision.MineView).String() +
			" or name eq '" + provision.MineView + "' and returnedtypecode eq '" + s.Table + "'"}
		for row, err := range c.Client.Rows(ctx, view) {
			if err != nil {
				return fmt.Errorf("read the view of %s: %w", s.Table, err)
			}
			c.views[s.Table] = row.ID("savedqueryid").String()
		}
	}
	return nil
}

// recipients finds out who can be told, and in what language.
func (c *collector) recipients(ctx context.Context) error {
	told := map[uuid.UUID][]about{}
	for user, list := range c.users {
		told[user] = append(told[user], list...)
	}
	for _, team := range slices.SortedFunc(maps.Keys(c.teams), compareIDs) {
		row, err := c.Client.Get(ctx, "team", team, dataverse.Query{Select: []string{"teamid", "isdefault"}})
		if err != nil {
			return fmt.Errorf("read the team that owns people: %w", err)
		}
		if row.Bool("isdefault") {
			c.sum.DefaultTeam += len(c.teams[team])
			continue
		}
		members := dataverse.Query{Set: "teams(" + team.String() + ")/teammembership_association", Select: []string{"systemuserid"}}
		for row, err := range c.Client.Rows(ctx, members) {
			if err != nil {
				return fmt.Errorf("read the members of the team that owns people: %w", err)
			}
			user := row.ID("systemuserid")
			told[user] = append(told[user], c.teams[team]...)
		}
	}
	for row, err := range c.Client.Rows(ctx, dataverse.Query{Set: "organizations", Select: []string{"languagecode"}}) {
		if err != nil {
			return fmt.Errorf("read the organisation's language: %w", err)
		}
		n, _ := row.Int("languagecode")
		c.base = int(n)
	}
	c.languages = map[uuid.UUID]Language{}
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(told), compareIDs), 50) {
		var terms []string
		for _, id := range some {
			terms = append(terms, "systemuserid eq "+id.String())
		}
		filter := strings.Join(terms, " or ")
		codes := map[uuid.UUID]int{}
		for row, err := range c.Client.Rows(ctx, dataverse.Query{Table: "usersettings", Select: []string{"systemuserid", "uilanguageid"}, Filter: filter}) {
			if err != nil {
				return fmt.Errorf("read the owners' languages: %w", err)
			}
			n, _ := row.Int("uilanguageid")
			codes[row.ID("systemuserid")] = int(n)
		}
		reached := map[uuid.UUID]bool{}
		for row, err := range c.Client.Rows(ctx, dataverse.Query{Table: "systemuser", Select: []string{"systemuserid", "isdisabled", "applicationid"}, Filter: filter}) {
			if err != nil {
				return fmt.Errorf("read the owners: %w", err)
			}
			reached[row.ID("systemuserid")] = !row.Bool("isdisabled") && row.Null("applicationid")
		}
		for _, id := range some {
			if !reached[id] {
				c.sum.Disabled += len(told[id])
				continue
			}
			fresh := slices.DeleteFunc(told[id], func(a about) bool { return c.Ledger.WasTold(a.Key, id) == a.on })
			c.sum.Before += len(told[id]) - len(fresh)
			if len(fresh) > 0 {
				c.digests[id], c.languages[id] = fresh, pick(c.Languages, codes[id], c.base, 1033)
			}
		}
	}
	return nil
}

// digest puts together what an owner is told. The same persons and dates give the same id, whenever they are put together.
func (c *collector) digest(owner uuid.UUID, persons []about, lang Language) Digest {
	slices.SortFunc(persons, func(a, b about) int { return a.Compare(b.Key) })
	persons = slices.CompactFunc(persons, func(a, b about) bool { return a.Key == b.Key })
	d := Digest{Owner: owner, Language: lang.Code, People: map[string]int{}, persons: persons}
	var content strings.Builder
	content.WriteString(owner.String())
	first := persons[0]
	for _, p := range persons {
		d.People[p.Table]++
		if p.on < first.on {
			first = p
		}
		fmt.Fprintf(&content, "\n%s %s %s", p.Table, p.ID, p.on)
	}
	d.id = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/notify/"+content.String()))
	d.First = first.on
	var actions []map[string]any
	open := func(title, url string) {
		actions = append(actions, map[string]any{"title": title, "data": map[string]any{"url": url, "navigationTarget": "newWindow"}})
	}
	for _, table := range slices.Sorted(maps.Keys(d.People)) {
		url := "?pagetype=entitylist&etn=" + table
		if view := c.views[table]; view != "" {
			url += "&viewid=" + view + "&viewType=1039"
		}
		open(lang.open(cmp.Or(c.names[table][lang.Code], c.names[table].In(c.base), table), d.People[table]), url)
	}
	if title := lang.person(len(persons)); title != "" {
		open(title, "?pagetype=entityrecord&etn="+first.Table+"&id="+first.ID.String())
	}
	data, _ := json.Marshal(map[string]any{"actions": actions}) // strings and maps always encode
	d.body = map[string]any{
		"appnotificationid": d.id.String(), "title": lang.Title, "body": lang.body(len(persons), d.First), "ownerid@odata.bind": "/systemusers(" + owner.String() + ")",
		"icontype": 100000000, "toasttype": 200000000, "ttlinseconds": 14 * 24 * 3600, "data": string(data),
	}
	return d
}

// ErrNoLedger says that nobody is told because nobody knows who was.
var ErrNoLedger error = noLedger{}

type noLedger struct{}

func (noLedger) Error() string {
	return "there is no ledger: nobody is told, since nobody knows who was told before"
}

// ExitCode is that of a guard rail.
func (noLedger) ExitCode() int { return 3 }

// Send tells everybody what they have not been told, on a day that the witnesses of a run agree on. What a run before began to
// tell is looked up and ended first.
func Send(ctx context.Context, d Deps, report func(Digest)) (sum *Summary, err error) {
	if !d.Ledger.Existed() {
		return nil, ErrNoLedger
	}
	as := purge.Deps{Client: d.Client, Ledger: d.Ledger, Run: d.Run, Policy: d.Policy, Today: d.Run.Today, Log: d.Log}
	if err := purge.ConfirmDay(ctx, as); err != nil {
		return nil, err
	}
	err = purge.Record(ctx, as, func() (status ledger.Status, err error) {
		if sum, status, err = d.tell(ctx, report); ctx.Err() != nil {
			status = ledger.Interrupted
		}
		return status, err
	})
	return sum, err
}

// tell is Send with a ledger that has been begun.
func (d Deps) tell(ctx context.Context, report func(Digest)) (*Summary, ledger.Status, error) {
	began, err := d.resume(ctx, report)
	if err != nil {
		return nil, ledger.Failed, err
	}
	sum, err := Plan(ctx, d)
	if err != nil {
		return nil, ledger.Failed, err
	}
	status := ledger.Done
	for i := range sum.Digests {
		x := &sum.Digests[i]
		if err := ctx.Err(); err != nil {
			return sum, ledger.Failed, err
		}
		entries := make([]ledger.Entry, len(x.persons))
		for j, p := range x.persons {
			entries[j] = ledger.Entry{Kind: ledger.Telling, Table: p.Table, ID: p.ID, PurgeOn: p.on, Actor: x.Owner}
		}
		first := d.Ledger.Seq() + 1
		if err := d.Ledger.Append(entries...); err != nil {
			return sum, ledger.Failed, err
		}
		if err := d.send(ctx, x, first, d.Ledger.Seq()); err != nil {
			return sum, ledger.Failed, err
		}
		if report != nil {
			report(*x)
		}
		if x.Status != Sent {
			status = ledger.Partial
		}
	}
	sum.Digests = append(began, sum.Digests...)
	return sum, status, nil
}

// send sends one digest whose persons stand in the ledger, and writes down what became of it. That nobody knows leaves it
// open: the next run looks.
func (d Deps) send(ctx context.Context, x *Digest, first, last uint64) error {
	told := ledger.Entry{Kind: ledger.Told, First: first, Last: last, Status: ledger.Done}
	err := d.Client.Call(ctx, "POST", "appnotifications", x.body, nil)
	var unsure *dataverse.Uncertain
	switch {
	case err == nil:
		x.Status = Sent
	case errors.Is(err, dataverse.ErrDuplicate):
		x.Status = There
	case errors.As(err, &unsure), ctx.Err() != nil:
		x.Status = Unsure
		return nil
	default:
		x.Status, told.Status = Failed, ledger.Failed // to be told afresh by the next run
		if d.Log != nil {
			d.Log.Warn("an owner could not be told", "user", x.Owner, "cause", err)
		}
	}
	return d.Ledger.Append(told)
}

// resume ends what a run that was killed has begun to tell: a digest that is there counts as sent, another is sent as it was
// meant.
func (d Deps) resume(ctx context.Context, report func(Digest)) ([]Digest, error) {
	var out []Digest
	for _, began := range d.Ledger.Telling() {
		c := &collector{Deps: d, sum: &Summary{}, views: map[string]string{}, names: map[string]provision.Text{}, users: map[uuid.UUID][]about{}, teams: map[uuid.UUID][]about{}}
		var persons []about
		for _, r := range began {
			persons = append(persons, about{ledger.Key{Table: r.Table, ID: r.ID}, r.PurgeOn})
		}
		x := c.digest(began[0].Actor, persons, pick(d.Languages))
		first, last := began[0].Seq, began[len(began)-1].Seq
		status := ledger.Done
		_, err := d.Client.Get(ctx, "appnotification", x.id, dataverse.Query{Select: []string{"appnotificationid"}})
		switch {
		case errors.Is(err, dataverse.ErrNotFound):
			status, x.Status = ledger.Failed, Failed // it was never sent: what still holds of it is told afresh
		case err != nil:
			return out, fmt.Errorf("look whether a digest was sent: %w", err)
		default:
			x.Status = There
		}
		if err := d.Ledger.Append(ledger.Entry{Kind: ledger.Told, First: first, Last: last, Status: status}); err != nil {
			return out, err
		}
		if x.Status == There {
			out = append(out, x)
			if report != nil {
				report(x)
			}
		}
	}
	return out, nil
}
