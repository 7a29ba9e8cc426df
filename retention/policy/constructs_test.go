package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// everything is a policy that says each thing that a policy can say, but for what excludes something else.
const everything = `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f, allowProduction: false}
timeZone: Europe/Stockholm
notice: 9 weeks
yearEnds: 31 March
manualExtension: 11 months
purge: {engine: bulk-delete}
limits: {purges: 501, share: 6%, canary: 7, rows: 51, rowShare: 8%, asks: 9, spread: 3 months}
approval: four-eyes
record: {owner: The board}
columns: {retainUntil: nord_a}
rows:
  - {id: calls, table: phonecall, where: statecode eq 1, after: actualend, keep: 3 years, do: delete, why: Calls with customers, evenIf: justified}
  - {id: orders, table: salesorder, until: datefulfilled, keep: 7 years from end of year, yearEnds: 30 June, do: anonymize, erase: [billto_name], why: Accounts}
  - {id: quotes, table: quote, after: closedon, keep: 5 years, do: anonymize, retain: [totalamount], why: Statistics}
subjects:
  contact:
    purge: delete
    whenBound: fail
    notice: 3 months
    identity: emailaddress1
    columns: {purgeReason: nord_b}
    ask: {before: 30 days, queue: Retention, required: 14 days}
    grounds:
      - {id: deal, basis: contract, why: A deal, trigger: Deal closed, table: opportunity, link: parentcontactid, where: statecode eq 1, after: actualclosedate, keep: 24 months from end of year, yearEnds: 31 May, atMost: 5 years after createdon, missingDate: createdon}
      - {id: agreed, basis: consent, why: Agreed, until: nord_agreed, keep: 13 days}
      - {id: mail, basis: consent, why: In touch, table: email, party: from, after: createdon, keep: 1 year from end of year, mayBeEmpty: true}
      - {id: listed, basis: consent, why: On the list, view: Listed}
      - {id: fetched, basis: consent, why: In the query, fetchXml: q.xml}
      - {id: recent, basis: consent, why: Recent, where: "Microsoft.Dynamics.CRM.LastXYears(PropertyName='createdon',PropertyValue=2)", rolling: true}
    related:
      - {table: email, party: any, where: prioritycode eq 2, do: keep, why: Acceptance, after: createdon, keep: 7 years, yearEnds: 30 September, then: anonymize, retain: [prioritycode]}
      - {table: task, link: regardingobjectid, do: keep, why: Tasks, until: scheduledend, keep: 2 years, then: delete}
      - {table: quote, link: customerid, do: anonymize, evenIf: justified, erase: [billto_name]}
      - {table: nord_profile, behind: nord_profileid, do: delete}
      - {set: sales}
    classes:
      - {id: staff, who: Colleagues, for: jobtitle eq 'A', judged: false, why: Others judge them}
      - id: minors
        who: The young
        for: jobtitle eq 'B'
        purge: anonymize
        notice: 4 months
        retain: [address1_country]
        coarsen: {birthdate: year}
        ask: {before: 20 days, queue: Youth}
        grounds: [{id: young, basis: consent, why: Young, where: statecode eq 0}]
        related: [{table: letter, party: any, do: delete}]
        stages:
          - {do: archive, team: Vault}
          - {after: 3 years, do: reduce, erase: [description], coarsen: {anniversary: decade}, related: [{table: annotation, link: objectid, do: delete}]}
          - {after: 6 years, do: purge}
      - {id: bound, for: jobtitle eq 'C', whenBound: anonymize}
      - {id: rest}
  lead:
    purge: anonymize
    retain: [leadsourcecode]
    coarsen: {lastusedincampaign: month}
    grounds: [{id: open, basis: contract, why: Open, where: statecode eq 0}]
    stages: [{do: reduce, erase: [description]}, {after: 4 years, do: purge}]
`

