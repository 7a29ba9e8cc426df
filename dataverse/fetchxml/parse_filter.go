package fetchxml

import (
	"slices"
	"strconv"
)

var linkTypes = []LinkType{Inner, Outer, Natural, Exists, InType, MatchFirstRowUsingCrossApply, Any, NotAny, All, NotAll}

func (r *reader) link(n *node, inFilter bool) Link {
	l := Link{Type: Inner}
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "name":
			l.Name = v
		case "from":
			l.From = v
		case "to":
			l.To = v
		case "alias":
			l.Alias = v
		case "link-type":
			l.Type = LinkType(v)
		case "intersect":
			return r.bool(n, &l.Intersect, v)
		case "visible", "enableprefiltering", "prefilterparametername":
		default:
			return false
		}
		return true
	})
	if r.links++; r.links > MaxLinks {
		r.fail(n, codeTooManyLinks, "Number of link entities in query exceeded maximum limit.")
	}
	r.count(n)
	switch {
	case l.Name == "":
		r.missing(n, "name")
	case !slices.Contains(linkTypes, l.Type) || l.Type.InFilter() && !inFilter:
		r.fail(n, codeInvalidLinkType, "Invalid link-type specified, valid values are: 'natural', 'inner', 'in', 'matchfirstrowusingcrossapply','exists' and 'outer'. link-type = %s", l.Type)
	case inFilter && !l.Type.InFilter():
		r.fail(n, codeInvalidLinkType, "Invalid link-type specified, valid values in a filter are: 'any', 'not any', 'all' and 'not all'. link-type = %s", l.Type)
	}
	l.Body = r.body(n, "filter", "order", "link-entity", "attribute", "all-attributes", "no-attrs")
	return l
}

// count counts what the limit of conditions counts: condition and link-entity elements.
func (r *reader) count(n *node) {
	if r.conditions++; r.conditions > MaxConditions {
		r.fail(n, codeTooManyConditions, "Number of conditions in query exceeded maximum limit.")
	}
}

func (r *reader) filter(n *node) Filter {
	var f Filter
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "type":
			f.Or = v == "or"
			if v != "and" && v != "or" {
				r.fail(n, codeInvalidFilterType, "Invalid filter type specified, valid values are: 'and' and 'or'. type = %s", v)
			}
		case "hint":
			f.Hint = v
			return v == "union"
		case "isquickfindfields":
			return r.bool(n, &f.QuickFind, v)
		case "overridequickfindrecordlimitenabled", "overridequickfindrecordlimitdisabled":
			on := false
			r.bool(n, &on, v)
			// "setting the overridequickfindrecordlimitenabled attribute equal to 0 … will disable the 10k limit": quick-find-limit
			if f.OverrideLimit = name[len("overridequickfindrecordlimit"):]; !on {
				f.OverrideLimit = map[string]string{"enabled": "disabled"}[f.OverrideLimit]
			}
		default:
			return false
		}
		return true
	})
	if f.Hint != "" && !f.Or {
		r.fail(n, codeInvalidArgument, "The hint 'union' needs a filter of the type 'or'.")
	}
	r.only(n, "condition", "filter", "link-entity")
	for _, c := range n.children {
		switch c.name {
		case "condition":
			f.Conditions = append(f.Conditions, r.condition(c))
		case "filter":
			f.Filters = append(f.Filters, r.filter(c))
		case "link-entity":
			f.Links = append(f.Links, r.link(c, true))
		}
	}
	return f
}

func (r *reader) condition(n *node) Condition {
	var c Condition
	var values []string
	r.attrs(n, func(name, v string) bool {
		switch name {
		case "attribute":
			c.Attribute = v
		case "operator":
			c.Operator = Operator(v)
		case "value":
			values = append(values, v)
		case "valueof":
			c.ValueOf = v
		case "entityname":
			c.EntityName = v
		case "aggregate", "alias", "column", "rowaggregate", "uiname", "uitype", "uihidden": // noise of editors
		default:
			return false
		}
		return true
	})
	r.count(n)
	r.only(n, "value")
	for _, v := range n.children {
		r.attrs(v, func(name, _ string) bool { return name == "uiname" || name == "uitype" })
		r.only(v)
		values = append(values, v.text)
	}
	info, ok := c.Operator.Info()
	switch {
	case !ok:
		r.fail(n, codeInvalidOperator, "Invalid operator specified. operator = %s", c.Operator)
	case c.Attribute == "":
		r.missing(n, "attribute")
	case c.ValueOf != "":
		if !c.Operator.ComparesColumns() || len(values) > 0 {
			r.fail(n, codeInvalidArgument, "The operator '%s' does not compare columns, or has a value beside.", c.Operator)
		}
	default:
		r.values(n, &c, info, values)
	}
	return c
}

// values checks the number and the kind of the values, and sets them.
func (r *reader) values(n *node, c *Condition, info OperatorInfo, values []string) {
	want := map[Arity]int{NoValue: 0, OneValue: 1, OneNumber: 1, TwoValues: 2, TwoNumbers: 2, ManyValues: max(1, len(values))}[info.Arity]
	switch {
	case len(values) == want:
	case want == 0:
		r.fail(n, codeInvalidArgument, "Condition operator '%s' requires that no values are set. Values.Length: %d", info.Name, len(values))
		return
	default:
		r.fail(n, codeInvalidArgument, "The ConditionOperator.%s requires %d value/s, not %d. Parameter Name: %s.", info.Name, want, len(values), c.Attribute)
		return
	}
	if info.Arity == OneNumber || info.Arity == TwoNumbers {
		for _, v := range values {
			if i, err := strconv.Atoi(v); err != nil || i < 1 {
				r.fail(n, codeInvalidArgument, "The condition value should be greater than zero.")
			}
		}
	}
	if len(values) > MaxValues {
		r.fail(n, codeTooManyConditions, "The condition operator '%s' takes at most %d values, not %d.", info.Name, MaxValues, len(values))
	}
	if want == 1 && info.Arity != ManyValues {
		c.Value = values[0]
	} else if want > 0 {
		c.Values = values
	}
}
