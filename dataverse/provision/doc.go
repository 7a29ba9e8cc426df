// Package provision makes an environment ready for a tool: publisher, solution, columns, views and role, from one
// description ([Provisioning]; [Gallra] is gallra's own). [Run] creates what is missing, [Remove] takes back what it
// created, [ExportSolution] writes the same as a solution file.
//
// # Promises
//
// What others made is left alone, or refused where it has a name that gallra needs. Each step may be repeated: a run that was cut off at
// any moment goes on from there, and a second run changes nothing (TestProvisioningKilledAtEveryRequest).
package provision
