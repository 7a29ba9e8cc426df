package emulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestLoadFillsInWhatACreateFillsIn(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }})
	user, company, person, mail, link := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}, uuid.UUID{4}, uuid.UUID{5}
	// In an order that points ahead.
	err := s.Load(
		Record{"email", mail, map[string]any{"subject": "Hello", "from": []any{Ref("contact", person)}, "to": []any{Ref("systemuser", user), "other@example.com"},
			"regardingobjectid": Ref("account", company), "ownerid": Ref("systemuser", user), "statecode": "Completed", "statuscode": "Received", "directioncode": false}},
		Record{"connection", link, map[string]any{"record1id": Ref("contact", person), "record2id": Ref("account", company)}},
		Record{"contact", person, map[string]any{"firstname": "Yvonne", "lastname": "McKay", "emailaddress1": "yvonne@example.com", "parentcustomerid": Ref("account", company),
			"ownerid": Ref("systemuser", user), "createdon": "2020-02-29", "birthdate": time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC), "gendercode": "Female", "numberofchildren": 2, "annualincome": 5.5}},
		Record{"account", company, map[string]any{"name": "Fourth Coffee", "statecode": 1, "primarycontactid": Ref("contact", person)}},
		Record{"systemuser", user, map[string]any{"firstname": "Molly", "lastname": "Clark", "internalemailaddress": "molly@nord.example"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	sn := s.engine.store.view()
	check := func(table string, id uuid.UUID, column string, want any) {
		t.Helper()
		tab := sn.schema.tables[table]
		if got := tab.get(sn.data[table].get(id), column); got != want {
			t.Errorf("%s.%s is %v, want %v", table, column, got, want)
		}
	}
	check("contact", person, "fullname", "Yvonne McKay")
	check("contact", person, "statuscode", int64(1))
	check("contact", person, "gendercode", int64(2))
	check("contact", person, "owninguser", ref{"systemuser", user})
	check("contact", person, "birthdate", day(3653))
	check("contact", person, "createdon", instant(time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC).Unix()))
	check("contact", person, "modifiedon", instant(time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC).Unix()))
	check("account", company, "statuscode", int64(2))
	check("account", company, "createdon", instant(now.Unix()))
	check("account", company, "ownerid", ref{"systemuser", s.engine.administrator})
	check("email", mail, "sender", "yvonne@example.com")
	check("email", mail, "torecipients", "molly@nord.example;other@example.com;")
	check("connection", link, "name", "Fourth Coffee")

	party := sn.schema.tables["activityparty"]
	masks := map[int64]int{}
	for _, p := range sn.parties(ref{"email", mail}) {
		mask := party.int(p, "participationtypemask")
		masks[mask]++
		if mask == partySender && (party.text(p, "partyidname") != "Yvonne McKay" || party.text(p, "addressused") != "yvonne@example.com") {
			t.Errorf("the sender is %q at %q", party.text(p, "partyidname"), party.text(p, "addressused"))
		}
	}
	if masks[partySender] != 1 || masks[partyTo] != 2 || masks[partyRegarding] != 1 || masks[partyOwner] != 1 || len(masks) != 4 {
		t.Errorf("parties by type: %v", masks)
	}
	if n := sn.table("audit").len(); n != 0 {
		t.Errorf("loading wrote %d audit rows", n)
	}
}

func TestLoadIndexesLookups(t *testing.T) {
	s := New(Options{})
	company := uuid.UUID{1}
	records := []Record{{"account", company, map[string]any{"name": "A"}}}
	for i := range 200 {
		records = append(records, Record{"contact", uuid.UUID{2, byte(i * 7)}, map[string]any{"lastname": "X", "parentcustomerid": Ref("account", company)}})
	}
	if err := s.Load(records[:100]...); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(records[100:]...); err != nil { // into tables that hold rows already
		t.Fatal(err)
	}
	sn := s.engine.store.view()
	n := 0
	sn.table("contact").pointing(sn.schema.tables["contact"].column("parentcustomerid").index, company, func(*row) bool { n++; return true })
	if n != 200 {
		t.Errorf("%d of 200 contacts are found by their company", n)
	}
}

