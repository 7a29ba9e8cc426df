// Package gallra holds the model policy, so that the demo and the tests read the same file as people do. The command is
// in cmd/gallra, the rules in retention, the client in dataverse, the fake Dataverse in dataverse/emulator.
package gallra

import (
	_ "embed"
	"strings"
)

// ModelPolicyFile is testdata/policy/sales.yaml, with the limits of an ordinary night.
//
//go:embed testdata/policy/sales.yaml
var ModelPolicyFile string

// ModelPolicy is the same with limits for a first wave: the demo and the tests purge what has gathered in years.
var ModelPolicy = strings.Replace(ModelPolicyFile, "limits: {purges: 500, share: 5%, canary: 5}", "limits: {purges: 25000, share: 100%, canary: 5}", 1)
