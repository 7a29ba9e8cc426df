package odata

import "strings"

// function checks that a query function can look at its column, and that its values can be the column's.
func (c *checker) function(e *Function) {
	l, ok := e.Param("PropertyName").(*Literal)
	if !ok {
		return // an alias
	}
	if l.Kind != String || l.Text() == "" {
		c.typeError(l.Pos(), "%s", badParams(e.Name))
		return
	}
	before := len(c.errs)
	segments := strings.Split(l.Text(), "/")
	k := c.path(&Path{Position(l.Pos() + 1), segments}, c.lookup(segments)) // behind the quote
	if len(c.errs) > before {
		return
	}
	if k.entity != "" || k.Type != TypeUnknown && !worksOn(e.Name, k.Type) {
		c.typeError(e.Pos(), "The function '%s%s' does not work on '%s' of type '%s'.", Namespace, e.Name, l.Text(), k)
		return
	}
	c.values(e, segments[len(segments)-1], k)
}

// lookup lets a function name a lookup without _ and _value too, as FetchXML does.
func (c *checker) lookup(segments []string) []string {
	if len(segments) != 1 {
		return segments
	}
	if _, ok := c.root.table.Property(segments[0]); ok {
		return segments
	}
	value := "_" + segments[0] + "_value"
	if _, ok := c.root.table.Property(value); ok {
		return []string{value}
	}
	return segments
}

// worksOn says which columns a function takes: fetchxml/reference/operators lists them by operator.
func worksOn(name string, t Type) bool {
	switch sig := functions[name]; {
	case name == "EqualUserLanguage":
		return t == TypeInt32
	case sig.Params == ManyTexts && strings.HasSuffix(name, "Between"):
		return t.number() || t == TypeDate || t == TypeDateTimeOffset
	case sig.Params == ManyTexts && strings.Contains(name, "Contain"):
		return t == TypeString // several choices are one text
	case sig.Params == ManyTexts:
		return t != TypeBinary
	case name == "Contains":
		return t == TypeString
	case strings.HasPrefix(name, "Equal"), strings.HasPrefix(name, "NotEqual"),
		strings.Contains(name, "Above"), strings.Contains(name, "Under"):
		return t == TypeGUID
	case strings.HasSuffix(name, "Hours"), strings.HasSuffix(name, "Minutes"):
		return t == TypeDateTimeOffset // refused by columns of dates only: behavior-format-date-time-attribute
	}
	return t == TypeDate || t == TypeDateTimeOffset
}

func (c *checker) values(e *Function, property string, k operandType) {
	sig := functions[e.Name]
	for _, p := range e.Params {
		if p.Name == "PropertyName" {
			continue
		}
		l, isLiteral := p.Value.(*Literal)
		_, isAlias := p.Value.(*Alias)
		// the parser has seen to this, but not where an alias stood
		if !isAlias && !(isLiteral && sig.Params == OneText) && !sig.Params.takes(p.Name, p.Value) {
			c.typeError(p.Value.Pos(), "%s", badParams(e.Name))
			return
		}
		if isLiteral && sig.Params == OneText && !reads(l.Text(), k.Type) {
			c.badValue(e, l.Pos(), property, k)
		}
	}
	if v, ok := e.Param("PropertyValues").(*Array); ok {
		if strings.HasSuffix(e.Name, "Between") && len(v.Items) != 2 {
			c.typeError(v.Pos(), "The function '%s%s' takes two values.", Namespace, e.Name)
		}
		for _, item := range v.Items {
			switch {
			case item.Kind == Null || !reads(item.Text(), k.Type) && len(k.options) == 0:
				c.badValue(e, item.Pos(), property, k)
			case !strings.HasSuffix(e.Name, "Between"):
				c.optionText(item.Pos(), property, k, item.Text())
			}
		}
	}
}

func (c *checker) badValue(e *Function, pos int, property string, k operandType) {
	c.typeError(pos, "A value of '%s%s' cannot be compared with '%s' of type '%s'.", Namespace, e.Name, property, k)
}

// reads tells whether text can be read as a value of type t.
func reads(text string, t Type) bool {
	switch t {
	case TypeBoolean:
		return text == "true" || text == "false" || text == "0" || text == "1"
	case TypeInt32, TypeInt64, TypeDecimal, TypeDouble:
		return isNumber(text)
	case TypeGUID:
		return isGUID(text)
	case TypeDate, TypeDateTimeOffset:
		if len(text) < 10 {
			return false
		}
		kind, _, ok := parseWord(text)
		return ok && (kind == Date || kind == DateTimeOffset)
	}
	return true
}
