package fetchxml

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`<fetch count="5"><entity name="a"><attribute name="x"/><filter type="or"><condition attribute="x" operator="in"><value>1</value></condition></filter></entity></fetch>`,
		`<fetch aggregate="1"><entity name="a"><attribute name="x" alias="y" aggregate="sum"/><order alias="y"/></entity></fetch>`,
		`<fetch><entity name="a"><link-entity name="b" from="c" to="d" link-type="outer"><all-attributes/></link-entity></entity></fetch>`,
		`<fetch><entity name="a"><filter><link-entity name="b" link-type="not all"><filter/></link-entity></filter></entity></fetch>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><fetch>&b;</fetch>`, `<fetch`, `<fetch><entity name="&#0;"/></fetch>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		q, err := Parse(src)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Pos < 0 || e.Pos > len(src) {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		text := q.String()
		again, err := Parse([]byte(text))
		if len(text) <= MaxLength && (err != nil || !cmp.Equal(q, again)) {
			t.Fatalf("%q prints as %q: %v %s", src, text, err, cmp.Diff(q, again))
		}
	})
}

func FuzzParseNextPage(f *testing.F) {
	p := NextPage{Number: 2, Cookie: Cookie{Page: 1, Columns: []CookieColumn{{Name: "x", Last: "é%", FirstNull: true}}}}
	f.Add(p.Annotation())
	f.Add(p.SkipToken())
	f.Add(p.Cookie.String())
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseNextPage(s)
		if err != nil {
			return
		}
		if again, err := ParseNextPage(p.SkipToken()); err != nil || !cmp.Equal(p, again) {
			t.Fatalf("%q: %v %s", s, err, cmp.Diff(p, again))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	src := []byte(`<fetch count="5000"><entity name="contact"><attribute name="contactid"/><filter><condition attribute="statecode" operator="eq" value="0"/></filter>` +
		`<link-entity name="account" from="accountid" to="parentcustomerid" link-type="exists"/></entity></fetch>`)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}
