package purge_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// fromTheStart is what holds before anything is carried out, and in every column.
var fromTheStart = []disturbance{
	{name: "the Date header 61 days ahead from the first answer on", lies: &liar{ahead: 61 * day, always: true}, stops: purge.Clock},
	{name: "the Date header 61 days behind from the first answer on", lies: &liar{ahead: -61 * day, always: true}, stops: purge.Clock},
	{name: "the Date header of one host of three ahead", lies: &liar{ahead: 61 * day, always: true, every: 3}, stops: purge.Clock},
	{name: "the Date header of one host of three behind", lies: &liar{ahead: -61 * day, always: true, every: 3}, stops: purge.Clock},
	{name: "a plug-in that refuses each delete of a person", fault: row{"status": 400, "route": "DELETE contacts"}, lasts: true, client: tries, passes: true, nights: 2},
	{name: "a plug-in that fills in again what is emptied", hooks: []emulator.Hook{refill("contact", nil), refill("lead", nil)}, client: tries, passes: true, nights: 2},
	{name: "a plug-in that refuses the delete of one person for ever", client: tries, passes: true, nights: 1, hooks: []emulator.Hook{
		{Table: "contact", Message: "Delete", Row: id("yvonne").String(), Refuse: &emulator.Refusal{Message: "Yvonne McKay is kept"}}}},
	{name: "a plug-in that makes a row of each delete", client: insists, passes: true, hooks: []emulator.Hook{{Table: "contact", Message: "Delete", Stage: "PostOperation",
		Create: []emulator.NewRow{{Table: "competitor", Values: map[string]any{"name": "gone: {before.fullname}"}}}}}},
	{name: "a plug-in that hangs a note on whoever loses their name", client: insists, passes: true, hooks: []emulator.Hook{{Table: "contact", Message: "Update", Stage: "PostOperation", Columns: []string{"lastname"},
		Create: []emulator.NewRow{{Table: "annotation", Values: map[string]any{"subject": "was {before.fullname}", "objectid_contact@odata.bind": "/contacts({id})"}}}}}},
	{name: "a plug-in that makes a row of each note that goes", client: insists, passes: true, hooks: []emulator.Hook{{Table: "annotation", Message: "Delete", RunAs: "system",
		Create: []emulator.NewRow{{Table: "competitor", Values: map[string]any{"name": "gone: {id}"}}}}}},
	{name: "an update that takes longer than a request may", client: hurried, passes: true, hooks: []emulator.Hook{
		{Table: "contact", Message: "Update", Stage: "PostOperation", Delay: "1100ms", Count: 1}}},
}

// aroundTheLedger is a kill at a request, after which another ledger is there. It comes last in a column: it takes months.
var aroundTheLedger = []disturbance{
	{name: "killed, and the ledger lost", fault: row{"drop": "after"}, lasts: true, client: quits, ledger: ledgerLost},
	{name: "killed, and the ledger of before put back", fault: row{"drop": "after"}, lasts: true, client: quits, ledger: ledgerPutBack},
}

// liar changes the Date header of answers.
type liar struct {
	ahead  time.Duration
	always bool // from the first answer on
	every  int  // of so many answers one, which is another host's

	mu    sync.Mutex
	begun bool
	left  int
	n     int
}

func (l *liar) anew() *liar { return &liar{ahead: l.ahead, always: l.always, every: l.every} }

// begin has it lie from the n-th answer on.
func (l *liar) begin(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun, l.left = true, n
}

func (l *liar) lies() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if l.begun {
		l.left--
	}
	return (l.always || l.begun && l.left < 0) && (l.every == 0 || l.n%l.every == 0)
}

func (l *liar) RoundTrip(r *http.Request) (*http.Response, error) {
	c := wrongClock{}
	if l.lies() {
		c.ahead = l.ahead
	}
	return c.RoundTrip(r)
}

// nothingNew is one more night under what disturbed the one before: nobody new is begun.
func (c *column) nothingNew(client *dataverse.Client) {
	t, w := c.w.t, c.w
	t.Helper()
	before := w.dump("contact", "lead")
	_, err := c.carryOut(client, nil)()
	var stop *purge.StopError
	if err != nil && !errors.As(err, &stop) {
		t.Errorf("one more night: %v", err)
	}
	now := w.dump("contact", "lead")
	for key, was := range before {
		if is := now[key]; is != nil && is["gallra_anonymizedon"] != nil && was["gallra_anonymizedon"] == nil {
			t.Errorf("%s was begun while those before could not be finished", key)
		}
	}
}

func ledgerLost(c *column) { c.w.must(os.RemoveAll(c.w.ledgerDir())) }

func ledgerPutBack(c *column) { copyLedger(c.w.t, c.keep, c.w.ledgerDir()) }

// endsAnew goes on as the guard rails say, with a ledger that lacks what was done: nobody is half a person, whoever was not erased
// gets the whole notice, and nothing of those who were is left in the end.
func (c *column) endsAnew() {
	t, w := c.w.t, c.w
	t.Helper()
	whole := make(map[string]bool)
	for key, is := range w.dump("contact", "lead") {
		whole[key] = is["gallra_anonymizedon"] == nil
	}
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	lost := !l.Existed() // or it turns out to be behind
	l.Close()
	night := func() {
		_, err := w.tryRun(func(d *purge.Deps) {
			d.Run.ID += "-after" // no two runs have the same one, and here the time stands still
			d.Bypass = []policy.Rail{policy.Drift}
			if c.change != nil {
				c.change(d)
			}
		})
		switch {
		case stoppedBy(err, purge.LedgerBehind):
			lost = true
			ledgerLost(c)
		case err != nil && !stoppedBy(err, purge.LedgerUnproven):
			w.must(err)
		}
	}
	for range 4 {
		night()
	}
	now := w.dump("contact", "lead")
	for key, was := range c.before {
		table, _, _ := strings.Cut(key, " ")
		is := now[key]
		switch {
		case table != "contact" && table != "lead":
		case is == nil || is["gallra_anonymizedon"] != nil:
			if lost && whole[key] {
				t.Errorf("%s was purged within the notice that a new ledger gives", key)
			}
		default:
			if diff := differ(map[string]row{key: withoutOurs(was)}, map[string]row{key: withoutOurs(is)}); diff != "" {
				t.Errorf("%s is neither whole nor erased:\n%s", key, diff)
			}
		}
	}
	if c.asks != nil { // who asked asks again
		_, err := c.carryOut(w.client, nil)()
		w.must(err)
	}
	w.advance(62)
	for range 2 {
		night()
	}
	for _, text := range c.gone {
		w.nothingFound(text)
	}
	if w.get("contact", "bystander") == nil {
		t.Error("the bystander was purged")
	}
}
