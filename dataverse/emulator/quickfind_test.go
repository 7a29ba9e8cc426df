package emulator

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// TestQuickFindLimit: quick-find: more than 10,000 matches of the quick find filter alone are an error, whatever the
// other filters leave; the filter itself, or the organisation, can say otherwise.
func TestQuickFindLimit(t *testing.T) {
	w := newWorld(t, Options{})
	records := make([]load.Record, query.MaxQuickFind+1)
	for i := range records {
		records[i] = load.Record{Table: "competitor", Values: map[string]any{"name": "Rival " + strconv.Itoa(i)}}
	}
	if err := w.s.Load(records...); err != nil {
		t.Fatal(err)
	}
	ask := func(attributes, pattern string) response {
		return w.get("competitors?fetchXml=" + escaped(`<fetch><entity name="competitor"><attribute name="name"/><filter type="or" `+attributes+`>
			<condition attribute="name" operator="like" value="`+pattern+`"/><condition attribute="tickersymbol" operator="like" value="`+pattern+`"/></filter>
			<filter><condition attribute="name" operator="eq" value="Rival 7"/></filter></entity></fetch>`))
	}
	const limited = `isquickfindfields="1"`
	if got := ask(limited, "Rival%").fault(); !strings.HasPrefix(got, "400 0x8004e024 The number of records for this search exceeds the Quick Search record limit.") {
		t.Errorf("too many matches: %s", got)
	}
	for name, r := range map[string]response{
		"few matches": ask(limited, "Rival 7%"), "an ordinary filter": ask("", "Rival%"),
		"the limit bypassed": ask(limited+` overridequickfindrecordlimitdisabled="1"`, "Rival%"),
	} {
		if r.status != 200 || len(r.column("name")) != 1 {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
	tx := w.s.engine.Store.Begin()
	org := tx.Schema.Tables["organization"]
	r := tx.Data["organization"].Get(w.s.engine.OrganizationID)
	tx.Put(org, r.With(store.Values{org.Column("quickfindrecordlimitenabled").Index: false}, tx.NextVersion()))
	tx.Commit()
	if r := ask(limited, "Rival%"); r.status != 200 {
		t.Errorf("the limit switched off: %s", r.fault())
	}
	if r := ask(limited+` overridequickfindrecordlimitenabled="1"`, "Rival%"); r.status != 400 {
		t.Errorf("the limit applied: %d", r.status)
	}
}
