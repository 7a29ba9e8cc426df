package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// operatorRows are the rows of TestEveryOperator. The clock stands at Tuesday, 24 November 2026, 08:00 UTC.
func operatorRows(t *testing.T) *world {
	w := newWorld(t, Options{})
	w.put("systemuser", "u2", map[string]any{"fullname": "Below", "parentsystemuserid": store.Ref{Table: "systemuser", ID: w.s.engine.Administrator}, "businessunitid": store.Ref{Table: "businessunit", ID: w.s.engine.RootBusiness}})
	w.put("systemuser", "u3", map[string]any{"fullname": "Beside", "businessunitid": store.Ref{Table: "businessunit", ID: w.s.engine.RootBusiness}})
	w.put("businessunit", "b2", map[string]any{"name": "Other"})
	w.put("team", "t1", map[string]any{"name": "Mine"})
	w.put("team", "t2", map[string]any{"name": "Below's"})
	w.put("teammembership", "tm1", map[string]any{"systemuserid": w.s.engine.Administrator, "teamid": idOfName("t1")})
	w.put("teammembership", "tm2", map[string]any{"systemuserid": idOfName("u2"), "teamid": idOfName("t2")})
	me, unit := store.Ref{Table: "systemuser", ID: w.s.engine.Administrator}, store.Ref{Table: "businessunit", ID: w.s.engine.RootBusiness}
	for i, x := range []map[string]any{
		{"owner": me, "unit": unit},
		{"owner": to("team", "t1"), "unit": unit},
		{"owner": to("systemuser", "u2"), "unit": to("businessunit", "b2")},
		{"owner": to("team", "t2"), "unit": to("businessunit", "b2")},
		{"owner": to("systemuser", "u3"), "unit": unit},
	} {
		w.put("account", fmt.Sprint("a", i+1), map[string]any{
			"name": []string{"Alpha", "Alpine", "Beta", "Gamma", "Delta"}[i], "numberofemployees": 10 * (i + 1), "ownerid": x["owner"], "owningbusinessunit": x["unit"],
		})
	}
	w.put("account", "a6", map[string]any{"name": nil, "numberofemployees": nil})
	// A tree: a2 below a1, a3 below a2, a4 below a1.
	for child, parent := range map[string]string{"a2": "a1", "a3": "a2", "a4": "a1"} {
		tx := w.s.engine.Store.Begin()
		tab := schema.BaseSchema().Tables["account"]
		r := tx.Data["account"].Get(idOfName(child))
		tx.Put(tab, r.With(store.Values{tab.ByName["parentaccountid"].Index: to("account", parent)}, tx.NextVersion()))
		tx.Commit()
	}
	// Moments around now, each named by what it is.
	for i, at := range []string{
		"2023-06-15T12:00:00Z", // c1: 2023
		"2025-11-24T07:00:00Z", // c2: a year ago, and an hour
		"2026-03-10T12:00:00Z", // c3: the first quarter
		"2026-08-20T12:00:00Z", // c4: the third quarter
		"2026-10-23T12:00:00Z", // c5: a month and a day ago
		"2026-11-15T12:00:00Z", // c6: the week before
		"2026-11-23T12:00:00Z", // c7: yesterday
		"2026-11-24T05:30:00Z", // c8: two and a half hours ago
		"2026-11-24T09:30:00Z", // c9: in an hour and a half
		"2026-11-25T12:00:00Z", // c10: tomorrow
		"2026-12-01T12:00:00Z", // c11: in a week
		"2027-02-10T12:00:00Z", // c12: next year's first quarter
		"2028-05-05T12:00:00Z", // c13: 2028
	} {
		w.put("contact", fmt.Sprint("c", i+1), map[string]any{"fullname": fmt.Sprint("c", i+1), "createdon": instantOf(at)})
	}
	w.put("contact", "c14", map[string]any{"fullname": "c14"})
	return w
}

func instantOf(s string) store.Instant {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return store.Instant(t.Unix())
}

