package policy

import (
	"errors"
	"strings"
	"testing"
)

// A comma within braces ends a value. What YAML makes of the rest differs; the hint does not.
func TestCommasWithinBraces(t *testing.T) {
	const head = `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: anonymize
    grounds:
`
	for _, tt := range []struct{ name, ground, want string }{
		{"a text in a function", "      - {id: raffle, basis: contract, why: Raffle, where: contains(jobtitle,'x'), after: createdon, keep: 1 year}\n",
			"8:77: not YAML: could not find flow map content\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "contains(jobtitle,'x')"`},
		{"and a blank after the comma", "      - {id: raffle, basis: contract, why: Raffle, where: contains(jobtitle, 'x') and statecode eq 0}\n",
			"8:78: not YAML: could not find flow map content\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "contains(jobtitle, 'x') and statecode eq 0"`},
		{"a list", "      - {id: raffle, basis: contract, why: Raffle, where: jobtitle in ('a','b','c'), keep: 1 year}\n",
			"8:80: not YAML: could not find flow map content\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "jobtitle in ('a','b','c')"`},
		{"a function of Dataverse's", "      - {id: raffle, basis: contract, why: Raffle, where: Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['0','1'])}\n",
			`  hint: within braces a comma ends a value: put it in quotes, where: "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['0','1'])"`},
		{"two columns", "      - {id: raffle, basis: contract, why: Raffle, where: contains(jobtitle, lastname), after: createdon}\n",
			"8:78: `where` ends at the comma, and `lastname)` is no key\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "contains(jobtitle, lastname)"`},
		{"a text with commas", "      - {id: raffle, basis: contract, why: Raffle, where: jobtitle eq 'a, b, c', after: createdon}\n",
			"8:75: `where` ends at the comma, and `b` is no key\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "jobtitle eq 'a, b, c'"`},
		{"over two lines", "      - {id: raffle, basis: contract, why: Raffle,\n         where: contains(jobtitle,'x'), after: createdon}\n",
			"9:35: not YAML: could not find flow map content\n" + `  hint: within braces a comma ends a value: put it in quotes, where: "contains(jobtitle,'x')"`},
		{"values that are joined", "      - {id: raffle, basis: contract, why: Raffle, table: lead, link: emailaddress1 = emailaddress1, emailaddress2, where: statecode eq 0}\n",
			"8:102: `link` ends at the comma, and `emailaddress2` is no key\n  hint: within braces a comma ends a value: put "},
		{"a sentence", "      - {id: raffle, basis: contract, why: Raffles, draws, where: statecode eq 0}\n",
			"8:53: `why` ends at the comma, and `draws` is no key\n  hint: within braces a comma ends a value: put "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "policy.yaml", head+tt.ground)
			_, err := Load(path)
			if err == nil {
				t.Fatal("it was read")
			}
			got := strings.ReplaceAll(err.Error(), path+":", "")
			lines := strings.Split(got, "\n")
			lines = append(lines[:1], lines[3:]...) // without the source
			if got := strings.Join(lines, "\n"); !strings.Contains(got, tt.want) || strings.Contains(got, "not a filter") || strings.Contains(got, "unknown key") {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	// In a block, and in quotes, a comma is a comma.
	for _, ground := range []string{
		"      - id: raffle\n        basis: contract\n        why: Raffle\n        where: contains(jobtitle,'x')\n",
		"      - {id: raffle, basis: contract, why: Raffle, where: \"contains(jobtitle,'x')\"}\n",
	} {
		if _, err := Load(write(t, "policy.yaml", head+ground)); err != nil {
			t.Error(err)
		}
	}
}

// A column of several words gets a hint of its own; two conditions without a word between them do not.
func TestColumnsOfSeveralWords(t *testing.T) {
	const usual = "an OData filter, such as statecode eq 0 and customertypecode eq 3"
	p := &Policy{}
	for filter, want := range map[string]string{
		"Job Title eq 'x'":                         "a column stands by its logical name, which is one word: jobtitle for Job Title",
		"statecode eq 0 and (Job Title in ('x'))":  "a column stands by its logical name, which is one word: jobtitle for Job Title",
		"statecode eq 0 jobtitle eq 'x'":           usual,
		"statecode eq 0 and not and jobtitle eq 1": usual,
		"statecode eq":                             usual,
	} {
		if got := p.NotFilter(errors.New("syntax"), filter, Place{}); got.Hint != want {
			t.Errorf("%s: %s", filter, got.Hint)
		}
	}
}
