// Package emulatortest lets tests run against other settings of the emulator than its defaults: the service may answer either way
// where an option is, and what is tested has to be right under each.
//
// The variable GALLRA_EMULATOR_OPTIONS holds settings as the flags of gallra emulator are named, with spaces between them, as in
//
//	GALLRA_EMULATOR_OPTIONS="null-negation=nothing dates-need-zone=on" go test ./retention/evaluate
//
// Only tests read it: [Options] panics in any other program.
package emulatortest

import (
	"os"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Variable is the name of the environment variable that [Options] reads.
const Variable = "GALLRA_EMULATOR_OPTIONS"

// Options are o with the settings of [Variable], for what o leaves at its default: what a test sets itself it means. It panics if
// the variable cannot be read, since a test of a setting that was spelt wrongly tells nothing.
func Options(o emulator.Options) emulator.Options {
	if !testing.Testing() {
		panic("emulatortest: this program is no test")
	}
	return With(o, os.Getenv(Variable))
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
