package sample

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

var today = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func loaded(t *testing.T, day time.Time) *emulator.Server {
	t.Helper()
	s := emulator.New(emulator.Options{Now: func() time.Time { return day }})
	if err := Load(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func byID(records []emulator.Record) map[emulator.Reference]emulator.Record {
	m := map[emulator.Reference]emulator.Record{}
	for _, r := range records {
		m[emulator.Ref(r.Table, r.ID)] = r
	}
	return m
}

func TestLoadOnAnyDay(t *testing.T) {
	for _, day := range []string{"2026-11-24", "2028-02-29", "2027-03-31", "2026-12-31"} {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		loaded(t, d.Add(23*time.Hour+59*time.Minute))
	}
}

func TestRecordsAreTheSameOnADay(t *testing.T) {
	one, err := Records(today)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Records(today.Add(5 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one, two); d != "" {
		t.Errorf("two loads of one day differ:\n%s", d)
	}
	if len(one) != len(byID(one)) {
		t.Error("two records have one id")
	}
}

func TestThirtyPersonsAndMore(t *testing.T) {
	records, err := Records(today)
	if err != nil {
		t.Fatal(err)
	}
	persons := map[emulator.Reference]bool{}
	for _, r := range records {
		if r.Table == "contact" || r.Table == "lead" {
			persons[emulator.Ref(r.Table, r.ID)] = true
		}
	}
	if len(persons) < 30 {
		t.Errorf("%d persons, want 30 or more", len(persons))
	}
	inCases := map[emulator.Reference]bool{}
	for _, c := range Cases {
		for _, p := range c.Persons {
			inCases[p] = true
		}
	}
	for p := range persons {
		if !inCases[p] {
			t.Errorf("%s %s shows no case", p.Table, p.ID)
		}
	}
}

func TestCasesAreThere(t *testing.T) {
	records, err := Records(today)
	if err != nil {
		t.Fatal(err)
	}
	have := byID(records)
	names := map[string]bool{}
	for _, c := range Cases {
		if names[c.Name] {
			t.Errorf("two cases are called %q", c.Name)
		}
		names[c.Name] = true
		if len(c.Persons) == 0 {
			t.Errorf("case %q has no person", c.Name)
		}
		for _, r := range both(c.Persons, c.Related) {
			if _, ok := have[r]; !ok {
				t.Errorf("case %q: the sample has no %s %s", c.Name, r.Table, r.ID)
			}
		}
	}
}

// TestDesignsCases names the cases that section 7 of the design asks for.
func TestDesignsCases(t *testing.T) {
	have := map[string]Case{}
	for _, c := range Cases {
		have[c.Name] = c
	}
	for _, name := range []string{
		"primary contact", "primary contact, ended", "superuser", "open quote", "open opportunity", "closed quote", "closed opportunity",
		"event participant", "project lead of an event", "event participant with consent", "consent given", "consent withdrawn",
		"consent expired", "purchased lead", "OK to return", "lead qualified", "lead disqualified", "legal hold",
		"manual extension with a reason", "manual extension without a reason", "rescued", "acceptance of a quote",
		"shared e-mail, one justified", "no dates", "contact and lead of one human being",
	} {
		if _, ok := have[name]; !ok {
			t.Errorf("no case is called %q", name)
		}
	}
}

func TestChangesFitTheSample(t *testing.T) {
	records, err := Records(today)
	if err != nil {
		t.Fatal(err)
	}
	have := byID(records)
	for _, c := range AfterProvision(today) {
		key := strings.TrimSuffix(strings.TrimPrefix(c.Path, "contacts("), ")")
		if _, ok := have[emulator.Ref("contact", uuid.MustParse(key))]; !ok {
			t.Errorf("%s: no such contact: %s", c.What, c.Path)
		}
	}
	s := loaded(t, today)
	h := httptest.NewServer(s)
	defer h.Close()
	d := Deal()
	r, err := http.NewRequest(d.Method, h.URL+"/api/data/v9.2/"+d.Path, strings.NewReader(marshal(t, d.Body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer emulator")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("%s: %s", d.What, resp.Status)
	}
}

func TestPartiesCarryNamesAndAddresses(t *testing.T) {
	s := loaded(t, today)
	var columns []string
	for _, p := range s.Find("thomas.andersen@adatum.example") {
		columns = append(columns, p.Where+" "+p.Table+"."+p.Column)
	}
	want := []string{
		"row activityparty.addressused", "row activityparty.addressused", "row contact.emailaddress1",
		"row email.sender", "row email.sender",
	}
	if d := cmp.Diff(want, columns); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
	if places := s.Find("Scott Konersmann, 555-0105"); len(places) != 1 || places[0].Table != "annotation" {
		t.Errorf("the file holds the address: %v", places)
	}
	if places := s.Find("Thomas Andersen"); len(places) < 6 {
		t.Errorf("the name stands in %v", places)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
