package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/gallra/gallra/retention/purge"
)

type instruments struct {
	requests                    metric.Float64Histogram
	throttled                   metric.Int64Counter
	decisions, persons, related metric.Int64Counter
	swept, residue, operations  metric.Int64Counter
	unswept, exit, succeeded    metric.Int64Gauge
	duration                    metric.Float64Gauge
}

func newInstruments(m metric.Meter) (i instruments, err error) {
	keep := func(e error) { err = errors.Join(err, e) }
	var e error
	i.requests, e = m.Float64Histogram("http.client.request.duration", metric.WithUnit("s"), metric.WithDescription("One attempt of a request, up to the end of its answer's head"))
	keep(e)
	counter := func(name, unit, what string) metric.Int64Counter {
		c, e := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
		keep(e)
		return c
	}
	gauge := func(name, unit, what string) metric.Int64Gauge {
		g, e := m.Int64Gauge(name, metric.WithUnit(unit), metric.WithDescription(what))
		keep(e)
		return g
	}
	i.throttled = counter("gallra.throttled", "{request}", "Requests that the service put off (429)")
	i.decisions = counter("gallra.decisions", "{person}", "What the plan said, by table and action")
	i.persons = counter("gallra.persons", "{person}", "What became of persons who were to be purged, by table and outcome")
	i.related = counter("gallra.related", "{row}", "What became of related rows, by table and effect")
	i.operations = counter("gallra.operations", "{operation}", "Operations asked of Dataverse, the parts of a batch each")
	i.swept = counter("gallra.audit.swept", "{entry}", "Audit entries of purged persons deleted")
	i.residue = counter("gallra.residue", "{finding}", "What was found of purged persons where nothing should be")
	i.unswept = gauge("gallra.audit.unswept", "{person}", "Purged persons whose audit history is still to be deleted")
	i.exit = gauge("gallra.job.exit", "1", "Exit code of the last job")
	i.succeeded = gauge("gallra.job.succeeded", "s", "When a job last ended well, in seconds since 1970")
	i.duration, e = m.Float64Gauge("gallra.job.duration", metric.WithUnit("s"), metric.WithDescription("How long the last job took"))
	keep(e)
	return i, err
}

// Run tells what a run did.
func (t *Telemetry) Run(ctx context.Context, s *purge.Summary) {
	if t == nil || s == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	add := func(c metric.Int64Counter, n int, what ...string) {
		if n == 0 {
			return
		}
		var of []attribute.KeyValue
		for i := 0; i < len(what); i += 2 {
			of = append(of, attribute.String(what[i], what[i+1]))
		}
		c.Add(ctx, int64(n), metric.WithAttributes(of...))
	}
	for _, p := range s.Subjects {
		for action, n := range p.Decisions {
			add(t.inst.decisions, n, "table", p.Table, "action", string(action))
		}
		for outcome, n := range map[string]int{
			"scheduled": p.Written, "deleted": p.Deleted, "anonymized": p.Anonymized, "in-place": p.Bound, "skipped": p.Skipped, "failed": p.Failed,
		} {
			add(t.inst.persons, n, "table", p.Table, "outcome", outcome)
		}
	}
	for _, r := range s.Related {
		for effect, n := range map[string]int{
			"deleted": r.Deleted, "anonymized": r.Anonymized, "kept": r.Kept, "freed": r.Freed, "shared": r.Shared,
		} {
			add(t.inst.related, n, "table", r.Table, "effect", effect)
		}
	}
	add(t.inst.swept, s.Swept)
	add(t.inst.operations, s.Operations)
	add(t.inst.residue, len(s.Residue))
	t.inst.unswept.Record(ctx, int64(s.Unswept))
}
