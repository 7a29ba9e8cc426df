package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/conformance"
)

var (
	real   = flag.String("real", "", "the `address` of an environment of Dataverse, such as https://org.crm4.dynamics.com; its token stands in GALLRA_TOKEN. Without it the emulator is tested")
	write  = flag.Bool("write", false, "with -real: also make two tables of the suite's own, write rows to them, and remove all of it")
	record = flag.String("record", "", "write the differences to this `file`, as JSON lines, instead of failing for them")
	areas  = flag.String("areas", "", "only the cases of these `areas`, apart by commas, as the summary names them")
	clean  = flag.Bool("clean", false, "with -real: only remove what an earlier run with -write could not remove")
)

// reserve is what a run leaves of the test's time for the removal of its tables.
const reserve = 5 * time.Minute

// TestConformance sends every case to the emulator, or those that the flags allow to the environment of -real. See
// docs/conformance.md.
func TestConformance(t *testing.T) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process
	target, options := conformance.Target{URL: "http://emulator.invalid", Token: "emulator"}, conformance.Options{Write: true}
	if *real == "" {
		if *clean || *write {
			t.Fatal("-write and -clean need -real: the emulator is always written")
		}
		server := newEmulator(emulator.Options{})
		target.Transport = inProcess{server}
		defer func() { // of what is refused with 501 nothing is said that could be held against a service
			for what, n := range server.Stats().Unsupported {
				t.Errorf("%s is not covered: %d requests", what, n)
			}
		}()
	} else {
		if !strings.HasPrefix(*real, "https://") {
			t.Fatal("the address of -real begins with https://")
		}
		token := os.Getenv("GALLRA_TOKEN")
		if token == "" {
			t.Fatalf("GALLRA_TOKEN is empty; for instance: export GALLRA_TOKEN=$(az account get-access-token --resource %s --query accessToken --output tsv)", *real)
		}
		target, options = conformance.Target{URL: *real, Token: token}, conformance.Options{Write: *write}
		options.Log = func(s string) { t.Log(time.Now().Format(time.TimeOnly), s) }
		if end, limited := t.Deadline(); limited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-reserve))
			defer cancel()
		}
	}
	if *areas != "" {
		options.Only = func(area string) bool { return slices.Contains(strings.Split(*areas, ","), area) }
	}
	run := conformance.Run
	if *clean {
		run = conformance.Clean
	}
	report, err := run(ctx, target, options)
	t.Log("\n" + report.Summary())
	if *record != "" {
		var b bytes.Buffer
		if err := errors.Join(report.Record(&b), os.WriteFile(*record, b.Bytes(), 0o600)); err != nil {
			t.Error(err)
		}
	} else {
		for _, d := range report.Differences {
			t.Error(d)
		}
	}
	for _, l := range report.Left {
		t.Error("not removed:", l)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// newEmulator is an emulator whose clock stands, with the limits' headers but, since time does not pass, no limit to reach.
func newEmulator(o emulator.Options) *emulator.Server {
	o.Limits = emulator.Limits{On: true, Requests: 1_000_000, ExecutionTime: 1000 * time.Hour}
	if o.Now == nil {
		now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
	}
	return emulator.New(o)
}

// inProcess hands requests to a server without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.Host = r.URL.Host
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, in)
	if in.Body != nil {
		_, _ = io.Copy(io.Discard, in.Body) // as a server does
	}
	return rec.Result(), nil
}
