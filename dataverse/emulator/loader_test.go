package emulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

func TestLoadFillsInWhatACreateFillsIn(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }})
	user, company, person, mail, link := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}, uuid.UUID{4}, uuid.UUID{5}
	// In an order that points ahead.
	err := s.Load(
		load.Record{Table: "email", ID: mail, Values: map[string]any{"subject": "Hello", "from": []any{load.Ref("contact", person)}, "to": []any{load.Ref("systemuser", user), "other@example.com"},
			"regardingobjectid": load.Ref("account", company), "ownerid": load.Ref("systemuser", user), "statecode": "Completed", "statuscode": "Received", "directioncode": false}},
		load.Record{Table: "connection", ID: link, Values: map[string]any{"record1id": load.Ref("contact", person), "record2id": load.Ref("account", company)}},
		load.Record{Table: "contact", ID: person, Values: map[string]any{"firstname": "Yvonne", "lastname": "McKay", "emailaddress1": "yvonne@example.com", "parentcustomerid": load.Ref("account", company),
			"ownerid": load.Ref("systemuser", user), "createdon": "2020-02-29", "birthdate": time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC), "gendercode": "Female", "numberofchildren": 2, "annualincome": 5.5}},
		load.Record{Table: "account", ID: company, Values: map[string]any{"name": "Fourth Coffee", "statecode": 1, "primarycontactid": load.Ref("contact", person)}},
		load.Record{Table: "systemuser", ID: user, Values: map[string]any{"firstname": "Molly", "lastname": "Clark", "internalemailaddress": "molly@nord.example"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	sn := s.engine.Store.View()
	check := func(table string, id uuid.UUID, column string, want any) {
		t.Helper()
		tab := sn.Schema.Tables[table]
		if got := store.Value(tab, sn.Data[table].Get(id), column); got != want {
			t.Errorf("%s.%s is %v, want %v", table, column, got, want)
		}
	}
	check("contact", person, "fullname", "Yvonne McKay")
	check("contact", person, "statuscode", int64(1))
	check("contact", person, "gendercode", int64(2))
	check("contact", person, "owninguser", store.Ref{Table: "systemuser", ID: user})
	check("contact", person, "birthdate", store.Day(3653))
	check("contact", person, "createdon", store.Instant(time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC).Unix()))
	check("contact", person, "modifiedon", store.Instant(time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC).Unix()))
	check("account", company, "statuscode", int64(2))
	check("account", company, "createdon", store.Instant(now.Unix()))
	check("account", company, "ownerid", store.Ref{Table: "systemuser", ID: s.engine.Administrator})
	check("email", mail, "sender", "yvonne@example.com")
	check("email", mail, "torecipients", "molly@nord.example;other@example.com;")
	check("connection", link, "name", "Fourth Coffee")

	party := sn.Schema.Tables["activityparty"]
	masks := map[int64]int{}
	for _, p := range platform.PartiesOf(sn, store.Ref{Table: "email", ID: mail}) {
		mask := store.Int(party, p, "participationtypemask")
		masks[mask]++
		if mask == platform.PartySender && (store.Text(party, p, "partyidname") != "Yvonne McKay" || store.Text(party, p, "addressused") != "yvonne@example.com") {
			t.Errorf("the sender is %q at %q", store.Text(party, p, "partyidname"), store.Text(party, p, "addressused"))
		}
	}
	if masks[platform.PartySender] != 1 || masks[platform.PartyTo] != 2 || masks[platform.PartyRegarding] != 1 || masks[platform.PartyOwner] != 1 || len(masks) != 4 {
		t.Errorf("parties by type: %v", masks)
	}
	if n := sn.Rows("audit").Len(); n != 0 {
		t.Errorf("loading wrote %d audit rows", n)
	}
}

func TestLoadIndexesLookups(t *testing.T) {
	s := New(Options{})
	company := uuid.UUID{1}
	records := []load.Record{{Table: "account", ID: company, Values: map[string]any{"name": "A"}}}
	for i := range 200 {
		records = append(records, load.Record{Table: "contact", ID: uuid.UUID{2, byte(i * 7)}, Values: map[string]any{"lastname": "X", "parentcustomerid": load.Ref("account", company)}})
	}
	if err := s.Load(records[:100]...); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(records[100:]...); err != nil { // into tables that hold rows already
		t.Fatal(err)
	}
	sn := s.engine.Store.View()
	n := 0
	sn.Rows("contact").Pointing(sn.Schema.Tables["contact"].Column("parentcustomerid").Index, company, func(*store.Row) bool { n++; return true })
	if n != 200 {
		t.Errorf("%d of 200 contacts are found by their company", n)
	}
}

