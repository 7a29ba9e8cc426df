package emulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// million is a server with a million contacts of fifty thousand accounts.
var million = sync.OnceValue(func() *Server {
	s := New(Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	id := func() (u uuid.UUID) {
		for i := range u {
			u[i] = byte(rnd.Uint32())
		}
		return u
	}
	tx := s.engine.Store.Begin()
	account, contact := schema.BaseSchema().Tables["account"], schema.BaseSchema().Tables["contact"]
	accounts := make([]uuid.UUID, 50_000)
	for i := range accounts {
		accounts[i] = id()
		if i == 0 {
			accounts[i] = idOfName("a1")
		}
		tx.Put(account, (&store.Row{ID: accounts[i]}).With(store.Values{
			account.ByName["name"].Index: fmt.Sprintf("Account %d", i), account.ByName["statecode"].Index: int64(i % 2),
		}, tx.NextVersion()))
	}
	for i := range 1_000_000 {
		at := rnd.IntN(len(accounts))
		if i%100 == 0 {
			at = 0
		}
		v := store.Values{
			contact.ByName["fullname"].Index: fmt.Sprintf("First%d Last%d", i%997, i), contact.ByName["statecode"].Index: int64(i % 2),
			contact.ByName["createdon"].Index:        store.Instant(1_500_000_000 + 300*int64(i)),
			contact.ByName["parentcustomerid"].Index: store.Ref{Table: "account", ID: accounts[at]},
		}
		if i%3 > 0 {
			v[contact.ByName["emailaddress1"].Index] = fmt.Sprintf("person%d@example.com", i)
		}
		tx.Put(contact, (&store.Row{ID: id()}).With(v, tx.NextVersion()))
	}
	tx.Commit()
	return s
})

func benchmarkGet(b *testing.B, path string) {
	s := million()
	b.ReportAllocs()
	b.ResetTimer()
	size, used := 0, cpuTime()
	for range b.N {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/data/v9.2/"+strings.ReplaceAll(path, " ", "%20"), nil)
		r.Header.Set("Authorization", "Bearer emulator")
		r.Header.Set("Prefer", "odata.include-annotations=\"*\"")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
		size = w.Body.Len()
	}
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(float64((cpuTime()-used).Milliseconds())/float64(b.N), "cpu-ms/op")
}

func BenchmarkPageOfAll(b *testing.B) {
	benchmarkGet(b, "contacts?$select=fullname,_parentcustomerid_value,statecode,createdon")
}

func BenchmarkPageOverLookup(b *testing.B) {
	benchmarkGet(b, "contacts?$select=fullname,emailaddress1&$filter=_parentcustomerid_value eq "+idOfName("a1").String())
}

func BenchmarkScanOfAMillion(b *testing.B) {
	benchmarkGet(b, "contacts?$select=fullname&$filter=contains(fullname,'nobody') and statecode eq 0")
}

func BenchmarkScanOfAMillionOverAPath(b *testing.B) {
	benchmarkGet(b, "contacts?$select=fullname&$filter=parentcustomerid_account/name eq 'nobody'")
}

func BenchmarkSortAMillion(b *testing.B) {
	benchmarkGet(b, "contacts?$select=fullname&$orderby=fullname desc")
}

func BenchmarkFetchJoinOfAMillion(b *testing.B) {
	benchmarkGet(b, "contacts?fetchXml="+escaped(`<fetch><entity name="contact"><attribute name="fullname"/><link-entity name="account" from="accountid" to="parentcustomerid" alias="a"><filter><condition attribute="name" operator="eq" value="nobody"/></filter></link-entity></entity></fetch>`))
}

func BenchmarkFetchFromTheLink(b *testing.B) {
	benchmarkGet(b, "contacts?fetchXml="+escaped(`<fetch><entity name="contact"><attribute name="fullname"/><link-entity name="account" from="accountid" to="parentcustomerid"><filter><condition attribute="accountid" operator="eq" value="`+idOfName("a1").String()+`"/></filter></link-entity></entity></fetch>`))
}
