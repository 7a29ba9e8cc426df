package console

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// evidence is the ledger as the console shows it: its runs, and its newest entries, small enough to turn over pages
// without reading it again.
type evidence struct {
	existed bool
	head    string
	runs    []ledger.RunInfo
	words   []string // kinds, tables, grounds, codes and the like: each once
	entries []proofLine
	before  int // older entries that only the export has
}

// proofLine is one entry of the ledger.
type proofLine struct {
	id                         uuid.UUID
	seq                        uint64
	at                         int64
	run                        int32
	purgeOn, noticedOn         retention.Date
	n                          int32  // rows, entries or a count, by the kind
	kind, table, ground, words uint16 // in evidence.words: the last one is a status, code or guard
	code                       uint16
}

// keptEntries is how many of the ledger's entries can be turned over.
const keptEntries = 300_000

// readEvidence reads the ledger anew, unless nothing was added since.
func readEvidence(ctx context.Context, l *ledger.Ledger, kept *evidence) (*evidence, error) {
	if kept != nil && kept.head == l.Head() && kept.existed == l.Existed() {
		return kept, nil
	}
	e := &evidence{existed: l.Existed(), head: l.Head(), runs: l.Runs(), words: []string{""}}
	at := map[string]uint16{"": 0}
	word := func(s string) uint16 {
		i, ok := at[s]
		if !ok && len(e.words) < 1<<16-1 {
			i = uint16(len(e.words))
			e.words, at[s] = append(e.words, s), i
		}
		return i
	}
	runs := map[string]int32{}
	for i, r := range e.runs {
		runs[r.ID] = int32(i)
	}
	run := int32(-1)
	for r, err := range l.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Kind == ledger.Start {
			run = runs[r.Run]
		}
		p := proofLine{id: r.ID, seq: r.Seq, at: r.At.Unix(), run: run, purgeOn: r.PurgeOn, noticedOn: r.NoticedOn,
			kind: word(string(r.Kind)), table: word(r.Table), ground: word(r.Ground), code: word(r.Code)}
		switch r.Kind {
		case ledger.Start:
			p.words = word(r.Verb)
		case ledger.Ground:
			p.n = int32(r.Counts["rows"])
		case ledger.Intent, ledger.Ahead:
			p.words = word(string(r.Do))
			for _, ids := range r.Rows {
				p.n += int32(len(ids))
			}
		case ledger.Swept:
			p.n = int32(r.Deleted)
		case ledger.Stopped, ledger.Bypass:
			p.words = word(r.Guard)
		default:
			p.words = word(string(r.Status))
		}
		e.entries = append(e.entries, p)
		if len(e.entries) == 2*keptEntries {
			e.trim()
		}
	}
	e.trim()
	return e, nil
}

func (e *evidence) trim() {
	if over := len(e.entries) - keptEntries; over > 0 {
		e.before += over
		e.entries = slices.Clone(e.entries[over:])
	}
}

func (p *proofLine) time() time.Time { return time.Unix(p.at, 0) }

// proofFilter says which entries are shown.
type proofFilter struct {
	Kind string
	Run  string
	Row  uuid.UUID
}

// list are the entries that pass, the newest first, as indexes.
func (e *evidence) list(f proofFilter) []int32 {
	run := int32(-1)
	if f.Run != "" {
		if run = int32(slices.IndexFunc(e.runs, func(r ledger.RunInfo) bool { return r.ID == f.Run })); run < 0 {
			return nil
		}
	}
	kind := slices.Index(e.words, f.Kind)
	if kind < 0 {
		return nil
	}
	var found []int32
	for i := len(e.entries) - 1; i >= 0; i-- {
		p := &e.entries[i]
		if kind > 0 && int(p.kind) != kind || run >= 0 && p.run != run || f.Row != uuid.Nil && p.id != f.Row {
			continue
		}
		found = append(found, int32(i))
	}
	return found
}

// kinds are the kinds of entries that there are.
func (e *evidence) kinds() []string {
	seen := map[uint16]bool{}
	for i := range e.entries {
		seen[e.entries[i].kind] = true
	}
	var all []string
	for k := range seen {
		all = append(all, e.words[k])
	}
	slices.Sort(all)
	return all
}
