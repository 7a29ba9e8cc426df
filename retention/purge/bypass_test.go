package purge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// TestBypassOfRequests: an erasure and a reapplication are stopped by what changed in the environment, and pass over it by the
// same two keys as a run. The night's run is still stopped by it afterwards.
func TestBypassOfRequests(t *testing.T) {
	t.Parallel()
	verbs := []struct {
		verb string
		rail policy.Rail
		do   func(w *world, d purge.Deps) (*purge.Summary, error)
	}{
		{"erase", policy.Drift, func(w *world, d purge.Deps) (*purge.Summary, error) {
			return purge.Erase(t.Context(), d, []evaluate.PersonRef{contact("a")}, nil)
		}},
		{"reapply", policy.Drift, func(w *world, d purge.Deps) (*purge.Summary, error) { return purge.Reapply(t.Context(), d) }},
		{"reapply", policy.TooMany, func(w *world, d purge.Deps) (*purge.Summary, error) { return purge.Reapply(t.Context(), d) }},
	}
	for _, tt := range verbs {
		t.Run(tt.verb+" "+string(tt.rail), func(t *testing.T) {
			t.Parallel()
			without := strings.Replace(driftPolicy, ", bypass: [drift]", "", 1)
			if tt.rail == policy.TooMany {
				without = strings.Replace(without, "purges: 500", "purges: 2", 1)
			}
			with := strings.Replace(without, "canary: 2}", "canary: 2, bypass: ["+string(tt.rail)+"]}", 1)
			w := newWorld(t, strings.Replace(without, "purges: 2,", "purges: 500,", 1))
			for _, n := range []string{"a", "b", "c"} {
				w.create("contact", n, row{"lastname": n})
			}
			w.run()
			if tt.verb == "reapply" {
				backup := w.server.Snapshot()
				w.advance(62)
				if s := w.run(); s.Purged() != 3 {
					t.Fatalf("purged %d", s.Purged())
				}
				w.must(w.server.Restore(backup))
			}
			if tt.rail == policy.Drift {
				w.newTable("Cascade")
			}
			w.client = w.connect(6)
			flag := func(d *purge.Deps) { d.Bypass = []policy.Rail{tt.rail} }
			for _, try := range []struct {
				policy string
				flags  []func(*purge.Deps)
				hint   string
			}{{without, nil, "limits: {bypass: [" + string(tt.rail) + "]}"}, {without, []func(*purge.Deps){flag}, "limits: {bypass"}, {with, nil, "--bypass " + string(tt.rail)}} {
				w.policy = try.policy
				s, err := tt.do(w, w.requestDeps(tt.verb, try.flags...))
				var stop *purge.StopError
				if !errors.As(err, &stop) || s.Purged() != 0 || stop.Rails[0].Rail != tt.rail || !strings.Contains(stop.Remedy(), try.hint) {
					t.Fatalf("purged %d, error %v", s.Purged(), err)
				}
			}
			s, err := tt.do(w, w.requestDeps(tt.verb, flag))
			want := map[string]int{"erase": 1, "reapply": 3}[tt.verb]
			if err != nil || s.Purged() != want || len(s.Bypassed) != 1 {
				t.Errorf("purged %d, want %d; bypassed %v, %v", s.Purged(), want, s.Bypassed, err)
			}
			w.verifyLedger()
			if diff := cmp.Diff([]string{string(tt.rail)}, w.bypassed()); diff != "" {
				t.Errorf("the ledger: %s", diff)
			}
			if tt.rail == policy.Drift { // what one request was let through by is not known to the night
				w.advance(62)
				if _, err := w.tryRun(); !errors.As(err, new(*purge.StopError)) {
					t.Errorf("the run after it is not stopped: %v", err)
				}
			}
		})
	}
}

// TestNothingElseIsBypassed: whatever the flag and the policy say, a hold, a ground that was not named and a missing approval stop
// an erasure.
func TestNothingElseIsBypassed(t *testing.T) {
	t.Parallel()
	everything := func(d *purge.Deps) {
		rails := []policy.Rail{purge.HoldForbids, purge.GroundForbids, purge.NotApproved, purge.Residue, "clock"}
		d.Bypass = append(rails, policy.Bypassable...)
		p := *d.Policy.Policy
		p.Bypass = d.Bypass // which the policy's own reader refuses
		c := *d.Policy
		c.Policy = &p
		d.Policy = &c
	}
	for _, tt := range []struct {
		name   string
		policy string
		set    func(w *world)
		want   policy.Rail
	}{
		{"a legal hold", pol, func(w *world) { w.update("contact", "a", row{"gallra_legalhold": true}) }, purge.HoldForbids},
		{"a ground", pol, func(w *world) {
			w.create("opportunity", "deal", row{"name": "Deal", "parentcontactid@odata.bind": bindTo("contacts", "a")})
		}, purge.GroundForbids},
		{"no approval", pol + "approval: four-eyes\n", func(*world) {}, purge.NotApproved},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.policy)
			w.create("contact", "a", row{"lastname": "a"})
			tt.set(w)
			s, err := purge.Erase(t.Context(), w.requestDeps("erase", everything), []evaluate.PersonRef{contact("a")}, nil)
			var stop *purge.StopError
			if !errors.As(err, &stop) || stop.Rails[0].Rail != tt.want || s.Purged() != 0 {
				t.Errorf("purged %d: %v", s.Purged(), err)
			}
			if w.get("contact", "a") == nil {
				t.Error("the person is gone")
			}
		})
	}
}