// Rows that are loaded once a query has asked for a text are found by it, in a copy of the environment as well.
func TestLoadIndexesTextsThatWereAskedFor(t *testing.T) {
	first := New(Options{})
	second := first.Clone(Options{})
	for i, s := range []*Server{first, second} {
		if err := s.Load(load.Record{Table: "account", ID: uuid.UUID{1}, Values: map[string]any{"name": "Nord"}}); err != nil {
			t.Fatal(err)
		}
		sn := s.engine.Store.View()
		n := 0
		sn.Rows("account").WithText(sn.Schema.Tables["account"].Column("name").Index, "nord", func(uuid.UUID) bool { n++; return true })
		if n != 1 {
			t.Errorf("environment %d: %d of 1 account are found by its name", i, n)
		}
		if i == 0 {
			if err := s.Load(load.Record{Table: "account", ID: uuid.UUID{2}, Values: map[string]any{"name": "Nord"}}); err != nil {
				t.Fatal(err)
			}
			sn, n := s.engine.Store.View(), 0
			sn.Rows("account").WithText(sn.Schema.Tables["account"].Column("name").Index, "nord", func(uuid.UUID) bool { n++; return true })
			if n != 2 {
				t.Errorf("%d of 2 accounts are found by their name", n)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	id := uuid.UUID{1}
	tests := []struct {
		name    string
		records []load.Record
		column  string
		why     string
	}{
		{"an unknown table", []load.Record{{Table: "person", ID: id, Values: nil}}, "", "no such table"},
		{"an unknown column", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"name": "x"}}}, "name", "no such column"},
		{"a text in a whole number", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"numberofchildren": "two"}}}, "numberofchildren", "does not fit"},
		{"a number in a text", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"lastname": 5}}}, "lastname", "does not fit"},
		{"a type that no column has", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"lastname": []byte("x")}}}, "lastname", "[]uint8"},
		{"a text too long", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"lastname": strings.Repeat("secret", 50)}}}, "lastname", "does not fit"},
		{"a label that is none", []load.Record{{Table: "contact", ID: id, Values: map[string]any{"gendercode": "Robot"}}}, "gendercode", "no option"},
		{"a label that two options have", []load.Record{{Table: "quote", ID: id, Values: map[string]any{"statuscode": "In Progress"}}}, "statuscode", "two options"},
		{"a lookup to another table", []load.Record{{Table: "account", ID: id, Values: map[string]any{"primarycontactid": load.Ref("lead", id)}}}, "primarycontactid", "does not point at"},
		{"a lookup to nothing", []load.Record{{Table: "account", ID: id, Values: map[string]any{"primarycontactid": load.Ref("contact", id)}}}, "primarycontactid", "there is no contact"},
		{"a status of another state", []load.Record{{Table: "lead", ID: id, Values: map[string]any{"lastname": "x", "statecode": 2, "statuscode": "Qualified"}}}, "", "do not fit"},
		{"one id twice", []load.Record{{Table: "account", ID: id, Values: map[string]any{"name": "a"}}, {Table: "account", ID: id, Values: map[string]any{"name": "b"}}}, "", "there is a row"},
		{"a party without an activity", []load.Record{{Table: "activityparty", ID: id, Values: map[string]any{"participationtypemask": 1}}}, "activityid", "needs an activity"},
		{"a party list of something else", []load.Record{{Table: "email", ID: id, Values: map[string]any{"to": "x@example.com"}}}, "to", "takes a []any"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{})
			before := s.engine.Store.View()
			// A good record beside the bad one must not stay.
			err := s.Load(append([]load.Record{{Table: "contact", ID: uuid.UUID{9}, Values: map[string]any{"lastname": "good"}}}, tt.records...)...)
			var e *load.RecordError
			if !errors.As(err, &e) {
				t.Fatalf("err = %v", err)
			}
			if e.Column != tt.column || !strings.Contains(e.Why, tt.why) {
				t.Errorf("column %q: %s; want column %q: …%s…", e.Column, e.Why, tt.column, tt.why)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "Robot") {
				t.Errorf("the error quotes the value: %v", err)
			}
			if s.engine.Store.View() != before {
				t.Error("something stayed of a load that failed")
			}
		})
	}
}

