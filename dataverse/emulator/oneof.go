package emulator

import (
	"math"

	"github.com/google/uuid"
)

// oneOf is the condition that the operand equals one of the constants.
func (x operand) oneOf(list []constant) predicate {
	switch x.class {
	case classText:
		set := make(map[string]bool, len(list))
		for _, c := range list {
			set[foldText(c.text)] = true
		}
		return func(e *env) truth {
			s, ok := x.text(e)
			if !ok {
				return unknown
			}
			e.scratch = appendFolded(e.scratch[:0], s)
			return truthOf(set[string(e.scratch)])
		}
	case classGUID:
		set := make(map[uuid.UUID]bool, len(list))
		for _, c := range list {
			set[c.guid] = true
		}
		return func(e *env) truth {
			g, ok := x.guid(e)
			if !ok {
				return unknown
			}
			return truthOf(set[g])
		}
	case classFloat:
		set := make(map[float64]bool, len(list))
		for _, c := range list {
			set[c.float] = true
		}
		return func(e *env) truth {
			f, ok := x.float(e)
			if !ok {
				return unknown
			}
			return truthOf(set[f])
		}
	}
	set := make(map[int64]bool, len(list))
	for _, c := range list {
		if !c.isFloat {
			set[c.num] = true
		} else if c.float == math.Trunc(c.float) {
			set[int64(c.float)] = true
		}
	}
	return func(e *env) truth {
		n, ok := x.num(e)
		if !ok {
			return unknown
		}
		return truthOf(set[n])
	}
}

// like is the condition that the operand's text matches a pattern.
func (x operand) like(p *pattern) predicate {
	return func(e *env) truth {
		s, ok := x.text(e)
		if !ok {
			return unknown
		}
		return truthOf(p.match(s))
	}
}

// within is the condition that the operand lies in [from, to).
func (x operand) within(from, to int64) predicate {
	return func(e *env) truth {
		n, ok := x.num(e)
		if !ok {
			return unknown
		}
		return truthOf(from <= n && n < to)
	}
}

func allOf(terms []predicate) predicate {
	if len(terms) == 1 {
		return terms[0]
	}
	return func(e *env) truth {
		all := yes
		for _, t := range terms {
			switch t(e) {
			case no:
				return no
			case unknown:
				all = unknown
			}
		}
		return all
	}
}

func anyOf(terms []predicate) predicate {
	if len(terms) == 1 {
		return terms[0]
	}
	return func(e *env) truth {
		some := no
		for _, t := range terms {
			switch t(e) {
			case yes:
				return yes
			case unknown:
				some = unknown
			}
		}
		return some
	}
}
