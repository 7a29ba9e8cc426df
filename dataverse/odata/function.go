package odata

import (
	"fmt"
	"maps"
	"slices"
)

// ParamKind says which parameters a query function takes beside PropertyName.
type ParamKind uint8

// The parameters of query functions (webapi/reference).
const (
	NoValue    ParamKind = iota // none
	OneNumber                   // PropertyValue, Edm.Int64
	OneText                     // PropertyValue, Edm.String
	TwoNumbers                  // PropertyValue1 and PropertyValue2, Edm.Int64: a fiscal period and its year
	ManyTexts                   // PropertyValues, Collection(Edm.String); numbers are written as text too
)

// Signature describes a query function.
type Signature struct {
	Params   ParamKind
	Operator string // the FetchXML condition operator that does the same, "" if there is none
}

// Functions returns the names of all query functions, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

// FunctionSignature returns the signature of a query function; its name is without the namespace.
func FunctionSignature(name string) (Signature, bool) {
	s, ok := functions[name]
	return s, ok
}

var functions = map[string]Signature{
	"EqualUserId":                      {NoValue, "eq-userid"},
	"NotEqualUserId":                   {NoValue, "ne-userid"},
	"EqualBusinessId":                  {NoValue, "eq-businessid"},
	"NotEqualBusinessId":               {NoValue, "ne-businessid"},
	"EqualRoleBusinessId":              {NoValue, ""}, // in the reference's index, not on the filter page
	"EqualUserLanguage":                {NoValue, "eq-userlanguage"},
	"EqualUserTeams":                   {NoValue, "eq-userteams"},
	"EqualUserOrUserTeams":             {NoValue, "eq-useroruserteams"},
	"EqualUserOrUserHierarchy":         {NoValue, "eq-useroruserhierarchy"},
	"EqualUserOrUserHierarchyAndTeams": {NoValue, "eq-useroruserhierarchyandteams"},
	"Today":                            {NoValue, "today"},
	"Yesterday":                        {NoValue, "yesterday"},
	"Tomorrow":                         {NoValue, "tomorrow"},
	"Last7Days":                        {NoValue, "last-seven-days"},
	"Next7Days":                        {NoValue, "next-seven-days"},
	"LastWeek":                         {NoValue, "last-week"},
	"ThisWeek":                         {NoValue, "this-week"},
	"NextWeek":                         {NoValue, "next-week"},
	"LastMonth":                        {NoValue, "last-month"},
	"ThisMonth":                        {NoValue, "this-month"},
	"NextMonth":                        {NoValue, "next-month"},
	"LastYear":                         {NoValue, "last-year"},
	"ThisYear":                         {NoValue, "this-year"},
	"NextYear":                         {NoValue, "next-year"},
	"LastFiscalPeriod":                 {NoValue, "last-fiscal-period"},
	"ThisFiscalPeriod":                 {NoValue, "this-fiscal-period"},
	"NextFiscalPeriod":                 {NoValue, "next-fiscal-period"},
	"LastFiscalYear":                   {NoValue, "last-fiscal-year"},
	"ThisFiscalYear":                   {NoValue, "this-fiscal-year"},
	"NextFiscalYear":                   {NoValue, "next-fiscal-year"},
	"LastXHours":                       {OneNumber, "last-x-hours"},
	"LastXDays":                        {OneNumber, "last-x-days"},
	"LastXWeeks":                       {OneNumber, "last-x-weeks"},
	"LastXMonths":                      {OneNumber, "last-x-months"},
	"LastXYears":                       {OneNumber, "last-x-years"},
	"LastXFiscalPeriods":               {OneNumber, "last-x-fiscal-periods"},
	"LastXFiscalYears":                 {OneNumber, "last-x-fiscal-years"},
	"NextXHours":                       {OneNumber, "next-x-hours"},
	"NextXDays":                        {OneNumber, "next-x-days"},
	"NextXWeeks":                       {OneNumber, "next-x-weeks"},
	"NextXMonths":                      {OneNumber, "next-x-months"},
	"NextXYears":                       {OneNumber, "next-x-years"},
	"NextXFiscalPeriods":               {OneNumber, "next-x-fiscal-periods"},
	"NextXFiscalYears":                 {OneNumber, "next-x-fiscal-years"},
	"OlderThanXMinutes":                {OneNumber, "olderthan-x-minutes"},
	"OlderThanXHours":                  {OneNumber, "olderthan-x-hours"},
	"OlderThanXDays":                   {OneNumber, "olderthan-x-days"},
	"OlderThanXWeeks":                  {OneNumber, "olderthan-x-weeks"},
	"OlderThanXMonths":                 {OneNumber, "olderthan-x-months"},
	"OlderThanXYears":                  {OneNumber, "olderthan-x-years"},
	"InFiscalPeriod":                   {OneNumber, "in-fiscal-period"},
	"InFiscalYear":                     {OneNumber, "in-fiscal-year"},
	"On":                               {OneText, "on"},
	"OnOrAfter":                        {OneText, "on-or-after"},
	"OnOrBefore":                       {OneText, "on-or-before"},
	"Above":                            {OneText, "above"},
	"AboveOrEqual":                     {OneText, "eq-or-above"},
	"Under":                            {OneText, "under"},
	"UnderOrEqual":                     {OneText, "eq-or-under"},
	"NotUnder":                         {OneText, "not-under"},
	"Contains":                         {OneText, ""}, // only over columns with a full-text index
	"InFiscalPeriodAndYear":            {TwoNumbers, "in-fiscal-period-and-year"},
	"InOrAfterFiscalPeriodAndYear":     {TwoNumbers, "in-or-after-fiscal-period-and-year"},
	"InOrBeforeFiscalPeriodAndYear":    {TwoNumbers, "in-or-before-fiscal-period-and-year"},
	"Between":                          {ManyTexts, "between"},
	"NotBetween":                       {ManyTexts, "not-between"},
	"In":                               {ManyTexts, "in"},
	"NotIn":                            {ManyTexts, "not-in"},
	"ContainValues":                    {ManyTexts, "contain-values"},
	"DoesNotContainValues":             {ManyTexts, "not-contain-values"},
}

