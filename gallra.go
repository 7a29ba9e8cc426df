// Package gallra holds the model policy, so that the demo and the tests read the same file as people do. The command is
// in cmd/gallra, the rules in retention, the client in dataverse, the fake Dataverse in dataverse/emulator.
package gallra

import _ "embed"

// ModelPolicy is testdata/policy/sales.yaml.
//
//go:embed testdata/policy/sales.yaml
var ModelPolicy string
