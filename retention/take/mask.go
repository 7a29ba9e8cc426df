package take

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
)

// masker makes what a value becomes. The same key makes the same of the same value, and nobody who lacks it can go back.
type masker struct {
	ids      cipher.Block
	rounds   cipher.Block // of what becomes of numbers
	mac      hash.Hash
	keepIDs  bool
	shift    int // days
	literals []string
	sum      []byte
	known    map[string]string // of texts that come often
}

// newMasker takes 32 bytes of key. literals are texts that stay where they stand.
func newMasker(key []byte, keepIDs bool, shift int, literals []string) *masker {
	block := func(use string) cipher.Block {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(use))
		b, err := aes.NewCipher(h.Sum(nil)[:16])
		if err != nil {
			panic(err) // of another length than 16
		}
		return b
	}
	m := &masker{ids: block("ids"), rounds: block("numbers"), mac: hmac.New(sha256.New, key), keepIDs: keepIDs, shift: shift, known: map[string]string{}}
	for _, l := range literals {
		m.literals = append(m.literals, same(l))
	}
	slices.SortFunc(m.literals, func(a, b string) int { return len(b) - len(a) })
	return m
}

// same is a text as values are compared: without regard to case, blanks around it aside.
func same(text string) string { return strings.ToLower(strings.Trim(text, compile.Blanks)) }

// TextDigest is by what a file names a text that the policy compares with.
func TextDigest(text string) string {
	sum := sha256.Sum256([]byte(same(text)))
	return hex.EncodeToString(sum[:8])
}

// id maps an id to another, each to one of its own.
func (m *masker) id(id uuid.UUID) uuid.UUID {
	if m.keepIDs || id == uuid.Nil {
		return id
	}
	m.ids.Encrypt(id[:], id[:])
	return id
}

// share is where in the whole a person is, from 0 up to 1: for a sample.
func (m *masker) share(id uuid.UUID) float64 {
	return float64(binary.BigEndian.Uint64(m.digest("sample", string(id[:])))>>11) / (1 << 53)
}

// digest is 32 bytes that depend on the key; valid until the next call.
func (m *masker) digest(domain, text string) []byte {
	m.mac.Reset()
	m.mac.Write([]byte(domain))
	m.mac.Write([]byte{0})
	m.mac.Write([]byte(text))
	m.sum = m.mac.Sum(m.sum[:0])
	return m.sum
}

const mostKnown = 1 << 16

// text is what stands for a text, no longer than most UTF-16 units; 0: as long as it gets.
func (m *masker) text(text string, most int) string {
	core := strings.Trim(text, compile.Blanks)
	if core == "" {
		return text
	}
	at := strings.Index(text, core)
	masked, ok := m.known[core]
	if !ok {
		masked = m.core(core)
		if len(m.known) < mostKnown && len(core) <= 64 {
			m.known[strings.Clone(core)] = masked
		}
	}
	masked = text[:at] + masked + text[at+len(core):]
	if most > 0 && len(masked) > most {
		masked = masked[:most] // of ASCII, but for blanks and texts of the policy
		masked = strings.ToValidUTF8(masked, "")
	}
	return masked
}

func (m *masker) core(core string) string {
	low := strings.ToLower(core)
	if slices.Contains(m.literals, low) {
		return core
	}
	switch {
	case isMail(low):
		return m.pieces(low, func() string { return m.word(low, 13) + "@x.invalid" })
	case isNumber(low):
		return m.pieces(low, func() string { return m.number(core) })
	case strings.HasPrefix(low, "http://"), strings.HasPrefix(low, "https://"), strings.HasPrefix(low, "www."):
		return m.pieces(low, func() string { return "https://x.invalid/" + m.word(low, 13) })
	}
	return m.pieces(low, func() string { return m.word(low, max(10, units(core))) })
}

