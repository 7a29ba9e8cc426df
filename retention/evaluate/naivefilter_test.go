package evaluate_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// matches tells whether a row matches a filter: comparisons with eq and ne, joined by and, or, not and brackets.
func (crm *naiveCRM) matches(t *testing.T, row naiveRow, filter string) bool {
	t.Helper()
	if filter == "" {
		return true
	}
	f := &naiveFilter{t: t, crm: crm, row: row, words: filterWords.FindAllString(filter, -1)}
	result := f.or()
	if len(f.words) > 0 {
		t.Fatalf("%q is left of the filter %q", f.words, filter)
	}
	return result
}

var filterWords = regexp.MustCompile(`[()]|'[^']*'|[^\s()']+`)

type naiveFilter struct {
	t     *testing.T
	crm   *naiveCRM
	row   naiveRow
	words []string
}

func (f *naiveFilter) take() string {
	if len(f.words) == 0 {
		f.t.Fatal("the filter ends too early")
	}
	w := f.words[0]
	f.words = f.words[1:]
	return w
}

func (f *naiveFilter) is(word string) bool {
	if len(f.words) > 0 && f.words[0] == word {
		f.words = f.words[1:]
		return true
	}
	return false
}

func (f *naiveFilter) or() bool {
	result := f.and()
	for f.is("or") {
		result = f.and() || result
	}
	return result
}

func (f *naiveFilter) and() bool {
	result := f.term()
	for f.is("and") {
		result = f.term() && result
	}
	return result
}

func (f *naiveFilter) term() bool {
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
