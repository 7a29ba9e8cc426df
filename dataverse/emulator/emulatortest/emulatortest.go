// Package emulatortest lets tests run against other settings of the emulator than its defaults: the service may answer either way
// where an option is, and what is tested has to be right under each.
//
// The variable GALLRA_EMULATOR_OPTIONS holds settings as the flags of gallra emulator are named, with spaces between them, as in
//
//	GALLRA_EMULATOR_OPTIONS="null-negation=nothing dates-need-zone=on" go test ./retention/evaluate
//
// or the number of one of the [Bundles]: bundle-1 has every option at something else than its default.
//
// Only tests read it: [Options] panics in any other program.
package emulatortest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Variable is the name of the environment variable that [Options] reads.
const Variable = "GALLRA_EMULATOR_OPTIONS"

// Options are o with the settings of [Variable], for what o leaves at its default: what a test sets itself it means, and the options that
// it names as usual it is about, and stay at their default. It panics if the variable cannot be read, since a test of a setting that
// was spelt wrongly tells nothing.
func Options(o emulator.Options, usual ...string) emulator.Options {
	if !testing.Testing() {
		panic("emulatortest: this program is no test")
	}
	settings, err := settingsOf(os.Getenv(Variable))
	if err != nil {
		panic("emulatortest: " + err.Error())
	}
	kept := slices.DeleteFunc(strings.Fields(settings), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return slices.Contains(usual, name)
	})
	return With(o, strings.Join(kept, " "))
}

// settingsOf is the variable's text: a bundle by its number is the settings that [Bundles] has there, but for the type of environment: whether
// a policy may run in production is for the policy to say.
func settingsOf(text string) (string, error) {
	number, bundle := strings.CutPrefix(text, "bundle-")
	if !bundle {
		return text, nil
	}
	all := Bundles()
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(all) {
		return "", fmt.Errorf("%s: %q is none of bundle-0 to bundle-%d", Variable, text, len(all)-1)
	}
	return strings.Join(slices.DeleteFunc(strings.Fields(all[n]), func(s string) bool { return strings.HasPrefix(s, "organization-type=") }), " "), nil
}

// set sets an option by its name, unless it is set.
func set(o *emulator.Options, name, text string) error {
	was, err := o.Get(name)
	if err != nil {
		return err
	}
	if unset, _ := new(emulator.Options).Get(name); was != unset {
		return nil
	}
	return o.Set(name, text)
}
