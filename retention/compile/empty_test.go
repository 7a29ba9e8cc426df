package compile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Promise of docs/security.md: no ground and no rule turns on whether the service counts rows in which a column is empty.
func TestNothingTurnsOnEmptyColumns(t *testing.T) {
	for _, tt := range []struct{ where, column string }{
		{"statecode eq 0 and preferredcontactmethodcode ne 1", "preferredcontactmethodcode"},
		{"not (jobtitle eq 'Author')", "jobtitle"},
		{"not contains(jobtitle,'Author')", "jobtitle"},
		{"not (jobtitle in ('Author','Editor'))", "jobtitle"},
		{"not (statecode eq 1 or jobtitle eq 'Author')", "jobtitle"},
		{"not (numberofchildren gt 2)", "numberofchildren"},
		{"donotemail eq false", "donotemail"},
		{"statecode eq 0 and donotemail eq false", "donotemail"},
		{"donotemail ne true", "donotemail"},
		{"not (donotemail eq true)", "donotemail"},
		{"Microsoft.Dynamics.CRM.NotIn(PropertyName='jobtitle',PropertyValues=['Author'])", "jobtitle"},
		{"Microsoft.Dynamics.CRM.NotBetween(PropertyName='numberofchildren',PropertyValues=['1','2'])", "numberofchildren"},
		{"parentcustomerid_account/name ne 'Fabrikam'", "parentcustomerid_account/name"},
		{"parentcustomerid_account/statecode ne 1", "parentcustomerid_account/statecode"}, // who has no company has no state of one
		{"opportunity_customer_contacts/any(o:o/name ne 'x')", "o/name"},
		{"opportunity_customer_contacts/all(o:o/name eq 'x')", "o/name"},
		{"jobtitle ne 'Author' or department eq null", "jobtitle"},                    // of another column
		{"jobtitle ne 'Author' and (jobtitle ne null or statecode eq 0)", "jobtitle"}, // not surely
		{"(jobtitle ne 'Author' and jobtitle eq null) or statecode eq 1", "jobtitle"}, // the wrong way round

		{"statecode ne 1", ""},
		{"not (statuscode eq 1)", ""},
		{"jobtitle eq 'Author'", ""},
		{"donotemail eq true", ""},
		{"not (jobtitle ne 'Author')", ""},
		{"jobtitle ne null", ""},
		{"not (jobtitle eq null)", ""},
		{"jobtitle ne 'Author' or jobtitle eq null", ""},
		{"statecode eq 0 and (jobtitle eq null or jobtitle ne 'Author')", ""},
		{"statecode eq 0 and jobtitle ne 'Author' and jobtitle ne null", ""},
		{"jobtitle ne null and (statecode eq 1 or jobtitle ne 'Author')", ""},
		{"startswith(jobtitle,'A') and jobtitle ne 'Author'", ""},
		{"donotemail eq false or donotemail eq null", ""},
		{"not (jobtitle eq 'Author' and jobtitle ne null)", ""},
		{"not (jobtitle eq 'Author' or jobtitle eq null)", ""},
		{"opportunity_customer_contacts/any(o:o/statecode ne 1)", ""},
		{"not opportunity_customer_contacts/any(o:o/statecode eq 0)", ""},
	} {
		t.Run(tt.where, func(t *testing.T) {
			grounds := `- {id: g, basis: contract, why: w, where: "` + tt.where + `"}`
			_, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", grounds, ""))
			var problems policy.Problems
			if tt.column == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "`"+tt.column+"` of `") ||
				!strings.Contains(problems[0].Message, "may be empty, as on 3 rows today, and whether this condition counts such rows is not certain") {
				t.Fatalf("not refused: %v", err)
			}
			// Either text of the hint, put in the place of the condition, is taken.
			hints := strings.Split(problems[0].Hint, "`")
			for _, paste := range []string{hints[1], hints[3]} {
				old := strings.TrimSuffix(strings.TrimSuffix(paste, " or "+tt.column+" eq null)"), " and "+tt.column+" ne null)")[1:]
				where := strings.Replace(tt.where, old, paste, 1)
				if where == tt.where {
					continue // written another way than the hint says it
				}
				if _, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", `- {id: g, basis: contract, why: w, where: "`+where+`"}`, "")); err != nil {
					t.Errorf("the hint's own text is refused: %s: %v", where, err)
				}
			}
		})
	}
	for _, rule := range []string{
		"{table: task, link: regardingobjectid, where: category ne 'x', do: delete}",
		"{table: task, link: regardingobjectid, where: not (category eq 'x'), do: keep, why: w}",
		"{table: email, party: any, where: subject ne 'x', do: delete}",
	} {
		if _, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", anyGround, "- "+rule)); err == nil || !strings.Contains(err.Error(), "may be empty") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestNoFetchTurnsOnEmptyColumns(t *testing.T) {
	for _, tt := range []struct {
		conditions string
		refused    bool
	}{
		{`<filter><condition attribute="jobtitle" operator="ne" value="x"/></filter>`, true},
		{`<filter><condition attribute="jobtitle" operator="not-like" value="x%"/></filter>`, true},
		{`<filter><condition attribute="jobtitle" operator="not-in"><value>x</value></condition></filter>`, true},
		{`<filter><condition attribute="jobtitle" operator="not-begin-with" value="x"/></filter>`, true},
		{`<filter><condition attribute="donotemail" operator="eq" value="0"/></filter>`, true},
		{`<link-entity name="account" from="accountid" to="parentcustomerid"><filter><condition attribute="name" operator="ne" value="x"/></filter></link-entity>`, true},
		{`<link-entity name="account" from="accountid" to="parentcustomerid" link-type="outer" alias="a"/><filter><condition entityname="a" attribute="statecode" operator="ne" value="1"/></filter>`, true},
		{`<filter><condition attribute="statecode" operator="ne" value="1"/></filter>`, false},
		{`<filter><condition attribute="jobtitle" operator="not-null"/></filter>`, false},
		{`<filter><condition attribute="jobtitle" operator="ne" value="x"/><condition attribute="jobtitle" operator="not-null"/></filter>`, false},
		{`<filter type="or"><condition attribute="jobtitle" operator="ne" value="x"/><condition attribute="jobtitle" operator="null"/></filter>`, false},
		{`<filter><filter type="or"><condition attribute="donotemail" operator="eq" value="0"/><condition attribute="donotemail" operator="null"/></filter></filter>`, false},
	} {
		e := newEnvironment(t)
		fetch := `<fetch><entity name="contact"><attribute name="contactid"/>` + tt.conditions + `</entity></fetch>`
		e.views = []dataverse.Row{{"name": "Keep", "returnedtypecode": "contact", "fetchxml": fetch}}
		for _, ground := range []string{"fetchXml: f.xml", "view: Keep"} {
			_, _, err := check(t, e, "policy.yaml", onContact("anonymize", "- {id: g, basis: contract, why: w, "+ground+"}", ""), "f.xml", fetch)
			if refused := err != nil && strings.Contains(err.Error(), "may be empty, as on 3 rows today"); refused != tt.refused || !refused && err != nil {
				t.Errorf("%s, %s: %v", ground, tt.conditions, err)
			}
		}
	}
}

