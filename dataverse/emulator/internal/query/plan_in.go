package query

import (
	"math"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// oneOf is the condition that the operand equals one of the constants.
func (x operand) oneOf(list []constant) predicate {
	switch x.class {
	case classText:
		set := make(map[string]bool, len(list))
		for _, c := range list {
			set[store.FoldText(c.text)] = true
		}
		return func(e *Env) truth {
			s, ok := x.text(e)
			if !ok {
				return unknown
			}
			e.scratch = store.AppendFolded(e.scratch[:0], s)
			return truthOf(set[string(e.scratch)])
		}
	case classGUID:
		set := make(map[uuid.UUID]bool, len(list))
		for _, c := range list {
			set[c.guid] = true
		}
		return func(e *Env) truth {
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
		return func(e *Env) truth {
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
	return func(e *Env) truth {
		n, ok := x.num(e)
		if !ok {
			return unknown
		}
		return truthOf(set[n])
	}
}

// like is the condition that the operand's text matches a pattern.
func (x operand) like(p *store.Pattern) predicate {
	return func(e *Env) truth {
		s, ok := x.text(e)
		if !ok {
			return unknown
		}
		return truthOf(p.Match(s))
	}
}

// within is the condition that the operand lies in [from, to).
func (x operand) within(from, to int64) predicate {
	return func(e *Env) truth {
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
	return func(e *Env) truth {
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
	return func(e *Env) truth {
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
