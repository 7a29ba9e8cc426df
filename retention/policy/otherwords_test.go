package policy

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// kindsOfKeys are the keys of each kind of thing in a policy.
func kindsOfKeys() map[string][]string {
	out := map[string][]string{}
	for _, v := range []interface{ kind() string }{filePolicy{}, fileSubject{}, fileClass{}, fileGround{}, fileStage{}, fileAsk{}, fileRelated{}, fileRow{}, fileLimits{}} {
		_, keys := structKeys(reflect.TypeOf(v))
		out[v.kind()] = keys
	}
	return out
}

// Every hint names a key that is there, and no word is a key itself wherever it would be told.
func TestOtherWordsLeadToKeys(t *testing.T) {
	kinds := kindsOfKeys()
	for word, all := range otherWords {
		for _, o := range all {
			found := false
			for _, keys := range kinds {
				found = found || slices.Contains(keys, o.key) && !slices.Contains(keys, word)
			}
			if !found {
				t.Errorf("%s stands nowhere for `%s`", word, o.key)
			}
			if !strings.Contains(o.form, o.key+": ") {
				t.Errorf("the hint for %s does not show `%s`", word, o.key)
			}
		}
	}
}

// What people write who know no page of the language is told with the form that it has.
func TestSketchesAreTold(t *testing.T) {
	ground := func(rest string) string {
		return "  contact:\n    purge: anonymize\n    grounds: [{id: g, basis: contract, why: W, table: salesorder, link: customerid, after: datefulfilled, " + rest + "}]\n"
	}
	subject := func(rest string) string {
		return "  contact:\n    purge: anonymize\n    grounds: [{id: g, basis: contract, why: W, where: statecode eq 1}]\n    " + rest + "\n"
	}
	for _, tt := range []struct{ name, text, want, hint string }{
		{"from", ground("keep: 7 years, from: end of year"), "unknown key `from` in a ground", "keep: 7 years from end of year"},
		{"period", ground("period: 7 years"), "unknown key `period` in a ground", "`keep`, such as keep: 2 years"},
		{"cap", ground("keep: 7 years, max: 10 years"), "unknown key `max` in a ground", "atMost: 5 years after createdon"},
		{"fallback", ground("keep: 7 years, fallback: createdon"), "unknown key `fallback` in a ground", "missingDate: createdon"},
		{"a stage's period", subject("stages: [{do: archive, team: A}, {keep: 6 years, do: purge}]"), "unknown key `keep` in a stage", "after: 3 years"},
		{"a stage's owner", subject("stages: [{do: archive, owner: A}, {after: 6 years, do: purge}]"), "unknown key `owner` in a stage", "team: Archive"},
		{"a class's filter", subject("classes: [{id: a, where: jobtitle eq 'A'}, {id: b}]"), "unknown key `where` in a class", "for: jobtitle eq 'Applicant'"},
		{"must be asked", subject("ask: {before: 30 days, queue: R, required: true}"), "`required` cannot be true or false", "required: 14 days"},
		{"asked by a team", subject("ask: {before: 30 days, team: R}"), "unknown key `team` in", "queue: Retention"},
		{"steps", subject("steps: []"), "unknown key `steps` in a subject", "stages: [{do: archive, team: Archive}"},
		{"segments", subject("segments: []"), "unknown key `segments` in a subject", "classes: [{id: applicant"},
	} {
		path := write(t, "policy.yaml", header+tt.text)
		_, err := Load(path)
		if text := told(t, path, err); !strings.Contains(text, tt.want) || !strings.Contains(text, "hint: ") || !strings.Contains(text, tt.hint) {
			t.Errorf("%s: %s", tt.name, text)
		}
	}
}

// A subject may leave its grounds to its classes in words.
func TestSubjectWithoutGroundsOfItsOwn(t *testing.T) {
	text := "  contact:\n    purge: anonymize\n    grounds: []\n    classes:\n      - {id: a, for: jobtitle eq 'A', grounds: []}\n" +
		"      - {id: b, grounds: [{id: g, basis: contract, why: W, where: statecode eq 1}]}\n"
	if _, err := Load(write(t, "policy.yaml", header+text)); err != nil {
		t.Error(err)
	}
	path := write(t, "policy.yaml", header+strings.Replace(text, ", grounds: []}", "}", 1))
	if _, err := Load(path); err == nil || !strings.Contains(told(t, path, err), "the class `a` has no grounds, and neither has the subject") {
		t.Errorf("a class that takes no grounds from a subject without any: %v", err)
	}
}