func TestLoadRefuses(t *testing.T) {
	id := uuid.UUID{1}
	tests := []struct {
		name    string
		records []Record
		column  string
		why     string
	}{
		{"an unknown table", []Record{{"person", id, nil}}, "", "no such table"},
		{"an unknown column", []Record{{"contact", id, map[string]any{"name": "x"}}}, "name", "no such column"},
		{"a text in a whole number", []Record{{"contact", id, map[string]any{"numberofchildren": "two"}}}, "numberofchildren", "does not fit"},
		{"a number in a text", []Record{{"contact", id, map[string]any{"lastname": 5}}}, "lastname", "does not fit"},
		{"a type that no column has", []Record{{"contact", id, map[string]any{"lastname": []byte("x")}}}, "lastname", "[]uint8"},
		{"a text too long", []Record{{"contact", id, map[string]any{"lastname": strings.Repeat("secret", 50)}}}, "lastname", "does not fit"},
		{"a label that is none", []Record{{"contact", id, map[string]any{"gendercode": "Robot"}}}, "gendercode", "no option"},
		{"a label that two options have", []Record{{"quote", id, map[string]any{"statuscode": "In Progress"}}}, "statuscode", "two options"},
		{"a lookup to another table", []Record{{"account", id, map[string]any{"primarycontactid": Ref("lead", id)}}}, "primarycontactid", "does not point at"},
		{"a lookup to nothing", []Record{{"account", id, map[string]any{"primarycontactid": Ref("contact", id)}}}, "primarycontactid", "there is no contact"},
		{"a status of another state", []Record{{"lead", id, map[string]any{"lastname": "x", "statecode": 2, "statuscode": "Qualified"}}}, "", "do not fit"},
		{"one id twice", []Record{{"account", id, map[string]any{"name": "a"}}, {"account", id, map[string]any{"name": "b"}}}, "", "there is a row"},
		{"a party without an activity", []Record{{"activityparty", id, map[string]any{"participationtypemask": 1}}}, "activityid", "needs an activity"},
		{"a party list of something else", []Record{{"email", id, map[string]any{"to": "x@example.com"}}}, "to", "takes a []any"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{})
			before := s.engine.store.view()
			// A good record beside the bad one must not stay.
			err := s.Load(append([]Record{{"contact", uuid.UUID{9}, map[string]any{"lastname": "good"}}}, tt.records...)...)
			var e *RecordError
			if !errors.As(err, &e) {
				t.Fatalf("err = %v", err)
			}
			if e.Column != tt.column || !strings.Contains(e.Why, tt.why) {
				t.Errorf("column %q: %s; want column %q: …%s…", e.Column, e.Why, tt.column, tt.why)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "Robot") {
				t.Errorf("the error quotes the value: %v", err)
			}
			if s.engine.store.view() != before {
				t.Error("something stayed of a load that failed")
			}
		})
	}
}

func TestLoadLetsDanglingLookupsBe(t *testing.T) {
	s := New(Options{})
	mail := uuid.UUID{1}
	err := s.Load(
		Record{"email", mail, map[string]any{"subject": "x"}},
		Record{"activityparty", uuid.UUID{2}, map[string]any{"activityid": Ref("email", mail), "participationtypemask": 2, "partyid": Ref("contact", uuid.UUID{3}), "addressused": "gone@example.com"}},
	)
	if err != nil {
		t.Errorf("a party of a deleted contact: %v", err)
	}
}