// pieces leaves the texts of the policy where they stand in a text, so that what contains, begins or ends with one still does.
// A text without any becomes what whole makes of it.
func (m *masker) pieces(low string, whole func() string) string {
	type span struct{ from, to int }
	var spans []span
	for _, l := range m.literals {
		if len(l) < 2 {
			continue
		}
		for from := 0; ; {
			i := strings.Index(low[from:], l)
			if i < 0 {
				break
			}
			at := span{from + i, from + i + len(l)}
			from = at.to
			if !slices.ContainsFunc(spans, func(s span) bool { return at.from < s.to && s.from < at.to }) {
				spans = append(spans, at)
			}
		}
	}
	if len(spans) == 0 {
		return whole()
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	last := 0
	for _, s := range append(spans, span{len(low), len(low)}) {
		if s.from > last {
			out.WriteString(m.word(low, max(10, s.from-last)))
		}
		out.WriteString(low[s.from:s.to])
		last = s.to
	}
	return out.String()
}

// letters have neither vowels nor digits that make a word or a number of what means nothing.
var letters = base32.NewEncoding("bcdfghjklmnpqrstvwxzBCDFGHJKLMNP").WithPadding(base32.NoPadding)

// word is n letters for a text. Ten are enough for every text of a CRM to have its own.
func (m *masker) word(low string, n int) string {
	text := strings.ToLower(letters.EncodeToString(m.digest("text", low)))
	for len(text) < n {
		text += text
	}
	return text[:n]
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func isMail(low string) bool {
	name, domain, ok := strings.Cut(low, "@")
	return ok && name != "" && strings.Contains(domain, ".") && !strings.ContainsAny(low, " \t\n\r,;<>")
}

// isNumber tells whether a text is a number and nothing else: of a telephone, an employee, a customer.
func isNumber(low string) bool {
	digits := 0
	for i := range len(low) {
		switch c := low[i]; {
		case c >= '0' && c <= '9':
			digits++
		case !strings.ContainsRune("+-(). /", rune(c)):
			return false
		}
	}
	return digits >= 3
}

// tailDigits are the digits of a number that mean nothing afterwards: its last. What stands before them, a country and an area, is
// nobody's. Two notations of a number have the same last digits, and so have what becomes of them.
const tailDigits = 7

// number changes the last digits of a number into others, each into others of its own, and leaves how it is written.
func (m *masker) number(text string) string {
	out := []byte(text)
	var at []int
	tail := 0
	for i := len(out) - 1; i >= 0 && len(at) < tailDigits; i-- {
		if c := out[i]; c >= '0' && c <= '9' {
			at = append(at, i)
		}
	}
	for i := len(at) - 1; i >= 0; i-- {
		tail = tail*10 + int(out[at[i]]-'0')
	}
	low, high := 0, 1 // a number with so many digits that count, so that zeros before them stay
	for high <= tail {
		low, high = high, high*10
	}
	masked := tail
	if high > 1 {
		half := (bits.Len(uint(high-1)) + 1) / 2
		for masked = m.permute(tail, half); masked < low || masked >= high; {
			masked = m.permute(masked, half)
		}
	}
	for _, i := range at {
		out[i] = byte('0' + masked%10)
		masked /= 10
	}
	return string(out)
}

// permute is a permutation of the numbers of twice half bits: a Feistel network.
func (m *masker) permute(n, half int) int {
	mask := uint32(1)<<half - 1
	l, r := uint32(n)>>half, uint32(n)&mask
	var block [aes.BlockSize]byte
	for round := range 6 {
		clear(block[:])
		block[0], block[1] = byte(round), byte(half)
		binary.BigEndian.PutUint32(block[4:], r)
		m.rounds.Encrypt(block[:], block[:])
		l, r = r, l^binary.BigEndian.Uint32(block[:])&mask
	}
	return int(l<<half | r)
}

// moved is a date, moved with all others.
func (m *masker) moved(t time.Time) time.Time { return t.AddDate(0, 0, m.shift) }
