package policy

import (
	"strings"
	"testing"
)

// TestPeriodsStayInTheCalendar: a sum beyond the year 9999 is refused where its period is typed.
func TestPeriodsStayInTheCalendar(t *testing.T) {
	text := func(notice, keep, extension string) string {
		return "version: 1\nenvironment: {organization: " + modelOrganization + "}\ntimeZone: Europe/Stockholm\nnotice: " + notice + "\nmanualExtension: " + extension +
			"\nsubjects:\n  contact:\n    purge: delete\n    grounds:\n      - {id: g, basis: contract, why: w, after: createdon, keep: " + keep + "}\n"
	}
	tests := []struct{ name, policy, at string }{
		{"notice", text("9000 years", "1 year", "12 months"), "policy.yaml:4:9: `notice`"},
		{"extension", text("2 months", "1 year", "8000 years"), "policy.yaml:5:18: `manualExtension`"},
		{"keep", text("2 months", "9000 years", "12 months"), "policy.yaml:10:66: `keep`"},
		{"keep, of several parts", text("2 months", "900 years 9999 months", "12 months"), "policy.yaml:10:66: `keep`"},
		{"as long as may be", text("1000 years", "1000 years", "1000 years"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "policy.yaml", tt.policy)
			_, err := Load(path)
			switch {
			case tt.at == "" && err != nil:
				t.Error(err)
			case tt.at != "" && !strings.HasPrefix(told(t, path, err), tt.at):
				t.Errorf("it is told of %s, want %s", told(t, path, err), tt.at)
			}
		})
	}
}
