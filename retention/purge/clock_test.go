package purge_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// wrongClock tells a time that lies ahead, as long as it is ahead.
type wrongClock struct{ ahead time.Duration }

func (c *wrongClock) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || c.ahead == 0 {
		return res, err
	}
	now, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return nil, err
	}
	res.Header.Set("Date", now.Add(c.ahead).UTC().Format(http.TimeFormat))
	return res, nil
}

func stoppedByClock(err error) bool {
	var stop *purge.StopError
	return errors.As(err, &stop) && slices.ContainsFunc(stop.Rails, func(g plan.GuardRail) bool { return g.Rail == purge.Clock })
}

// One answer that tells a day to come would end every notice at once.
func TestAWrongClockPurgesNobody(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	before := w.get("contact", "yvonne")

	clock := &wrongClock{}
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	w.must(err)
	c, err := dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: clock, Definitions: definitions})
	w.must(err)
	d := w.deps(c)
	clock.ahead = 400 * 24 * time.Hour
	_, err = c.WhoAmI(t.Context())
	w.must(err)
	clock.ahead = 0
	d.Today = retention.DateOf(c.Now(), d.Policy.Policy.TimeZone)
	if _, err := purge.Run(t.Context(), d); !stoppedByClock(err) {
		t.Errorf("a run in which one answer was a year ahead: %v, want the guard rail %s", err, purge.Clock)
	}
	if _, err := purge.Run(t.Context(), w.deps(c)); !stoppedByClock(err) {
		t.Errorf("another one that has seen it: %v, want the guard rail %s", err, purge.Clock)
	}
	after := w.get("contact", "yvonne")
	if after == nil || after.ETag() != before.ETag() {
		t.Error("the person was written to")
	}
	w.run() // the days of runs that were stopped count for nothing
}

// A date that is written on a day long past is reached, and its notice over, as soon as the clock is right again.
func TestNothingIsWrittenOnADayThatIsPast(t *testing.T) {
	w := newWorld(t, pol)
	w.run()
	w.advance(10)
	w.run()
	yvonne(w)
	past := func(days retention.Date) func(*purge.Deps) {
		return func(d *purge.Deps) { d.Today -= days }
	}
	if _, err := w.tryRun(past(5)); !stoppedByClock(err) {
		t.Errorf("a run five days before the last one: %v, want the guard rail %s", err, purge.Clock)
	}
	if on := w.get("contact", "yvonne").Text("gallra_purgescheduledon"); on != "" {
		t.Errorf("a date was written: %s", on)
	}
	w.run(past(1)) // the time zone of the policy may have changed
	if on := w.get("contact", "yvonne").Text("gallra_purgescheduledon"); on == "" {
		t.Error("no date was written a day before the last run's")
	}
}
