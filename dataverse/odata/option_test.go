package odata

import (
	"strings"
	"testing"
)

func TestOptionsPrint(t *testing.T) {
	tests := []struct{ option, text, want string }{
		{"$select", " name , revenue", "name,revenue"},
		{"$orderby", "revenue asc, name desc", "revenue,name desc"},
		{"$orderby", "@p1 asc", "@p1"},
		{"$expand", "Account_Tasks($select=subject;$filter=contains(subject,'Task;)');$orderby=createdon desc;$top=5)", ""},
		{"$expand", "parentaccountid($select = createdon, name),primarycontactid/$ref", "parentaccountid($select=createdon,name),primarycontactid/$ref"},
		{"$expand", "a($expand=b($expand=c;$select=d))", "a($expand=b($select=d;$expand=c))"},
		{"$apply", "groupby((statuscode))", ""},
		{"$apply", "groupby((primarycontactid/fullname),aggregate($count as n))", ""},
		{"$apply", "filter(revenue gt 5)/groupby((a,b),aggregate(revenue with sum as total))", ""},
		{"$apply", "aggregate(a with average as x, b with max as y)", "aggregate(a with average as x,b with max as y)"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == "" {
			want = tt.text
		}
		if got := option(tt.option, tt.text); got != want {
			t.Errorf("%s=%s prints as %q, want %q", tt.option, tt.text, got, want)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	tests := []struct{ option, text, want string }{
		{"$select", "", "Syntax error at position 0 in ''."},
		{"$select", "a b", "Syntax error at position 2 in 'a b'."},
		{"$orderby", "a up", "Syntax error at position 2 in 'a up'."},
		{"$expand", "a($skip=1)", "The query option '$skip' is not supported within $expand."},
		{"$expand", "a($count=true)", "The query option '$count' is not supported within $expand."},
		{"$expand", "a($levels=2)", "The query option '$levels' is not supported within $expand."},
		{"$expand", "a($top=-1)", "Invalid value '-1' for $top query option found. The $top query option requires a non-negative integer value."},
		{"$expand", "a($select=b;$select=c)", "Query option '$select' was specified more than once, but it must be specified at most once."},
		{"$expand", "a($select=b,$filter=c eq 1)", "Syntax error at position 12 in 'a($select=b,$filter=c eq 1)'."},
		{"$expand", "a/b", "Syntax error at position 2 in 'a/b'."},
		{"$expand", "a($expand=b),c($top=1)", nestedExpand},
		{"$expand", strings.Repeat("a,", 15) + "b", "The number of $expand options in the query exceeds the limit of 15."},
		{"$expand", strings.Repeat("a($expand=", 15) + "b" + strings.Repeat(")", 15), "The number of $expand options in the query exceeds the limit of 15."},
		{"$apply", "aggregate(a with countdistinct as n)", "The aggregation method 'countdistinct' is not supported."},
		{"$apply", "compute(a as b)", "The transformation 'compute' is not supported in $apply."},
		{"$apply", "groupby((a))/aggregate($count as n)", "Syntax error at position 12 in 'groupby((a))/aggregate($count as n)'."},
		{"$apply", "aggregate(a with sum)", "'as' expected at position 20 in 'aggregate(a with sum)'."},
	}
	for _, tt := range tests {
		if got := option(tt.option, tt.text); got != "! "+tt.want {
			t.Errorf("%s=%.60s: %q, want %q", tt.option, tt.text, got, tt.want)
		}
	}
}

// option prints what was read, or "! " and why it could not be.
func option(name, text string) string {
	var printed string
	var err error
	switch name {
	case "$select":
		var s Select
		s, err = ParseSelect(text)
		printed = s.String()
	case "$orderby":
		var o OrderBy
		o, err = ParseOrderBy(text)
		printed = o.String()
	case "$expand":
		var x Expand
		x, err = ParseExpand(text)
		printed = x.String()
	case "$apply":
		var a Apply
		a, err = ParseApply(text)
		printed = a.String()
	}
	if err != nil {
		return "! " + err.Error()
	}
	return printed
}
