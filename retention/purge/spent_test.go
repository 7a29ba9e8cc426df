package purge_test

import (
	"errors"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// counting has the world's client go through a transport that counts operations by itself.
func (w *world) counting() *counted {
	w.t.Helper()
	c := new(counted)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	w.must(err)
	w.client, err = dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: c, Definitions: definitions})
	w.must(err)
	return c
}

// TestOperationsAreCounted holds what a run says that it asked of the service against what went over the wire: each request
// once, and a batch as often as it holds operations.
func TestOperationsAreCounted(t *testing.T) {
	w := crowd(t)
	c := w.counting()
	var before int64
	s := w.run(func(*purge.Deps) { before = c.operations.Load() })
	if s.Purged() == 0 {
		t.Fatal("nobody was purged")
	}
	// The last few come after the summary was made: how far the ledger goes is left in the environment.
	if sent := int(c.operations.Load() - before); s.Operations > sent || s.Operations < sent-5 || s.Operations <= int(c.requests.Load())-5 {
		t.Errorf("%d operations are told, %d were sent in %d requests", s.Operations, sent, c.requests.Load())
	}
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	defer l.Close()
	runs := l.Runs()
	if n := runs[len(runs)-1].Counts["operations"]; n != s.Operations {
		t.Errorf("the ledger says %d operations, the summary %d", n, s.Operations)
	}
}

// TestARunEndsWhenItsOperationsAreUsed gives runs less and less to do with. What they did is consistent, and the runs after them
// come to the same end.
func TestARunEndsWhenItsOperationsAreUsed(t *testing.T) {
	t.Parallel()
	w := crowdOf(newWorldOf(t, pol, emulator.Options{}, "audit-delay")) // the same days for all
	begin, books := w.snapshot(), t.TempDir()
	copyLedger(t, w.ledgerDir(), books)
	want, _ := w.endState()
	whole := 0
	cut := 0
	for used := 0; used < 10; used++ {
		w.control("restore", row{"id": begin})
		copyLedger(t, books, w.ledgerDir())
		w.client = w.connect(6)
		if whole == 0 {
			whole = w.run().Operations
			continue
		}
		most := whole * used / 10
		s, err := w.tryRun(func(d *purge.Deps) { d.Operations = most })
		var spent *purge.SpentError
		switch {
		case errors.As(err, &spent):
			cut++
			if s != nil && s.Status != ledger.Interrupted || s != nil && s.Operations < most || spent.Operations != most {
				t.Errorf("%d of %d operations: status %s, %d asked: %v", most, whole, s.Status, s.Operations, err)
			}
		case err != nil:
			t.Fatalf("%d of %d operations: %v", most, whole, err)
		}
		w.client = w.connect(6)
		w.run()
		w.run()
		if diff := differ(want, w.dump(dumped...)); diff != "" {
			t.Errorf("%d of %d operations: %s", most, whole, diff)
		}
	}
	if cut < 6 {
		t.Errorf("only %d runs were cut", cut)
	}
}
