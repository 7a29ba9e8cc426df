package wire

import (
	"net/http"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Answer is what goes back. A body is JSON unless it is []byte.
type Answer struct {
	Status int
	Header http.Header
	Body   any
	Row    store.Ref // the row that a 204 gives the address of
}

// SetHeader sets a header and returns the answer.
func (a *Answer) SetHeader(key, value string) *Answer {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(key, value)
	return a
}

// NoContent is 204.
func NoContent() *Answer { return &Answer{Status: http.StatusNoContent} }

// OK is 200 with a JSON body.
func OK(body any) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// Bytes is the answer's body on the wire.
func (a *Answer) Bytes() []byte {
	switch b := a.Body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	default:
		text, err := jsonx.Marshal(b, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false)) // as encoding/json, but faster
		if err != nil {
			panic("emulator: an answer is not JSON: " + err.Error())
		}
		return text
	}
}
