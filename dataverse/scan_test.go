package dataverse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestScanValues(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, `{"@odata.context":"c","value":[
			{"@odata.etag":"W/\"1\"","contactid":"`+contactID+`","name":"O\"Brian \u00e5 \ud83d\ude00","nothing":null,"yes":true,"no":false,"n":-12,"money":20000.0000,
			 "on":"2026-11-24","at":"2023-04-07T21:59:01Z","_x_value@Microsoft.Dynamics.CRM.lookuplogicalname":"lead",
			 "event":{"@odata.etag":"W/\"2\"","end":"2026-01-31","place":{"city":"Malmö"}},"list":[{"name":"other"}],"acct.name":"AB"},
			{"event":null,"name":""}]}`)
	})
	cols := []string{"name", "contactid", "nothing", "yes", "no", "n", "money", "on", "at", "event/end", "event/place/city",
		"_x_value@Microsoft.Dynamics.CRM.lookuplogicalname", "acct.name", "absent", "@odata.etag", "list"}
	var got [][]string
	err := connect(t, s.URL).Scan(t.Context(), Query{Table: "contact"}, cols, func(row []Value) error {
		var texts []string
		for _, v := range row {
			if v.Null() {
				texts = append(texts, "null")
			} else {
				texts = append(texts, v.String())
			}
		}
		got = append(got, texts)
		if len(got) > 1 {
			return nil
		}
		if id, ok := row[1].GUID(); !ok || id != uuid.MustParse(contactID) {
			t.Errorf("id %v %v", id, ok)
		}
		if truth, ok := row[3].Bool(); !truth || !ok {
			t.Error("yes is not true")
		}
		if truth, ok := row[4].Bool(); truth || !ok {
			t.Error("no is not false")
		}
		if n, ok := row[5].Int(); n != -12 || !ok {
			t.Errorf("n = %d", n)
		}
		if at, ok := row[8].Time(); !ok || !at.Equal(time.Date(2023, 4, 7, 21, 59, 1, 0, time.UTC)) {
			t.Errorf("at = %v", at)
		}
		for _, v := range row {
			_, isID := v.GUID()
			if _, isInt := v.Int(); isID && isInt {
				t.Errorf("%s is an id and a number", v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{`O"Brian å 😀`, contactID, "null", "true", "false", "-12", "20000.0000", "2026-11-24", "2023-04-07T21:59:01Z", "2026-01-31", "Malmö",
			"lead", "AB", "null", `W/"1"`, `[{"name":"other"}]`},
		{"", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null", "null"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanAsksForWhatItsColumnsNeed(t *testing.T) {
	target := "_x_value@Microsoft.Dynamics.CRM.lookuplogicalname"
	for _, tt := range []struct {
		q              Query
		cols           []string
		sel, preferred string
	}{
		{Query{}, []string{"a", "_x_value", target, "event/end", "@odata.etag"}, "a,_x_value", `odata.maxpagesize=5000,odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"`},
		{Query{}, []string{target}, "_x_value", `odata.maxpagesize=5000,odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"`},
		{Query{Select: []string{"b"}}, []string{"a"}, "b", "odata.maxpagesize=5000"},
		{Query{Annotations: true}, []string{target}, "_x_value", `odata.maxpagesize=5000,odata.include-annotations="*"`},
		{Query{Apply: "groupby((a))"}, []string{"a"}, "", "odata.maxpagesize=5000"},
		{Query{FetchXML: `<fetch><entity name="contact"/></fetch>`}, []string{target}, "", `odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname,` + fetchPaging + `"`},
	} {
		var sel, prefer string
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			sel, prefer = r.URL.Query().Get("$select"), r.Header.Get("Prefer")
			writeJSON(w, 200, `{"value":[]}`)
		})
		tt.q.Table = "contact"
		if err := connect(t, s.URL).Scan(t.Context(), tt.q, tt.cols, nil); err != nil || sel != tt.sel || prefer != tt.preferred {
			t.Errorf("%v of %+v: %v, $select=%s, Prefer: %s", tt.cols, tt.q, err, sel, prefer)
		}
	}
}

// What a scan hands out is what encoding/json reads from the same page, whatever the names, their order and the texts.
func TestScanAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "_c_value", `d"`, "é", "a@x.y", "longer name"}
		rows := rapid.SliceOf(rapid.MapOf(rapid.SampledFrom(names), rapid.OneOf(
			rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.Int32(), func(n int32) any { return float64(n) }),
			rapid.Map(rapid.String(), func(s string) any { return s }),
		))).Draw(t, "rows")
		cols := rapid.SliceOfDistinct(rapid.SampledFrom(append(names, "absent")), rapid.ID[string]).Draw(t, "cols")
		body, err := json.Marshal(map[string]any{"value": rows, "@odata.nextLink": "next"})
		if err != nil {
			t.Fatal(err)
		}
		p := &page[folded]{body: body}
		if err := newFolder(cols).fold(p); err != nil {
			t.Fatal(err)
		}
		if p.next != "next" || p.rows.count != len(rows) {
			t.Fatalf("next %q, %d rows", p.next, p.rows.count)
		}
		var decoded struct{ Value []map[string]any }
		json.Unmarshal(body, &decoded)
		for i, row := range decoded.Value {
			for j, col := range cols {
				v := p.rows.values[i*len(cols)+j]
				var want any = v.String()
				if v.Null() {
					want = nil
				} else if b, ok := v.Bool(); ok {
					want = b
				} else if n, ok := v.Int(); ok {
					want = float64(n)
				}
				if row[col] != want {
					t.Fatalf("row %d, %s: %v, want %v", i, col, want, row[col])
				}
			}
		}
		// Cut off anywhere, it is broken and not shorter.
		cut := rapid.IntRange(0, len(body)-1).Draw(t, "cut")
		if err := newFolder(cols).fold(&page[folded]{body: body[:cut]}); err == nil {
			t.Fatalf("took the first %d of %d bytes for a page", cut, len(body))
		}
	})
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-24": "2026-11-24T00:00:00Z", "2026-11-24T08:09:10Z": "2026-11-24T08:09:10Z", "2024-02-29": "2024-02-29T00:00:00Z",
		"2026-11-24T08:09:10.5Z": "2026-11-24T08:09:10.5Z", "2026-11-24T08:09:10+02:00": "2026-11-24T06:09:10Z",
		"2026-02-29": "", "2026-13-01": "", "2026-11-24T25:00:00Z": "", "24.11.2026": "", "": "", "2026-1-24x": "",
	} {
		got, ok := parseTime([]byte(text))
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("parseTime(%q) = %v, %v, want %q", text, got, ok, want)
		}
	}
}

