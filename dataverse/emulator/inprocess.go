package emulator

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// inProcess carries requests to a handler without a connection, so that tests run where nothing may listen.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	a := &recorded{header: http.Header{}, status: http.StatusOK}
	whole := t.serve(a, in)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	if err := r.Context().Err(); err != nil { // who asked has gone meanwhile
		return nil, err
	}
	if !whole && !a.wrote {
		return nil, io.EOF
	}
	var body io.Reader = &a.body
	length := int64(a.body.Len())
	switch {
	case whole:
		a.header.Set("Content-Length", strconv.FormatInt(length, 10))
	default:
		body = io.MultiReader(body, broken{})
		if told, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64); err == nil {
			length = told
		}
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}, nil
}

// serve has the handler answer. It is not whole where the handler closed the connection, as one that there is would be.
func (t inProcess) serve(a *recorded, in *http.Request) (whole bool) {
	defer func() {
		if said := recover(); said != nil && said != http.ErrAbortHandler {
			panic(said)
		}
	}()
	t.handler.ServeHTTP(a, in)
	return true
}

// broken is the end of an answer whose connection was closed.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// recorded is an answer that is kept.
type recorded struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *recorded) Header() http.Header { return a.header }

func (a *recorded) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *recorded) Write(b []byte) (int, error) {
	a.wrote = true
	return a.body.Write(b)
}
