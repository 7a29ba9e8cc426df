package rehearse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/state"
	"github.com/gallra/gallra/retention/take"
)

// Options say what is rehearsed.
type Options struct {
	Months int
	Every  int    // nights from one run to the next; every night when zero
	Lived  bool   // every night is run, those too in which nothing can fall due
	Ledger string // folder of the rehearsal's ledger, which has to be empty
	Log    *slog.Logger
	// Progress is called after each night; nil: nobody watches.
	Progress func(night retention.Date, done, of int)
	// Within is called as a night goes on; nil: nobody watches.
	Within func(night retention.Date, p purge.Progress)
}

// Token is the bearer token of the emulators that rehearsals run in.
const Token = "rehearsal"

// Open opens a snapshot for a rehearsal. A rehearsal is no production environment, whatever it was taken of: the policy need not
// allow one.
func Open(path string) (*emulator.Server, snapshot.Head, error) {
	return emulator.Open(path, emulator.Options{Token: Token, OrganizationType: "CustomerTest", JobStep: -1})
}

// Run lives the months. The server and its clock are the rehearsal's own.
func Run(ctx context.Context, server *emulator.Server, head snapshot.Head, p *policy.Policy, o Options) (*Result, error) {
	if err := fits(head, p); err != nil {
		return nil, err
	}
	client, err := connect(server)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if o.Every <= 0 {
		o.Every = 1
	}
	life := &life{Options: o, server: server, client: client, policy: p, zone: p.TimeZone}
	life.rec = &recorder{Result: &Result{Organization: head.Organization, Policy: p.Hash, Taken: head.Taken.Format(time.RFC3339), Sample: head.Masking.Rows, Every: o.Every,
		Gaps: head.Gaps, Unapproved: p.Approval != policy.NoApproval}, who: map[uuid.UUID]group{}, purged: map[uuid.UUID]bool{}, failed: map[uuid.UUID]bool{},
		dates: map[uuid.UUID]retention.Date{}, found: map[Found]int{}}
	if head.URL != "" {
		life.rec.Link = head.URL + "/main.aspx?pagetype=entityrecord"
	}
	if err := life.begin(ctx, head); err != nil {
		return nil, err
	}
	defer life.remember()()
	if err := life.nights(ctx); err != nil {
		return nil, err
	}
	life.rec.finish()
	return life.rec.Result, nil
}

// Livable tells whether so many months can be lived with so many nights from one run to the next.
func Livable(months, every int) bool {
	return months >= 1 && months <= 120 && every >= 1 && every <= 31
}

// Peek tells of a snapshot when it was taken and which rows it holds, and why it cannot be rehearsed by the policy, as far as its head
// tells. Whether it is whole shows when it is opened.
func Peek(path string, p *policy.Policy) (taken time.Time, rows string, err error) {
	head, err := snapshot.Peek(path)
	if err == nil {
		err = fits(head, p)
	}
	return head.Taken, head.Masking.Rows, err
}

// Check tells why a snapshot cannot be rehearsed by the policy, before any night is lived.
func Check(ctx context.Context, path string, p *policy.Policy) error {
	server, head, err := Open(path)
	if err == nil {
		err = fits(head, p)
	}
	if err != nil {
		return err
	}
	client, err := connect(server)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = compile.Compile(ctx, (&life{policy: p}).assumed(), client)
	return err
}

// fits holds the policy against what the snapshot is of.
func fits(head snapshot.Head, p *policy.Policy) error {
	if head.Masking.Rows == snapshot.NoRows {
		return &UnfitError{"the snapshot holds no rows, so nothing can be rehearsed", "take it with gallra snapshot --rows all"}
	}
	own, err := uuid.Parse(p.Environment.Organization)
	if err != nil || own != head.Organization {
		return &UnfitError{fmt.Sprintf("the snapshot is of the organisation %s, and the policy is of %s", head.Organization, p.Environment.Organization),
			"take a snapshot of the policy's environment, or say its organisation in the policy"}
	}
	return nil
}

// UnfitError says why a snapshot and a policy do not go together.
type UnfitError struct{ Why, Remedy string }

func (e *UnfitError) Error() string { return e.Why }

// Hint says what to do.
func (e *UnfitError) Hint() string { return e.Remedy }

// ExitCode is that of wrong usage.
func (e *UnfitError) ExitCode() int { return 2 }