// pageOf5000 has 5,000 rows of five columns, 1 MB.
func pageOf5000() []byte {
	var b bytes.Buffer
	b.WriteString(`{"@odata.context":"https://org.crm4.dynamics.com/api/data/v9.2/$metadata#contacts(fullname)","value":[`)
	for i := range 5000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"@odata.etag":"W/\"%d\"","fullname":"Åsa Öberg %d","emailaddress1":"asa.oberg%d@example.com","createdon":"2023-04-07T21:59:01Z","_parentcustomerid_value":"3f2c0000-0000-4000-8000-%012d","contactid":"3f2c0000-0000-4000-8000-%012d"}`, i, i, i, i, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func TestFoldingAllocatesNothingPerRow(t *testing.T) {
	body := pageOf5000()
	f := newFolder([]string{"contactid", "_parentcustomerid_value", "createdon"})
	p := &page[folded]{body: body}
	if err := f.fold(p); err != nil || p.rows.count != 5000 {
		t.Fatal(err, p.rows.count)
	}
	allocs := testing.AllocsPerRun(3, func() {
		if err := f.fold(p); err != nil {
			t.Fatal(err)
		}
		for i := range p.rows.count {
			p.rows.values[3*i].GUID()
			p.rows.values[3*i+2].Time()
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations for a page of 5,000 rows", allocs)
	}
}

func BenchmarkFoldPage(b *testing.B) {
	body := pageOf5000()
	f := newFolder([]string{"contactid", "_parentcustomerid_value", "createdon", "fullname", "emailaddress1"})
	p := &page[folded]{body: body}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f.fold(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	body := pageOf5000()
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "EntityDefinitions") {
			return answerOf(r, []byte(`{"value":[{"LogicalName":"contact","EntitySetName":"contacts"}]}`)), nil
		}
		return answerOf(r, body), nil
	})
	c, err := New(Options{URL: "https://org.crm4.dynamics.com", Credential: staticToken("t"), Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Scan(b.Context(), Query{Table: "contact"}, []string{"contactid", "createdon"}, func(row []Value) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// pageOfPersons is a page as a night reads persons: of 1.8 MB, most of its columns empty.
func pageOfPersons() ([]byte, []string) {
	cols := []string{"contactid", "@odata.etag", "gallra_purgescheduledon", "gallra_purgenoticedon", "gallra_legalhold", "gallra_retainuntil", "gallra_retainreason",
		"emailaddress1", "emailaddress2", "emailaddress3", "_masterid_value", "nord_followupon"}
	b := []byte(`{"@odata.context":"https://org.crm4.dynamics.com/api/data/v9.2/$metadata#contacts(contactid)","value":[`)
	for i := range 5000 {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"@odata.etag":"W/\"%d\"","contactid":"%08x-4bc2-4314-94e0-40bd567d3115","gallra_purgescheduledon":"2027-01-29","gallra_purgenoticedon":"2026-11-29",`+
			`"gallra_legalhold":null,"gallra_retainuntil":null,"gallra_retainreason":null,"emailaddress1":"ibrahim.alhasan.%d@tokyo-seimitsu3558.example",`+
			`"_masterid_value":null,"emailaddress2":null,"emailaddress3":null,"nord_followupon":null}`, 2043214+i, i*7919, i)
	}
	return append(b, "]}"...), cols
}

