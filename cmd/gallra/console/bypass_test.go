package console

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// limited writes the model policy with other limits.
func (w *world) limited(limits string) {
	w.Helper()
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(regexp.MustCompile(`(?m)^limits: .*$`).ReplaceAllString(gallra.ModelPolicy, "limits: "+limits)), 0o600))
}

// offered are the guard rails that a page offers to pass over.
func (a answer) offered() []string {
	var all []string
	for _, m := range regexp.MustCompile(`name="bypass" value="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		all = append(all, m[1])
	}
	return all
}

// gone tells whether a contact is.
func (w *world) gone(id uuid.UUID) bool {
	_, err := w.client.Get(w.Context(), "contact", id, queryOf("contactid"))
	return err != nil
}

// passedOver are the guard rails that the ledger says were.
func (w *world) passedOver() (all []string) {
	w.Helper()
	l, err := w.ledger()
	w.must(err)
	for e, err := range l.Records(w.Context()) {
		w.must(err)
		if e.Kind == ledger.Bypass {
			all = append(all, e.Guard)
		}
	}
	return all
}

// An erasure offers the guard rail that can stop it, and no other that the policy names for runs. The box, ticked, lets this one erasure
// pass, and the ledger says so; without it nobody is erased.
func TestErasurePassesOverARail(t *testing.T) {
	w := newWorld(t, nil)
	id := w.contact(map[string]any{"firstname": "Vera", "lastname": "Forgotten", "emailaddress1": "vera@nowhere.example"})
	w.run()
	w.change(http.MethodPost, "UpdateOptionValue", map[string]any{"EntityLogicalName": "account", "AttributeLogicalName": "customertypecode", "Value": 3, "MergeLabels": true,
		"Label": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []any{map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": "Former customer", "LanguageCode": 1033}}}})
	var err error
	w.client, err = connect(w.server) // which reads the definitions anew
	w.must(err)
	w.limited("{purges: 25000, share: 100%, bypass: [too-many, ground-empty, drift]}")
	w.serve(nil)
	w.enter()
	erase := func(bypass ...string) answer {
		path := personPath("contact", id)
		ask := w.post("/erase/choose", url.Values{"deal": {dealOf(t, w.get(path+"/erase").body)}, "row": {"contact/" + id.String()}})
		if got := ask.offered(); !slices.Equal(got, []string{string(policy.Drift)}) {
			t.Errorf("offered: %v", got)
		}
		w.post("/erase", url.Values{"deal": {dealOf(t, ask.body)}, "confirm": {"yes"}, "count": {"1"}, "bypass": bypass})
		w.console.job("erase").wait(t.Context())
		w.console.job("read").wait(t.Context())
		return w.get("/erase")
	}
	for _, without := range [][]string{nil, {"too-many"}, {"unheard-of"}} {
		if a := erase(without...); w.gone(id) || !a.says(en.T("outcome.stopped")) || len(w.console.receipts) > 0 {
			t.Fatalf("with %v the person is gone: %v", without, w.gone(id))
		}
	}
	if a := erase(string(policy.Drift)); !w.gone(id) || a.says(en.T("outcome.stopped")) || len(w.console.receipts) != 1 {
		t.Errorf("the person is not gone: %+v", w.console.erased)
	}
	if got := w.passedOver(); !slices.Equal(got, []string{string(policy.Drift)}) {
		t.Errorf("the ledger: %v", got)
	}
}

// A purge after a restore offers the two guard rails that can stop it, and passes over what is ticked, once.
func TestReapplyPassesOverARail(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.limited("{purges: 1, share: 100%, bypass: [ground-shrunk, too-many, drift]}")
	w.serve(nil)
	w.enter()
	back := []uuid.UUID{w.eraseSomebody(), w.eraseSomebody()}
	for _, id := range back {
		w.change(http.MethodPost, "contacts", map[string]any{"contactid": id.String(), "lastname": "Forgotten", "overriddencreatedon": "2019-01-01T00:00:00Z"})
	}
	again := func(bypass ...string) answer {
		w.post("/restore/look", nil)
		w.console.job("back").wait(t.Context())
		plan := w.console.back.id
		ask := w.post("/restore", url.Values{"plan": {plan}, "once": {secret()}})
		if got := ask.offered(); !slices.Equal(got, []string{string(policy.TooMany), string(policy.Drift)}) {
			t.Errorf("offered: %v", got)
		}
		w.post("/restore", url.Values{"plan": {plan}, "once": {onceOf(t, ask.body)}, "confirm": {"yes"}, "count": {"2"}, "bypass": bypass})
		w.console.job("reapply").wait(t.Context())
		w.console.job("read").wait(t.Context())
		return w.get("/restore")
	}
	for _, without := range [][]string{nil, {string(policy.Drift)}, {string(policy.GroundShrunk)}} {
		if a := again(without...); w.gone(back[0]) || w.gone(back[1]) || !a.says(en.T("outcome.stopped")) {
			t.Fatalf("with %v somebody is gone", without)
		}
	}
	if a := again(string(policy.TooMany)); !w.gone(back[0]) || !w.gone(back[1]) || a.says(en.T("outcome.stopped")) {
		t.Errorf("they are not gone: %+v", w.console.reapplied)
	}
	if got := strings.Join(w.passedOver(), " "); got != string(policy.TooMany) {
		t.Errorf("the ledger: %s", got)
	}
}
