package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestHooksOnActions: an action raises its own message on the row that it is about; who refuses undoes all of it, what a hook writes
// before the operation the action finds, and what the action itself writes comes with it.
func TestHooksOnActions(t *testing.T) {
	type action struct{ message, table, path, body string }
	set := func(o *site) (all []action, ids map[string]string) {
		account := o.do("POST", "accounts", `{"name":"A"}`).want(204).id()
		ids = map[string]string{"contact": o.contact("Berg"), "other": o.contact("Berg"), "lead": o.do("POST", "leads", `{"lastname":"Lee","subject":"S"}`).want(204).id()}
		for _, name := range []string{"opportunity", "lost"} {
			ids[name] = o.do("POST", "opportunities", `{"name":"Deal"}`).want(204).id()
		}
		for _, name := range []string{"quote", "closed"} {
			ids[name] = o.do("POST", "quotes", `{"name":"Q","customerid_account@odata.bind":"/accounts(`+account+`)"}`).want(204).id()
			o.do("PATCH", "quotes("+ids[name]+")", `{"statecode":1,"statuscode":2}`).want(204)
		}
		ids["incident"] = o.do("POST", "incidents", `{"title":"T","customerid_account@odata.bind":"/accounts(`+account+`)"}`).want(204).id()
		one := func(table, id string) string {
			return fmt.Sprintf(`{"@odata.type":"Microsoft.Dynamics.CRM.%s","%sid":%q}`, table, table, id)
		}
		closing := func(word, set, id string) string {
			return fmt.Sprintf(`{"Status":-1,"%s":{"subject":"done","%sid@odata.bind":"/%s(%s)"}}`, word, strings.TrimSuffix(strings.Replace(set, "ies", "ys", 1), "s"), set, id)
		}
		return []action{
			{"Merge", "contact", "Merge", `{"Target":` + one("contact", ids["contact"]) + `,"Subordinate":` + one("contact", ids["other"]) + `,"PerformParentingChecks":false}`},
			{"QualifyLead", "lead", "leads(" + ids["lead"] + ")/Microsoft.Dynamics.CRM.QualifyLead", `{"CreateAccount":false,"CreateContact":true,"CreateOpportunity":false,"Status":-1}`},
			{"Win", "opportunity", "WinOpportunity", closing("OpportunityClose", "opportunities", ids["opportunity"])},
			{"Lose", "opportunity", "LoseOpportunity", closing("OpportunityClose", "opportunities", ids["lost"])},
			{"Win", "quote", "WinQuote", closing("QuoteClose", "quotes", ids["quote"])},
			{"Close", "quote", "CloseQuote", closing("QuoteClose", "quotes", ids["closed"])},
			{"Close", "incident", "CloseIncident", closing("IncidentResolution", "incidents", ids["incident"])},
		}, ids
	}
	description := func(o *site, ids map[string]string, table string) (all []any) {
		for name, id := range ids {
			if v := o.values(table, id); v != nil {
				all = append(all, fmt.Sprint(name, " ", v["description"], " ", v["statecode"], " ", v["versionnumber"]))
			}
		}
		slices.SortFunc(all, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		return all
	}
	for _, stage := range []string{"PreValidation", "PreOperation", "PostOperation"} {
		o := newSite(t, emulator.Options{})
		actions, ids := set(o)
		for _, a := range actions {
			before, tasks := fmt.Sprint(description(o, ids, a.table)), len(o.server.Rows("task"))
			o.hook(fmt.Sprintf(`[{"table":%q,"message":%q,"stage":"PreOperation","create":[{"table":"task","values":{"subject":"begun"}}]},
				{"table":%q,"message":%q,"stage":%q,"refuse":{"code":"0x80048abc","message":"Not {id}.","status":409}}]`, a.table, a.message, a.table, a.message, stage))
			o.do("POST", a.path, a.body).want(409, "0x80048abc", "Not ")
			if now := fmt.Sprint(description(o, ids, a.table)); now != before || len(o.server.Rows("task")) != tasks {
				t.Errorf("%s of %s, refused at %s, left a trace: %s, was %s", a.message, a.table, stage, now, before)
			}
			o.control("DELETE", "hooks", "").want(204)
			o.hook(fmt.Sprintf(`{"table":%q,"message":%q,"stage":%q,"set":{"description":"{before.description}seen"},"create":[{"table":"task","values":{"subject":"{table} {id}"}}]}`, a.table, a.message, stage))
			if r := o.do("POST", a.path, a.body); r.status >= 300 {
				t.Fatalf("%s of %s: %d", a.message, a.table, r.status)
			}
			if now := fmt.Sprint(description(o, ids, a.table)); !strings.Contains(now, " seen ") || len(o.server.Rows("task")) != tasks+1 {
				t.Errorf("%s of %s at %s: %s, %d tasks", a.message, a.table, stage, now, len(o.server.Rows("task"))-tasks)
			}
			o.control("DELETE", "hooks", "").want(204)
		}
		if made := o.server.Rows("contact"); stage != "PostOperation" && !slices.ContainsFunc(made, func(r emulator.Record) bool {
			return r.Values["lastname"] == "Lee" && r.Values["description"] == "seen"
		}) {
			t.Errorf("at %s: the contact was made of the lead as it was before the hook", stage)
		}
	}
	o := newSite(t, emulator.Options{})
	o.control("POST", "hooks", `{"table":"account","message":"QualifyLead","refuse":{}}`).want(400, "account has no message QualifyLead: only lead")
	o.control("POST", "hooks", `{"message":"Merge","refuse":{}}`).want(200)
}
