package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// Ledger is a ledger that was read, and, between Begin and End, can be written. Only [Ledger.Append] and
// [Ledger.Trace] may be called from several goroutines.
type Ledger struct {
	mu      sync.Mutex // held by both
	storage Storage
	state   state
	files   []File // as they were when the ledger was read
	headed  []byte // the head at that time
	tail    tail

	// Set between Begin and End.
	run     string
	begun   int // files that were begun, those before the run included
	name    string
	size    int64
	now     func() time.Time
	release func() error
	err     error // what an append failed with; nothing is appended after it
}

// tail is an unfinished line that a cut run left at the end of a file, and of which no entry says so yet.
type tail struct {
	file  int   // counted from 1; zero: there is none
	whole int64 // length of the whole lines before it
	torn  int64 // its length
}

// covers tells whether an entry may follow the unfinished line: a run's first one, which the repair comes with, and the
// repair itself.
func (t *tail) covers(r Record) bool {
	if t.file > 0 && r.Kind == Repaired && r.File == t.file && r.Bytes == t.torn {
		*t = tail{}
	}
	return t.file == 0 || r.Kind == Start
}

// Open reads the ledger in a folder. A folder that does not exist or is empty is a ledger without entries, which
// [Ledger.Existed] tells. A broken chain is an error that wraps [ErrBroken].
func Open(dir string) (*Ledger, error) {
	return OpenStorage(context.Background(), Folder(dir))
}

