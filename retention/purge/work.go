package purge

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

// maxOperations is how many operations the service takes in one batch, and so in one change set.
const maxOperations = 1000

// changeSetKind is which of a person's change sets one is.
type changeSetKind int

const (
	own   changeSetKind = iota // the person's own row, and what goes with it
	ahead                      // goes before, and leaves the person whole
	rest                       // follows: rows that were left, or came later
)

// work is a person's erasure: one change set, and what it stands for.
type work struct {
	*inventory.Person
	kind    changeSetKind
	set     dataverse.ChangeSet
	do      policy.Disposition // what becomes of the person's row
	rows    map[string][]uuid.UUID
	counts  map[string]int                         // by effect and place: delete email.party
	stays   map[string][]uuid.UUID                 // rows that a rule leaves in place
	decided map[environment.Ref]inventory.Decision // of rows that go later
	gone    []environment.Ref                      // rows that the change set deletes
	left    []environment.Ref                      // rows that it leaves for the next change set
	bulk    []environment.Ref                      // rows for a bulk delete
	binned  []environment.Ref                      // rows that the change set deletes although the recycle bin keeps what is in them
	refused error                                  // what the last change set of this kind was answered
	written []environment.Ref                      // rows that an ahead one handles and that stay
	earlier *stages                                // what has gone ahead of it
	actors  []uuid.UUID                            // who has begun the purge, other than this run
	columns int                                    // how many of the row's hold something again
	only    map[string][]uuid.UUID                 // rows that may still go, where somebody has written to the person's row since; nil: all
	mirrors map[uuid.UUID]bool                     // connections that go with their other half
	effects
}

func newWork(p *inventory.Person, kind changeSetKind, do policy.Disposition) *work {
	return &work{Person: p, kind: kind, do: do, rows: make(map[string][]uuid.UUID), counts: make(map[string]int), stays: make(map[string][]uuid.UUID), mirrors: make(map[uuid.UUID]bool)}
}

// effects are what the rows that stay must look like afterwards.
type effects struct {
	blanked []search.Blanked  // of which a rule blanks columns
	off     []environment.Ref // activities that the person was taken off
}

func (e *effects) also(more effects) {
	e.blanked = append(e.blanked, more.blanked...)
	e.off = append(e.off, more.off...)
}

// effect is what a purge does with a related row, as the report counts it.
const (
	didDelete    = "delete"
	didAnonymize = "anonymize"
	didKeep      = "keep"
	didFree      = "free"
	didShare     = "share"
)

// texts are the rows that stay and are to be searched for the person: those that stages have cut loose as well, and the rows that the
// person was associated with.
func (r *session) texts(w *work) map[string][]uuid.UUID {
	all := maps.Clone(w.stays)
	add := func(table string, id uuid.UUID) {
		if !slices.Contains(all[table], id) {
			all[table] = append(slices.Clip(all[table]), id)
		}
	}
	for table, ids := range w.Loose {
		for _, id := range ids {
			add(table, id)
		}
	}
	for _, a := range w.Associated {
		if !r.tables.Persons[a.Table] && !personmap.Skipped(a.Table) && !personmap.Is(a.Table, personmap.Own) {
			add(a.Table, a.ID)
		}
	}
	return all
}

// cutLoose are the rows that stay and that will lead to the person no more once the change set is done: they hang on what goes, or on
// each other, or the person is taken off them.
func (w *work) cutLoose() map[string][]uuid.UUID {
	cut := make(map[environment.Ref]bool)
	for _, r := range w.gone {
		cut[r] = true
	}
	loose := make(map[string][]uuid.UUID)
	for _, r := range w.off {
		cut[r] = true
		loose[r.Table] = append(loose[r.Table], r.ID)
	}
	for more := true; more; {
		more = false
		for _, it := range w.Items {
			if it.Fate.Stays() && !cut[it.Ref] && it.HangsOn(func(parent environment.Ref) bool { return cut[parent] }) {
				cut[it.Ref], more = true, true
				loose[it.Table] = append(loose[it.Table], it.ID)
			}
		}
	}
	return loose
}

// spare notes a row that stays.
func (w *work) spare(it *inventory.Item) {
	if it.Fate.Stays() {
		w.stays[it.Table] = append(w.stays[it.Table], it.ID)
	}
}

func (w *work) touch(it *inventory.Item, effect string) {
	w.rows[it.Table] = append(w.rows[it.Table], it.ID)
	w.counts[effect+" "+it.Place()]++
}

func (w *work) add(method, path string, body any, match string) {
	w.set = append(w.set, dataverse.Operation{Method: method, Path: path, Body: body, IfMatch: match})
}

func (w *work) patch(set string, id uuid.UUID, body map[string]any) {
	if len(body) > 0 {
		w.add(http.MethodPatch, environment.RowPath(set, id), body, "*") // never create a row
	}
}

// join adds what a later change set did.
func (w *work) join(more *work) {
	for table, ids := range more.rows {
		for _, id := range ids {
			if !slices.Contains(w.rows[table], id) {
				w.rows[table] = append(w.rows[table], id)
			}
		}
	}
	for what, n := range more.counts {
		w.counts[what] += n
	}
	w.gone = append(w.gone, more.gone...)
	w.binned = append(w.binned, more.binned...)
	w.also(more.effects)
}

func (w *work) absorb(part *work) {
	w.set = append(w.set, part.set...)
	w.bulk = append(w.bulk, part.bulk...)
	w.left = append(w.left, part.left...)
	w.join(part)
}

// passing says that what kept a person from being finished says nothing of the next: rows that somebody just wrote, a job
// in a queue, a service that does not answer or has had too many requests, a sign-in that has ended: that ends the run by itself.
func (w *work) passing() bool {
	var unsure *dataverse.Uncertain
	return w.Err == errAppeared || w.Err == errJobOpen || w.Err == errNoAnswer || errors.As(w.refused, &unsure) ||
		errors.Is(w.refused, dataverse.ErrThrottled) || errors.Is(w.refused, dataverse.ErrUnavailable) ||
		errors.Is(w.refused, dataverse.ErrUnauthorized) || errors.Is(w.refused, context.Canceled)
}

func workIDs(works []*work) []uuid.UUID {
	ids := make([]uuid.UUID, len(works))
	for i, w := range works {
		ids[i] = w.ID
	}
	return ids
}

// cut takes the key of a count apart.
func cut(what string) (effect, table string) {
	effect, table, _ = strings.Cut(what, " ")
	return effect, table
}
