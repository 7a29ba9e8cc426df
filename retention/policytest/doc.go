// Package policytest runs a company's own tests of its policy: every case is a small CRM on the embedded emulator, which
// is checked, evaluated and planned over the Web API exactly as the living one is. Nothing leaves the process.
package policytest
