package wire

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Precondition is what If-Match and If-None-Match ask of a row. Page: perform-conditional-operations-using-web-api. The
// literal null, which Microsoft's own samples send, is no condition.
type Precondition struct{ match, noneMatch string }

// Precondition reads If-Match and If-None-Match.
func (c *Call) Precondition() Precondition {
	p := Precondition{strings.TrimSpace(c.Header.Get("If-Match")), strings.TrimSpace(c.Header.Get("If-None-Match"))}
	if p.match == "null" {
		p.match = ""
	}
	if p.noneMatch == "null" {
		p.noneMatch = ""
	}
	return p
}

// Check holds the condition against the row that is there, nil if there is none: then missing says so. A table without
// optimistic concurrency takes no version. Page: optimistic-concurrency.
func (p Precondition) Check(t *schema.Table, r *store.Row, missing error) error {
	if t.Unguarded && p.match != "" && p.match != "*" {
		return NewError(http.StatusBadRequest, "0x8006088d", "Optimistic concurrency isn't enabled for entity type %s. The IfVersionMatches value of ConcurrencyBehavior can only be used if optimistic concurrency is enabled.", t.Name)
	}
	if r == nil {
		if p.match != "" {
			return missing
		}
		return nil
	}
	if p.match != "" && p.match != "*" && p.match != store.ETag(r) {
		return VersionMismatch()
	}
	if p.noneMatch == "*" {
		return NewError(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}