func TestLoadLetsDanglingLookupsBe(t *testing.T) {
	s := New(Options{})
	mail := uuid.UUID{1}
	err := s.Load(
		load.Record{Table: "email", ID: mail, Values: map[string]any{"subject": "x"}},
		load.Record{Table: "activityparty", ID: uuid.UUID{2}, Values: map[string]any{"activityid": load.Ref("email", mail), "participationtypemask": 2, "partyid": load.Ref("contact", uuid.UUID{3}), "addressused": "gone@example.com"}},
	)
	if err != nil {
		t.Errorf("a party of a deleted contact: %v", err)
	}
}

func TestAddColumns(t *testing.T) {
	s := New(Options{})
	old := s.engine.Store.View().Schema
	for range 2 { // the second time they are there
		if err := s.AddColumns("nord", metadata.CompanyColumns()...); err != nil {
			t.Fatal(err)
		}
	}
	if old.Tables["lead"].Column("nord_purchasedlist") != nil {
		t.Error("the schema of an older snapshot has changed")
	}
	lead := s.engine.Store.View().Schema.Tables["lead"]
	if c := lead.Column("nord_followupon"); c == nil || !c.DateOnly() || !c.Custom {
		t.Errorf("nord_followupon is %+v", c)
	}
	if err := s.Load(load.Record{Table: "lead", ID: uuid.UUID{1}, Values: map[string]any{"lastname": "x", "nord_followupon": "2027-01-01", "nord_purchasedlist": true}}); err != nil {
		t.Error(err)
	}
	for _, bad := range []metadata.Column{
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
		load.Record{Table: "contact", ID: ada, Values: map[string]any{"lastname": "Byron", "address1_city": "London", "createdon": "2020-01-02"}},
		load.Record{Table: "customeraddress", ID: summer, Values: map[string]any{"parentid": load.Ref("contact", ada), "addressnumber": 2, "city": "Bath"}},
		load.Record{Table: "account", ID: uuid.Nil, Values: map[string]any{"name": "A"}},
		load.Record{Table: "lead", ID: uuid.Nil, Values: map[string]any{"lastname": "L", "address2_city": "Lund"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	holdAddresses(t, s)
	sn := s.engine.Store.View()
	if n, m := sn.Rows("customeraddress").Len(), sn.Rows("leadaddress").Len(); n != 5 || m != 2 {
		t.Errorf("%d addresses of customers and %d of leads, want 5 and 2", n, m)
	}
	contact, address := sn.Schema.Tables["contact"], sn.Schema.Tables["customeraddress"]
	r := sn.Rows("contact").Get(ada)
	if store.Value(contact, r, "address2_addressid") != any(summer) {
		t.Error("the contact's second address is not the one that was loaded")
	}
	one := sn.Rows("customeraddress").Get(store.Value(contact, r, "address1_addressid").(uuid.UUID))
	if got := store.Text(address, one, "composite"); got != "London" {
		t.Errorf("the first address is %q", got)
	}
	if store.Value(address, one, "createdon") != any(at("2020-01-02T00:00:00Z")) {
		t.Error("the address is not as old as its contact")
	}

	bare := New(Options{NoAddressRows: true})
	if err := bare.Load(load.Record{Table: "contact", ID: ada, Values: map[string]any{"lastname": "Byron"}}); err != nil {
		t.Fatal(err)
	}
	if bare.engine.Store.View().Rows("customeraddress").Len() != 0 {
		t.Error("there are address rows in spite of NoAddressRows")
	}
}

// holdAddresses holds every account, contact and lead against its address rows: one each, and alike.
func holdAddresses(t *testing.T, s *Server) {
	t.Helper()
	sn := s.engine.Store.View()
	for name, kept := range platform.AddressTables {
		parent, tab := sn.Schema.Tables[name], sn.Schema.Tables[kept.Table]
		sn.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			for n := 1; n <= kept.Count; n++ {
				id, _ := store.Value(parent, r, fmt.Sprintf("address%d_addressid", n)).(uuid.UUID)
				a := sn.Rows(kept.Table).Get(id)
				if a == nil || store.Lookup(tab, a, "parentid") != (store.Ref{Table: name, ID: r.ID}) || store.Int(tab, a, "addressnumber") != int64(n) {
					t.Errorf("%s %s has no address %d", name, r.ID, n)
					return false
				}
				for _, p := range platform.AddressPairs(parent, tab, n) {
					if a.Get(p.Here) != r.Get(p.There) && store.Text(tab, a, "city") != "Bath" {
						t.Errorf("%s %s: %s is %v in the row and %v in the address", name, r.ID, parent.Columns[p.There].Name, r.Get(p.There), a.Get(p.Here))
					}
				}
			}
			return true
		})
	}
}
