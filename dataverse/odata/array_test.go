package odata

import (
	"testing"
)

func TestArrayStrings(t *testing.T) {
	tests := []struct{ text, want string }{
		{`["\"\\\/\b\f\n\r\t\u00e9"]`, "\"\\/\b\f\n\r\té"},
		{`['\'']`, "'"},
		{`["\ud83d\ude00"]`, "😀"},
		{`["\ud83dx"]`, "\ufffdx"},
		{`["\ud83d\u0041"]`, "\ufffdA"},
		{"[\n\t\"a\" ]", "a"},
	}
	for _, tt := range tests {
		e, err := ParseValue(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := e.(*Array).Items[0].Text(); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{`["\x"]`, `["\u12"]`, `["\u12zz"]`, `["`, `["\`, `[1 2]`, `[1,]`, `[01]`, `["a"`, `[[1]]`} {
		if e, err := ParseValue(text); err == nil {
			t.Errorf("%s is %v", text, e)
		}
	}
}