// TestBothFormsSpeakOfEmptyColumns: what is sure of a row is sure in both languages.
func TestBothFormsSpeakOfEmptyColumns(t *testing.T) {
	const (
		ne       = `<condition attribute="jobtitle" operator="ne" value="Author"/>`
		null     = `<condition attribute="jobtitle" operator="null"/>`
		notNull  = `<condition attribute="jobtitle" operator="not-null"/>`
		begins   = `<condition attribute="jobtitle" operator="begins-with" value="A"/>`
		editor   = `<condition attribute="jobtitle" operator="eq" value="Editor"/>`
		active   = `<condition attribute="statecode" operator="eq" value="0"/>`
		inactive = `<condition attribute="statecode" operator="eq" value="1"/>`
	)
	and := func(terms ...string) string { return `<filter>` + strings.Join(terms, "") + `</filter>` }
	or := func(terms ...string) string { return `<filter type="or">` + strings.Join(terms, "") + `</filter>` }
	account := func(kind, filter string) string {
		return `<link-entity name="account" from="accountid" to="parentcustomerid" alias="a" link-type="` + kind + `">` + filter + `</link-entity>`
	}
	const name, of = `<condition attribute="name" operator="ne" value="x"/>`, `<condition entityname="a" attribute="name" operator="ne" value="x"/>`
	for _, tt := range []struct {
		where, fetch string
		refused      bool
	}{
		{"jobtitle ne 'Author'", and(ne), true},
		{"jobtitle ne 'Author' and jobtitle ne null", and(ne, notNull), false},
		{"statecode eq 0 and jobtitle ne 'Author' and jobtitle ne null", and(active, ne, notNull), false},
		{"jobtitle ne null and (statecode eq 1 or jobtitle ne 'Author')", and(notNull) + or(inactive, ne), false},
		{"jobtitle ne null and (statecode eq 1 or jobtitle ne 'Author')", and(notNull, or(inactive, ne)), false},
		{"startswith(jobtitle,'A') and jobtitle ne 'Author'", and(begins, ne), false},
		{"(startswith(jobtitle,'A') or jobtitle eq 'Editor') and jobtitle ne 'Author'", and(or(begins, editor), ne), false},
		{"((startswith(jobtitle,'A') and statecode eq 0) or jobtitle eq 'Editor') and jobtitle ne 'Author'", and(or(and(begins, active), editor), ne), false},
		{"(startswith(jobtitle,'A') or statecode eq 0) and jobtitle ne 'Author'", and(or(begins, active), ne), true},
		{"jobtitle ne 'Author' or jobtitle eq null", or(ne, null), false},
		{"jobtitle ne 'Author' or (statecode eq 0 or jobtitle eq null)", or(ne, or(active, null)), false},
		{"jobtitle ne 'Author' or (jobtitle eq null)", or(ne, and(null)), false},
		{"jobtitle ne 'Author' or (statecode eq 0 and jobtitle eq null)", or(ne, and(active, null)), true},
		{"parentcustomerid_account/name ne 'x'", account("outer", "") + and(of), true},
		{"parentcustomerid_account/name ne 'x' and parentcustomerid_account/name ne null", account("outer", "") + and(of, `<condition entityname="a" attribute="name" operator="not-null"/>`), false},
		{"parentcustomerid_account/name eq 'y' and parentcustomerid_account/name ne 'x'", account("inner", and(`<condition attribute="name" operator="eq" value="y"/>`)) + and(of), false},
		{"parentcustomerid_account/name ne null and parentcustomerid_account/name ne 'x'", account("inner", and(name)) + and(`<condition entityname="a" attribute="name" operator="not-null"/>`), false},
		{"parentcustomerid_account/name ne 'x'", account("outer", and(`<condition attribute="name" operator="not-null"/>`)) + and(of), true},
		{"parentcustomerid_account/statecode ne 1 and parentcustomerid_account/statecode ne null", account("inner", "") + and(`<condition entityname="a" attribute="statecode" operator="ne" value="1"/>`), false},
		{"parentcustomerid_account/statecode ne 1", account("outer", "") + and(`<condition entityname="a" attribute="statecode" operator="ne" value="1"/>`), true},
	} {
		t.Run(tt.where, func(t *testing.T) {
			fetch := `<fetch><entity name="contact"><attribute name="contactid"/>` + tt.fetch + `</entity></fetch>`
			for form, ground := range map[string]string{"OData": `where: "` + tt.where + `"`, "FetchXML": "fetchXml: f.xml"} {
				_, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", "- {id: g, basis: contract, why: w, "+ground+"}", ""), "f.xml", fetch)
				if refused := err != nil && strings.Contains(err.Error(), "may be empty"); refused != tt.refused || !refused && err != nil {
					t.Errorf("%s: refused %v: %v", form, refused, err)
				}
			}
		})
	}
}

