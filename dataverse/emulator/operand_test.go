package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
)

// A path over a lookup leads to the same rows the ten thousandth time as the first, also where it leads nowhere
// (webapi/query/filter-rows: filter on lookup columns).
func TestAPathOverManyRows(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("account", "a1", map[string]any{"name": "Contoso"})
	w.put("account", "a2", map[string]any{"name": "Fabrikam"})
	contact := baseSchema().tables["contact"]
	want := map[string]int{}
	tx := w.s.engine.store.begin()
	for i := range 10_000 {
		v := values{contact.byName["fullname"].index: "x"}
		name := "null"
		if to := []string{"a1", "a2", "a3", ""}[i*i%7%4]; to != "" { // there is no a3
			v[contact.byName["parentcustomerid"].index] = ref{"account", idOfName(to)}
			name = map[string]string{"a1": "'Contoso'", "a2": "'Fabrikam'", "a3": "null"}[to]
		}
		want[name]++
		tx.put(contact, (&row{id: idOfName(fmt.Sprint("c", i+1))}).with(v, tx.nextVersion()))
	}
	tx.commit()
	for name, n := range want {
		r := w.get("contacts/$count?$filter=parentcustomerid_account/name eq " + name)
		if r.status != http.StatusOK || r.text != strconv.Itoa(min(n, maxRows)) {
			t.Errorf("%s: %d %q, want %d", name, r.status, r.text, n)
		}
	}
}
