package odata

// path resolves the segments of p down to a column.
func (c *checker) path(p *Path, segments []string) operandType {
	at, rest := c.start(segments)
	pos := p.Pos()
	if len(rest) < len(segments) {
		pos += len(segments[0]) + 1
	}
	for len(rest) > 0 {
		name := rest[0]
		if len(rest) == 1 {
			if prop, ok := at.table.Property(name); ok {
				return operandType{Type: prop.Type, options: prop.Options}
			}
		}
		next, nav, ok := c.step(pos, at, name)
		if !ok {
			return unknown
		}
		if len(rest) == 1 {
			return operandType{entity: nav.Table}
		}
		pos += len(name) + 1
		if nav.Collection {
			c.typeError(pos, "%s", noProperty(rest[1]))
			return unknown
		}
		at, rest = next, rest[1:]
	}
	return operandType{entity: at.name} // a lambda's variable alone
}

// start is the table at which a path begins: the row's own, or that of a lambda's variable.
func (c *checker) start(segments []string) (place, []string) {
	for i := len(c.scope) - 1; i >= 0; i-- {
		if c.scope[i].name == segments[0] {
			return c.scope[i].place, segments[1:]
		}
	}
	return c.root, segments
}

// bases are the entity types that others derive from, as systemuser does from principal and email from activitypointer.
var bases = map[string]bool{"crmbaseentity": true, "principal": true, "activitypointer": true}

// step goes through a navigation property, or a cast to a table that derives from the one at hand.
func (c *checker) step(pos int, at place, name string) (place, Navigation, bool) {
	nav, ok := at.table.Navigation(name)
	if !ok {
		cast, isCast := cutNamespace(name)
		if !isCast || !bases[at.name] {
			c.errs = append(c.errs, &NameError{Pos: pos, Name: name, On: at.name})
			return place{}, nav, false
		}
		nav.Table = cast
	}
	next, ok := c.table(pos, nav.Table)
	return next, nav, ok
}

func (c *checker) lambda(e *Lambda) {
	at, ok := c.collection(e)
	if !ok || e.Body == nil {
		return
	}
	c.scope = append(c.scope, binding{e.Var, at})
	if k := c.operand(e.Body); !k.is(TypeBoolean) {
		c.typeError(e.Body.Pos(), "The Any/All query expression must evaluate to a single boolean value.")
	}
	c.scope = c.scope[:len(c.scope)-1]
}

// collection resolves the path of a lambda. A collection under a lookup cannot be filtered by
// (webapi/query/filter-rows), so the path is one step long.
func (c *checker) collection(e *Lambda) (place, bool) {
	at, rest := c.start(e.Path.Segments)
	if len(rest) > 0 {
		if _, isColumn := at.table.Property(rest[0]); !isColumn || len(rest) > 1 {
			next, nav, ok := c.step(e.Pos(), at, rest[0])
			switch {
			case !ok:
				return place{}, false
			case len(rest) > 1 && nav.Collection:
				c.typeError(e.Pos(), "%s", noProperty(rest[1]))
				return place{}, false
			case len(rest) > 1:
				c.typeError(e.Pos(), "The collection '%s' stands behind '%s': any and all cannot follow a lookup.", rest[len(rest)-1], rest[0])
				return place{}, false
			case nav.Collection:
				return next, true
			}
		}
	}
	c.typeError(e.Pos(), "Any/All may only be used following a collection.")
	return place{}, false
}