var paramNames = [...][]string{
	NoValue:    {"PropertyName"},
	OneNumber:  {"PropertyName", "PropertyValue"},
	OneText:    {"PropertyName", "PropertyValue"},
	TwoNumbers: {"PropertyName", "PropertyValue1", "PropertyValue2"},
	ManyTexts:  {"PropertyName", "PropertyValues"},
}

// function reads the parameters of a query function, in any order.
func (p *parser) function(name string, pos int) Expr {
	sig, ok := functions[name]
	if !ok {
		p.unknownFunction(Namespace+name, pos)
		return nil
	}
	f := &Function{Position: Position(pos), Name: name}
	p.next()
	for !p.isPunct(')') && p.err == nil {
		if len(f.Params) > 0 {
			p.punct(',', "')' or ',' expected")
		}
		f.Params = append(f.Params, p.param(name, sig.Params))
	}
	p.punct(')', "')' or ',' expected")
	p.condition(pos)
	if p.err == nil && len(f.Params) != len(paramNames[sig.Params]) {
		p.fail(pos, badParams(name))
	}
	for i := range f.Params {
		if p.err == nil && f.Param(f.Params[i].Name) != f.Params[i].Value {
			p.fail(f.Params[i].Pos(), badParams(name)) // given twice
		}
	}
	return f
}

// param reads one name=value.
func (p *parser) param(function string, kind ParamKind) Param {
	a := Param{Position: Position(p.tok.pos), Name: p.text()}
	if !p.ident() {
		return a
	}
	if !slices.Contains(paramNames[kind], a.Name) {
		p.fail(a.Pos(), badParams(function))
		return a
	}
	p.punct('=', "Syntax error")
	if p.isPunct('[') {
		a.Value = p.array()
	} else {
		a.Value = p.primary()
	}
	if p.err != nil {
		return a
	}
	if !kind.takes(a.Name, a.Value) {
		p.fail(a.Value.Pos(), badParams(function))
	}
	return a
}

// takes tells whether v can be the value of the named parameter.
func (k ParamKind) takes(name string, v Expr) bool {
	switch v := v.(type) {
	case *Alias:
		return true
	case *Array:
		return k == ManyTexts && name == "PropertyValues"
	case *Literal:
		switch {
		case name == "PropertyName":
			return v.Kind == String
		case k == OneNumber || k == TwoNumbers:
			return v.Kind == Int || v.Kind == String && isNumber(v.Text()) // the samples of Microsoft quote an alias's value
		case k == OneText:
			return v.Kind == String
		}
	}
	return false
}

func badParams(function string) string {
	return fmt.Sprintf("Cannot find a suitable overload for function '%s' that takes the given parameters.", Namespace+function)
}
