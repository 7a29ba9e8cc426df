package fetchxml

import (
	"maps"
	"slices"
	"strings"
)

// Operator is a condition operator, as it is written.
type Operator string

// Arity is how many values an operator takes, and of what kind.
type Arity uint8

// The arities.
const (
	NoValue    Arity = iota
	OneValue         // in Condition.Value
	OneNumber        // in Condition.Value: a positive number, or a fiscal period or year
	TwoValues        // in Condition.Values
	TwoNumbers       // in Condition.Values: a fiscal period and its year
	ManyValues       // in Condition.Values: at least one
)

// DataType is a set of the kinds of columns that an operator works on, in the words of fetchxml/reference/operators.
type DataType uint8

// The kinds of columns.
const (
	Choice DataType = 1 << iota
	DateTime
	Hierarchical
	Number
	Owner
	String
	UniqueIdentifier

	all = Choice | DateTime | Hierarchical | Number | Owner | String | UniqueIdentifier
)

// OperatorInfo describes an operator.
type OperatorInfo struct {
	Name  string // of ConditionOperator, which errors use; that of the Web API's query function where there is one
	Arity Arity
	Types DataType // the page gives not-in numbers only; webapi/query/filter-rows has it for texts and ids too
}

// Operators returns all condition operators, sorted.
func Operators() []Operator { return slices.Sorted(maps.Keys(operators)) }

// Info describes o.
func (o Operator) Info() (OperatorInfo, bool) {
	i, ok := operators[o]
	return i, ok
}

// ComparesColumns tells whether o can compare two columns (fetchxml/filter-rows).
func (o Operator) ComparesColumns() bool {
	switch o {
	case Eq, Ne, Neq, Gt, Ge, Lt, Le:
		return true
	}
	return false
}

// OfCaller tells whether o compares with the user who runs the query, so that users get different answers.
func (o Operator) OfCaller() bool {
	switch o {
	case EqUserID, NeUserID, EqBusinessID, NeBusinessID, EqUserLanguage, EqUserTeams, EqUserOrUserTeams, EqUserOrUserHierarchy, EqUserOrUserHierarchyAndTeams:
		return true
	}
	return false
}

// AnyNamed tells whether is holds for an operator that has that name as a query function of the Web API.
func AnyNamed(function string, is func(Operator) bool) bool {
	for o, info := range operators {
		if info.Name == function && is(o) {
			return true
		}
	}
	return false
}

// Rolling tells whether o compares with a time that moves with today.
func (o Operator) Rolling() bool {
	switch o {
	case Today, Yesterday, Tomorrow:
		return true
	}
	for _, prefix := range []string{"last-", "next-", "this-", "olderthan-x-"} {
		if strings.HasPrefix(string(o), prefix) {
			return true
		}
	}
	return false
}

