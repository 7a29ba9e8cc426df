package compile

import (
	"strings"
	"testing"
)

// Promise of docs/security.md: what gallra writes stands in its own columns, or in empty ones of the company's.
func TestMappedColumnsAreTheCompanysOwn(t *testing.T) {
	for _, tt := range []struct{ columns, grounds, want string }{
		{"{purgeReason: description}", anyGround, "`description` of `contact` is a column of the platform, and cannot be purgeReason"},
		{"{purgeScheduledOn: birthdate}", anyGround, "`birthdate` of `contact` is a column of the platform, and cannot be purgeScheduledOn"},
		{"{legalHold: donotemail}", anyGround, "`donotemail` of `contact` is a column of the platform, and cannot be legalHold"},
		{"{anonymizedOn: anniversary}", anyGround, "`anniversary` of `contact` is a column of the platform, and cannot be anonymizedOn"},
		{"{purgeReason: adx_publicprofilecopy}", anyGround, "`adx_publicprofilecopy` of `contact` is a column of the platform, and cannot be purgeReason"},
		{"{purgeScheduledOn: nord_followupon}", "- {id: g, basis: contract, why: w, until: nord_followupon}",
			"`nord_followupon` of `contact` is read by the rules of the policy, and purgeScheduledOn would be written over it"},
		{"{purgeReason: nord_name}", anyGround, "`nord_name` of `contact` says who the person is, and purgeReason would be written over it"},
		{"{purgeScheduledOn: nord_followupon}", anyGround, ""},
		{"{retainUntil: nord_followupon}", "- {id: g, basis: contract, why: w, until: nord_followupon}", ""}, // only read
	} {
		e := newEnvironment(t)
		contact := e.tables["contact"]
		name := *contact.Attributes["gallra_purgereason"]
		name.LogicalName = "nord_name"
		contact.Attributes["nord_name"] = &name
		if strings.Contains(tt.columns, "nord_name") {
			contact.PrimaryName = "nord_name"
		}
		contact.Attributes["adx_publicprofilecopy"].Custom = true // as the service tells of what a solution brings
		pol := strings.Replace(onContact("anonymize", tt.grounds, ""), "purge: anonymize", "purge: anonymize\n    columns: "+tt.columns, 1)
		_, _, err := check(t, e, "policy.yaml", pol)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.columns, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", tt.columns, err, tt.want)
		}
	}
}
