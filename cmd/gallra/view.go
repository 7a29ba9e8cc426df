package main

import (
	"fmt"
	"io"
)

// What people read follows these rules: results go to standard output, progress, warnings and errors to standard error;
// sentences begin small and end without a full stop where they are labels; colour only on a terminal and never alone to
// tell something; no name, address or number of a person; nothing that came from elsewhere steers the terminal.

// lines writes text and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, neutralised(args)...)
	}
}

// neutralised takes control characters out of whatever is a text and not styled by us.
func neutralised(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case styled:
			out[i] = string(v)
		case string:
			out[i] = neutral(v)
		case error:
			out[i] = neutral(v.Error())
		case fmt.Stringer:
			out[i] = neutral(v.String())
		default:
			out[i] = a
		}
	}
	return out
}