// The condition operators. Mind the spelling of the negated ones: not-begin-with, not-end-with.
const (
	Eq                            Operator = "eq"
	Ne                            Operator = "ne"
	Neq                           Operator = "neq" // deprecated twin of ne
	Gt                            Operator = "gt"
	Ge                            Operator = "ge"
	Lt                            Operator = "lt"
	Le                            Operator = "le"
	Null                          Operator = "null"
	NotNull                       Operator = "not-null"
	In                            Operator = "in"
	NotIn                         Operator = "not-in"
	Between                       Operator = "between"
	NotBetween                    Operator = "not-between"
	Like                          Operator = "like"
	NotLike                       Operator = "not-like"
	BeginsWith                    Operator = "begins-with"
	NotBeginWith                  Operator = "not-begin-with"
	EndsWith                      Operator = "ends-with"
	NotEndWith                    Operator = "not-end-with"
	ContainValues                 Operator = "contain-values"
	NotContainValues              Operator = "not-contain-values"
	EqUserID                      Operator = "eq-userid"
	NeUserID                      Operator = "ne-userid"
	EqBusinessID                  Operator = "eq-businessid"
	NeBusinessID                  Operator = "ne-businessid"
	EqUserLanguage                Operator = "eq-userlanguage"
	EqUserTeams                   Operator = "eq-userteams"
	EqUserOrUserTeams             Operator = "eq-useroruserteams"
	EqUserOrUserHierarchy         Operator = "eq-useroruserhierarchy"
	EqUserOrUserHierarchyAndTeams Operator = "eq-useroruserhierarchyandteams"
	Above                         Operator = "above"
	EqOrAbove                     Operator = "eq-or-above"
	Under                         Operator = "under"
	EqOrUnder                     Operator = "eq-or-under"
	NotUnder                      Operator = "not-under"
	Today                         Operator = "today"
	Yesterday                     Operator = "yesterday"
	Tomorrow                      Operator = "tomorrow"
	LastSevenDays                 Operator = "last-seven-days"
	NextSevenDays                 Operator = "next-seven-days"
	LastWeek                      Operator = "last-week"
	ThisWeek                      Operator = "this-week"
	NextWeek                      Operator = "next-week"
	LastMonth                     Operator = "last-month"
	ThisMonth                     Operator = "this-month"
	NextMonth                     Operator = "next-month"
	LastYear                      Operator = "last-year"
	ThisYear                      Operator = "this-year"
	NextYear                      Operator = "next-year"
	LastFiscalPeriod              Operator = "last-fiscal-period"
	ThisFiscalPeriod              Operator = "this-fiscal-period"
	NextFiscalPeriod              Operator = "next-fiscal-period"
	LastFiscalYear                Operator = "last-fiscal-year"
	ThisFiscalYear                Operator = "this-fiscal-year"
	NextFiscalYear                Operator = "next-fiscal-year"
	On                            Operator = "on"
	OnOrAfter                     Operator = "on-or-after"
	OnOrBefore                    Operator = "on-or-before"
	LastXHours                    Operator = "last-x-hours"
	LastXDays                     Operator = "last-x-days"
	LastXWeeks                    Operator = "last-x-weeks"
	LastXMonths                   Operator = "last-x-months"
	LastXYears                    Operator = "last-x-years"
	LastXFiscalPeriods            Operator = "last-x-fiscal-periods"
	LastXFiscalYears              Operator = "last-x-fiscal-years"
	NextXHours                    Operator = "next-x-hours"
	NextXDays                     Operator = "next-x-days"
	NextXWeeks                    Operator = "next-x-weeks"
	NextXMonths                   Operator = "next-x-months"
	NextXYears                    Operator = "next-x-years"
	NextXFiscalPeriods            Operator = "next-x-fiscal-periods"
	NextXFiscalYears              Operator = "next-x-fiscal-years"
	OlderThanXMinutes             Operator = "olderthan-x-minutes"
	OlderThanXHours               Operator = "olderthan-x-hours"
	OlderThanXDays                Operator = "olderthan-x-days"
	OlderThanXWeeks               Operator = "olderthan-x-weeks"
	OlderThanXMonths              Operator = "olderthan-x-months"
	OlderThanXYears               Operator = "olderthan-x-years"
	InFiscalYear                  Operator = "in-fiscal-year"
	InFiscalPeriod                Operator = "in-fiscal-period"
	InFiscalPeriodAndYear         Operator = "in-fiscal-period-and-year"
	InOrAfterFiscalPeriodAndYear  Operator = "in-or-after-fiscal-period-and-year"
	InOrBeforeFiscalPeriodAndYear Operator = "in-or-before-fiscal-period-and-year"
)

