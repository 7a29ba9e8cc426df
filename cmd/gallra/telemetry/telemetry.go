// Package telemetry sends traces and metrics of a job to an OpenTelemetry collector, if one is configured by the standard
// variables (OTEL_EXPORTER_OTLP_ENDPOINT and its kin), and does nothing at all otherwise.
//
// What it sends holds table names, counts, status codes and durations. Of a request's address it sends the path without
// what stands in parentheses (ids, alternate keys, parameters of functions) and never the query: filters hold e-mail
// addresses.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// shutdown bounds how long what has not been sent yet may hold up the end of a job: a collector that is gone must not.
const shutdown = 5 * time.Second

// Telemetry sends what it is told. A nil one sends nothing.
type Telemetry struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	tracer  trace.Tracer
	inst    instruments
	log     *slog.Logger
}

// Start reads the configuration with getenv (os.Getenv). It is nil without an error where none is asked for.
func Start(ctx context.Context, version string, getenv func(string) string, log *slog.Logger) (*Telemetry, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	wanted := false
	for _, signal := range []string{"", "TRACES_", "METRICS_"} {
		wanted = wanted || getenv("OTEL_EXPORTER_OTLP_"+signal+"ENDPOINT") != ""
	}
	if !wanted {
		return nil, nil
	}
	spans, err := spanExporter(ctx, protocol(getenv, "TRACES"))
	if err != nil {
		return nil, err
	}
	readings, err := metricExporter(ctx, protocol(getenv, "METRICS"))
	if err != nil {
		return nil, errors.Join(err, spans.Shutdown(ctx))
	}
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what is said here.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "gallra"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && about == nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t := &Telemetry{
		traces:  sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(about)),
		metrics: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(readings)), sdkmetric.WithResource(about)),
		log:     log,
	}
	t.tracer = t.traces.Tracer("github.com/gallra/gallra")
	if t.inst, err = newInstruments(t.metrics.Meter("github.com/gallra/gallra")); err != nil {
		return nil, err
	}
	// The library prints to standard error on its own otherwise, in a form that no log reader knows.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry was not sent", "error", err.Error()) }))
	return t, nil
}

func protocol(getenv func(string) string, signal string) string {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := getenv(name); p != "" {
			return p
		}
	}
	return "http/protobuf"
}

func badProtocol(p string) error {
	return fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: it is grpc or http/protobuf", p)
}

func spanExporter(ctx context.Context, p string) (sdktrace.SpanExporter, error) {
	switch p {
	case "grpc":
		return otlptracegrpc.New(ctx)
	case "http/protobuf":
		return otlptracehttp.New(ctx)
	}
	return nil, badProtocol(p)
}

func metricExporter(ctx context.Context, p string) (sdkmetric.Exporter, error) {
	switch p {
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	case "http/protobuf":
		return otlpmetrichttp.New(ctx)
	}
	return nil, badProtocol(p)
}

// Job begins the span of a whole job. The function that is returned ends it with the exit code.
func (t *Telemetry) Job(ctx context.Context, verb string) (context.Context, func(exit int)) {
	if t == nil {
		return ctx, func(int) {}
	}
	began := time.Now()
	ctx, span := t.tracer.Start(ctx, "gallra "+verb, trace.WithAttributes(attribute.String("gallra.verb", verb)))
	return ctx, func(exit int) {
		span.SetAttributes(attribute.Int("gallra.exit", exit))
		if exit != 0 {
			span.SetStatus(codes.Error, fmt.Sprintf("exit %d", exit))
		}
		span.End()
		of := metric.WithAttributes(attribute.String("gallra.verb", verb))
		background := context.WithoutCancel(ctx)
		t.inst.duration.Record(background, time.Since(began).Seconds(), of)
		t.inst.exit.Record(background, int64(exit), of)
		if exit == 0 {
			t.inst.succeeded.Record(background, time.Now().Unix(), of)
		}
	}
}

// Close sends what has not been sent, for a few seconds at most.
func (t *Telemetry) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdown)
	defer cancel()
	// Side by side: a collector that does not answer must cost the time once.
	done := make(chan error, 2)
	go func() { done <- t.traces.Shutdown(ctx) }()
	go func() { done <- t.metrics.Shutdown(ctx) }()
	if err := errors.Join(<-done, <-done); err != nil {
		t.log.Warn("telemetry was not sent", "error", err.Error())
	}
}
