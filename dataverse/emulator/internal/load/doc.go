// Package load puts rows into an environment as if they had always been there: ids, dates and states as given, checked as
// far as a row must be sound.
package load
