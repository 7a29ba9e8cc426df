package purge_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// column is a kind of purge on a world, with what an undisturbed one leaves.
type column struct {
	*kind
	w           *world
	start, keep string // of the environment, of the ledger
	before      map[string]row
	after, want map[string]row // after the purge, and after a further run
	done        map[uuid.UUID]int
	doneAll     map[uuid.UUID]int
	appends     int // writes to the ledger
	tables      []string
	clients     map[string]*dataverse.Client
	checked     *compile.Policy
	misled      bool // the day is that of the client that carries it out
}

func newColumn(t *testing.T, k *kind) *column {
	w := newWorld(t, k.policy)
	k.fill(w)
	c := &column{kind: k, w: w, keep: filepath.Join(w.dir, "keep"), tables: slices.Clone(dumped), clients: make(map[string]*dataverse.Client)}
	w.create("contact", "bystander", row{"firstname": "Nina", "lastname": "Bystander"})
	w.create("account", "keeper", row{"name": "Keeper", "primarycontactid@odata.bind": bindTo("contacts", "bystander")})
	c.checked = w.checked(w.client)
	c.start = w.snapshot()
	w.must(os.MkdirAll(w.ledgerDir(), 0o700)) // nobody has written to it yet where nothing has run
	copyLedger(t, w.ledgerDir(), c.keep)
	c.before, c.done = w.dump(c.tables...), w.doneOnce()
	counting := &failing{Storage: ledger.Folder(w.ledgerDir()), left: 1 << 30}
	s, err := c.carryOut(w.client, counting)()
	w.must(err)
	if s.Status != ledger.Done || s.Purged() == 0 {
		t.Fatalf("undisturbed: status %s, purged %d, failures %v", s.Status, s.Purged(), s.Failures)
	}
	c.appends = 1<<30 - counting.left
	c.after = w.dump(c.tables...)
	c.further(w, w.client, false)
	c.want, c.doneAll = w.dump(c.tables...), w.doneOnce()
	for _, text := range c.gone {
		w.nothingFound(text)
	}
	return c
}

// carryOut makes everything ready for doing it once.
func (c *column) carryOut(client dataverse.Writer, s ledger.Storage) func() (*purge.Summary, error) {
	d := c.w.deps(c.w.client)
	d.Client = client
	if s != nil {
		var err error
		d.Ledger, err = ledger.OpenStorage(c.w.t.Context(), s)
		c.w.must(err)
	}
	d.JobWait = 3 * time.Second // a job that starts on another day is not waited for
	if c.misled {
		d.Today = retention.DateOf(client.Now(), d.Policy.Policy.TimeZone)
	}
	if c.change != nil {
		c.change(&d)
	}
	do := c.do
	if c.asks != nil {
		do = c.asks(c.w)
	}
	return func() (*purge.Summary, error) {
		summary, err := do(c.w.t.Context(), d)
		d.Ledger.Close()
		c.w.verifyLedger()
		return summary, err
	}
}

// further is what comes after: it is done once more, and a night's run sweeps. Drifted says that the environment has
// changed in what the rules depend on, and that somebody has looked at it.
func (c *column) further(w *world, client *dataverse.Client, drifted bool) {
	w.t.Helper()
	here, k := *c, *c.kind
	here.w, here.kind = w, &k
	k.change = func(d *purge.Deps) {
		if c.change != nil {
			c.change(d)
		}
		if drifted {
			d.Bypass = []policy.Rail{policy.Drift}
		}
	}
	_, err := here.carryOut(client, nil)()
	w.must(err)
	w.run(func(d *purge.Deps) {
		d.Client = client
		k.change(d)
	})
}

// requestKind are requests that do the same.
type requestKind struct {
	what string
	at   []int
}

