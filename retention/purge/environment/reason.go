package environment

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/gallra/gallra/dataverse"
)

// Reason is why a person was left alone, as a word that stands in the ledger.
type Reason string

func (r Reason) Error() string { return string(r) }

var codeForm = regexp.MustCompile(`^0x[0-9a-f]{8}$`)

// Code is what the ledger says about an error: Dataverse's code or a word of ours, never a message.
func Code(err error) string {
	var r Reason
	if errors.As(err, &r) {
		return string(r)
	}
	var e *dataverse.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		if c := strings.ToLower(e.Code); codeForm.MatchString(c) {
			return c
		}
		return fmt.Sprintf("http-%d", e.Status)
	}
	return "no-answer"
}