func TestAddColumns(t *testing.T) {
	s := New(Options{})
	old := s.engine.store.view().schema
	for range 2 { // the second time they are there
		if err := s.AddColumns("nord", CompanyColumns()...); err != nil {
			t.Fatal(err)
		}
	}
	if old.tables["lead"].column("nord_purchasedlist") != nil {
		t.Error("the schema of an older snapshot has changed")
	}
	lead := s.engine.store.view().schema.tables["lead"]
	if c := lead.column("nord_followupon"); c == nil || !c.dateOnly() || !c.custom {
		t.Errorf("nord_followupon is %+v", c)
	}
	if err := s.Load(Record{"lead", uuid.UUID{1}, map[string]any{"lastname": "x", "nord_followupon": "2027-01-01", "nord_purchasedlist": true}}); err != nil {
		t.Error(err)
	}
	for _, bad := range []Column{
		{Table: "person", SchemaName: "nord_X", Type: "String"}, {Table: "lead", SchemaName: "other_X", Type: "String"},
		{Table: "lead", SchemaName: "nord_X", Type: "Lookup"},
	} {
		if err := s.AddColumns("nord", bad); err == nil {
			t.Errorf("%+v was added", bad)
		}
	}
}

// TestLoadedRowsHaveTheirAddresses: customeraddress, leadaddress: the platform makes the addresses of a row with it, and
// address1_addressid names the first.
func TestLoadedRowsHaveTheirAddresses(t *testing.T) {
	s := New(Options{})
	ada, summer := uuid.New(), uuid.New()
	err := s.Load(
		Record{"contact", ada, map[string]any{"lastname": "Byron", "address1_city": "London", "createdon": "2020-01-02"}},
		Record{"customeraddress", summer, map[string]any{"parentid": Ref("contact", ada), "addressnumber": 2, "city": "Bath"}},
		Record{"account", uuid.Nil, map[string]any{"name": "A"}},
		Record{"lead", uuid.Nil, map[string]any{"lastname": "L", "address2_city": "Lund"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	holdAddresses(t, s)
	sn := s.engine.store.view()
	if n, m := sn.table("customeraddress").len(), sn.table("leadaddress").len(); n != 5 || m != 2 {
		t.Errorf("%d addresses of customers and %d of leads, want 5 and 2", n, m)
	}
	contact, address := sn.schema.tables["contact"], sn.schema.tables["customeraddress"]
	r := sn.table("contact").get(ada)
	if contact.get(r, "address2_addressid") != any(summer) {
		t.Error("the contact's second address is not the one that was loaded")
	}
	one := sn.table("customeraddress").get(contact.get(r, "address1_addressid").(uuid.UUID))
	if got := address.text(one, "composite"); got != "London" {
		t.Errorf("the first address is %q", got)
	}
	if address.get(one, "createdon") != any(at("2020-01-02T00:00:00Z")) {
		t.Error("the address is not as old as its contact")
	}

	bare := New(Options{NoAddressRows: true})
	if err := bare.Load(Record{"contact", ada, map[string]any{"lastname": "Byron"}}); err != nil {
		t.Fatal(err)
	}
	if bare.engine.store.view().table("customeraddress").len() != 0 {
		t.Error("there are address rows in spite of NoAddressRows")
	}
}

// holdAddresses holds every account, contact and lead against its address rows: one each, and alike.
func holdAddresses(t *testing.T, s *Server) {
	t.Helper()
	sn := s.engine.store.view()
	for name, kept := range addressTables {
		parent, tab := sn.schema.tables[name], sn.schema.tables[kept.table]
		sn.table(name).scan(uuid.Nil, func(r *row) bool {
			for n := 1; n <= kept.count; n++ {
				id, _ := parent.get(r, fmt.Sprintf("address%d_addressid", n)).(uuid.UUID)
				a := sn.table(kept.table).get(id)
				if a == nil || tab.ref(a, "parentid") != (ref{name, r.id}) || tab.int(a, "addressnumber") != int64(n) {
					t.Errorf("%s %s has no address %d", name, r.id, n)
					return false
				}
				for _, p := range addressPairs(parent, tab, n) {
					if a.get(p.here) != r.get(p.there) && tab.text(a, "city") != "Bath" {
						t.Errorf("%s %s: %s is %v in the row and %v in the address", name, r.id, parent.Columns[p.there].Name, r.get(p.there), a.get(p.here))
					}
				}
			}
			return true
		})
	}
}
