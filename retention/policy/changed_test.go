package policy

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words"
)

// Which of the two a ground means: that it holds until a column changes, or since one has. What could mean both is refused.
func TestChangedColumns(t *testing.T) {
	const head = header + "  contact:\n    purge: anonymize\n    grounds:\n      - "
	read := func(ground string) (*Ground, error) {
		p, err := loadText(t, head+"{id: g, basis: contract, why: w, "+ground+"}\n")
		if err != nil {
			return nil, err
		}
		return &p.Subjects[0].Grounds[0], nil
	}
	for _, tt := range []struct {
		ground, column string
		until          bool
	}{
		{"table: account, link: primarycontactid, after: changed(primarycontactid), keep: 6 months", "primarycontactid", true},
		{"table: account, link: primarycontactid, where: statecode eq 0, after: changed(statecode), keep: 6 months", "statecode", true},
		{"table: account, link: primarycontactid, where: statecode eq 0, after: changed(statuscode), keep: 6 months", "statuscode", true},
		{"table: account, link: primarycontactid, where: statecode eq 1, after: changed(statecode), keep: 6 months", "statecode", false},
		{"table: account, link: primarycontactid, where: statecode ne 0 and name ne null, after: changed(statecode), keep: 6 months", "statecode", false},
		{"table: account, link: primarycontactid, after: changed( ownerid ), keep: 6 months", "ownerid", false},
		{"table: account, link: primarycontactid, where: customertypecode eq 3, until: changed(customertypecode), keep: 6 months", "customertypecode", true},
		{"where: statecode eq 0, until: changed(jobtitle)", "jobtitle", true},
		{"table: opportunity, link: parentcontactid, where: statecode eq 0, after: last changed(statecode), keep: 1 year, missingDate: ignore", "statecode", false},
		{"table: email, party: any, after: changed(statecode), keep: 1 year", "statecode", false},
		{"table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, where: msdynmkt_value eq 534120001, after: last changed(msdynmkt_value), keep: 2 years", "msdynmkt_value", false},
		{"where: statecode eq 0, after: changed(jobtitle), keep: 1 year", "jobtitle", false},
	} {
		g, err := read(tt.ground)
		if err != nil || g.Changed() != tt.column || g.UntilChanged() != tt.until || g.SinceChanged() == tt.until || g.WhenLost() != tt.until {
			t.Errorf("%s: %v, %+v", tt.ground, err, g)
		}
	}
	for _, tt := range []struct{ ground, want, hint string }{
		{"table: account, link: primarycontactid, after: changed(), keep: 1 year", "`changed()` is not the change of a column", "such as after: changed(primarycontactid)"},
		{"table: account, link: primarycontactid, after: changed(parentaccountid/name), keep: 1 year", "is not the change of a column", "one column of the ground's own rows"},
		{"table: email, party: any, where: statecode eq 0, after: changed(statecode), keep: 1 year", "takes rows away that lead to the person by lookups", "after: last changed(statecode)"},
		{"table: account, link: primarycontactid, until: last changed(ownerid)", "`until` ends with the change of a column", "until: changed(ownerid)"},
		{"table: account, link: primarycontactid, where: customertypecode eq 3, after: changed(customertypecode), keep: 1 year", "`where` asks of `customertypecode` itself", "until: changed(customertypecode)"},
		{"table: account, link: primarycontactid, after: changed(primarycontactid)", "`after` needs `keep`", ""},
		{"table: account, link: primarycontactid, after: changed(primarycontactid), keep: 1 year, missingDate: ignore", "has no date that could be missing", "the first run"},
		{"table: account, link: primarycontactid, after: changed(ownerid), keep: 1 year, atMost: 2 years", "`atMost` bounds a date of the row", ""},
		{"view: V, after: changed(ownerid), keep: 1 year", "`after` has no meaning beside `view`", ""},
		{"until: changed(jobtitle)", "holds for everybody, without an end", "say by `where`"},
	} {
		if _, err := read(tt.ground); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.hint) {
			t.Errorf("%s: %v, want %s", tt.ground, err, tt.want)
		}
	}
	for where, want := range map[string]string{"statecode eq 0": "", "statecode eq 0 and name eq 'A'": "(name eq 'A')", "name eq 'A' and (statecode eq 0 or statuscode eq 2)": "(name eq 'A')"} {
		if got := WithoutColumn(where, "statecode"); got != want {
			t.Errorf("%s: %s", where, got)
		}
	}
	for ground, want := range map[string]string{
		"table: account, link: primarycontactid, after: changed(primarycontactid), keep: 6 months":               "for as long as there is such a row, and 6 months from the day on which `primarycontactid` changed, where the audit history has it, or else on which a run found it",
		"table: account, link: primarycontactid, where: statecode eq 1, after: changed(statecode), keep: 1 year": "1 year after the day on which `statecode` changed last, where the audit history has it, or else on which a run found it; where neither knows it, for as long as there is such a row",
	} {
		g, err := read(ground)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.period(&Prose{say: words.In("record", "en")}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
