package evaluate_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
)

const twoTables = `  contact:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: deal, basis: contract, why: Has a deal, table: opportunity, link: parentcontactid, where: statecode eq 0}
  lead:
    purge: anonymize
    identity: emailaddress2
    grounds:
      - {id: fresh, basis: contract, why: Is new, where: statecode eq 0 and statuscode eq 1}
`

func TestOneHumanBeingWithSeveralRows(t *testing.T) {
	t.Parallel()
	deal := record("opportunity", "a", "parentcontactid", ref("contact", "Anna"))
	closed := []any{"statecode", 2}
	lead := func(name string, values ...any) emulator.Record {
		return record("lead", name, append(append([]any{}, closed...), values...)...)
	}
	tests := []struct {
		name string
		rows []emulator.Record
		says map[string]string
	}{
		{"a deal of the contact keeps the lead with the same address, spelled otherwise",
			[]emulator.Record{deal, person("Anna", "emailaddress1", "anna@nord.example"), lead("Lead", "emailaddress2", " ANNA@nord.example ")},
			map[string]string{"Anna": keptOpen, "Lead": keptOpen}},
		{"another of the lead's addresses is not the one that identifies",
			[]emulator.Record{deal, person("Anna", "emailaddress1", "anna@nord.example"), lead("Lead", "emailaddress1", "anna@nord.example")},
			map[string]string{"Anna": keptOpen, "Lead": announced}},
		{"a new lead keeps the contact",
			[]emulator.Record{person("Anna", "emailaddress1", "anna@nord.example"), record("lead", "Lead", "emailaddress2", "anna@nord.example")},
			map[string]string{"Anna": keptOpen, "Lead": keptOpen}},
		{"who has no address shares it with nobody",
			[]emulator.Record{deal, person("Anna"), person("Bo"), person("Blank", "emailaddress1", " "), lead("Lead")},
			map[string]string{"Anna": keptOpen, "Bo": announced, "Blank": announced, "Lead": announced}},
		{"an accent makes another address",
			[]emulator.Record{deal, person("Anna", "emailaddress1", "anna@nord.example"), person("Other", "emailaddress1", "\u00e4nna@nord.example")},
			map[string]string{"Anna": keptOpen, "Other": announced}},
		{"rows that were merged are judged with the row that they were merged into, over several steps",
			[]emulator.Record{deal, person("Anna", "masterid", ref("contact", "Master")), person("Master"), person("Older", "masterid", ref("contact", "Anna")), person("Other")},
			map[string]string{"Anna": keptOpen, "Master": keptOpen, "Older": keptOpen, "Other": announced}},
		{"merges and addresses lead on from one to the other",
			[]emulator.Record{deal, person("Anna", "emailaddress1", "anna@nord.example"), person("Merged", "emailaddress1", "anna@nord.example", "masterid", ref("contact", "Master")),
				person("Master", "emailaddress1", "ek@home.example"), lead("Lead", "emailaddress2", "ek@home.example")},
			map[string]string{"Anna": keptOpen, "Merged": keptOpen, "Master": keptOpen, "Lead": keptOpen}},
		{"an extension by hand of one row counts for the other",
			[]emulator.Record{person("Anna", "emailaddress1", "anna@nord.example", "gallra_retainuntil", "2027-06-01", "gallra_retainreason", "!"), lead("Lead", "emailaddress2", "anna@nord.example")},
			map[string]string{"Anna": "until 2027-06-01: keep", "Lead": "until 2027-06-01: keep"}},
		{"what is anonymised already joins nobody",
			[]emulator.Record{deal, person("Anna", "masterid", ref("contact", "Gone")), person("Gone", "lastname", "(purged)", "gallra_anonymizedon", "2026-01-01"), person("Other", "masterid", ref("contact", "Gone"))},
			map[string]string{"Anna": keptOpen, "Other": announced, "Gone": "not judged"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := planFor(t, judgementDay, "Europe/Stockholm", twoTables, nil, tt.rows...)
			for name, want := range tt.says {
				if got := said(t, p, name); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
		})
	}
}

// A legal hold on one row of a human being stops the purge of the others for as long as it stands, run after run.
func TestHoldOnOneRowHoldsTheOthers(t *testing.T) {
	due := retention.Trace{PurgeOn: dateAt(judgementDay), NoticedOn: dateAt(judgementDay.AddDate(0, -2, 0))}
	dueColumns := []any{"gallra_purgescheduledon", "2026-11-24", "gallra_purgenoticedon", "2026-09-24", "emailaddress1", "anna@nord.example"}
	plan := func(trace retention.Trace, hold bool) plan.Planned {
		t.Helper()
		p := planFor(t, judgementDay, "Europe/Stockholm", twoTables, func(string, uuid.UUID) retention.Trace { return trace },
			person("Due", dueColumns...), record("lead", "Other", "statecode", 2, "emailaddress2", "anna@nord.example", "gallra_legalhold", hold))
		return p.Decisions[0]
	}
	if d := plan(due, false); d.Action != retention.Purge {
		t.Fatalf("without a hold: %s", d.Action)
	}
	d := plan(due, true)
	if d.Action != retention.Hold || d.Changes(d.Person.Columns) || !d.Unproven(due) {
		t.Errorf("with a hold: %s until %s, changes %t", d.Action, d.PurgeOn, d.Changes(d.Person.Columns))
	}
	held := d.Proves(due)
	if again := plan(held, true); again.Action != retention.Hold || again.Changes(again.Person.Columns) || again.Unproven(held) {
		t.Errorf("the next run has something to do again: %s %s, noticed %s", again.Action, again.PurgeOn, again.NoticedOn)
	}
	if released := plan(held, false); released.Action != retention.Move || released.PurgeOn.String() != "2027-01-24" {
		t.Errorf("after the release: %s %s, and the notice should begin anew", released.Action, released.PurgeOn)
	}
}
