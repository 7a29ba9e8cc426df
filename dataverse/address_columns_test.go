package dataverse

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// addressAnswer is an answer in which other members stand before and after the definitions.
const addressAnswer = `{"@odata.context":"c","ServerVersionStamp":"7!1","EntityMetadata":[
	{"LogicalName":"contact","DisplayName":null,"Attributes":[
		{"LogicalName":"telephone1","Format":null,"FormatName":{"Value":"Phone"},"IsValidForRead":true,"AttributeOf":null},
		{"LogicalName":"emailaddress1","Format":"Text","FormatName":null,"IsValidForRead":true},
		{"LogicalName":"new_hidden","FormatName":{"Value":"Email"},"IsValidForRead":false},
		{"LogicalName":"new_mirror","FormatName":{"Value":"Email"},"AttributeOf":"new_other"},
		{"LogicalName":"lastname","Format":"Text","FormatName":{"Value":"Text"}}]},
	{"LogicalName":"task","Attributes":[{"LogicalName":"subject","Format":"Text"}]}],"DeletedMetadata":{"Count":0}}`

// TestAddressColumnsAreReadOnce has one request answer for all tables, again only after a change of definitions, and again
// where the answer broke off; clients that share definitions take the same text apart once.
func TestAddressColumnsAreReadOnce(t *testing.T) {
	answers := []string{addressAnswer[:len(addressAnswer)-40], addressAnswer + "}", strings.Replace(addressAnswer, `"EntityMetadata":[`, `"EntityMetadata":{"a":[`, 1), addressAnswer}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, answers[0])
		if len(answers) > 1 {
			answers = answers[1:]
		}
	})
	shared := new(Definitions)
	c := connect(t, s.URL, func(o *Options) { o.Retries, o.Definitions = 6, shared })
	want := map[string][]AddressColumn{"contact": {{LogicalName: "emailaddress1", Mail: true}, {LogicalName: "telephone1"}}}
	for _, requests := range []int{4, 4} {
		got, err := c.AddressColumns(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		if n := len(s.seen()); n != requests {
			t.Errorf("%d requests, want %d", n, requests)
		}
	}
	c.Schema.Forget()
	if _, err := c.AddressColumns(t.Context()); err != nil || len(s.seen()) != 5 {
		t.Errorf("after a change of definitions: %d requests, %v", len(s.seen()), err)
	}
	if _, err := connect(t, s.URL, func(o *Options) { o.Definitions = shared }).AddressColumns(t.Context()); err != nil || len(s.seen()) != 6 || len(shared.addresses) != 1 {
		t.Errorf("another client: %d requests, %d kept, %v", len(s.seen()), len(shared.addresses), err)
	}
	if got, err := connect(t, s.URL).AddressColumns(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("a client that shares nothing: %v, %v", got, err)
	}
}