// recorded says of each key how a policy says something else by it: what is put in place of what. The record has to be another then.
var recorded = map[string][2]string{
	"a policy timeZone": {"Europe/Stockholm", "Europe/Oslo"}, "a policy notice": {"9 weeks", "8 weeks"}, "a policy yearEnds": {"31 March", "30 April"},
	"a policy manualExtension": {"11 months", "10 months"}, "a policy limits": {"purges: 501, ", ""}, "a policy approval": {"four-eyes", "list"},
	"a policy record": {"The board", "The owner"}, "a policy subjects": {"open, basis", "opened, basis"}, "a policy rows": {"id: calls", "id: call"},
	"`limits` purges": {"501", "502"}, "`limits` share": {"6%", "9%"}, "`limits` canary": {"canary: 7", "canary: 8"},

	"a rule of `rows` id": {"id: orders", "id: order"}, "a rule of `rows` table": {"table: phonecall, where", "table: letter, where"}, "a rule of `rows` where": {", where: statecode eq 1, after: actualend", ", after: actualend"},
	"a rule of `rows` after": {"after: actualend", "after: createdon"}, "a rule of `rows` until": {"until: datefulfilled", "until: submitdate"}, "a rule of `rows` keep": {"keep: 3 years, do", "keep: 2 years, do"},
	"a rule of `rows` yearEnds": {"30 June", "31 July"}, "a rule of `rows` do": {"keep: 3 years, do: delete", "keep: 3 years, do: anonymize, erase: [subject]"}, "a rule of `rows` erase": {"erase: [billto_name], why: Accounts", "erase: [name], why: Accounts"},
	"a rule of `rows` retain": {"totalamount", "quotenumber"}, "a rule of `rows` why": {"Calls with customers", "Calls"}, "a rule of `rows` evenIf": {", evenIf: justified", ""},

	"a subject purge": {"purge: anonymize\n    retain: [leadsourcecode]\n    coarsen: {lastusedincampaign: month}\n", "purge: delete\n"}, "a subject notice": {"notice: 3 months", "notice: 5 months"}, "a subject whenBound": {"whenBound: fail", "whenBound: anonymize"},
	"a subject identity": {"emailaddress1", "emailaddress2"}, "a subject retain": {"leadsourcecode", "industrycode"}, "a subject coarsen": {"month}", "year}"}, "a subject grounds": {"why: Open", "why: Opened"},
	"a subject related": {"why: Acceptance", "why: Evidence"}, "a subject classes": {"The young", "The old"}, "a subject stages": {"4 years", "5 years"}, "a subject ask": {"    ask: {before: 30 days, queue: Retention, required: 14 days}\n", ""},
	"`ask` before": {"before: 30 days", "before: 31 days"}, "`ask` queue": {"Retention", "Keeping"}, "`ask` required": {", required: 14 days", ""},

	"a class who": {"Colleagues", "People"}, "a class for": {"eq 'A'", "eq 'D'"}, "a class judged": {"judged: false, why: Others judge them", "notice: 5 months"}, "a class why": {"Others judge them", "Staff"},
	"a class purge": {"        purge: anonymize\n", "        purge: delete\n"}, "a class whenBound": {", whenBound: anonymize", ""}, "a class notice": {"notice: 4 months", "notice: 5 months"}, "a class retain": {"address1_country", "customertypecode"},
	"a class coarsen": {"{birthdate: year}", "{birthdate: month}"}, "a class grounds": {"why: Young", "why: Old"}, "a class related": {"table: letter", "table: fax"}, "a class stages": {"6 years", "7 years"}, "a class ask": {"        ask: {before: 20 days, queue: Youth}\n", ""},

	"a ground id": {"id: agreed", "id: agree"}, "a ground basis": {"id: agreed, basis: consent", "id: agreed, basis: contract"}, "a ground why": {"why: A deal", "why: Deals"}, "a ground trigger": {"Deal closed", "Deal made"},
	"a ground table": {"table: opportunity, link", "table: quote, link"}, "a ground link": {"parentcontactid", "customerid"}, "a ground party": {"party: from", "party: to"}, "a ground where": {"where: statecode eq 1, after: actualclosedate", "where: statecode eq 2, after: actualclosedate"},
	"a ground view": {"view: Listed", "view: Lists"}, "a ground after": {"after: actualclosedate", "after: estimatedclosedate"}, "a ground until": {"until: nord_agreed", "until: nord_agreement"},
	"a ground keep": {"13 days", "12 days"}, "a ground yearEnds": {"31 May", "31 August"}, "a ground atMost": {"5 years after createdon", "4 years after createdon"}, "a ground missingDate": {"missingDate: createdon", "missingDate: ignore"},
	"a ground rolling": {"where: \"Microsoft.Dynamics.CRM.LastXYears(PropertyName='createdon',PropertyValue=2)\", rolling: true", "where: statecode eq 0"},

	"a related rule set": {"set: sales", "set: events"}, "a related rule table": {"table: task", "table: letter"}, "a related rule link": {"link: regardingobjectid", "link: regardingobjectid_contact"}, "a related rule party": {"party: any, where", "party: from, where"},
	"a related rule behind": {"nord_profileid", "nord_otherid"}, "a related rule where": {"prioritycode eq 2", "prioritycode eq 1"}, "a related rule evenIf": {"do: anonymize, evenIf: justified", "do: anonymize"}, "a related rule do": {"behind: nord_profileid, do: delete", "behind: nord_profileid, do: leave, why: Shared"},
	"a related rule erase": {"erase: [billto_name]}", "erase: [name]}"}, "a related rule retain": {"retain: [prioritycode]", "retain: [actualend]"}, "a related rule why": {"why: Tasks", "why: Work"}, "a related rule after": {"after: createdon, keep: 7 years", "after: modifiedon, keep: 7 years"},
	"a related rule until": {"until: scheduledend", "until: actualend"}, "a related rule keep": {"keep: 2 years", "keep: 4 years"}, "a related rule yearEnds": {"keep: 7 years, yearEnds: 30 September", "keep: 7 years from end of year, yearEnds: 31 October"}, "a related rule then": {"then: anonymize, retain: [prioritycode]", "then: delete"},

	"a stage do": {"{do: reduce, erase: [description]}, {after: 4", "{do: archive, team: Vault}, {after: 4"}, "a stage after": {"after: 3 years", "after: 2 years"}, "a stage team": {"Vault", "Cellar"}, "a stage erase": {"erase: [description], coarsen", "erase: [jobtitle], coarsen"},
	"a stage coarsen": {"{anniversary: decade}", "{anniversary: year}"}, "a stage related": {"table: annotation", "table: fax"},
}

