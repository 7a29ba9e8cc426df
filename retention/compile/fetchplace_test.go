package compile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention/policy"
)

// TestFetchXMLMistakesStandInTheFile: what is wrong with a FetchXML file is told with its place in that file.
func TestFetchXMLMistakesStandInTheFile(t *testing.T) {
	t.Parallel()
	const sound = `<fetch>
  <entity name="opportunity">
    <attribute name="actualclosedate" alias="after"/>
    <filter type="and">
      <condition attribute="statecode" operator="eq" value="1"/>
      <filter type="or">
        <condition attribute="name" operator="not-null"/>
      </filter>
    </filter>
    <link-entity name="contact" from="contactid" to="parentcontactid">
      <attribute name="contactid" alias="person"/>
    </link-entity>
  </entity>
</fetch>
`
	for _, tt := range []struct{ name, from, to, want string }{
		{"nothing wrong", "fetch", "fetch", ""},
		{"no XML", "</entity>", "</entty>", `q.xml:13:3: not FetchXML: Invalid XML.
   13 |   </entty>
      |   ^`},
		{"an element that there is not", "<filter type=\"or\">", "<filtr type=\"or\">", `q.xml:8:7: not FetchXML: Invalid XML.
    8 |       </filter>
      |       ^`},
		{"an operator that there is not", `operator="not-null"`, `operator="notnull"`, `q.xml:7:9: not FetchXML: Invalid operator specified. operator = notnull
    7 |         <condition attribute="name" operator="notnull"/>
      |         ^`},
		{"an unknown table", `entity name="opportunity"`, `entity name="oportunity"`, "q.xml:2:17: unknown table `oportunity` in the FetchXML" + `
    2 |   <entity name="oportunity">
      |                 ^
  hint: did you mean ` + "`opportunity`?"},
		{"an unknown column", `"actualclosedate"`, `"actualclosdate"`, "q.xml:3:22: unknown column `actualclosdate` of `opportunity`" + `
    3 |     <attribute name="actualclosdate" alias="after"/>
      |                      ^
  hint: did you mean ` + "`actualclosedate`?"},
		{"an unknown column of a nested condition", `attribute="name"`, `attribute="nme"`, "q.xml:7:31: unknown column `nme` of `opportunity`" + `
    7 |         <condition attribute="nme" operator="not-null"/>
      |                               ^
  hint: did you mean ` + "`name`?"},
		{"an option by what it is called", `operator="eq" value="1"`, `operator="eq" value="Won"`, "q.xml:5:61: an option of `statecode` is a number, not 'Won'" + `
    5 |       <condition attribute="statecode" operator="eq" value="Won"/>
      |                                                             ^
  hint: write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)`},
		{"an option of several by what it is called", `operator="eq" value="1"/>`, `operator="in"><value>2</value><value>Won</value></condition>`, "q.xml:5:70: an option of `statecode` is a number, not 'Won'" + `
    5 |       <condition attribute="statecode" operator="in"><value>2</value><value>Won</value></condition>
      |                                                                      ^
  hint: write 1, which is Won; its options are 0 (Open), 1 (Won), 2 (Lost)`},
		{"a column by what it is called", `to="parentcontactid"`, `to="Contact"`, "q.xml:10:54: unknown column `Contact` of `opportunity`" + `
   10 |     <link-entity name="contact" from="contactid" to="Contact">
      |                                                      ^
  hint: did you mean ` + "`parentcontactid`?"},
		{"an unknown table of a link", `link-entity name="contact"`, `link-entity name="contct"`, "q.xml:10:24: unknown table `contct`" + `
   10 |     <link-entity name="contct" from="contactid" to="parentcontactid">
      |                        ^
  hint: did you mean ` + "`contact`?"},
		{"an unknown column of a link", `to="parentcontactid"`, `to="parentcontact"`, "q.xml:10:54: unknown column `parentcontact` of `opportunity`" + `
   10 |     <link-entity name="contact" from="contactid" to="parentcontact">
      |                                                      ^
  hint: did you mean ` + "`parentcontactid`?"},
		{"a person that is none", `name="contactid" alias="person"`, `name="parentcustomerid" alias="person"`, ""},
		{"a person that is a text", `name="contactid" alias="person"`, `name="fullname" alias="person"`, "q.xml:11:24: the FetchXML's \"person\" is `fullname` of `contact`, which is no id of a `contact`" + `
   11 |       <attribute name="fullname" alias="person"/>
      |                        ^`},
		{"a date that is none", `name="actualclosedate"`, `name="name"`, "q.xml:3:22: the FetchXML's \"after\" is `name` of `opportunity`, which is text, not a date" + `
    3 |     <attribute name="name" alias="after"/>
      |                      ^`},
		{"no person", `alias="person"`, `alias="p"`, "q.xml:2:17: the FetchXML does not return the person's id: its table is `opportunity`" + `
    2 |   <entity name="opportunity">
      |                 ^
  hint: give the column that holds the id of the ` + "`contact` the alias \"person\""},
		{"an operator that means whoever asks", `<condition attribute="name" operator="not-null"/>`, `<condition attribute="ownerid" operator="eq-useroruserteams"/>`,
			"q.xml:7:50: `eq-useroruserteams` means whoever runs the query: the job would keep others than the person who looks at it" + `
    7 |         <condition attribute="ownerid" operator="eq-useroruserteams"/>
      |                                                  ^
  hint: ` + policy.CallerHint},
		{"a few of them", `<fetch>`, `<fetch top='5'>`, "q.xml:1:13: a FetchXML query with `top`, `count` or `page` would keep only some of the persons" + `
    1 | <fetch top='5'>
      |             ^`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := onContact("anonymize", "- {id: g, basis: contract, why: w, fetchXml: q.xml, keep: 6 months}", "")
			_, path, err := check(t, newEnvironment(t), "policy.yaml", policy, "q.xml", replaceOnce(t, sound, tt.from, tt.to))
			got := ""
			if err != nil {
				got = told(t, path, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func replaceOnce(t *testing.T, s, from, to string) string {
	t.Helper()
	if !strings.Contains(s, from) {
		t.Fatalf("%q does not occur", from)
	}
	return strings.Replace(s, from, to, 1)
}
