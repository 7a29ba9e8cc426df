// Package tokens signs and reads the bearer tokens of an environment. The face asks it who a request is from; the fake Entra
// ID signs with its keys.
package tokens
