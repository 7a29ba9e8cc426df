// Package seeds has the property tests of a package that imports it draw the same values in every run: a change is judged by what it
// changes, and not by luck. Others are drawn by -rapid.seed=N, or by GALLRA_RAPID_SEED=N over many packages; 0 stands for a new seed each time.
// A test that fails prints its seed.
package seeds

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // which defines the flag
)

// Variable is the name of the environment variable that names another seed.
const Variable = "GALLRA_RAPID_SEED"

func init() {
	seed := os.Getenv(Variable)
	if seed == "" {
		seed = "1970"
	}
	if err := flag.Set("rapid.seed", seed); err != nil {
		panic(Variable + ": " + err.Error())
	}
}