// requests are those of an undisturbed purge, by what they do.
func (c *column) requests() (kinds []requestKind, total int) {
	seen := &recorder{}
	client := c.w.connectWith(func(o *dataverse.Options) {
		o.Observe = func(next http.RoundTripper) http.RoundTripper { seen.next = next; return seen }
	})
	c.w.checked(client)
	c.reset(c.w)
	do := c.carryOut(client, nil)
	seen.requests = nil
	_, err := do()
	c.w.must(err)
	for n, what := range seen.requests {
		i := slices.IndexFunc(kinds, func(k requestKind) bool { return k.what == what })
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, requestKind{what: what})
		}
		kinds[i].at = append(kinds[i].at, n)
	}
	return kinds, len(seen.requests)
}

func (c *column) reset(w *world) {
	w.control("faults", []row{})
	w.server.ClearHooks()
	w.control("restore", row{"id": c.start})
	copyLedger(w.t, c.keep, w.ledgerDir())
}

// client is one of a kind, used again, since the definitions take long to read; one that was told to wait,
// or another day, is not.
func (c *column) client(d *disturbance) *dataverse.Client {
	of := fmt.Sprintf("%p", d.client)
	once := d.fault["status"] == 429 || d.signIn != nil || d.after != nil || d.lies != nil
	if client := c.clients[of]; client != nil && !once {
		return client
	}
	client := c.w.connectWith(d.client)
	for try := 0; ; try++ { // the definitions are read once; a hurried client may need several tries
		_, err := compile.Check(c.w.t.Context(), c.checked.Policy, client)
		if err == nil {
			break
		}
		if try == 20 {
			c.w.must(err)
		}
	}
	if !once {
		c.clients[of] = client
	}
	return client
}

// cell is one purge that is disturbed, what it leaves, and what a further one makes of it.
func (c *column) cell(t *testing.T, name string, d disturbance, n int) {
	t.Run(name, func(t *testing.T) {
		here, w := *c, *c.w
		w.t, here.w = t, &w
		here.reset(&w)
		var signedIn *session
		if d.signIn != nil {
			signedIn = d.signIn()
			d.client = signedIn.connect
		}
		if d.lies != nil {
			d.lies, here.misled = d.lies.anew(), true
			d.client = func(o *dataverse.Options) { insists(o); o.Transport = d.lies }
		}
		client := here.client(&d)
		var writer dataverse.Writer = client
		happened := false
		if d.before != nil {
			writer = &meddler{client, func(parts []dataverse.Part) {
				if !happened {
					happened = d.before(&w, parts)
				}
			}}
		}
		var storage ledger.Storage
		if d.storage != nil {
			storage = d.storage(ledger.Folder(w.ledgerDir()), n)
		}
		do := here.carryOut(writer, storage)
		if d.lies != nil {
			d.lies.begin(n)
		}
		if d.fault != nil {
			fault := row{"after": n}
			for k, v := range d.fault {
				fault[k] = v
			}
			if !d.lasts {
				fault["count"] = 1
			}
			w.control("faults", []row{fault})
		}
		if signedIn != nil {
			signedIn.begin(n)
		}
		w.must(w.server.AddHooks(d.hooks...))
		s, err := do()
		for range d.nights {
			here.nothingNew(client)
		}
		w.control("faults", []row{})
		w.server.ClearHooks()
		if d.after != nil && happened {
			d.after(&w)
		}
		here.judge(&d, s, err)
		again := w.client
		if d.anew {
			again = w.connect(6)
		}
		if d.ledger != nil {
			d.ledger(&here)
			here.endsAnew()
		} else {
			here.further(&w, again, d.anew)
			here.ends()
		}
		if t.Failed() {
			if s == nil {
				s = &purge.Summary{}
			}
			t.Logf("status %s, error %v, failures %v, outcomes %v", s.Status, err, s.Failures, w.outcomes())
		}
	})
}