// unrecorded are keys of which a record of processing has nothing to say.
var unrecorded = map[string]string{
	"a policy version": "there is one", "a policy include": "its subjects are in the record", "a policy environment": "the organisation stands in the record's head, by name where it is known",
	"a policy language": "the record comes in the language that is asked for", "a policy purge": "how rows are deleted, not which", "a policy columns": "where dates stand", "a subject columns": "where dates stand",
	"`limits` rows": "a brake", "`limits` rowShare": "a brake", "`limits` asks": "a brake: others have their turn in the next run", "`limits` spread": "dates are only ever later", "`limits` operations": "a brake", "`limits` bypass": "a brake",
	"a class id": "`who` says it in words", "a ground mayBeEmpty": "a brake", "a ground fetchXml": "`why` says whom the query finds, and the policy's hash is over it",
}

// The record says something else as soon as the policy does, by whichever key: a key that is new to the language has to be added here, and
// to the record.
func TestRecordSaysEveryConstruct(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(filepath.Join(dir, "q.xml"), []byte(`<fetch><entity name="contact"><attribute name="contactid"/></entity></fetch>`), 0o600); err != nil {
		t.Fatal(err)
	}
	record := func(text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path)
		if err != nil {
			t.Errorf("%s", told(t, path, err))
			return ""
		}
		p.Hash = "sha256:…"
		var b bytes.Buffer
		if err := p.WriteRecord(&b, nil); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := record(everything)
	for kind, keys := range kindsOfKeys() {
		for _, key := range keys {
			name := kind + " " + key
			change, said := recorded[name]
			if _, left := unrecorded[name]; left == said {
				t.Errorf("nobody has said how the record says `%s` of %s", key, kind)
				continue
			}
			if !said {
				continue
			}
			text := strings.Replace(everything, change[0], change[1], 1)
			if text == everything {
				t.Errorf("%s: %q is nowhere", name, change[0])
			} else if record(text) == whole {
				t.Errorf("the record says nothing of `%s` in %s", key, kind)
			}
		}
	}
}

// untold are keys of which it is not for these sentences to speak: what happens to a person once nothing justifies them.
var untold = map[string]string{
	"a subject grounds": "explain and the console list each ground, with its rows and dates", "a class grounds": "the same",
	"a subject columns": "where dates stand", "a subject classes": "the verdict names the class",
	"a class id": "the verdict names the class", "a class who": "the same", "a class for": "the same", "a class judged": "whoever is of it is not judged", "a class why": "the same",
}

// What explain and the console say of a person says something else as soon as the policy does, by whichever key of a subject, a class, a
// stage, a word to the person or a related rule.
func TestBecomesSaysEveryConstruct(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(filepath.Join(dir, "q.xml"), []byte(`<fetch><entity name="contact"><attribute name="contactid"/></entity></fetch>`), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path)
		if err != nil {
			t.Fatalf("%s", told(t, path, err))
		}
		var b strings.Builder
		for i := range p.Subjects {
			for _, s := range p.Subjects[i].Judged() {
				for _, said := range (Speller{Language: "en"}).Becomes(s, p.Notice) {
					b.WriteString(said.Text + "\n")
				}
				b.WriteString("\n")
			}
		}
		return b.String()
	}
	whole := said(everything)
	for _, kind := range []string{"a subject", "a class", "a stage", "`ask`", "a related rule"} {
		keys := kindsOfKeys()[kind]
		if len(keys) == 0 {
			t.Fatalf("no keys of %s", kind)
		}
		for _, key := range keys {
			name := kind + " " + key
			if _, left := untold[name]; left {
				continue
			}
			change, known := recorded[name]
			if !known {
				t.Errorf("nobody has said how `%s` of %s is told", key, kind)
				continue
			}
			if said(strings.Replace(everything, change[0], change[1], 1)) == whole {
				t.Errorf("nothing is said of `%s` in %s", key, kind)
			}
		}
	}
}
