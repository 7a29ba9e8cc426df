package emulatortest

import "runtime/debug"

// Roomy is for TestMain of packages whose tests make many worlds: they make garbage for minutes, which is collected less often, and the
// process stays well below a gigabyte all the same.
func Roomy() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(800 << 20)
}