// Every condition operator of fetchxml/reference/operators, and every query function of the Web API's reference that does
// the same: both find the same rows.
func TestEveryOperator(t *testing.T) {
	w := operatorRows(t)
	a1, a2 := idOfName("a1").String(), idOfName("a2").String()
	type test struct {
		column string // of account, or createdon of contact
		values string // separated by |
		want   string // the numbers of the rows
	}
	tests := map[fetchxml.Operator]test{
		"eq": {"name", "ALPHA", "1"}, "ne": {"name", "Alpha", "2 3 4 5 6"}, "neq": {"name", "Alpha", "2 3 4 5 6"},
		"gt": {"numberofemployees", "30", "4 5"}, "ge": {"numberofemployees", "30", "3 4 5"}, "lt": {"numberofemployees", "30", "1 2"}, "le": {"numberofemployees", "30", "1 2 3"},
		"null": {"name", "", "6"}, "not-null": {"name", "", "1 2 3 4 5"},
		"in": {"numberofemployees", "10|50|70", "1 5"}, "not-in": {"numberofemployees", "10|50|70", "2 3 4 6"},
		"between": {"numberofemployees", "20|40", "2 3 4"}, "not-between": {"numberofemployees", "20|40", "1 5 6"},
		"like": {"name", "%ta", "3 5"}, "not-like": {"name", "%ta", "1 2 4 6"},
		"begins-with": {"name", "alp", "1 2"}, "not-begin-with": {"name", "alp", "3 4 5 6"}, "ends-with": {"name", "A", "1 3 4 5"}, "not-end-with": {"name", "A", "2 6"},
		"eq-userid": {"ownerid", "", "1"}, "ne-userid": {"ownerid", "", "2 3 4 5 6"},
		"eq-businessid": {"owningbusinessunit", "", "1 2 5"}, "ne-businessid": {"owningbusinessunit", "", "3 4 6"},
		"eq-userteams": {"ownerid", "", "2"}, "eq-useroruserteams": {"ownerid", "", "1 2"},
		"eq-useroruserhierarchy": {"ownerid", "", "1 3"}, "eq-useroruserhierarchyandteams": {"ownerid", "", "1 2 3 4"},
		"above": {"accountid", idOfName("a3").String(), "1 2"}, "eq-or-above": {"accountid", a2, "1 2"},
		"under": {"accountid", a1, "2 3 4"}, "eq-or-under": {"accountid", a2, "2 3"}, "not-under": {"accountid", a2, "1 2 4 5 6"},
		"today": {"createdon", "", "8 9"}, "yesterday": {"createdon", "", "7"}, "tomorrow": {"createdon", "", "10"},
		"last-seven-days": {"createdon", "", "7 8 9"}, "next-seven-days": {"createdon", "", "8 9 10 11"},
		"last-week": {"createdon", "", "6"}, "this-week": {"createdon", "", "7 8 9 10"}, "next-week": {"createdon", "", "11"},
		"last-month": {"createdon", "", "5"}, "this-month": {"createdon", "", "6 7 8 9 10"}, "next-month": {"createdon", "", "11"},
		"last-year": {"createdon", "", "2"}, "this-year": {"createdon", "", "3 4 5 6 7 8 9 10 11"}, "next-year": {"createdon", "", "12"},
		"last-fiscal-period": {"createdon", "", "4"}, "this-fiscal-period": {"createdon", "", "5 6 7 8 9 10 11"}, "next-fiscal-period": {"createdon", "", "12"},
		"last-fiscal-year": {"createdon", "", "2"}, "this-fiscal-year": {"createdon", "", "3 4 5 6 7 8 9 10 11"}, "next-fiscal-year": {"createdon", "", "12"},
		"on": {"createdon", "2026-11-23", "7"}, "on-or-after": {"createdon", "2026-12-01", "11 12 13"}, "on-or-before": {"createdon", "2026-03-10", "1 2 3"},
		"last-x-hours": {"createdon", "3", "8"}, "last-x-days": {"createdon", "1", "7 8"}, "last-x-weeks": {"createdon", "2", "6 7 8"},
		"last-x-months": {"createdon", "2", "5 6 7 8"}, "last-x-years": {"createdon", "1", "2 3 4 5 6 7 8"},
		"last-x-fiscal-periods": {"createdon", "1", "4 5 6 7 8"}, "last-x-fiscal-years": {"createdon", "1", "2 3 4 5 6 7 8"},
		"next-x-hours": {"createdon", "2", "9"}, "next-x-days": {"createdon", "1", "9 10"}, "next-x-weeks": {"createdon", "1", "9 10 11"},
		"next-x-months": {"createdon", "3", "9 10 11 12"}, "next-x-years": {"createdon", "1", "9 10 11 12"},
		"next-x-fiscal-periods": {"createdon", "1", "9 10 11 12"}, "next-x-fiscal-years": {"createdon", "1", "9 10 11 12"},
		"olderthan-x-minutes": {"createdon", "60", "1 2 3 4 5 6 7 8"}, "olderthan-x-hours": {"createdon", "3", "1 2 3 4 5 6 7"}, "olderthan-x-days": {"createdon", "1", "1 2 3 4 5 6"},
		"olderthan-x-weeks": {"createdon", "2", "1 2 3 4 5"}, "olderthan-x-months": {"createdon", "2", "1 2 3 4"}, "olderthan-x-years": {"createdon", "1", "1"},
		"in-fiscal-year": {"createdon", "2026", "3 4 5 6 7 8 9 10 11"}, "in-fiscal-period": {"createdon", "1", "3 12"},
		"in-fiscal-period-and-year":          {"createdon", "1|2026", "3"},
		"in-or-after-fiscal-period-and-year": {"createdon", "1|2027", "12 13"}, "in-or-before-fiscal-period-and-year": {"createdon", "1|2026", "1 2 3"},
		// Tested by themselves: they need columns of their own.
		"eq-userlanguage": {}, "contain-values": {}, "not-contain-values": {},
	}
	functionOf := map[string]string{}
	for _, name := range odata.Functions() {
		sig, _ := odata.FunctionSignature(name)
		functionOf[sig.Operator] = name
	}
	for _, operator := range fetchxml.Operators() {
		tt, listed := tests[operator]
		if !listed {
			t.Errorf("the operator %s has no test", operator)
		}
		if tt.column == "" {
			continue
		}
		t.Run(string(operator), func(t *testing.T) {
			w.t = t
			table, set, named := "account", "accounts", "accountid"
			if tt.column == "createdon" {
				table, set, named = "contact", "contacts", "contactid"
			}
			numbers := func(ids []string) string {
				var out []string
				for i := 1; i <= 14; i++ {
					if slices.Contains(ids, idOfName(fmt.Sprint(table[:1], i)).String()) {
						out = append(out, fmt.Sprint(i))
					}
				}
				return strings.Join(out, " ")
			}
			var list []string
			if tt.values != "" {
				list = strings.Split(tt.values, "|")
			}
			condition := `<condition attribute="` + tt.column + `" operator="` + string(operator) + `"`
			if len(list) == 1 {
				condition += ` value="` + list[0] + `"/>`
			} else {
				condition += "><value>" + strings.Join(list, "</value><value>") + "</value></condition>"
				condition = strings.Replace(condition, "<value></value>", "", 1)
			}
			fetch := `<fetch><entity name="` + table + `"><attribute name="` + named + `"/><filter>` + condition + `</filter></entity></fetch>`
			if got := numbers(w.fetchRows(set, fetch, named)); got != tt.want {
				t.Errorf("FetchXML finds %s, want %s", got, tt.want)
			}
			name := functionOf[string(operator)]
			if name == "" {
				return
			}
			sig, _ := odata.FunctionSignature(name)
			property := tt.column
			call := "Microsoft.Dynamics.CRM." + name + "(PropertyName='" + property + "'"
			switch sig.Params {
			case odata.OneNumber:
				call += ",PropertyValue=" + list[0]
			case odata.OneText:
				call += ",PropertyValue='" + list[0] + "'"
			case odata.TwoNumbers:
				call += ",PropertyValue1=" + list[0] + ",PropertyValue2=" + list[1]
			case odata.ManyTexts:
				call += `,PropertyValues=["` + strings.Join(list, `","`) + `"]`
			}
			if got := numbers(w.rows(set+"?$select="+named+"&$filter="+call+")", named)); got != tt.want {
				t.Errorf("%s finds %s, want %s", name, got, tt.want)
			}
		})
	}
}

