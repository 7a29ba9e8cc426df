package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Whatever kind of column something stands in, it is found: the metadata lists the column, and nothing else is asked.
func TestEveryKindOfColumnIsLookedAt(t *testing.T) {
	id := uuid.MustParse("11111111-2222-3333-4444-555555555555")
	text := func(a dataverse.Attribute) *dataverse.Attribute { a.Type = "String"; return &a }
	table := &dataverse.Table{LogicalName: "contact", Attributes: map[string]*dataverse.Attribute{
		"plain":                     text(dataverse.Attribute{ForUpdate: true, MaxLength: 100}),
		"short":                     text(dataverse.Attribute{ForUpdate: true, MaxLength: 5}),
		"created":                   text(dataverse.Attribute{ForCreate: true}),
		"made":                      text(dataverse.Attribute{}),
		"traversedpath":             text(dataverse.Attribute{ForUpdate: true}),
		"accountname":               text(dataverse.Attribute{AttributeOf: "account"}),
		"spared":                    text(dataverse.Attribute{ForUpdate: true}),
		"account":                   {Type: "Lookup", ForUpdate: true, Targets: []string{"account"}},
		"twin":                      {Type: "Lookup", ForUpdate: true, Targets: []string{"contact"}},
		"choice":                    {Type: "Picklist", ForUpdate: true},
		"demanded":                  {Type: "Picklist", ForUpdate: true, Required: "SystemRequired"},
		"since":                     {Type: "DateTime", ForCreate: true},
		"createdon":                 {Type: "DateTime"},
		"utcconversiontimezonecode": {Type: "Integer", ForUpdate: true},
		"picture":                   {Type: "Image", AttributeOf: "pictureid", ForUpdate: true},
		"paper":                     {Type: "File", ForUpdate: true},
		"statecode":                 {Type: "State", ForUpdate: true},
	}}
	for name, a := range table.Attributes {
		a.LogicalName = name
	}
	person := residueRule{table: table, spared: []string{"spared"}, persons: map[string]bool{"contact": true}, values: true, fixed: true,
		tells: func(text string) bool { return strings.Contains(text, "McKay") }}
	related := residueRule{table: table, tells: person.tells}
	for _, c := range []struct {
		row             dataverse.Row
		person, related string
	}{
		{dataverse.Row{}, "", ""},
		{dataverse.Row{"plain": "Yvonne"}, "plain", "plain"},
		{dataverse.Row{"plain": "(purged)", "short": "rged)", "created": environment.UniquePlaceholder(id, 0)}, "", ""},
		{dataverse.Row{"plain": "purged 99999999222233334444555555555555"}, "plain", "plain"}, // of another row
		{dataverse.Row{"created": "C-1001"}, "created", ""},
		{dataverse.Row{"created": "McKay"}, "created", "created"},
		{dataverse.Row{"made": "Fabrikam"}, "", ""},
		{dataverse.Row{"made": "Y. McKay"}, "made", "made"},
		{dataverse.Row{"traversedpath": "11111111-2222-3333-4444-555555555555,11111111-2222-3333-4444-666666666666"}, "", ""},
		{dataverse.Row{"traversedpath": "Yvonne"}, "traversedpath", "traversedpath"},
		{dataverse.Row{"accountname": "McKay Ltd", "_account_value": id.String()}, "", ""},
		{dataverse.Row{"spared": "Sweden"}, "", "spared"},
		{dataverse.Row{"_twin_value": id.String()}, "twin", ""},
		{dataverse.Row{"choice": 1, "demanded": 1, "statecode": 1, "utcconversiontimezonecode": 92}, "choice", ""},
		{dataverse.Row{"since": "2026-01-01", "createdon": "2026-01-01"}, "since", ""},
		{dataverse.Row{"picture_url": "/Image/download.aspx"}, "picture", "picture"},
		{dataverse.Row{"pictureid": id.String()}, "picture", "picture"},
		{dataverse.Row{"paper": id.String()}, "paper", "paper"},
	} {
		if got := strings.Join(person.columns(id, c.row), " "); got != c.person {
			t.Errorf("%v of a person: %q, want %q", c.row, got, c.person)
		}
		if got := strings.Join(related.columns(id, c.row), " "); got != c.related {
			t.Errorf("%v of a related row: %q, want %q", c.row, got, c.related)
		}
	}
}

// What is asked for in rows that were anonymised long ago is what the rule looks at, as far as a filter can ask for it.
func TestRefilledAsksForWhatTheRuleLooksAt(t *testing.T) {
	a := func(kind string) *dataverse.Attribute {
		return &dataverse.Attribute{Type: kind, ForRead: true, ForCreate: true}
	}
	table := &dataverse.Table{LogicalName: "contact", PrimaryID: "contactid", Attributes: map[string]*dataverse.Attribute{
		"created": a("String"), "picture": a("Image"), "pictureid": a("Uniqueidentifier"), "paper": a("File"), "since": a("DateTime"),
		"hidden": {Type: "String", ForUpdate: true, ForRead: true, Secured: true}, "made": {Type: "String", ForRead: true},
	}}
	for name, a := range table.Attributes {
		a.LogicalName = name
	}
	qs := residueRule{table: table, values: true, fixed: true}.refilled("mark")
	if len(qs) != 1 || !slices.Equal(qs[0].Select, []string{"contactid", "created", "pictureid", "since"}) {
		t.Fatalf("asked: %+v", qs)
	}
	if want := "mark ne null and ((created ne null and created ne '(purged)') or pictureid ne null or since ne null)"; qs[0].Filter != want {
		t.Errorf("filter %s, want %s", qs[0].Filter, want)
	}
}