var operators = map[Operator]OperatorInfo{
	Eq:                            {"Equal", OneValue, all},
	Ne:                            {"NotEqual", OneValue, all},
	Neq:                           {"NotEqual", OneValue, all},
	Gt:                            {"GreaterThan", OneValue, Number | DateTime | String},
	Ge:                            {"GreaterEqual", OneValue, Number | DateTime | String},
	Lt:                            {"LessThan", OneValue, Number | DateTime | String},
	Le:                            {"LessEqual", OneValue, Number | DateTime | String},
	Null:                          {"Null", NoValue, all},
	NotNull:                       {"NotNull", NoValue, all},
	In:                            {"In", ManyValues, Choice | Number | Owner | String | UniqueIdentifier},
	NotIn:                         {"NotIn", ManyValues, Choice | Number | Owner | String | UniqueIdentifier},
	Between:                       {"Between", TwoValues, Number | DateTime},
	NotBetween:                    {"NotBetween", TwoValues, Number | DateTime},
	Like:                          {"Like", OneValue, String},
	NotLike:                       {"NotLike", OneValue, String},
	BeginsWith:                    {"BeginsWith", OneValue, String},
	NotBeginWith:                  {"DoesNotBeginWith", OneValue, String},
	EndsWith:                      {"EndsWith", OneValue, String},
	NotEndWith:                    {"DoesNotEndWith", OneValue, String},
	ContainValues:                 {"ContainValues", ManyValues, Choice},
	NotContainValues:              {"DoesNotContainValues", ManyValues, Choice},
	EqUserID:                      {"EqualUserId", NoValue, UniqueIdentifier | Owner},
	NeUserID:                      {"NotEqualUserId", NoValue, UniqueIdentifier | Owner},
	EqBusinessID:                  {"EqualBusinessId", NoValue, UniqueIdentifier | Owner},
	NeBusinessID:                  {"NotEqualBusinessId", NoValue, UniqueIdentifier | Owner},
	EqUserLanguage:                {"EqualUserLanguage", NoValue, Number},
	EqUserTeams:                   {"EqualUserTeams", NoValue, Owner},
	EqUserOrUserTeams:             {"EqualUserOrUserTeams", NoValue, Owner},
	EqUserOrUserHierarchy:         {"EqualUserOrUserHierarchy", NoValue, Hierarchical | Owner},
	EqUserOrUserHierarchyAndTeams: {"EqualUserOrUserHierarchyAndTeams", NoValue, Hierarchical | Owner},
	Above:                         {"Above", OneValue, Hierarchical | UniqueIdentifier},
	EqOrAbove:                     {"AboveOrEqual", OneValue, Hierarchical | UniqueIdentifier},
	Under:                         {"Under", OneValue, Hierarchical | UniqueIdentifier},
	EqOrUnder:                     {"UnderOrEqual", OneValue, Hierarchical | UniqueIdentifier},
	NotUnder:                      {"NotUnder", OneValue, Hierarchical | UniqueIdentifier},
	Today:                         {"Today", NoValue, DateTime},
	Yesterday:                     {"Yesterday", NoValue, DateTime},
	Tomorrow:                      {"Tomorrow", NoValue, DateTime},
	LastSevenDays:                 {"Last7Days", NoValue, DateTime},
	NextSevenDays:                 {"Next7Days", NoValue, DateTime},
	LastWeek:                      {"LastWeek", NoValue, DateTime},
	ThisWeek:                      {"ThisWeek", NoValue, DateTime},
	NextWeek:                      {"NextWeek", NoValue, DateTime},
	LastMonth:                     {"LastMonth", NoValue, DateTime},
	ThisMonth:                     {"ThisMonth", NoValue, DateTime},
	NextMonth:                     {"NextMonth", NoValue, DateTime},
	LastYear:                      {"LastYear", NoValue, DateTime},
	ThisYear:                      {"ThisYear", NoValue, DateTime},
	NextYear:                      {"NextYear", NoValue, DateTime},
	LastFiscalPeriod:              {"LastFiscalPeriod", NoValue, DateTime},
	ThisFiscalPeriod:              {"ThisFiscalPeriod", NoValue, DateTime},
	NextFiscalPeriod:              {"NextFiscalPeriod", NoValue, DateTime},
	LastFiscalYear:                {"LastFiscalYear", NoValue, DateTime},
	ThisFiscalYear:                {"ThisFiscalYear", NoValue, DateTime},
	NextFiscalYear:                {"NextFiscalYear", NoValue, DateTime},
	On:                            {"On", OneValue, DateTime},
	OnOrAfter:                     {"OnOrAfter", OneValue, DateTime},
	OnOrBefore:                    {"OnOrBefore", OneValue, DateTime},
	LastXHours:                    {"LastXHours", OneNumber, DateTime},
	LastXDays:                     {"LastXDays", OneNumber, DateTime},
	LastXWeeks:                    {"LastXWeeks", OneNumber, DateTime},
	LastXMonths:                   {"LastXMonths", OneNumber, DateTime},
	LastXYears:                    {"LastXYears", OneNumber, DateTime},
	LastXFiscalPeriods:            {"LastXFiscalPeriods", OneNumber, DateTime},
	LastXFiscalYears:              {"LastXFiscalYears", OneNumber, DateTime},
	NextXHours:                    {"NextXHours", OneNumber, DateTime},
	NextXDays:                     {"NextXDays", OneNumber, DateTime},
	NextXWeeks:                    {"NextXWeeks", OneNumber, DateTime},
	NextXMonths:                   {"NextXMonths", OneNumber, DateTime},
	NextXYears:                    {"NextXYears", OneNumber, DateTime},
	NextXFiscalPeriods:            {"NextXFiscalPeriods", OneNumber, DateTime},
	NextXFiscalYears:              {"NextXFiscalYears", OneNumber, DateTime},
	OlderThanXMinutes:             {"OlderThanXMinutes", OneNumber, DateTime},
	OlderThanXHours:               {"OlderThanXHours", OneNumber, DateTime},
	OlderThanXDays:                {"OlderThanXDays", OneNumber, DateTime},
	OlderThanXWeeks:               {"OlderThanXWeeks", OneNumber, DateTime},
	OlderThanXMonths:              {"OlderThanXMonths", OneNumber, DateTime},
	OlderThanXYears:               {"OlderThanXYears", OneNumber, DateTime},
	InFiscalYear:                  {"InFiscalYear", OneNumber, DateTime},
	InFiscalPeriod:                {"InFiscalPeriod", OneNumber, DateTime},
	InFiscalPeriodAndYear:         {"InFiscalPeriodAndYear", TwoNumbers, DateTime},
	InOrAfterFiscalPeriodAndYear:  {"InOrAfterFiscalPeriodAndYear", TwoNumbers, DateTime},
	InOrBeforeFiscalPeriodAndYear: {"InOrBeforeFiscalPeriodAndYear", TwoNumbers, DateTime},
}