// Query functions of the reference that need columns of their own, or that are refused.
func TestQueryFunctionsApart(t *testing.T) {
	w := operatorRows(t)
	w.put("account", "a7", map[string]any{"name": "English", "numberofemployees": 1033})
	if got := strings.Join(w.rows("accounts?$select=name&$filter=Microsoft.Dynamics.CRM.EqualUserLanguage(PropertyName='numberofemployees')", "name"), " "); got != "English" {
		t.Errorf("EqualUserLanguage finds %s", got)
	}
	if r := w.raw("POST", "EntityDefinitions(LogicalName='account')/Attributes", strings.NewReader(`{"@odata.type":"Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata","SchemaName":"new_Kinds","DisplayName":{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"@odata.type":"Microsoft.Dynamics.CRM.LocalizedLabel","Label":"Kinds","LanguageCode":1033}]},"OptionSet":{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","OptionSetType":"Picklist","IsGlobal":false,"Options":[{"Value":1,"Label":{"LocalizedLabels":[{"Label":"One","LanguageCode":1033}]}},{"Value":2,"Label":{"LocalizedLabels":[{"Label":"Two","LanguageCode":1033}]}},{"Value":3,"Label":{"LocalizedLabels":[{"Label":"Three","LanguageCode":1033}]}}]}}`), "application/json"); r.status != http.StatusNoContent {
		t.Fatal(r.text)
	}
	for name, kinds := range map[string]string{"a1": "1,2", "a2": "3", "a3": "2"} {
		if r := w.raw("PATCH", "accounts("+idOfName(name).String()+")", strings.NewReader(`{"new_kinds":"`+kinds+`"}`), "application/json"); r.status != http.StatusNoContent {
			t.Fatal(r.text)
		}
	}
	const fetch = `<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="new_kinds" operator="%s"><value>2</value><value>9</value></condition></filter></entity></fetch>`
	for operator, want := range map[string]string{"contain-values": "Alpha Beta", "not-contain-values": "Alpine Gamma Delta <nil> English"} {
		if got := strings.Join(w.fetchRows("accounts", fmt.Sprintf(fetch, operator), "name"), " "); got != want {
			t.Errorf("%s finds %s, want %s", operator, got, want)
		}
	}
	if got := strings.Join(w.rows(`accounts?$select=name&$filter=Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_kinds',PropertyValues=["2","9"])`, "name"), " "); got != "Alpha Beta" {
		t.Errorf("ContainValues finds %s", got)
	}
	// A parameter alias may be the value of any parameter (webapi/use-web-api-functions), also of several functions.
	if got := strings.Join(w.rows(`accounts?$select=name&$filter=Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName=@c,PropertyValues=@v) and Microsoft.Dynamics.CRM.Between(PropertyName=@n,PropertyValues=@b)&@c='new_kinds'&@v=["2"]&@n='numberofemployees'&@b=["1","99"]`, "name"), " "); got != "Alpine Gamma Delta" {
		t.Errorf("aliases find %s", got)
	}
	for path, want := range map[string]string{
		"accounts?$filter=Microsoft.Dynamics.CRM.EqualRoleBusinessId(PropertyName='owningbusinessunit')":                                                            "501 0x80040315 The emulator does not cover this: Microsoft.Dynamics.CRM.EqualRoleBusinessId.",
		"accounts?$filter=Microsoft.Dynamics.CRM.Contains(PropertyName='name',PropertyValue='x')":                                                                   "400 0x80060888 The function 'Microsoft.Dynamics.CRM.Contains' needs a column with a full-text index.",
		"accounts?$filter=Microsoft.Dynamics.CRM.Today(PropertyName='name')":                                                                                        "",
		"accounts?$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=0)":                                                               "",
		"accounts?$filter=Microsoft.Dynamics.CRM.NoSuch(PropertyName='createdon')":                                                                                  "",
		"accounts?$filter=Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=[\"1\"])":                                                  "",
		"accounts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=@missing)":                                                      "",
		"accounts?$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=@p)&@p='many'":                                                    "",
		"accounts?fetchXml=" + escaped(`<fetch><entity name="account"><filter><condition attribute="name" operator="equals" value="x"/></filter></entity></fetch>`): "",
	} {
		if r := w.get(path); r.status != 400 && r.status != 501 || want != "" && cmp.Diff(want, r.fault()) != "" {
			t.Errorf("%s: %s", path, r.fault())
		}
	}
}
