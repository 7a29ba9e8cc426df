package ledger

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gallra/gallra/retention"
)

// anyRecord draws a record with any of its fields.
func anyRecord() *rapid.Generator[Record] {
	id := rapid.Custom(func(t *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	})
	ids := rapid.SliceOfN(id, 0, 4)
	name := rapid.StringMatching(`[a-z][a-z0-9_]{0,12}`)
	word := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9-]{1,12}`), rapid.SampledFrom([]string{"é-ground", "a<b>&", "\"", "\\", "\u2028"}))
	date := rapid.Custom(func(t *rapid.T) retention.Date {
		return retention.NewDate(rapid.IntRange(1900, 2200).Draw(t, "y"), 1, rapid.IntRange(1, 366).Draw(t, "d"))
	})
	some := func(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{Seq: rapid.Uint64Range(0, 1<<53).Draw(t, "seq"), Prev: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "prev"),
			At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0).UTC(), Entry: Entry{Kind: Kind(rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "kind"))}}
		for label, into := range map[string]*string{"run": &r.Run, "verb": &r.Verb, "policy": &r.Policy, "version": &r.Version, "table": &r.Table,
			"ground": &r.Entry.Ground, "code": &r.Code, "guard": &r.Guard, "status": (*string)(&r.Status), "do": (*string)(&r.Do)} {
			*into = word.Draw(t, label)
		}
		if some(t, "ids") {
			r.ID, r.Actor, r.Organization = id.Draw(t, "person"), id.Draw(t, "actor"), id.Draw(t, "organization")
		}
		if some(t, "dates") {
			r.PurgeOn, r.NoticedOn, r.Today = date.Draw(t, "purge"), date.Draw(t, "noticed"), date.Draw(t, "today")
		}
		if some(t, "rows") {
			r.Rows = rapid.MapOfN(name, ids, 0, 3).Draw(t, "rows")
			r.Stays = rapid.MapOfN(name, ids, 0, 3).Draw(t, "stays")
			r.Decided = rapid.MapOfN(rapid.StringMatching(`(delete|keep) [a-z]{1,9}( [0-9])?`), ids, 0, 3).Draw(t, "decided")
		}
		if some(t, "counts") {
			r.Counts = rapid.MapOfN(name, rapid.IntRange(-3, 1<<40), 0, 3).Draw(t, "counts")
			r.Facts = rapid.MapOfN(name, word, 0, 3).Draw(t, "facts")
		}
		r.Deleted, r.File = rapid.IntRange(0, 1<<31).Draw(t, "deleted"), rapid.IntRange(0, 9).Draw(t, "file")
		r.First, r.Last, r.Bytes = rapid.Uint64().Draw(t, "first"), rapid.Uint64().Draw(t, "last"), rapid.Int64().Draw(t, "bytes")
		return r
	})
}

// sameAsAny reads a line in both ways: what the reader of plain lines takes, it takes as encoding/json does.
func sameAsAny(t interface{ Errorf(string, ...any) }, line []byte) {
	i := bytes.LastIndex(line, []byte(`,"hash":"`))
	if i < 0 {
		return
	}
	var fast Record
	p := plainLine{text: line[:i], decoder: &decoder{}}
	if !p.record(&fast) {
		return
	}
	slow, err := decodeAny(append(line[:i:i], `,"hash":""}`...))
	if err != nil {
		t.Errorf("%s\nis taken, and encoding/json says %v", line, err)
		return
	}
	if diff := cmp.Diff(slow, fast); diff != "" {
		t.Errorf("%s\nis read otherwise (-json +plain):\n%s", line, diff)
	}
}

func TestDecodeIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord().Draw(t, "record")
		var buf bytes.Buffer
		hash, err := encode(&buf, r)
		if err != nil {
			t.Fatal(err)
		}
		line := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
		var d decoder
		got, gotHash, err := d.decode(line)
		if err != nil || gotHash != hash {
			t.Fatalf("%s: %v", line, err)
		}
		want, _ := json.Marshal(r)
		again, _ := json.Marshal(got)
		if !bytes.Equal(want, again) {
			t.Fatalf("%s\ncomes back as\n%s", want, again)
		}
		sameAsAny(t, line)
	})
}

