package odata

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What parses prints as something that parses to the same tree, and can be checked.
func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		"revenue gt 100000 and not contains(name,'it''s') or a/b eq null",
		"t/any(o:o/x ne 2023-01-31T10:00:00.5-08:00 or o/y/all(p:p/z in (1,2.5,@p)))",
		`Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=["O'Brian",'b',1,null,"\u00fc\ud83d\ude00"])`,
		"_x_value eq a0db1234-0000-4000-8000-000000000001 and (a eq b) eq true",
		"OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'",
		"((((", "'", "a eq '", "not not a", "@", "a/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseFilter(s)
		if err != nil {
			if se, ok := err.(*SyntaxError); !ok || se.Pos < 0 || se.Pos > len(s) {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		text := e.String()
		again, err := ParseFilter(text)
		if err != nil && len(text) <= MaxLength {
			t.Fatalf("%q prints as %q: %v", s, text, err)
		}
		if err == nil && !cmp.Equal(e, again, samePlace) {
			t.Fatalf("%q prints as %q, which is another tree", s, text)
		}
		Problems(e, "contact", crm)
		Resolve(e, nil)
	})
}

func FuzzParseOptions(f *testing.F) {
	for _, s := range []string{
		"a($select=b;$filter=c eq 1;$orderby=d desc;$top=5),e/$ref", "a($expand=b($expand=c))", "a,b desc,@p", "*",
		"filter(a eq 1)/groupby((b,c/d),aggregate(e with sum as f,$count as n))", "aggregate(", "a($", "groupby((",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, name := range []string{"$select", "$orderby", "$expand", "$apply"} {
			text := option(name, s)
			if text[:min(2, len(text))] == "! " {
				continue
			}
			if again := option(name, text); again != text && len(text) <= MaxLength {
				t.Fatalf("%s=%q prints as %q, and that as %q", name, s, text, again)
			}
		}
	})
}

func BenchmarkParseFilter(b *testing.B) {
	const s = "statecode eq 0 and (createdon lt 2023-01-31T00:00:00Z or contains(lastname,'x')) and _parentcustomerid_value eq a0db1234-0000-4000-8000-000000000001"
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFilter(s); err != nil {
			b.Fatal(err)
		}
	}
}
