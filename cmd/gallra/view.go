package main

import (
	"fmt"
	"io"
)

// What people read follows these rules: results go to standard output, progress, warnings and errors to standard error;
// sentences begin small and end without a full stop where they are labels; colour only on a terminal and never alone to
// tell something; no name, address or number of a person.

// lines writes text and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, args...)
	}
}
