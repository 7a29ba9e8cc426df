package dataverse

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// mostIdlePages is how many pages in a row may bring no new row. The service has been seen to send an empty page amid
	// others.
	mostIdlePages = 50
	// mostPageRows is ten times what the service puts on a page.
	mostPageRows = 10 * pageRows
)

// trail is what a read that goes from page to page has passed, so that it ends also where the pages do not.
type trail struct {
	links map[[sha256.Size]byte]bool
	pages map[uint64]bool
	idle  int // pages since the last one with a new row
}

var pageSeed = maphash.MakeSeed()

// follow notes where the read goes next. It has not been there.
func (t *trail) follow(link string) error {
	key := sha256.Sum256([]byte(link))
	if t.links[key] {
		return fmt.Errorf("%w: a page that links to itself, or to one before", ErrAnswer)
	}
	if t.links == nil {
		t.links = make(map[[sha256.Size]byte]bool)
	}
	t.links[key] = true
	return nil
}

// pass notes the rows of a page, as its text has them. Where every row has a key, two pages are never the same.
func (t *trail) pass(rows []byte, n int, keyed bool) error {
	t.idle++
	if n > 0 {
		key := maphash.Bytes(pageSeed, rows)
		switch {
		case !t.pages[key]:
			t.idle = 0
		case keyed:
			return fmt.Errorf("%w: a page that was there before, under another link", ErrAnswer)
		}
		if t.pages == nil {
			t.pages = make(map[uint64]bool)
		}
		t.pages[key] = true
	}
	if t.idle > mostIdlePages {
		return fmt.Errorf("%w: %d pages without a new row", ErrAnswer, t.idle)
	}
	return nil
}

func tooManyRows() error {
	return fmt.Errorf("%w: a page of more than %d rows", ErrAnswer, mostPageRows)
}

// outline is where the rows of a page stand in its text, and how many they are.
func outline(body []byte) (rows []byte, n int, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	r := foldReader{dec: dec}
	err = r.object(func(name []byte) error {
		if string(name) != `"value"` {
			return dec.SkipValue()
		}
		n = 0
		from := dec.InputOffset()
		err := r.array(func() error {
			if n++; n > mostPageRows {
				return tooManyRows()
			}
			return dec.SkipValue()
		})
		rows = body[from:dec.InputOffset()]
		return err
	})
	if err != nil && err != io.EOF && !isAnswerError(err) {
		err = broken("no whole JSON document")
	}
	return rows, n, err
}
