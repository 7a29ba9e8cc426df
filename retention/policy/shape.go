package policy

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// What a file may look like. The YAML parser takes time that grows with the square of these.
const (
	maxKeys  = 5_000 // of one mapping
	maxNests = 50    // mappings and lists in each other
)

// shape goes through a file's tokens before they are parsed, and tells where it is deeper, or a mapping longer, than any
// policy is.
func shape(file string, tokens token.Tokens) (at Pos, message string) {
	type level struct {
		column int // of a block mapping's keys or a block list's hyphens; zero in brackets
		keys   int
	}
	var open []level
	brackets := 0
	leave := func(column int) { // what is indented further has ended
		for n := len(open); n > 0 && open[n-1].column > column; n-- {
			open = open[:n-1]
		}
	}
	enter := func(column int) *level {
		if n := len(open); n == 0 || column == 0 || open[n-1].column != column {
			open = append(open, level{column: column})
		}
		return &open[len(open)-1]
	}
	for _, t := range tokens {
		var l *level
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
			l = enter(0)
		case token.MappingEndType, token.SequenceEndType:
			if brackets > 0 {
				brackets--
				open = open[:len(open)-1]
			}
		case token.SequenceEntryType:
			if brackets == 0 {
				leave(t.Position.Column)
				l = enter(t.Position.Column)
			}
		case token.MappingValueType:
			switch {
			case brackets > 0:
				l = &open[len(open)-1]
			case t.Prev != nil:
				leave(t.Prev.Position.Column)
				l = enter(t.Prev.Position.Column)
			default:
				continue
			}
			l.keys++
		}
		switch at = (Pos{File: file, Line: t.Position.Line, Column: t.Position.Column}); {
		case l == nil:
		case l.keys > maxKeys:
			return at, fmt.Sprintf("more than %d keys in one place", maxKeys)
		case len(open) > maxNests:
			return at, fmt.Sprintf("more than %d lists and mappings in each other", maxNests)
		}
	}
	return Pos{}, ""
}
