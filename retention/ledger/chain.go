package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// genesis is what the first line of a ledger names as the hash of the line before it.
const genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// ErrBroken says that the ledger's chain does not hold. Nothing is written to such a ledger; [Verify] says where it breaks.
var ErrBroken error = &hinted{"the ledger's chain is broken", "gallra ledger verify tells where; nothing is written to such a ledger"}

// hinted is an error that says what to do about it.
type hinted struct{ text, hint string }

func (e *hinted) Error() string { return e.text }

// Hint tells what to do about it.
func (e *hinted) Hint() string { return e.hint }

// encode writes r as a line. The hash is over all of the line that stands before it, so that it can be checked without
// knowing the schema.
func encode(buf *bytes.Buffer, r Record) (hash string, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("ledger: encode %s entry: %w", r.Kind, err)
	}
	body = body[:len(body)-1] // the closing brace
	sum := sha256.Sum256(body)
	hash = hex.EncodeToString(sum[:])
	buf.Write(body)
	buf.WriteString(`,"hash":"` + hash + "\"}\n")
	return hash, nil
}

// cutLine takes the first line off, and its line end.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte{'\n'})
	return line, rest
}

// stamp gives the time of an entry: that of the service, or the machine's before the service has answered.
func stamp(now func() time.Time) time.Time {
	t := time.Time{}
	if now != nil {
		t = now()
	}
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Second)
}
