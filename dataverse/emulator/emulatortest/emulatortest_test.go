package emulatortest

import (
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestEveryOptionIsTriedOrAlike: who adds an option says what else it can be set to, or that answers stay the same.
func TestEveryOptionIsTriedOrAlike(t *testing.T) {
	for _, s := range emulator.Settings() {
		tried := slices.ContainsFunc(Others, func(o string) bool { return strings.HasPrefix(o, s.Name+"=") })
		if tried == slices.Contains(alike, s.Name) {
			t.Errorf("%s stands in both lists or in none", s.Name)
		}
		for _, value := range s.Values[min(1, len(s.Values)):] {
			if !slices.Contains(Others, s.Name+"="+value) {
				t.Errorf("%s=%s is not tried", s.Name, value)
			}
		}
	}
	for _, setting := range Others {
		name, text, _ := strings.Cut(setting, "=")
		var o, unset emulator.Options
		if err := o.Set(name, text); err != nil {
			t.Error(err)
			continue
		}
		got, _ := o.Get(name)
		if was, _ := unset.Get(name); got == was {
			t.Errorf("%s is the default", setting)
		}
	}
	if n := strings.Count(strings.Join(Together(), " "), "="); n != len(Others) {
		t.Errorf("%d of %d settings are tried together", n, len(Others))
	}
}

func TestOptions(t *testing.T) {
	t.Setenv(Variable, "null-negation=nothing  job-step=3s")
	o := Options(emulator.Options{JobStep: -1})
	if o.NullNegation != emulator.NullMatchesNothing {
		t.Error("a setting of the variable is not taken")
	}
	if o.JobStep != -1 {
		t.Error("what a test sets is overwritten")
	}
	t.Setenv(Variable, "null-negations=nothing")
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, "null-negation") {
			t.Errorf("a misspelt setting: %q", said)
		}
	}()
	Options(emulator.Options{})
}