func BenchmarkFoldPersons(b *testing.B) {
	body, cols := pageOfPersons()
	f := newFolder(cols)
	p := &page[folded]{body: body}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f.fold(p); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPlainPagesAreTakenAsAnyPageIs holds pages, whole and broken in every way, against the decoder: what is read in one pass is
// what the decoder reads, and nothing is that the decoder refuses.
func TestPlainPagesAreTakenAsAnyPageIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 19))
	cols := []string{"contactid", "@odata.etag", "fullname", "numberofchildren", "donotemail", "msevtmgt_EventId/msevtmgt_eventenddate", "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"}
	values := []string{`null`, `true`, `false`, `0`, `-0`, `17`, `-3.25`, `1e9`, `01`, `"Åsa"`, `"a\"b\\"`, `"\u00e5\ud83d\ude00"`, `"\x"`, `""`, `{"msevtmgt_eventenddate":"2026-05-17","x":1}`, `{}`, `[1,{"a":"]"}]`, "\"a\nb\"", "\"\xff\"", `nul`, `"`}
	names := []string{"contactid", "fullname", "numberofchildren", "donotemail", "msevtmgt_EventId", "other", "a@odata.nextLink", `full\u006eame`, "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"}
	some := func(most int) int { // the further in the list the rarer: most pages are whole
		return min(r.IntN(most), r.IntN(most), r.IntN(most))
	}
	object := func() string {
		var members []string
		for range r.IntN(6) {
			members = append(members, fmt.Sprintf(`"%s":%s`, names[some(len(names))], values[some(len(values))]))
		}
		return "{" + strings.Join(append([]string{`"@odata.etag":"W/\"1\""`}, members...), ",") + "}"
	}
	plain, refused := 0, 0
	for range 30_000 {
		var rows []string
		for range r.IntN(4) {
			rows = append(rows, object())
		}
		parts := []string{`"@odata.context":"x"`, `"value":[` + strings.Join(rows, ",") + `]`}
		for _, more := range []string{`"@odata.nextLink":"https://x/\u0026"`, `"@Microsoft.Dynamics.CRM.morerecords":true`, `"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":"<c \"1\">"`, `"value":[]`, `"n":[1]`} {
			if r.IntN(6) == 0 {
				parts = append(parts, more)
			}
		}
		body := []byte("{" + strings.Join(parts, []string{",", ", ", " ,"}[some(3)]) + "}")
		for r.IntN(3) == 0 && len(body) > 0 { // break it
			at := r.IntN(len(body))
			switch r.IntN(4) {
			case 0:
				body = body[:at]
			case 1:
				body = slices.Delete(body, at, at+1)
			case 2:
				body[at] = `"\{}[],: 0-.enul`[r.IntN(16)]
			default:
				body = slices.Insert(body, at, `"\{}[],: 0-.enul`[r.IntN(16)])
			}
		}
		fast, slow := &page[folded]{body: slices.Clone(body)}, &page[folded]{body: slices.Clone(body)}
		f := newFolder(cols)
		took := f.foldPlain(fast)
		err := newFolder(cols).foldAny(slow)
		if !took {
			refused++
			continue
		}
		plain++
		if err != nil {
			t.Fatalf("%s: taken, and the decoder says %v", body, err)
		}
		if diff := cmp.Diff(shownPage(slow), shownPage(fast)); diff != "" {
			t.Fatalf("%s: %s", body, diff)
		}
	}
	if plain < 5000 || refused < 5000 {
		t.Errorf("%d pages were read in one pass, %d were not", plain, refused)
	}
	body, cols := pageOfPersons()
	if !newFolder(cols).foldPlain(&page[folded]{body: body}) {
		t.Error("a page of persons is not read in one pass")
	}
}

func shownPage(p *page[folded]) []string {
	out := []string{p.next, p.token, fmt.Sprint(p.more, p.count, p.rows.count), string(p.list)}
	for _, v := range p.rows.values {
		out = append(out, fmt.Sprintf("%d %s", v.kind, v.b))
	}
	return out
}
