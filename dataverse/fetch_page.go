package dataverse

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// fetchTable is the root table of a FetchXML query.
func fetchTable(fetch string) (string, error) {
	dec := xml.NewDecoder(strings.NewReader(fetch))
	for {
		token, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("the FetchXML names no table")
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "entity" {
			if name := attr(start, "name"); name != "" {
				return name, nil
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// fetchAtPage sets page, size and cookie of a FetchXML query and leaves the rest of its text as it is. A query with
// top has one page only.
func fetchAtPage(fetch string, page, size int, cookie string) (string, error) {
	dec := xml.NewDecoder(strings.NewReader(fetch))
	for {
		token, err := dec.Token()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("no fetch element")
			}
			return "", fmt.Errorf("FetchXML: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "fetch" {
			return "", fmt.Errorf("FetchXML: the root is not a fetch element")
		}
		if attr(start, "top") != "" {
			return fetch, nil
		}
		var b strings.Builder
		b.WriteString("<fetch")
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "page", "count", "paging-cookie":
			default:
				writeAttr(&b, a.Name.Local, a.Value)
			}
		}
		writeAttr(&b, "count", strconv.Itoa(size))
		writeAttr(&b, "page", strconv.Itoa(page))
		if cookie != "" {
			writeAttr(&b, "paging-cookie", cookie)
		}
		if rest := fetch[dec.InputOffset():]; strings.HasSuffix(fetch[:dec.InputOffset()], "/>") {
			b.WriteString("/>" + rest)
		} else {
			b.WriteString(">" + rest)
		}
		return b.String(), nil
	}
}

func writeAttr(b *strings.Builder, name, value string) {
	b.WriteString(" " + name + `="`)
	xml.EscapeText(b, []byte(value)) // cannot fail on a Builder
	b.WriteByte('"')
}

// fetchCookie takes the cookie out of its annotation: an element whose pagingcookie is escaped twice.
func fetchCookie(annotation string) (string, error) {
	if annotation == "" {
		return "", nil
	}
	token, err := xml.NewDecoder(strings.NewReader(annotation)).Token()
	start, ok := token.(xml.StartElement)
	if err != nil || !ok {
		return "", broken("no paging cookie")
	}
	cookie := attr(start, "pagingcookie")
	for range 2 {
		if cookie, err = url.QueryUnescape(cookie); err != nil {
			return "", broken("no paging cookie")
		}
	}
	return cookie, nil
}
