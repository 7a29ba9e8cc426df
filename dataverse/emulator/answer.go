package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// answer is what goes back. A body is JSON unless it is []byte.
type answer struct {
	status int
	header http.Header
	body   any
	row    ref // the row that a 204 gives the address of
}

func (a *answer) set(key, value string) *answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// noContent is 204.
func noContent() *answer { return &answer{status: http.StatusNoContent} }

// ok is 200 with a JSON body.
func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

// bytes is the answer's body on the wire.
func (a *answer) bytes() []byte {
	switch b := a.body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	default:
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		if err := e.Encode(b); err != nil {
			panic("emulator: an answer is not JSON: " + err.Error())
		}
		return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	}
}
