package wire

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// precondition is what If-Match and If-None-Match ask of a row. Page: perform-conditional-operations-using-web-api. The
// literal null, which Microsoft's own samples send, is no condition.
type precondition struct{ match, noneMatch string }

func (c *Call) Precondition() precondition {
	p := precondition{strings.TrimSpace(c.Header.Get("If-Match")), strings.TrimSpace(c.Header.Get("If-None-Match"))}
	if p.match == "null" {
		p.match = ""
	}
	if p.noneMatch == "null" {
		p.noneMatch = ""
	}
	return p
}

// Check holds the condition against the row that is there, nil if there is none: then missing says so.
func (p precondition) Check(r *store.Row, missing error) error {
	if r == nil {
		if p.match != "" {
			return missing
		}
		return nil
	}
	if p.match != "" && p.match != "*" && p.match != store.EtagOf(r) {
		return Changed()
	}
	if p.noneMatch == "*" {
		return NewFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}
