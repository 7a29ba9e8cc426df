package emulator

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
)

// handler answers one call. An error that is not a *fault is a bug and becomes 500.
type handler func(*call) (*answer, error)

// call is one request, or one part of a batch.
type call struct {
	ctx    context.Context
	engine *engine
	method string
	path   path
	query  url.Values
	raw    string // the query string as it came: parameter aliases and order stand in it
	header http.Header
	body   []byte
	base   string        // "https://host/api/data/v9.2", for links
	user   uuid.UUID     // who it is done as
	caller uuid.UUID     // who asks for it, when that is somebody else: impersonation
	tx     *tx           // the change set's transaction, nil outside one
	part   bool          // of a batch
	rows   *atomic.Int64 // read and written so far, by the whole request

	contents map[string]ref // the rows that the parts of the change set before made, by Content-ID
}

// view is what the call reads: its change set's work so far, else the newest snapshot.
func (c *call) view() *snapshot {
	if c.tx != nil {
		return &c.tx.snapshot
	}
	return c.engine.store.view()
}

// write runs fn in the change set's transaction, else in one of its own that commits when fn succeeds. Either way what
// fn wrote is undone when it fails.
func (c *call) write(fn func(*tx) error) error {
	if c.tx != nil {
		sp := c.tx.savepoint()
		if err := fn(c.tx); err != nil {
			c.tx.restore(sp)
			return err
		}
		return nil
	}
	t := c.engine.store.begin()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	t.commit()
	done = true
	c.wroteRows(t.written)
	return nil
}

// readRows and wroteRows count rows, for the statistics and for what the request costs its user.
func (c *call) readRows(n int) {
	c.engine.meter.read(n)
	if c.rows != nil { // the platform's own calls cost nobody anything
		c.rows.Add(int64(n))
	}
}

func (c *call) wroteRows(n int) {
	c.engine.meter.wrote(n)
	if c.rows != nil {
		c.rows.Add(int64(n))
	}
}

// prefer is a preference of the Prefer headers: prefer("return") is "representation", prefer("odata.maxpagesize") "50".
// A preference without a value is "true". Preferences are separated by comma or semicolon, a value may be quoted.
func (c *call) prefer(name string) string {
	for _, line := range c.header.Values("Prefer") {
		for _, p := range splitPreferences(line) {
			k, v, found := strings.Cut(p, "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				if !found {
					return "true"
				}
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return ""
}

func splitPreferences(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case (s[i] == ',' || s[i] == ';') && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// annotations tells whether the caller asked for the annotation, also by * or a prefix ending in it.
func (c *call) annotations(name string) bool {
	for _, p := range strings.Split(c.prefer("odata.include-annotations"), ",") {
		p = strings.TrimSpace(p)
		if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, strings.TrimSuffix(p, "*")) {
			return true
		}
	}
	return false
}

// decode reads the body as a JSON object; numbers stay json.Number.
func (c *call) decode() (map[string]any, error) {
	return readObject(c.body)
}

// maxBody bounds a request's body. Dataverse allows 116.85 MB where a plug-in is registered.
const maxBody = 128 << 20
