package console

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// A guard rail is passed over where the policy lets it be and the confirmation names it, for one run; without either it stops the run, and
// the page says so in the language of its reader.
func TestRailIsPassedOverFromTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	tight := strings.Replace(gallra.ModelPolicy, "limits: {purges: 25000,", "limits: {purges: 1,", 1)
	if tight == gallra.ModelPolicy {
		t.Fatal("the model policy has other limits")
	}
	write := func(text string) {
		w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(text), 0o600))
	}
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	write(tight)
	w.serve(nil)
	w.enter()
	purges := w.console.reading().Count(retention.Purge)
	again := func() {
		w.post("/read", nil)
		w.console.job("read").wait(t.Context())
	}
	run := func(bypass ...string) string {
		form := url.Values{"plan": {w.console.reading().id}, "once": {secret()}, "confirm": {"yes"}, "count": {strconv.Itoa(purges)}, "bypass": bypass}
		w.post("/run", form)
		w.console.running().wait(t.Context())
		w.console.job("read").wait(t.Context())
		return w.console.last.summary()
	}
	ask := func() answer { return w.post("/run", url.Values{"once": {secret()}}) }
	if a := ask(); strings.Contains(a.body, `name="bypass"`) || !a.says(en.T("run.bypass.not")) {
		t.Error("a guard rail is offered that the policy does not let pass")
	}
	if got := run(string(policy.TooMany)); got != "stopped 0" {
		t.Errorf("the flag alone: %s", got)
	}
	for _, lang := range []string{"sv", "de"} {
		w.post("/language", url.Values{"language": {lang}, "back": {"/"}})
		want := words.Say("rail.too-many", words.Count("persons", purges), 1, "").In(lang)
		if a := w.get("/run"); !a.says(want) {
			t.Errorf("%s: the page does not say %q", lang, want)
		}
	}
	w.post("/language", url.Values{"language": {"en"}, "back": {"/"}})
	write(strings.Replace(tight, "purges: 1,", "purges: 1, bypass: [too-many],", 1))
	again()
	if a := ask(); !strings.Contains(a.body, `name="bypass" value="too-many"`) {
		t.Error("the guard rail is not offered")
	}
	if got := run(); got != "stopped 0" {
		t.Errorf("the policy alone: %s", got)
	}
	if got := run("clock", string(policy.TooMany)); got != fmt.Sprintf("done %d", purges) {
		t.Errorf("both: %s, want %d", got, purges)
	}
	if a := w.get("/ledger?kind=" + string(ledger.Bypass)); !a.says("too-many") {
		t.Error("the ledger does not say what was passed over")
	}
}

// summary is how a run ended.
func (o *outcome) summary() string {
	if len(o.Rails) > 0 || o.Summary == nil {
		return "stopped 0"
	}
	return fmt.Sprintf("%s %d", o.Summary.Status, o.Summary.Purged())
}

// A console that was started with a key signs the checkpoints that it gives out, and shows the key to nobody.
func TestCheckpointIsSigned(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	w.run()
	w.serve(func(o *Options) { o.Key = private })
	w.enter()
	if a := w.get("/ledger"); !a.says(en.T("ledger.checkpoint.signed")) {
		t.Error("the page does not say that it signs")
	}
	filed, err := ledger.ReadCheckpoints(strings.NewReader(w.post("/ledger/checkpoint", nil).body))
	if err != nil || len(filed) != 1 {
		t.Fatal(err)
	}
	if err := filed[0].Check(public); err != nil {
		t.Error(err)
	}
	other, _, _ := ed25519.GenerateKey(nil)
	if filed[0].Check(other) == nil {
		t.Error("another key proves it as well")
	}
}

// Whoever opens the forecast where no script runs gets a page, in their language; the person's page gets a piece of one.
func TestForecastIsAPage(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	path := personPath("contact", w.somebody().ID)
	a := w.do(http.MethodGet, path+"/forecast", nil, map[string]string{"Accept-Language": "de"})
	if !strings.Contains(a.body, `<html lang="de">`) || !strings.Contains(a.body, `href="`+path+`"`) || !strings.Contains(a.body, "</html>") {
		t.Error("it is no page")
	}
	piece := w.do(http.MethodGet, path+"/forecast", nil, map[string]string{"HX-Request": "true"})
	if strings.Contains(piece.body, "<html") || len(piece.body) < 20 || !strings.Contains(a.body, "<table") == strings.Contains(piece.body, "<table") {
		t.Errorf("the piece: %q", piece.body)
	}
}

// The record of processing and the privacy notice come in the language of the reader, and only where they are offered.
func TestDocumentsOfThePolicy(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	var asked []string
	w.serve(func(o *Options) {
		o.Document = func(_ context.Context, kind, lang string, out io.Writer) error {
			asked = append(asked, kind+" "+lang)
			_, err := io.WriteString(out, "<!doctype html>")
			return err
		}
	})
	w.enter()
	w.post("/language", url.Values{"language": {"sv"}, "back": {"/"}})
	page := w.get("/policy")
	for _, kind := range []string{"record", "notice"} {
		a := w.get("/policy/" + kind)
		if !strings.Contains(page.body, `href="/policy/`+kind+`"`) || !strings.Contains(a.header.Get("Content-Disposition"), kind) || a.body != "<!doctype html>" {
			t.Errorf("%s: %d %q", kind, a.status, a.header)
		}
	}
	if !slices.Equal(asked, []string{"record sv", "notice sv"}) {
		t.Errorf("asked for %v", asked)
	}
	w.console.o.Document = nil
	if a := w.get("/policy/record"); a.status != http.StatusNotFound || strings.Contains(w.get("/policy").body, "/policy/record") {
		t.Error("what there is not is offered")
	}
}
