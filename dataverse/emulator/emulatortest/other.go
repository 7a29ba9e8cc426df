package emulatortest

import (
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Others are settings with which the emulator answers otherwise than by default, in the form of [Variable]: each option that
// changes answers has one or more. Options that are not here change nothing that a client could take for the service's answer, as
// tokens, or are matters of load, which tests of their own cover.
var Others = []string{
	"organization=Nordwind",
	"unique-name=nordwind",
	"organization-id=6f1d2c3b-0000-4000-8000-00000000abcd",
	"audit-delay=30s",
	"audit-changes-only=on",
	"metadata-lag=10s",
	"organization-type=Customer",
	"read-only-quotes=all",
	"read-only-quotes=none",
	"closed-activities=all",
	"closed-activities=none",
	"languages=1031,1053",
	"time-zone=Pacific/Auckland",
	"null-negation=not-equal",
	"null-negation=nothing",
	"top-before-page-size=on",
	"max-expand=10",
	"max-batch-url=32768",
	"link-all-by-name=on",
	"match-first-outer=on",
	"apply-all-properties=on",
	"reference-empties-bin=on",
	"job-step=-1s",
	"retained-queries=30",
	"no-address-rows=on",
	"definitions-need-rights=on",
	"owners-need-roles=on",
	"duplicate-status=500",
	"newer-segment-code=on",
	"names-need-publisher=on",
	"dates-need-zone=on",
	"batch-lf=on",
	"batch-ends-in-crlf=on",
}

// alike are the options that are not in [Others].
var alike = []string{"token", "customization-lock", "authority", "latency",
	"limits", "limits-requests", "limits-window", "limits-execution-time", "limits-concurrency", "limits-nodes", "limits-row-time",
	"webhook-remote", "webhook-timeout"}

// Together are the settings of [Others] in as few lists as there are settings of one option, so that every one of them is tried
// without a world for each.
func Together() []string {
	var lists [][]string
	for _, setting := range Others {
		name, _, _ := strings.Cut(setting, "=")
		at := slices.IndexFunc(lists, func(l []string) bool {
			return !slices.ContainsFunc(l, func(s string) bool { return strings.HasPrefix(s, name+"=") })
		})
		if at < 0 {
			at, lists = len(lists), append(lists, nil)
		}
		lists[at] = append(lists[at], setting)
	}
	all := make([]string, len(lists))
	for i, l := range lists {
		all[i] = strings.Join(l, " ")
	}
	return all
}

// With are o with settings in the form of [Variable]. It panics as [Options] does.
func With(o emulator.Options, settings string) emulator.Options {
	for setting := range strings.FieldsSeq(settings) {
		name, text, _ := strings.Cut(setting, "=")
		if err := set(&o, name, text); err != nil {
			panic("settings of the emulator: " + err.Error())
		}
	}
	return o
}
