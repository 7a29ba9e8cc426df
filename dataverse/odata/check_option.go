package odata

// Check holds the columns against a table, as Check does for a filter. The name of a navigation property passes:
// Dataverse takes it, and answers with every column.
func (s Select) Check(table string, m Model) error {
	c := newChecker(table, m)
	for _, p := range s {
		if c.errs == nil && p.Segments[0] != "*" {
			c.path(p, p.Segments)
		}
	}
	return c.first()
}

// Check holds the columns to sort by against a table, as Check does for a filter.
func (o OrderBy) Check(table string, m Model) error {
	c := newChecker(table, m)
	for _, x := range o {
		if p, ok := x.By.(*Path); ok && c.errs == nil {
			c.column(p)
		}
	}
	return c.first()
}

// Check holds what is expanded against a table, and the options within against the tables that they are for.
func (x Expand) Check(table string, m Model) error {
	c := newChecker(table, m)
	for _, item := range x {
		if c.errs != nil {
			break
		}
		c.item(item)
	}
	return c.first()
}

// Check holds what is aggregated against a table.
func (a Apply) Check(table string, m Model) error {
	for _, s := range a {
		switch s := s.(type) {
		case *FilterStep:
			if err := Check(s.Filter, table, m); err != nil {
				return err
			}
		case *GroupStep:
			if err := checkAggregates(s.By, s.Aggregates, table, m); err != nil {
				return err
			}
		case *AggregateStep:
			if err := checkAggregates(nil, s.Aggregates, table, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkAggregates(by []*Path, list []Aggregate, table string, m Model) error {
	c := newChecker(table, m)
	for _, p := range by {
		if c.errs == nil {
			// webapi/query/aggregate-data: groupby does not take values of date and time
			if k := c.column(p); k.Type == TypeDateTimeOffset {
				c.typeError(p.Pos(), "Rows cannot be grouped by '%s' of type '%s'.", p, k)
			}
		}
	}
	for _, a := range list {
		if c.errs != nil || a.Path == nil {
			continue
		}
		if k := c.column(a.Path); a.Method <= Average && k.Type != TypeUnknown && !k.number() {
			c.typeError(a.Pos(), "The method '%s' does not work on '%s' of type '%s'.", a.Method, a.Path, k)
		}
	}
	return c.first()
}

// column resolves a path that has to end at a column.
func (c *checker) column(p *Path) operandType {
	k := c.path(p, p.Segments)
	if k.entity != "" {
		c.typeError(p.Pos(), "'%s' is not a column.", p)
	}
	return k
}

func (c *checker) item(x *ExpandItem) {
	at, nav, ok := c.step(x.Pos(), c.root, x.Path.Segments[0])
	switch {
	case !ok:
	case nav.Collection && x.Ref:
		c.typeError(x.Pos(), "Expand with $ref is only supported on lookup type navigation property.")
	case !nav.Collection && (x.Filter != nil || x.Top != nil || len(x.OrderBy) > 0):
		c.typeError(x.Pos(), nestedExpand)
	default:
		c.nested(x, at.name)
	}
}

func (c *checker) nested(x *ExpandItem, table string) {
	checks := []func() error{
		func() error { return x.Select.Check(table, c.model) },
		func() error { return x.OrderBy.Check(table, c.model) },
		func() error { return x.Expand.Check(table, c.model) },
	}
	if x.Filter != nil {
		checks = append(checks, func() error { return Check(x.Filter, table, c.model) })
	}
	for _, check := range checks {
		if err := check(); err != nil && c.errs == nil {
			c.errs = append(c.errs, err)
		}
	}
}

func (c *checker) first() error {
	if len(c.errs) == 0 {
		return nil
	}
	return c.errs[0]
}
