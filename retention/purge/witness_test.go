package purge_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge"
)

const day = 24 * time.Hour

// A Date header that is wrong from the first answer on contradicts no other answer. The service's own stamp contradicts it.
func TestADateHeaderThatAlwaysLiesPurgesNobody(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ahead": 61 * day, "two days ahead": 2 * day, "behind": -61 * day} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			if ahead > 0 {
				w.run()
			}
			before := w.get("contact", "yvonne")
			recorder := &recorder{next: &wrongClock{ahead: ahead}}
			c := w.connectWith(func(o *dataverse.Options) { o.Transport = recorder })
			_, err := c.WhoAmI(t.Context())
			w.must(err)
			if _, err := purge.Run(t.Context(), w.deps(c)); !stoppedByClock(err) {
				t.Errorf("%v, want the guard rail %s", err, purge.Clock)
			}
			if _, err := purge.Erase(t.Context(), w.deps(c), askedFor, nil); !stoppedByClock(err) {
				t.Errorf("erase: %v, want the guard rail %s", err, purge.Clock)
			}
			for _, r := range recorder.requests {
				if !strings.HasPrefix(r, "GET ") && r != "PATCH solutions" && !strings.HasPrefix(r, "POST $batch GET") {
					t.Errorf("sent: %s", r)
				}
			}
			if after := w.get("contact", "yvonne"); after == nil || after.ETag() != before.ETag() {
				t.Error("the person was written to")
			}
			w.run() // the days of runs that were stopped count for nothing
		})
	}
}

// jumps is right until its n-th answer and ahead from then on: no answer turns the time back.
type jumps struct {
	mu    sync.Mutex
	left  int
	ahead time.Duration
	asked []string
}

func (j *jumps) RoundTrip(r *http.Request) (*http.Response, error) {
	j.mu.Lock()
	c := wrongClock{}
	if j.left--; j.left < 0 {
		c.ahead = j.ahead
		if r.Method != http.MethodGet {
			j.asked = append(j.asked, r.Method+" "+r.URL.Path)
		}
	}
	j.mu.Unlock()
	return c.RoundTrip(r)
}

func TestADateHeaderThatJumpsMidwayPurgesNobodyElse(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	w.advance(60)
	j := &jumps{left: 1 << 30, ahead: 61 * day}
	c := w.connectWith(func(o *dataverse.Options) { o.Transport = j })
	_, err := c.WhoAmI(t.Context())
	w.must(err)
	d := w.deps(c)
	d.Progress = func(p purge.Progress) {
		if p.Phase == "look" {
			j.mu.Lock()
			j.left = min(j.left, 0)
			j.mu.Unlock()
		}
	}
	if _, err := purge.Run(t.Context(), d); !stoppedByClock(err) {
		t.Errorf("%v, want the guard rail %s", err, purge.Clock)
	}
	if w.get("contact", "yvonne") == nil {
		t.Error("the person was purged")
	}
	if slices.ContainsFunc(j.asked, func(r string) bool { return strings.HasSuffix(r, "/BulkDelete") }) {
		t.Error("a job was begun")
	}
}

// Where gallra's own note may not be written, this machine's clock is the second witness, which here is months away.
func TestTheMachineIsTheWitnessWhereNoNoteMayBeWritten(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.control("faults", []row{{"route": "PATCH solutions", "status": 403}})
	if _, err := w.tryRun(); !stoppedByClock(err) {
		t.Errorf("%v, want the guard rail %s", err, purge.Clock)
	}
	w.control("clock", row{"now": time.Now().UTC()})
	c := w.connect(6)
	_, err := c.WhoAmI(t.Context())
	w.must(err)
	w.client = c
	w.run()
}
