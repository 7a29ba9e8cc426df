package fetchxml

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The three forms of webapi/query/page-results and fetchxml/page-results.
func TestCookieForms(t *testing.T) {
	p := NextPage{Number: 2, Cookie: Cookie{Page: 1, Columns: []CookieColumn{{Name: "contactid", Last: "{A}", First: "{B}"}}}}
	const (
		cookie     = `<cookie page="1"><contactid last="{A}" first="{B}" /></cookie>`
		annotation = `<cookie pagenumber="2" pagingcookie="%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d%2522%257bA%257d%2522%2520first%253d%2522%257bB%257d%2522%2520%252f%253e%253c%252fcookie%253e" istracking="False" />`
		skiptoken  = `%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d%2522%257bA%257d%2522%2520first%253d%2522%257bB%257d%2522%2520%252f%253e%253c%252fcookie%253e%22%20istracking=%22False%22%20/%3E`
		decoded    = `<cookie pagenumber="2" pagingcookie="%3ccookie%20page%3d%221%22%3e%3ccontactid%20last%3d%22%7bA%7d%22%20first%3d%22%7bB%7d%22%20%2f%3e%3c%2fcookie%3e" istracking="False" />`
	)
	for _, tt := range []struct{ name, got, want string }{
		{"String", p.Cookie.String(), cookie},
		{"Annotation", p.Annotation(), annotation},
		{"SkipToken", p.SkipToken(), skiptoken},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %s\nwant %s", tt.name, tt.got, tt.want)
		}
	}
	for _, form := range []string{annotation, skiptoken, decoded} {
		if got, err := ParseNextPage(form); err != nil || !cmp.Equal(p, got) {
			t.Errorf("ParseNextPage(%s): %v %s", form, err, cmp.Diff(p, got))
		}
	}
}

func TestCookieErrors(t *testing.T) {
	for _, s := range []string{
		"", "x", "%", "%zz", "<cookie", "<x page='1'/>", "<cookie/>", "<cookie page='0'/>", "<cookie page='-1'/>", "<cookie page='x'/>",
		"<cookie page='1'><a last='x'/></cookie>", "<cookie page='1'><a last='x' lastnull='1'/></cookie>",
		"<cookie page='1'><a last='x' first='y' z='1'/></cookie>", "<cookie page='1'><a last='x' first='y'><b/></a></cookie>", "%253ccookie",
	} {
		c, err := ParseCookie(s)
		var e *Error
		if !errors.As(err, &e) || e.Code != "0x8004112a" || e.Msg != "Invalid page number in paging cookie." {
			t.Errorf("ParseCookie(%s) = %v, %v", s, c, err)
		}
		if p, err := ParseNextPage(s); err == nil {
			t.Errorf("ParseNextPage(%s) = %v", s, p)
		}
	}
}
