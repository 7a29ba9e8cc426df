package dataverse

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

// TestDefinitionsAreSharedByTheirText has clients of several environments share definitions: the same text is one
// definition, any other text is another, and every client asks for itself.
func TestDefinitionsAreSharedByTheirText(t *testing.T) {
	shared := new(Definitions)
	environment := func(change, to string) (*service, *Client) {
		var s *service
		s = serve(t, func(w http.ResponseWriter, r *http.Request) {
			answers := maps.Clone(contactDefinition)
			answers[""] = strings.Replace(answers[""], `"@odata.context":"c"`, `"@odata.context":"`+s.URL+`/api/data/v9.2/$metadata#EntityDefinitions/$entity"`, 1)
			for path, text := range answers {
				answers[path] = strings.Replace(text, change, to, 1)
			}
			definitions(t, w, r, answers)
		})
		return s, connect(t, s.URL, func(o *Options) { o.Definitions = shared })
	}
	read := func(s *service, c *Client) *Table {
		t.Helper()
		table, err := c.Table(t.Context(), "contact")
		if err != nil {
			t.Fatal(err)
		}
		if len(s.seen()) != 1 {
			t.Errorf("%d requests", len(s.seen()))
		}
		return table
	}
	one := read(environment("", ""))
	if again := read(environment("", "")); again != one {
		t.Error("the same text is taken apart twice")
	}
	alone, err := connect(t, serve(t, func(w http.ResponseWriter, r *http.Request) { definitions(t, w, r, contactDefinition) }).URL).Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone, one); diff != "" {
		t.Errorf("shared and alone differ: %s", diff)
	}
	for _, change := range [][2]string{{`"Delete":"Cascade"`, `"Delete":"Restrict"`}, {`"MaxLength":100`, `"MaxLength":50`}, {`"Pending"`, `"Active"`}, {`"IsSecured":true`, `"IsSecured":false`}} {
		if other := read(environment(change[0], change[1])); other == one || cmp.Equal(other, one) {
			t.Errorf("%s is taken for %s", change[1], change[0])
		}
	}
}

// TestBrokenDefinitionsAreNotKept lets a definition be whole at the second reading.
func TestBrokenDefinitionsAreNotKept(t *testing.T) {
	shared := new(Definitions)
	broken := true
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers := maps.Clone(contactDefinition)
		if broken {
			answers["/Keys"] = `{"value":7}`
		}
		definitions(t, w, r, answers)
	})
	c := connect(t, s.URL, func(o *Options) { o.Definitions = shared })
	if _, err := c.Table(t.Context(), "contact"); err == nil {
		t.Error("a broken definition is taken")
	}
	broken = false
	if table, err := c.Table(t.Context(), "contact"); err != nil || len(table.Keys) != 1 {
		t.Errorf("%v", err)
	}
}

// TestWholeJSON holds wholeJSON to what encoding/json says of pieces of JSON in any order.
func TestWholeJSON(t *testing.T) {
	pieces := []string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"a":1`, `1`, `-`, `0`, `01`, `1.5e3`, `.`, `true`, `nul`, `null`, ` `, "\n", `"`, `\`, `"\u00e5"`, `"\ud800"`, `"\x"`, "\xff", "\"\xff\"", "\x00", `"a":{"a":1,"a":2}`}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		if got, want := wholeJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Fatalf("%q: %t, and encoding/json says %t", text, got, want)
		}
	})
}

// TestKnowLike: what one client has read another one of a copy of the environment does not ask for; what it did not read is asked for.
func TestKnowLike(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		definitions(t, w, r, contactDefinition)
	})
	one := connect(t, s.URL)
	table, err := one.Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	asked := len(s.seen())
	learned := func(change func(*Client), o ...func(*Options)) int {
		t.Helper()
		c := connect(t, s.URL, o...)
		if change != nil {
			change(c)
		}
		c.KnowLike(one)
		before := len(s.seen())
		got, err := c.Table(t.Context(), "contact")
		if err != nil || got.LogicalName != table.LogicalName {
			t.Fatal(got, err)
		}
		return len(s.seen()) - before
	}
	if n := learned(nil); n != 0 || asked == 0 {
		t.Errorf("%d requests for a table that is known, and %d for one that is not", n, asked)
	}
	if n := learned(func(c *Client) { c.Schema.Forget() }); n == 0 {
		t.Error("a client that has changed definitions takes those of before for its own")
	}
	if n := learned(nil, func(o *Options) { o.Labels = 1053 }); n == 0 {
		t.Error("a client takes names in another language than it wants")
	}
	other := connect(t, s.URL)
	other.KnowLike(one)
	if list, err := other.Tables(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("the list of tables, which nobody has read: %v, %v", list, err)
	}
	if one.Schema.summaries != nil {
		t.Error("what one reads the other one knows")
	}
}
