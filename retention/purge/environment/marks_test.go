package environment_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/purge/environment"
)

// A placeholder reads as one however short the column is, and is no fragment of another; rows that bear a fragment from before are
// still known as anonymous.
func TestRequiredPlaceholderIsNoFragment(t *testing.T) {
	for length, want := range map[int]string{0: "(purged)", 1: "-", 3: "-", 7: "-", 8: "(purged)", 100: "(purged)"} {
		if got := environment.RequiredPlaceholder(length); got != want {
			t.Errorf("of %d letters: %q, want %q", length, got, want)
		}
	}
	for _, text := range []string{"-", "ed)", "(purged)"} {
		if !environment.IsPlaceholder(text, uuid.Nil, 3) {
			t.Errorf("%q is no placeholder of three letters", text)
		}
	}
}
