package policytest

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
	t.handler.ServeHTTP(a, in)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	a.header.Set("Content-Length", strconv.Itoa(a.body.Len()))
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

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