// judge looks at what a disturbed purge has left, and at what it says.
func (c *column) judge(d *disturbance, s *purge.Summary, err error) {
	t := c.w.t
	t.Helper()
	var stop *purge.StopError
	if s == nil { // it did not begin
		if err == nil {
			t.Fatal("neither a summary nor an error")
		}
		if diff := differ(c.before, c.w.dump(c.tables...)); diff != "" {
			t.Errorf("it says that it did not begin, and the rows say otherwise:\n%s", diff)
		}
		s = &purge.Summary{Status: ledger.Failed}
	}
	switch {
	case err == nil && s.Status != ledger.Done && s.Status != ledger.Partial,
		err != nil && !errors.As(err, &stop) && s.Status != ledger.Failed,
		errors.As(err, &stop) && s.Status != ledger.Halted:
		t.Errorf("status %s, error %v", s.Status, err)
	case d.stops != "" && !stoppedBy(err, d.stops):
		t.Errorf("error %v, want the guard rail %s", err, d.stops)
	case d.stops != "" && differ(c.before, c.w.dump(c.tables...)) != "":
		t.Errorf("it was stopped, and the rows are others:\n%s", differ(c.before, c.w.dump(c.tables...)))
	case err != nil && d.means != nil && !errors.Is(err, d.means):
		t.Errorf("error %v, want one of %v", err, d.means)
	case err != nil && d.fault != nil && !d.lasts:
		t.Errorf("one fault ended it: %v", err)
	case err == nil && s.Status == ledger.Partial && len(s.Failures)+len(s.Residue)+s.Unswept == 0:
		t.Error("it says that not all is done, and not what")
	}
	if err != nil {
		for _, secret := range []string{"Goner", "McKay", "Yvonne", "@", token, "example.com"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds %q: %v", secret, err)
			}
		}
	}
	left := s.ScheduleLeft
	for _, t := range s.Subjects {
		left += t.Skipped
	}
	now := c.spares(d.before)
	if s.Status == ledger.Done && left == 0 && !d.anew && d.ledger == nil { // beside another ledger, months have passed
		if diff := differ(c.after, now); diff != "" {
			t.Errorf("it says that all is done, and the rows say otherwise:\n%s", diff)
		}
	}
}

// spares looks at the rows of a moment: nobody is touched who is not to be, and each person is whole or erased. Meddled
// says that somebody edited one of them.
func (c *column) spares(meddled func(*world, []dataverse.Part) bool) map[string]row {
	t, w := c.w.t, c.w
	t.Helper()
	now := w.dump(c.tables...)
	announced := w.announced()
	for key, was := range c.before {
		is := now[key]
		table, _, _ := strings.Cut(key, " ")
		switch {
		case meddled != nil && strings.Contains(key, id("yvonne").String()): // edited by somebody
		case differ(map[string]row{key: was}, map[string]row{key: c.after[key]}) == "" && c.after[key] != nil:
			if diff := differ(map[string]row{key: was}, map[string]row{key: is}); is == nil || diff != "" {
				t.Errorf("nobody was to touch %s:\n%s", key, diff)
			}
		case table != "contact" && table != "lead":
		case is == nil || is["gallra_anonymizedon"] != nil:
			if was["gallra_anonymizedon"] == nil && !announced[key] {
				t.Errorf("%s was erased, and the ledger does not announce it", key)
			}
		default:
			if diff := differ(map[string]row{key: withoutOurs(was)}, map[string]row{key: withoutOurs(is)}); diff != "" {
				t.Errorf("%s is neither whole nor erased:\n%s", key, diff)
			}
		}
	}
	return now
}

// ends looks at the end state.
func (c *column) ends() {
	t, w := c.w.t, c.w
	t.Helper()
	if diff := differ(c.want, w.dump(c.tables...)); diff != "" {
		t.Errorf("the end state differs from that of an undisturbed purge:\n%s", diff)
	}
	for _, text := range c.gone {
		w.nothingFound(text)
	}
	for who, n := range w.doneOnce() {
		if n != c.doneAll[who] {
			t.Errorf("the ledger says %d times that %s was purged, want %d", n, who, c.doneAll[who])
		}
	}
}
