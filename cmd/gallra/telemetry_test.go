package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/gallra/gallra/dataverse/emulator"
)

// collector keeps what is sent to it, over HTTP or gRPC.
type collector struct {
	traces.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   map[string]int // by name
	numbers map[string]int64
	all     bytes.Buffer // everything, as text
}

func newCollector() *collector {
	return &collector{spans: map[string]int{}, numbers: map[string]int64{}}
}

func (c *collector) Export(_ context.Context, r *traces.ExportTraceServiceRequest) (*traces.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.WriteString(r.String())
	for _, resource := range r.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[s.Name]++
			}
		}
	}
	return &traces.ExportTraceServiceResponse{}, nil
}

// readings is the collector's other service: both have a method Export.
type readings struct {
	metrics.UnimplementedMetricsServiceServer
	*collector
}

func (c readings) Export(_ context.Context, r *metrics.ExportMetricsServiceRequest) (*metrics.ExportMetricsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.WriteString(r.String())
	for _, resource := range r.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, m := range scope.Metrics {
				for _, p := range m.GetSum().GetDataPoints() {
					c.numbers[m.Name] += p.GetAsInt()
				}
				for _, p := range m.GetGauge().GetDataPoints() {
					c.numbers[m.Name] = p.GetAsInt()
				}
				for _, p := range m.GetHistogram().GetDataPoints() {
					c.numbers[m.Name] += int64(p.Count)
				}
			}
		}
	}
	return &metrics.ExportMetricsServiceResponse{}, nil
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/v1/traces":
		var m traces.ExportTraceServiceRequest
		if err = proto.Unmarshal(text, &m); err == nil {
			_, err = c.Export(r.Context(), &m)
		}
	case "/v1/metrics":
		var m metrics.ExportMetricsServiceRequest
		if err = proto.Unmarshal(text, &m); err == nil {
			_, err = readings{collector: c}.Export(r.Context(), &m)
		}
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// A purge is seen by a collector over both protocols, and nothing that is sent holds a name or an address.
func TestTelemetry(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			c := newCollector()
			var endpoint string
			if protocol == "grpc" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				s := grpc.NewServer()
				traces.RegisterTraceServiceServer(s, c)
				metrics.RegisterMetricsServiceServer(s, readings{collector: c})
				go func() { _ = s.Serve(l) }()
				defer s.Stop()
				endpoint = "http://" + l.Addr().String()
			} else {
				web := httptest.NewServer(c)
				defer web.Close()
				endpoint = web.URL
			}
			crm := company(t, emulator.Options{Token: "job-token"})
			web := httptest.NewServer(crm)
			defer web.Close()
			p := newPlatform(t, web.URL)
			p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol)
			for _, step := range []func() (int, string){
				func() (int, string) { return p.run("provision") },
				func() (int, string) { return p.run("run", "--apply") },
				func() (int, string) { crm.Advance(1600 * time.Hour); return p.run("run", "--apply") },
				func() (int, string) { return p.run("explain", "julia.ilyina@alpineskihouse.example") },
			} {
				if code, log := step(); code > 1 {
					t.Fatalf("exit %d\n%s", code, log)
				}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.spans["gallra run"] != 2 || c.spans["POST $batch"] == 0 || c.spans["GET WhoAmI"]+c.spans["GET WhoAmI()"] == 0 {
				t.Errorf("spans %v", c.spans)
			}
			for _, name := range []string{"http.client.request.duration", "gallra.persons", "gallra.decisions", "gallra.related", "gallra.audit.swept", "gallra.job.succeeded"} {
				if c.numbers[name] <= 0 {
					t.Errorf("%s is %d", name, c.numbers[name])
				}
			}
			for _, personal := range []string{"ilyina", ".example", "%40", "filter", "Konersmann"} {
				if i := strings.Index(strings.ToLower(c.all.String()), strings.ToLower(personal)); i >= 0 {
					t.Errorf("%q was sent: …%s…", personal, c.all.String()[max(0, i-80):min(c.all.Len(), i+80)])
				}
			}
		})
	}
}

// A collector that is gone costs a job seconds, and not its success.
func TestTelemetryWithoutItsCollector(t *testing.T) {
	crm := company(t, emulator.Options{Token: "job-token"})
	web := httptest.NewServer(crm)
	defer web.Close()
	p := newPlatform(t, web.URL)
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
	if code, log := p.run("provision"); code != 0 || !strings.Contains(log, "telemetry was not sent") {
		t.Errorf("exit %d\n%s", code, log)
	}
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_PROTOCOL=carrier pigeon")
	if code, log := p.run("plan"); code != 2 || !strings.Contains(log, "grpc or http/protobuf") {
		t.Errorf("exit %d\n%s", code, log)
	}
}