// definitions are shared by the rehearsals of a process: two policies are held against one snapshot.
var definitions = new(dataverse.Definitions)

func connect(server *emulator.Server) (*dataverse.Client, error) {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: Token})
	if err != nil {
		return nil, err
	}
	return dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: server.Transport(), Definitions: definitions})
}

// life is a rehearsal under way.
type life struct {
	Options
	server *emulator.Server
	client *dataverse.Client
	policy *policy.Policy
	zone   *time.Location
	rec    *recorder
	actor  uuid.UUID
	first  retention.Date
	runs   int
	book   *ledger.Ledger // nil: it has to be read

	// keeps is where runs keep what they read, so that the next one asks for what has changed; nil: every run reads everything. Reading is
	// what a plan of such a run asks, and counts for that of the others: nobody knows whether the real runs will keep anything.
	keeps   *state.Options
	reading asked

	// quiet is the night before, if it found nothing to do, and until the day on which something falls due again.
	quiet *quiet
	until retention.Date
}

// assumed is the policy with an approval taken for given: nobody is there to give it.
func (l *life) assumed() *policy.Policy {
	p := *l.policy
	p.Approval = policy.NoApproval
	return &p
}

// begin provisions the environment, as gallra provision does.
func (l *life) begin(ctx context.Context, head snapshot.Head) error {
	who, err := l.client.WhoAmI(ctx)
	if err != nil {
		return err
	}
	l.actor = who.UserID
	l.first = retention.DateOf(head.Taken, l.zone) + 1
	if err := l.teams(); err != nil {
		return err
	}
	checked, err := compile.Compile(ctx, l.assumed(), l.client)
	if err != nil {
		return err
	}
	if l.rec.Unfit, l.rec.UnfitTexts, err = take.Unfit(ctx, head, checked, l.client); err != nil {
		return err
	}
	maps, err := checked.Maps(ctx, l.client)
	if err != nil {
		return err
	}
	for _, m := range maps {
		for i := range m.Places {
			if m.Places[i].Rows != 0 {
				l.rec.drawn(m.Name(), &m.Places[i])
			}
		}
	}
	if err := l.unexpected(ctx, head); err != nil {
		return err
	}
	what, err := checked.Provisioning(ctx, l.client)
	if err != nil {
		return err
	}
	what = what.ColumnsAndViews() // nobody opens it, and a snapshot has no forms
	what.Role = provision.Role{}  // the rehearsal is an administrator's
	steps, err := provision.Run(ctx, l.client, what, false, func(provision.Step) {})
	if err != nil {
		return fmt.Errorf("provision the rehearsal: %w", err)
	}
	for _, s := range steps {
		if s.Done && !s.Present {
			l.rec.Provisioned++
		}
	}
	return nil
}

// teams makes the teams that stages hand rows to, where the snapshot tells no names.
func (l *life) teams() error {
	var rows []emulator.Record
	for i := range l.policy.Subjects {
		for _, rules := range l.policy.Subjects[i].Judged() {
			for _, stage := range rules.Stages {
				id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("team "+stage.Team))
				if stage.Team != "" && !slices.ContainsFunc(rows, func(r emulator.Record) bool { return r.ID == id }) {
					rows = append(rows, emulator.Record{Table: "team", ID: id, Values: map[string]any{"name": stage.Team}})
				}
			}
		}
	}
	return l.server.Load(rows...)
}

// nights runs the nightly job, night after night.
func (l *life) nights(ctx context.Context) error {
	last := l.first.Add(retention.Period{Months: l.Months}) - 1
	l.rec.From, l.rec.To = l.first, last
	all := (int(last-l.first) + l.Every) / l.Every
	for i := range all {
		on := l.first + retention.Date(i*l.Every)
		if l.quiet != nil && on < l.until {
			l.rec.skip(on, l.quiet)
		} else if err := l.lived(ctx, on, last); err != nil {
			return fmt.Errorf("the night of %s: %w", on.Words(), err)
		}
		l.rec.Nights++
		if l.Progress != nil {
			l.Progress(on, i+1, all)
		}
	}
	return nil
}

