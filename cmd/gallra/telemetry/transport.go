package telemetry

import (
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Transport measures every attempt that goes through next.
func (t *Telemetry) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &measured{t, next}
}

type measured struct {
	*Telemetry
	next http.RoundTripper
}

func (m *measured) RoundTrip(req *http.Request) (*http.Response, error) {
	where := Route(req.URL.EscapedPath())
	ctx, span := m.tracer.Start(req.Context(), req.Method+" "+where, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", req.Method), attribute.String("url.template", where), attribute.String("server.address", req.URL.Hostname())))
	defer span.End()
	began := time.Now()
	resp, err := m.next.RoundTrip(req)
	of := []attribute.KeyValue{attribute.String("http.request.method", req.Method), attribute.String("url.template", where)}
	if err != nil {
		// Not the error's text: the library's hold whole addresses.
		span.SetStatus(codes.Error, "no answer")
		of = append(of, attribute.String("error.type", "no answer"))
	} else {
		span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode), attribute.String("gallra.request_id", resp.Header.Get("x-ms-service-request-id")))
		of = append(of, attribute.Int("http.response.status_code", resp.StatusCode))
		if resp.StatusCode >= 400 {
			span.SetStatus(codes.Error, "")
		}
		if resp.StatusCode == http.StatusTooManyRequests {
			m.inst.throttled.Add(ctx, 1)
		}
	}
	m.inst.requests.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(of...))
	return resp, err
}

// Route is what a path addresses without saying which: api/data/v9.2/contacts(…)/gallra becomes contacts()/gallra.
// Everything in parentheses goes, whatever it is: an id, an alternate key, a function's parameters.
func Route(path string) string {
	if _, rest, ok := strings.Cut(path, "/api/data/"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	var b strings.Builder
	depth, quoted := 0, false
	for _, r := range path {
		switch {
		case depth > 0 && r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(':
			if depth == 0 {
				b.WriteString("()")
			}
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