func TestInstantsHaveAZone(t *testing.T) {
	for where, literals := range map[string][]string{
		"createdon ge 2026-01-01":                                                               {"2026-01-01"},
		"createdon ge 2026-01-01T00:00:00":                                                      {"2026-01-01T00:00:00"},
		"createdon in (2026-01-01T00:00:00Z,2026-02-01)":                                        {"2026-02-01"},
		"parentcustomerid_account/createdon lt 2026-01-01T12:00":                                {"2026-01-01T12:00"},
		"Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='createdon',PropertyValue='2026-01-01')": {"2026-01-01"},
		"createdon ge 2026-01-01T00:00:00Z":                                                     nil,
		"createdon ge 2026-01-01T00:00:00+02:00":                                                nil,
		"birthdate ge 1990-01-01":                                                               nil,
		"Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=30)":           nil,
	} {
		_, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", `- {id: g, basis: contract, why: w, rolling: true, where: "`+where+`"}`, ""))
		var problems policy.Problems
		errors.As(err, &problems)
		var got []string
		for _, p := range problems {
			got = append(got, strings.Split(p.Message, "`")[1])
		}
		if !slices.Equal(got, literals) {
			t.Errorf("%s: %v, want %v: %v", where, got, literals, err)
		}
	}
	fetch := `<fetch><entity name="contact"><attribute name="contactid"/><filter><condition attribute="createdon" operator="ge" value="2026-01-01"/></filter></entity></fetch>`
	if _, _, err := check(t, newEnvironment(t), "policy.yaml", onContact("anonymize", "- {id: g, basis: contract, why: w, fetchXml: f.xml}", ""), "f.xml", fetch); err == nil || !strings.Contains(err.Error(), "`2026-01-01` has no time zone, and `createdon` holds instants") {
		t.Error(err)
	}
}