// night is one run. One that a guard rail stops is noted and, where the rail can be passed, carried out as if it had been.
func (l *life) night(ctx context.Context, on retention.Date) error {
	y, m, d := on.Time().Date()
	l.server.SetClock(time.Date(y, m, d, 3, 0, 0, 0, l.zone))
	p := l.assumed()
	err := l.run(ctx, on, p, nil)
	var stop *purge.StopError
	if !errors.As(err, &stop) {
		return err
	}
	l.rec.stopped(on, stop.Rails)
	if slices.ContainsFunc(stop.Rails, func(g plan.GuardRail) bool { return !slices.Contains(policy.Bypassable, g.Rail) }) {
		return nil // as it would be for real, night after night
	}
	p.Limits.Purges, p.Limits.Share, p.Limits.Rows, p.Limits.RowShare = math.MaxInt32, 1, math.MaxInt32, 1
	p.Bypass = policy.Bypassable
	err = l.run(ctx, on, p, policy.Bypassable)
	l.quiet = nil // the next night is stopped as well, for all that is known
	if errors.As(err, &stop) {
		l.rec.stopped(on, stop.Rails)
		return nil
	}
	return err
}

// asked is what has been asked of the service.
type asked struct{ requests, operations int }

func (l *life) asked() asked {
	return asked{l.server.Stats().Requests.Total, int(l.client.Operations())}
}

func (a asked) since(before asked) asked {
	return asked{a.requests - before.requests, a.operations - before.operations}
}

// remember has runs keep what they read; what it returns ends that. A rehearsal whose every night is lived has each read everything.
func (l *life) remember() (forget func()) {
	folder, err := os.MkdirTemp("", "gallra-nights-")
	if err != nil || l.Lived || l.policy.Limits.Operations > 0 { // a budget is spent on what a run really asks
		return func() { _ = os.Remove(folder) }
	}
	key := make([]byte, state.KeySize) // nobody else knows it
	_, _ = rand.Read(key)
	l.keeps = &state.Options{Folder: folder, Key: key, Address: l.client.URL(), Embedded: true}
	return func() { _ = os.RemoveAll(folder) }
}

// opened is the ledger. It is read once: a run that ended leaves it as the next one would read it, and years of nights are long to read.
func (l *life) opened(ctx context.Context) (*ledger.Ledger, error) {
	if l.book == nil {
		book, err := ledger.OpenStorage(ctx, ledger.RehearsalFolder(l.Ledger))
		if err != nil {
			return nil, err
		}
		l.book = book
	}
	return l.book, nil
}

func (l *life) run(ctx context.Context, on retention.Date, p *policy.Policy, bypass []policy.Rail) error {
	if _, err := l.client.WhoAmI(ctx); err != nil { // which tells the day
		return err
	}
	before := l.asked()
	checked, err := compile.Check(ctx, p, l.client)
	if err != nil {
		return err
	}
	book, err := l.opened(ctx)
	if err != nil {
		return err
	}
	l.runs++
	kept, planned := l.keeps, asked{}
	if l.runs <= 2 { // the first asks for definitions as well, and the second is the measure
		kept = nil
	}
	var within func(purge.Progress)
	if l.Within != nil {
		within = func(p purge.Progress) { l.Within(on, p) }
	}
	summary, err := purge.Run(ctx, purge.Deps{Client: l.client, Ledger: book, Policy: checked, Today: on, Bypass: bypass, Log: l.Log, Poll: time.Millisecond,
		Operations: checked.Policy.Limits.Operations, Progress: within, State: kept,
		Run: ledger.Run{ID: "night-" + strconv.Itoa(l.runs), Verb: "run", Organization: checked.Organization, Actor: l.actor, Version: "rehearsal"},
		Planned: func(p *plan.Plan) {
			planned = l.asked().since(before)
			l.rec.planned(on, p)
		},
		Outcome: func(o purge.Outcome) { l.rec.outcome(on, o) },
	})
	if err != nil || book.Again(ctx) != nil {
		l.book = nil // whatever it has come to is in the folder
	}
	if summary != nil {
		requests := l.asked().since(before).requests
		switch {
		case planned == asked{}: // it stopped before
		case l.runs == 2:
			l.reading = planned
		case kept == nil:
		default:
			requests += l.reading.requests - planned.requests
			summary.Operations += l.reading.operations - planned.operations
		}
		l.rec.night(on, summary, requests)
		if err == nil && nothing(summary) {
			l.quiet = &quiet{summary, requests, checked}
		}
	}
	var spent *purge.SpentError
	if errors.As(err, &spent) { // the next night goes on
		return nil
	}
	return err
}
