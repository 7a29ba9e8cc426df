package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// A path over a lookup leads to the same rows the ten thousandth time as the first, also where it leads nowhere
// (webapi/query/filter-rows: filter on lookup columns).
func TestAPathOverManyRows(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("account", "a1", map[string]any{"name": "Contoso"})
	w.put("account", "a2", map[string]any{"name": "Fabrikam"})
	contact := schema.BaseSchema().Tables["contact"]
	want := map[string]int{}
	tx := w.s.engine.Store.Begin()
	for i := range 10_000 {
		v := store.Values{contact.ByName["fullname"].Index: "x"}
		name := "null"
		if to := []string{"a1", "a2", "a3", ""}[i*i%7%4]; to != "" { // there is no a3
			v[contact.ByName["parentcustomerid"].Index] = store.Ref{Table: "account", ID: idOfName(to)}
			name = map[string]string{"a1": "'Contoso'", "a2": "'Fabrikam'", "a3": "null"}[to]
		}
		want[name]++
		tx.Put(contact, (&store.Row{ID: idOfName(fmt.Sprint("c", i+1))}).With(v, tx.NextVersion()))
	}
	tx.Commit()
	for name, n := range want {
		r := w.get("contacts/$count?$filter=parentcustomerid_account/name eq " + name)
		if r.status != http.StatusOK || r.text != strconv.Itoa(min(n, query.MaxRows)) {
			t.Errorf("%s: %d %q, want %d", name, r.status, r.text, n)
		}
	}
}
