package fetchxml

import (
	"strconv"
	"strings"
)

// Cookie says where a page ended: the values of the columns that the rows are sorted by, the key last. It holds values of
// rows, so it is not for logs.
type Cookie struct {
	Page           int // the page it was given with
	CountOfRecords int // of expanded collections; 0 if not given
	Columns        []CookieColumn
}

// CookieColumn is a column that rows are sorted by, with its values in the first and the last row of the page. The values
// of keys are GUIDs in braces, in capitals.
type CookieColumn struct {
	Name                string
	First, Last         string
	FirstNull, LastNull bool
}

// String is the cookie as the attribute paging-cookie has it, once that is read from its XML:
// <cookie page="1"><contactid last="{…}" first="{…}" /></cookie>.
func (c Cookie) String() string {
	var b strings.Builder
	b.WriteString(`<cookie page="` + strconv.Itoa(c.Page) + `"`)
	if c.CountOfRecords > 0 {
		b.WriteString(` countOfRecords="` + strconv.Itoa(c.CountOfRecords) + `"`)
	}
	b.WriteByte('>')
	for _, col := range c.Columns {
		b.WriteString("<" + col.Name)
		value := func(name, v string, null bool) {
			if null {
				b.WriteString(" " + name + `null="1"`)
			} else {
				b.WriteString(" " + name + `="` + Escape(v) + `"`)
			}
		}
		value("last", col.Last, col.LastNull)
		value("first", col.First, col.FirstNull)
		b.WriteString(" />")
	}
	b.WriteString("</cookie>")
	return b.String()
}

// ParseCookie reads what String writes, also if it is percent-encoded once or more.
func ParseCookie(s string) (Cookie, error) {
	n, ok := cookieNode(s)
	if !ok {
		return Cookie{}, badCookie()
	}
	var c Cookie
	for _, a := range n.attrs {
		switch a.Name.Local {
		case "page":
			c.Page, ok = positive(a.Value, ok)
		case "countOfRecords":
			c.CountOfRecords, ok = positive(a.Value, ok)
		}
	}
	for _, child := range n.children {
		col := CookieColumn{Name: child.name}
		seen := 0
		for _, a := range child.attrs {
			switch a.Name.Local {
			case "last":
				col.Last = a.Value
			case "first":
				col.First = a.Value
			case "lastnull":
				col.LastNull = true
			case "firstnull":
				col.FirstNull = true
			default:
				ok = false
			}
			seen++
		}
		ok = ok && seen == 2 && !(col.LastNull && col.Last != "") && !(col.FirstNull && col.First != "") && len(child.children) == 0
		c.Columns = append(c.Columns, col)
	}
	if !ok || c.Page == 0 {
		return Cookie{}, badCookie()
	}
	return c, nil
}

func badCookie() *Error { return failf(0, codePagingCookie, "Invalid page number in paging cookie.") }

func positive(s string, ok bool) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), ok && err == nil && n > 0
}

// cookieNode decodes s until it is XML.
func cookieNode(s string) (*node, bool) {
	for range 3 {
		if strings.HasPrefix(strings.TrimSpace(s), "<") {
			n, err := readNodes([]byte(s))
			return n, err == nil && n.name == "cookie"
		}
		decoded, ok := unescape(s)
		if !ok || decoded == s {
			break
		}
		s = decoded
	}
	return nil, false
}

// NextPage leads to the page after the one that a Cookie was given with. It is what the service hands out: in
// @odata.nextLink, and in the annotation fetchxmlpagingcookie.
type NextPage struct {
	Number   int // of the page it leads to
	Cookie   Cookie
	Tracking bool
}

// Annotation is the form in @Microsoft.Dynamics.CRM.fetchxmlpagingcookie: in it the cookie is percent-encoded twice
// (fetchxml/page-results).
func (p NextPage) Annotation() string { return p.xml(escape(escape(p.Cookie.String()))) }

// SkipToken is the value of $skiptoken in a nextLink, as it stands in the URL: there the cookie is encoded once, and then
// the whole (webapi/query/page-results).
func (p NextPage) SkipToken() string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(p.xml(escape(p.Cookie.String()))) {
		switch c {
		case '<', '>', '"', ' ', '%':
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default: // the rest is plain, since the cookie is encoded
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (p NextPage) xml(cookie string) string {
	tracking := "False"
	if p.Tracking {
		tracking = "True"
	}
	return `<cookie pagenumber="` + strconv.Itoa(p.Number) + `" pagingcookie="` + cookie + `" istracking="` + tracking + `" />`
}

// ParseNextPage reads an annotation or a skiptoken, decoded from its URL or not. Older services leave out istracking.
func ParseNextPage(s string) (NextPage, error) {
	n, ok := cookieNode(s)
	if !ok || len(n.children) > 0 {
		return NextPage{}, badCookie()
	}
	var p NextPage
	cookie := ""
	for _, a := range n.attrs {
		switch a.Name.Local {
		case "pagenumber":
			p.Number, ok = positive(a.Value, ok)
		case "pagingcookie":
			cookie = a.Value
		case "istracking":
			p.Tracking = strings.EqualFold(a.Value, "true")
		}
	}
	if !ok || p.Number == 0 {
		return NextPage{}, badCookie()
	}
	var err error
	p.Cookie, err = ParseCookie(cookie)
	if err != nil {
		return NextPage{}, err
	}
	return p, nil
}

// escape percent-encodes as the service does, in small letters.
func escape(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}
