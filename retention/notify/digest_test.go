package notify

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// A digest links to the view of each table, called as the owner's language calls it, and to the person whose day comes first; it fits the
// column whatever there is to tell, and holds no name of a person.
func TestADigestLinksToViewsAndToThePerson(t *testing.T) {
	list, err := Languages()
	if err != nil {
		t.Fatal(err)
	}
	day := func(text string) retention.Date {
		d, _ := retention.DateOnly.Date(text, nil)
		return d
	}
	person := func(n int, on string) about {
		return about{ledger.Key{Table: "contact", ID: uuid.MustParse(fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n))}, day(on)}
	}
	c := &collector{base: 1044, views: map[string]string{"contact": "vvv"},
		names: map[string]provision.Text{"contact": {1044: "Kontakter (nb)", 1053: "Kontakter (sv)"}}}
	type action struct {
		Title string `json:"title"`
		Data  struct {
			URL string `json:"url"`
		} `json:"data"`
	}
	actions := func(code int, persons ...about) (out []string) {
		d := c.digest(uuid.New(), persons, pick(list, code))
		text := d.body["data"].(string)
		var data struct {
			Actions []action `json:"actions"`
		}
		if err := json.Unmarshal([]byte(text), &data); err != nil || len(text) > 5000 {
			t.Fatal(err, len(text))
		}
		for _, a := range data.Actions {
			out = append(out, a.Title+" "+a.Data.URL)
		}
		return out
	}
	list2 := "?pagetype=entitylist&etn=contact&viewid=vvv&viewType=1039"
	second := "?pagetype=entityrecord&etn=contact&id=aaaaaaaa-0000-4000-8000-000000000002"
	for name, tt := range map[string]struct{ got, want []string }{
		"one, in Swedish": {actions(1053, person(2, "2026-05-01")), []string{"Kontakter (sv): 1 " + list2, "Öppna personen " + second}},
		"several, in German, which the environment does not speak": {actions(1031, person(1, "2026-06-01"), person(2, "2026-05-01"), person(3, "2026-05-02")),
			[]string{"Kontakter (nb): 3 " + list2, "Erste Person öffnen " + second}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	bare := list[0]
	bare.Person, bare.First = "", ""
	if d := c.digest(uuid.New(), []about{person(1, "2026-06-01")}, bare); len(d.body["data"].(string)) == 0 || d.First != day("2026-06-01") {
		t.Errorf("%+v", d)
	}
}
