package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/policy"
)

// GroundGuard is the guard that a Bypass entry names for a person who was purged although a ground justified them.
const GroundGuard = "ground"

// Purged is a person who was purged, as often as that may have been, by the last time.
type Purged struct {
	Key
	At   time.Time
	Run  string
	Verb string
	// Despite are the grounds that justified the person and that whoever asked for the purge named.
	Despite []string
	// Stayed tells that their row stayed: it was anonymised in place, or written to before it was deleted.
	Stayed bool
	// Judged tells that a run has judged that row as a new one since: it was written to before it was deleted, or a purge
	// date was announced for it that had none.
	Judged bool
}

// Purged lists everybody whose purge in an organisation stands in the ledger as done, by table and id. It reads the whole
// ledger from its storage.
func (l *Ledger) Purged(ctx context.Context, organization uuid.UUID) ([]Purged, error) {
	var run Entry
	despite := make(map[Key][]string)
	done := make(map[Key]Purged)
	for r, err := range l.Records(ctx) {
		if err != nil {
			return nil, err
		}
		k := Key{r.Table, r.ID}
		switch {
		case r.Kind == Start:
			run = r.Entry
		case run.Organization != organization:
		case r.Kind == Bypass && r.Guard == GroundGuard:
			if !slices.Contains(despite[k], r.Entry.Ground) {
				despite[k] = append(despite[k], r.Entry.Ground)
			}
		case r.Kind == Outcome:
			if written := r.Code == WrittenSince; r.Status == Done || written {
				done[k] = Purged{Key: k, At: r.At, Run: run.Run, Verb: run.Verb, Despite: despite[k], Stayed: written || r.Do == policy.Anonymize, Judged: written}
			}
			delete(despite, k)
		case r.Kind == Scheduled:
			if p, known := done[k]; known && p.Stayed {
				p.Judged = true
				done[k] = p
			}
		}
	}
	out := make([]Purged, 0, len(done))
	for _, p := range done {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Purged) int { return a.Compare(b.Key) })
	return out, nil
}
