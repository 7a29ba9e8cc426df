package compile

import (
	"strings"
	"testing"
)

// TestCheckWarnsOfRulesThatDeleteObjections: whoever deletes a consent by its address has to say what becomes of an objection.
func TestCheckWarnsOfRulesThatDeleteObjections(t *testing.T) {
	t.Parallel()
	const table = "msdynmkt_contactpointconsent4"
	const link = "link: 'msdynmkt_contactpointvalue = emailaddress1, emailaddress2'"
	rule := func(rest string) string { return "- {table: " + table + ", " + link + ", " + rest + "}\n" }
	const optedOut = "where: msdynmkt_value eq 534120002, "
	for _, tt := range []struct {
		name, rules string
		warned      bool
	}{
		{"all go", rule("do: delete"), true},
		{"opted in go", rule("where: msdynmkt_value eq 534120001, do: delete"), false},
		{"all but opted out go", rule("where: msdynmkt_value ne 534120002 and msdynmkt_value ne null, do: delete"), false},
		{"all but opted out go, the other way", rule("where: not (msdynmkt_value eq 534120002 or msdynmkt_value eq null), do: delete"), false},
		{"opted in and not set go", rule("where: \"msdynmkt_value in (534120000, 534120001)\", do: delete"), false},
		{"opted in and opted out go", rule("where: \"msdynmkt_value in (534120001, 534120002)\", do: delete"), true},
		{"inactive ones go", rule("where: statecode eq 1, do: delete"), true},
		{"inactive ones that are opted in go", rule("where: statecode eq 1 and msdynmkt_value eq 534120001, do: delete"), false},
		{"inactive ones and opted out go", rule("where: statecode eq 1 or msdynmkt_value eq 534120002, do: delete"), true},
		{"opted out are kept before", rule(optedOut+"do: keep, why: w") + rule("do: delete"), false},
		{"all are left before", "- {table: " + table + ", do: leave, why: w}\n" + rule("do: delete"), false},
		{"opted out are kept after", rule("do: delete") + rule(optedOut+"do: keep, why: w"), true},
		{"some opted out are kept", rule("where: statecode eq 0 and msdynmkt_value eq 534120002, do: keep, why: w") + rule("do: delete"), true},
		{"more than opted out are kept", rule("where: statecode eq 0 or msdynmkt_value eq 534120002, do: keep, why: w") + rule("do: delete"), false},
		{"opted out by another address are kept", strings.Replace(rule(optedOut+"do: keep, why: w"), ", emailaddress2", "", 1) + rule("do: delete"), true},
		{"opted out by more addresses are kept", strings.Replace(rule(optedOut+"do: keep, why: w"), "emailaddress2", "emailaddress2, emailaddress3", 1) + rule("do: delete"), false},
		{"the address is taken out", rule("do: anonymize, erase: [msdynmkt_contactpointvalue]"), true},
		{"something else is taken out", rule("do: anonymize, erase: [msdynmkt_reason]"), false},
		{"they are kept", rule("do: keep, why: w"), false},
		{"the set", "- {set: marketing}\n", false},
		{"an old table", "- {table: msdynmkt_contactpointconsent, link: 'msdynmkt_contactpoint = emailaddress1', do: delete}\n", true},
		{"a table without objections", "- {table: campaignresponse, link: 'emailaddress = emailaddress1', do: delete}\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, path, err := check(t, newEnvironment(t), "policy.yaml", onContact("delete", anyGround, tt.rules))
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, w := range c.Warnings {
				if strings.Contains(w.Message, "objections") {
					found = append(found, strings.ReplaceAll(w.String(), path, "policy.yaml"))
				}
			}
			if (len(found) == 1) != tt.warned || len(found) > 1 {
				t.Errorf("warned: %q", found)
			}
			if tt.name == "all go" && len(found) == 1 {
				const want = "this rule deletes objections, rows of `" + table + "` that say Opted Out (msdynmkt_value eq 534120002): without them the address is written to again"
				const hint = "put before it: {table: " + table + ", " + link + ", where: msdynmkt_value eq 534120002, do: keep, why: An objection}"
				if !strings.Contains(found[0], want) || !strings.Contains(found[0], hint) {
					t.Error(found[0])
				}
			}
		})
	}
}