// TestPlainLineTakesWhatIsWritten: a ledger's lines are read the fast way, every field of them.
func TestPlainLineTakesWhatIsWritten(t *testing.T) {
	r := Record{Seq: 12, Prev: genesis, At: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)}
	v := reflect.ValueOf(&r.Entry).Elem()
	day := retention.NewDate(2026, 11, 24)
	for i := range v.NumField() {
		f := v.Field(i)
		switch x := f.Addr().Interface().(type) {
		case *uuid.UUID:
			*x = uuid.UUID{3: 0xab, 15: 9}
		case *retention.Date:
			*x = day
		case *map[string][]uuid.UUID:
			*x = map[string][]uuid.UUID{"email": {{1}, {2}}, "contact": {{3}}}
		case *map[string]int:
			*x = map[string]int{"delete email": 2, "rows": 0}
		case *map[string]string:
			*x = map[string]string{"bin contact": "30", "option quote.statecode.2": ""}
		default:
			switch {
			case f.CanInt():
				f.SetInt(7)
			case f.CanUint():
				f.SetUint(7)
			case f.Kind() == reflect.String:
				f.SetString("word-1")
			default:
				t.Fatalf("a field of a new kind: %s", v.Type().Field(i).Name)
			}
		}
	}
	var buf bytes.Buffer
	if _, err := encode(&buf, r); err != nil {
		t.Fatal(err)
	}
	text := buf.Bytes()[:bytes.LastIndex(buf.Bytes(), []byte(`,"hash":"`))]
	var got Record
	p := plainLine{text: text, decoder: &decoder{}}
	if !p.record(&got) {
		t.Fatalf("%s is not taken, from %q on", text, p.text)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlainLineLeavesTheRest(t *testing.T) {
	const sound = `{"seq":1,"prev":"00","at":"2026-11-24T02:00:00Z","kind":"swept"`
	for name, text := range map[string]string{
		"a blank":              strings.Replace(sound, ":1", ": 1", 1),
		"an escape":            strings.Replace(sound, "swept", `s\u0077ept`, 1),
		"a letter of no ASCII": strings.Replace(sound, "swept", "é", 1),
		"a number in front":    strings.Replace(sound, ":1", ":01", 1),
		"a negative number":    strings.Replace(sound, ":1", ":-1", 1),
		"19 digits":            strings.Replace(sound, ":1", ":1234567890123456789", 1),
		"a field twice":        sound + `,"kind":"swept"`,
		"a field in capitals":  sound + `,"KIND":"swept"`,
		"an unknown field":     sound + `,"name":"Anna"`,
		"nothing":              sound + `,"rows":null`,
		"an empty list":        sound + `,"rows":{"email":[]}`,
		"a table twice":        sound + `,"counts":{"rows":1,"rows":2}`,
		"an id in capitals":    sound + `,"id":"AAAAAAAA-0000-0000-0000-000000000000"`,
		"another zone":         strings.Replace(sound, "00Z", "00+01:00", 1),
		"a closing brace":      sound + `}`,
		"a comma too many":     sound + `,`,
		"half a line":          sound[:30],
	} {
		p := plainLine{text: []byte(text), decoder: &decoder{}}
		if p.record(new(Record)) {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzDecode holds that whatever the fast reader takes is what encoding/json makes of it.
func FuzzDecode(f *testing.F) {
	var buf bytes.Buffer
	_, _ = encode(&buf, Record{Seq: 1, Prev: genesis, At: time.Unix(0, 0).UTC(), Entry: Entry{Kind: Intent, Table: "contact", ID: uuid.UUID{1}, Do: "delete",
		Rows: map[string][]uuid.UUID{"email": {{2}, {3}}}, Counts: map[string]int{"delete email": 2}, Facts: map[string]string{"a b": "c"}, PurgeOn: retention.NewDate(2026, 1, 2)}})
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, line []byte) { sameAsAny(t, line) })
}
