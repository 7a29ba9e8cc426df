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

// TestBundlesMeetEverySettingAndEveryTwo: no option is in no bundle, at its default or otherwise, and whatever shows with two settings
// only shows in some bundle.
func TestBundlesMeetEverySettingAndEveryTwo(t *testing.T) {
	var bundles [][]string
	for _, b := range Bundles() {
		bundles = append(bundles, strings.Fields(b))
	}
	if len(bundles) > 24 {
		t.Errorf("%d bundles: their suites take too long", len(bundles))
	}
	if len(bundles[0]) != 0 {
		t.Errorf("the first is not the defaults: %v", bundles[0])
	}
	value := func(bundle []string, name string) string {
		for _, s := range bundle {
			if strings.HasPrefix(s, name+"=") {
				return s
			}
		}
		return name + " at its default"
	}
	values := map[string][]string{}
	for _, s := range emulator.Settings() {
		if slices.Contains(alike, s.Name) {
			continue
		}
		values[s.Name] = []string{s.Name + " at its default"}
		for _, o := range Others {
			if strings.HasPrefix(o, s.Name+"=") {
				values[s.Name] = append(values[s.Name], o)
			}
		}
		if strings.HasSuffix(value(bundles[1], s.Name), " at its default") {
			t.Errorf("%s in the strangest bundle", value(bundles[1], s.Name))
		}
	}
	for a, of := range values {
		for b, with := range values {
			for _, x := range of {
				for _, y := range with {
					if a < b && !slices.ContainsFunc(bundles, func(bundle []string) bool { return value(bundle, a) == x && value(bundle, b) == y }) {
						t.Errorf("%s and %s stand together nowhere", x, y)
					}
				}
			}
		}
	}
	if !slices.Equal(Bundles(), Bundles()) {
		t.Error("they are others each time")
	}
}

// TestDrawn: every setting is drawn by some seed, left out by some, and always by the same.
func TestDrawn(t *testing.T) {
	drawn := map[string]int{}
	for seed := range uint64(64) {
		settings := Drawn(seed, "time-zone")
		if Drawn(seed, "time-zone") != settings {
			t.Errorf("seed %d has two lists", seed)
		}
		for s := range strings.FieldsSeq(settings) {
			drawn[s]++
		}
		With(emulator.Options{}, settings) // panics if it cannot be read
	}
	for _, s := range Others {
		if none := strings.HasPrefix(s, "time-zone="); none != (drawn[s] == 0) || drawn[s] == 64 {
			t.Errorf("%s is drawn %d times", s, drawn[s])
		}
	}
}

func TestBundlesByTheirNumber(t *testing.T) {
	t.Setenv(Variable, "bundle-1")
	o := Options(emulator.Options{Token: "t"}, "null-negation")
	if o.NullNegation != emulator.NullMatchesNegation || !o.DatesNeedZone || o.OrganizationType != "" || o.Token != "t" {
		t.Errorf("%+v", o)
	}
	for _, text := range []string{"bundle-", "bundle-900", "bundle--1", "bundle-x"} {
		if _, err := settingsOf(text); err == nil {
			t.Errorf("%s is taken", text)
		}
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
