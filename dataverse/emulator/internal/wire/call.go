package wire

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Handler answers one call. An error that is not an *Error is a bug of the emulator and becomes 500.
type Handler func(*Call) (*Answer, error)

// Call is one request, or one part of a batch.
type Call struct {
	Ctx    context.Context
	Engine *store.Engine
	Method string
	Path   Path
	Query  url.Values
	Raw    string // the query string as it came: parameter aliases and order stand in it
	Header http.Header
	Body   []byte
	Base   string        // "https://host/api/data/v9.2", for links
	User   uuid.UUID     // who it is done as
	Caller uuid.UUID     // who asks for it, when that is somebody else: impersonation
	Tx     *store.Tx     // the change set's transaction, nil outside one
	Part   bool          // of a batch
	Rows   *atomic.Int64 // read and written so far, by the whole request
	Looked [2]int        // rows that its queries looked at, by how they were found; a part of a batch counts its own

	Contents map[string]store.Ref // the rows that the parts of the change set before made, by Content-ID
}

// Found is how a query came to look at a row.
type Found int

// The ways to a row: by its id or another index, and in a scan of the table, which looks at all rows.
const (
	ByIndex Found = iota
	ByScan
)

// View is what the call reads: its change set's work so far, else the newest snapshot.
func (c *Call) View() *store.Snapshot {
	if c.Tx != nil {
		return &c.Tx.Snapshot
	}
	return c.Engine.Store.View()
}

// Write runs fn in the change set's transaction, else in one of its own that commits when fn succeeds. Either way what
// fn wrote is undone when it fails.
func (c *Call) Write(fn func(*store.Tx) error) error {
	if c.Tx != nil {
		sp := c.Tx.Savepoint()
		if err := fn(c.Tx); err != nil {
			c.Tx.RollbackTo(sp)
			return err
		}
		c.Tx.Release(sp)
		return nil
	}
	t := c.Engine.Store.Begin()
	done := false
	defer func() {
		if !done {
			t.Rollback()
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	t.Commit()
	done = true
	c.CountWritten(t.Written)
	return nil
}

// CountRead counts rows read, for the statistics and for what the request costs its user.
func (c *Call) CountRead(n int) {
	c.Engine.Meter.Read(n)
	if c.Rows != nil { // the platform's own calls cost nobody anything
		c.Rows.Add(int64(n))
	}
}

// CountWritten counts rows written, as [Call.CountRead] does rows read.
func (c *Call) CountWritten(n int) {
	c.Engine.Meter.Wrote(n)
	if c.Rows != nil {
		c.Rows.Add(int64(n))
	}
}

// Preference is a preference of the Prefer headers: Preference("return") is "representation",
// Preference("odata.maxpagesize") "50". A preference without a value is "true". Preferences are separated by comma or
// semicolon, a value may be quoted.
func (c *Call) Preference(name string) string {
	for _, line := range c.Header.Values("Prefer") {
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

// WantsAnnotation tells whether the caller asked for the annotation, also by * or a prefix ending in it.
func (c *Call) WantsAnnotation(name string) bool {
	wanted := c.Preference("odata.include-annotations")
	if wanted == "" {
		return false
	}
	for p := range strings.SplitSeq(wanted, ",") {
		p = strings.TrimSpace(p)
		if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, strings.TrimSuffix(p, "*")) {
			return true
		}
	}
	return false
}

// Decode reads the body as a JSON object; numbers stay json.Number.
func (c *Call) Decode() (map[string]any, error) {
	return readObject(c.Body)
}

// MaxBody bounds a request's body. Dataverse allows 116.85 MB where a plug-in is registered.
const MaxBody = 128 << 20