// OpenStorage reads the ledger in s, as [Open] does.
func OpenStorage(ctx context.Context, s Storage) (*Ledger, error) {
	l := &Ledger{storage: s}
	if err := l.read(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Existed tells whether there was a ledger when it was opened. Without one no purge date has a trace, and everybody gets
// the whole notice again.
func (l *Ledger) Existed() bool { return len(l.files) > 0 }

// Seq is the number of the last entry, zero if there is none.
func (l *Ledger) Seq() uint64 { return l.state.seq }

// Head is the hash of the last entry.
func (l *Ledger) Head() string { return l.state.hash }

// Run is what a run says about itself when it begins.
type Run struct {
	ID           string // small letters, digits and hyphens
	Verb         string
	Policy       string // retention.Policy.Hash
	Organization uuid.UUID
	Actor        uuid.UUID
	Today        retention.Date
	Version      string           // of the tool
	Now          func() time.Time // the service's clock
}

// ForeignError says that the ledger belongs to another environment. Row ids mean nothing there, or worse, in a copy they
// mean other rows: dates would count as noticed that nobody saw, and what one environment began be looked for in the other.
type ForeignError struct{ Ledger, Environment uuid.UUID }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the ledger is of the organisation %s, and this environment is %s", e.Ledger, e.Environment)
}

// Hint tells what to do about it.
func (e *ForeignError) Hint() string {
	return "an environment has a ledger of its own: set GALLRA_LEDGER or --ledger to another folder or container"
}

// ExitCode is that of wrong usage, settings or policy: nothing was touched.
func (e *ForeignError) ExitCode() int { return 2 }

// Of tells whether the ledger is that of an organisation, or of none yet: the error is a [*ForeignError].
func (l *Ledger) Of(organization uuid.UUID) error {
	if of := l.Organization(); of != uuid.Nil && organization != uuid.Nil && organization != of {
		return &ForeignError{Ledger: of, Environment: organization}
	}
	return nil
}

// Organization is the one that the ledger's runs were of, zero before the first.
func (l *Ledger) Organization() uuid.UUID {
	for _, run := range l.state.runs {
		if run.Organization != uuid.Nil {
			return run.Organization
		}
	}
	return uuid.Nil
}

// Begin locks the ledger, repairs what a cut run left, and begins a file for the run. If another run holds the lock, the
// error is a [*LockedError]; if the ledger belongs to another organisation, a [*ForeignError].
func (l *Ledger) Begin(ctx context.Context, r Run) error {
	if l.release != nil {
		return errors.New("ledger: a run is already being written")
	}
	release, err := l.storage.Lock(ctx, Holder{Run: r.ID, Actor: r.Actor, Since: stamp(r.Now)})
	if err != nil {
		return err
	}
	if err := l.begin(ctx, r); err != nil {
		return errors.Join(err, release())
	}
	l.release = release
	return nil
}

func (l *Ledger) begin(ctx context.Context, r Run) error {
	if err := l.refresh(ctx); err != nil {
		return err
	}
	if err := l.Of(r.Organization); err != nil {
		return err
	}
	first := []Entry{{Kind: Start, Run: r.ID, Verb: r.Verb, Policy: r.Policy, Organization: r.Organization, Actor: r.Actor,
		Today: r.Today, Version: r.Version}}
	if err := first[0].check(); err != nil {
		return err
	}
	if t := l.tail; t.file > 0 {
		if err := l.storage.Cut(ctx, l.files[t.file-1].Name, t.whole); err != nil {
			return err
		}
		first = append(first, Entry{Kind: Repaired, File: t.file, Bytes: t.torn})
		l.tail = tail{}
	}
	l.run, l.begun, l.now, l.err = r.ID, len(l.files), r.Now, nil
	if err := l.next(ctx); err != nil {
		return err
	}
	return l.append(ctx, first)
}

// refresh reads what somebody may have written between Open and the lock. The last file is sealed before, so that a run
// that was taken for dead adds nothing behind what is read now.
func (l *Ledger) refresh(ctx context.Context) error {
	files, err := l.storage.List(ctx)
	if err != nil {
		return err
	}
	if n := len(files); n > 0 {
		if err := l.storage.Seal(ctx, files[n-1].Name); err != nil {
			return err
		}
		if files, err = l.storage.List(ctx); err != nil {
			return err
		}
	}
	head, err := l.storage.Head(ctx)
	if err != nil {
		return err
	}
	if slices.Equal(files, l.files) && bytes.Equal(head, l.headed) { // nothing is ever changed in place
		return nil
	}
	return l.read(ctx)
}

// next begins the run's next file.
func (l *Ledger) next(ctx context.Context) error {
	name := fmt.Sprintf("%06d-%s%s", l.begun+1, l.run, fileSuffix)
	if err := l.storage.Create(ctx, name); err != nil {
		return err
	}
	l.begun++
	l.name, l.size = name, 0
	return nil
}

// Append adds entries to the run's file. When it returns nil they are durable.
func (l *Ledger) Append(entries ...Entry) error {
	if l.release == nil {
		return errors.New("ledger: no run has begun")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(context.Background(), entries) // evidence of what was done is written also when the run is cancelled
}

func (l *Ledger) append(ctx context.Context, entries []Entry) error {
	if l.err != nil {
		return fmt.Errorf("ledger: an entry could not be written before: %w", l.err)
	}
	if len(entries) == 0 {
		return nil
	}
	var buf bytes.Buffer
	records := make([]Record, len(entries))
	seq, hash, at := l.state.seq, l.state.hash, stamp(l.now)
	var err error
	for i, e := range entries {
		if err := e.check(); err != nil {
			return err
		}
		seq++
		records[i] = Record{Seq: seq, Prev: hash, At: at, Entry: e}
		if hash, err = encode(&buf, records[i]); err != nil {
			return err
		}
	}
	l.err = l.storage.Append(ctx, l.name, l.size, buf.Bytes())
	if errors.Is(l.err, ErrFull) {
		l.err = l.rollOver(ctx, buf.Bytes())
	}
	if l.err != nil {
		return l.err
	}
	l.size += int64(buf.Len())
	for _, r := range records {
		l.state.apply(r)
	}
	l.state.seq, l.state.hash = seq, hash
	l.err = l.storage.SetHead(ctx, head{Seq: seq, Hash: hash}.encode())
	return l.err
}

// rollOver goes on in a new file: the chain runs through all files, whatever run they are of.
func (l *Ledger) rollOver(ctx context.Context, data []byte) error {
	if err := l.storage.Seal(ctx, l.name); err != nil {
		return err
	}
	if err := l.next(ctx); err != nil {
		return err
	}
	return l.storage.Append(ctx, l.name, 0, data)
}

// End writes the run's last entry and gives the lock back, also when the entry cannot be written.
func (l *Ledger) End(status Status, counts map[string]int) error {
	if l.release == nil {
		return nil
	}
	err := l.Append(Entry{Kind: End, Status: status, Counts: counts})
	if err == nil {
		err = l.storage.Seal(context.Background(), l.name)
	}
	return errors.Join(err, l.Close())
}

// Again makes a ledger whose run has ended ready for another one without reading it: it holds already what would be read. Where somebody
// else has written since, which the head tells, the next run reads all of it, as it does otherwise.
func (l *Ledger) Again(ctx context.Context) error {
	if l.release != nil {
		return errors.New("ledger: a run is already being written")
	}
	known, err := l.storage.Head(ctx)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	files, err := l.storage.List(ctx)
	if err != nil {
		return err
	}
	if l.err == nil && bytes.Equal(known, head{Seq: l.state.seq, Hash: l.state.hash}.encode()) {
		l.files, l.headed = files, known
	}
	return nil
}

// Close gives the lock back without a last entry: the next run takes this one for a cut one.
func (l *Ledger) Close() error {
	if l.release == nil {
		return nil
	}
	release := l.release
	l.release = nil
	return release()
}

// head is the last entry, kept beside the files: it shows when lines are missing at the end.
type head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func (h head) encode() []byte {
	b, _ := json.Marshal(h) // a number and a string
	return append(b, '\n')
}

// read goes through all files, checks the chain and folds the entries into the state.
func (l *Ledger) read(ctx context.Context) error {
	files, err := l.storage.List(ctx)
	if err != nil {
		return err
	}
	known, err := l.storage.Head(ctx)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var h head
	if known != nil {
		if err := json.Unmarshal(known, &h); err != nil {
			return fmt.Errorf("ledger: %s: %w", headName, ErrBroken)
		}
	}
	l.files, l.headed, l.state, l.tail = files, known, newState(), tail{}
	headSeen := h.Seq == 0
	c := chain{hash: genesis}
	err = c.through(ctx, l.storage, files, func(r Record, hash string) error {
		headSeen = headSeen || r.Seq == h.Seq && hash == h.Hash
		l.state.apply(r)
		return nil
	})
	if err != nil {
		return err
	}
	if known == nil && c.seq > 1 { // with one, a run was killed before it could set the head
		return fmt.Errorf("ledger: %s is missing, without which entries that were taken off at the end would not show: %w", headName, ErrBroken)
	}
	if !headSeen {
		return fmt.Errorf("ledger: entries up to %d are missing at the end: %w", h.Seq, ErrBroken)
	}
	l.state.seq, l.state.hash, l.tail = c.seq, c.hash, c.tail
	return nil
}

// Records goes through all entries in order, from the storage.
func (l *Ledger) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		files, err := l.storage.List(ctx)
		if err != nil {
			yield(Record{}, err)
			return
		}
		stop := errors.New("stop")
		c := chain{hash: genesis}
		err = c.through(ctx, l.storage, files, func(r Record, _ string) error {
			if !yield(r, nil) {
				return stop
			}
			return nil
		})
		if err != nil && err != stop {
			yield(Record{}, err)
		}
	}
}
