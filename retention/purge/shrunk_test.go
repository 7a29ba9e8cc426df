package purge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// Promise of docs/security.md: a ground that suddenly justifies fewer than half of those it did purges nobody.
func TestGroundThatShrinksStopsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.ReplaceAll(pol, "        mayBeEmpty: true\n", ""))
	for i := range 15 {
		who := fmt.Sprintf("person %d", i)
		w.create("contact", who, row{"lastname": who})
		w.create("account", "account "+who, row{"name": who, "primarycontactid@odata.bind": bindTo("contacts", who)})
	}
	w.run()
	for i := range 14 {
		w.update("account", fmt.Sprintf("account person %d", i), row{"statecode": 1, "statuscode": 2})
	}
	_, err := w.tryRun()
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != policy.GroundShrunk {
		t.Fatalf("not stopped: %v", err)
	}
	if on := w.get("contact", "person 3").Text("gallra_purgescheduledon"); on != "" {
		t.Errorf("a purge date was written: %s", on)
	}
	w.policy = strings.Replace(w.policy, "canary: 2}", "canary: 2, bypass: [ground-shrunk]}", 1)
	if _, err := w.tryRun(); !errors.As(err, &stop) {
		t.Errorf("passed over without the flag: %v", err)
	}
	w.run(func(d *purge.Deps) { d.Bypass = []policy.Rail{policy.GroundShrunk} })
	if on := w.get("contact", "person 3").Text("gallra_purgescheduledon"); on == "" {
		t.Error("passed over knowingly, and no date was written")
	}
}
