package policy

import (
	"testing"

	"github.com/gallra/gallra/internal/words"
)

// TestReasonsOfSetsInEveryLanguage holds that each reason of a set has words, in every language that gallra speaks to people, and
// that no words are left over.
func TestReasonsOfSetsInEveryLanguage(t *testing.T) {
	asked := map[string]bool{}
	for _, set := range Sets() {
		for _, r := range set.Rules {
			if r.Why == "" {
				continue
			}
			asked[r.Why] = true
			for _, lang := range words.Languages("report") {
				said := Reason(lang, r.Why)
				if same := said == r.Why; same != (lang == "en") {
					t.Errorf("set %s, %s: in %s the reason is %q", set.Name, r.Table, lang, said)
				}
			}
		}
	}
	english := words.In(reasons, "en")
	for _, key := range english.Keys() {
		if !asked[english.T(key)] {
			t.Errorf("no set asks for %s", key)
		}
	}
	if got := Reason("sv", "We promised it"); got != "We promised it" {
		t.Errorf("a company's own reason reads %q", got)
	}
}
