package naive

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// matches tells whether a row matches a filter: comparisons with eq and ne, joined by and, or, not and brackets.
func (crm *CRM) matches(t testing.TB, row Row, condition string) bool {
	t.Helper()
	if condition == "" {
		return true
	}
	f := &filter{t: t, crm: crm, row: row, words: filterWords.FindAllString(condition, -1)}
	result := f.or()
	if len(f.words) > 0 {
		t.Fatalf("%q is left of the filter %q", f.words, condition)
	}
	return result
}

var filterWords = regexp.MustCompile(`[()]|'[^']*'|[^\s()']+`)

type filter struct {
	t     testing.TB
	crm   *CRM
	row   Row
	words []string
}

func (f *filter) take() string {
	if len(f.words) == 0 {
		f.t.Fatal("the filter ends too early")
	}
	w := f.words[0]
	f.words = f.words[1:]
	return w
}

func (f *filter) is(word string) bool {
	if len(f.words) > 0 && f.words[0] == word {
		f.words = f.words[1:]
		return true
	}
	return false
}

func (f *filter) or() bool {
	result := f.and()
	for f.is("or") {
		result = f.and() || result
	}
	return result
}

func (f *filter) and() bool {
	result := f.term()
	for f.is("and") {
		result = f.term() && result
	}
	return result
}

func (f *filter) term() bool {
	switch {
	case f.is("not"):
		return !f.term()
	case f.is("("):
		result := f.or()
		if !f.is(")") {
			f.t.Fatal("a bracket is missing")
		}
		return result
	}
	value, operator, literal := f.crm.value(f.row, f.take()), f.take(), f.take()
	var equal bool
	switch {
	case literal == "null":
		equal = value == nil
	case literal == "true" || literal == "false":
		equal = value == (literal == "true")
	case strings.HasPrefix(literal, "'"):
		text, ok := value.(string)
		equal = ok && strings.EqualFold(text, strings.Trim(literal, "'"))
	default:
		n, err := strconv.ParseFloat(literal, 64)
		if err != nil {
			f.t.Fatal(err)
		}
		equal = value == n
	}
	switch operator {
	case "eq":
		return equal
	case "ne":
		return !equal
	}
	f.t.Fatalf("no operator %s", operator)
	return false
}
