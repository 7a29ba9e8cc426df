package take

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

// key is one for tests.
func key(seed byte) []byte {
	k := make([]byte, 32)
	for i := range k {
		k[i] = byte(i) + seed
	}
	return k
}

func TestMaskedTextsAreEqualWhereTheyWere(t *testing.T) {
	m := newMasker(key(1), false, 0, nil)
	word := rapid.SampledFrom([]string{"anna@nord.se", "ANNA@NORD.SE", " anna@nord.se", "anna@nord.se\u00a0", "ann@nord.se", "070-123 45 67", "070-123 45 68", "0701234567", "Berg", "BERG ", "Åberg", "åberg", "12345", "12346", "x", "", " "})
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if was, is := same(a) == same(b), same(m.text(a, 0)) == same(m.text(b, 0)); was != is {
			t.Fatalf("%q and %q: equal %v, masked %q and %q: equal %v", a, b, was, m.text(a, 0), m.text(b, 0), is)
		}
		if c := strings.TrimSpace(a); len(c) > 3 && strings.Contains(strings.ToLower(m.text(a, 0)), strings.ToLower(c)) {
			t.Fatalf("%q is in %q", c, m.text(a, 0))
		}
	})
}

func TestMaskedNumbersKeepTheirForm(t *testing.T) {
	m := newMasker(key(2), false, 0, nil)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(\+46 |00|0)?[0-9]{1,4}[- /.]?[0-9]{2,6}`).Draw(t, "number")
		other := rapid.StringMatching(`(\+46 |00|0)?[0-9]{1,4}[- /.]?[0-9]{2,6}`).Draw(t, "other")
		masked := m.number(text)
		form := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return '9'
				}
				return r
			}, s)
		}
		if form(masked) != form(text) {
			t.Fatalf("%q became %q", text, masked)
		}
		digits := func(s string) string {
			return strings.Map(func(r rune) rune { return map[bool]rune{true: r, false: -1}[r >= '0' && r <= '9'] }, s)
		}
		zeros := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0")) }
		if zeros(digits(masked)) != zeros(digits(text)) {
			t.Fatalf("%q became %q: zeros ahead of a number say where it is of", text, masked)
		}
		if (digits(text) == digits(other)) != (digits(masked) == digits(m.number(other))) {
			t.Fatalf("%q and %q became %q and %q", text, other, masked, m.number(other))
		}
	})
}

func TestTextsOfThePolicyStayWhereTheyStood(t *testing.T) {
	m := newMasker(key(3), false, 0, []string{"contract", "@nord.se", "Superuser"})
	for text, holds := range map[string]func(string) bool{
		"Superuser": func(s string) bool { return s == "Superuser" },
		"superUSER": func(s string) bool { return s == "superUSER" },
		"Contract for Anna Berg": func(s string) bool {
			return strings.HasPrefix(strings.ToLower(s), "contract") && !strings.Contains(s, "Anna")
		},
		"The contract":            func(s string) bool { return strings.HasSuffix(s, "contract") && !strings.Contains(s, "The") },
		"anna.berg@nord.se":       func(s string) bool { return strings.HasSuffix(s, "@nord.se") && !strings.Contains(s, "anna") },
		"anna.berg@elsewhere.org": func(s string) bool { return strings.HasSuffix(s, "@x.invalid") },
	} {
		if got := m.text(text, 0); !holds(got) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestIDsAreMappedOneToOne(t *testing.T) {
	m := newMasker(key(4), false, 0, nil)
	seen := map[uuid.UUID]bool{}
	for i := range 1000 {
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte{byte(i), byte(i >> 8)})
		to := m.id(id)
		if to == id || seen[to] || m.id(id) != to {
			t.Fatalf("%s became %s", id, to)
		}
		seen[to] = true
	}
	if kept := newMasker(key(4), true, 0, nil); kept.id(uuid.NameSpaceDNS) != uuid.NameSpaceDNS {
		t.Error("an id that is to be kept was not")
	}
}
