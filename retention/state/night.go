package state

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// Client reads an environment, and asks it for what has changed.
type Client interface {
	dataverse.Reader
	Changes(ctx context.Context, asked []dataverse.Since) ([]dataverse.Changed, error)
}

// Options are what a night works with.
type Options struct {
	Folder string
	At     string // the folder or container as people know it; empty: it is the folder
	Key    []byte // of KeySize bytes
	Client Client
	// Whose rows are kept, and by which policy. Those of others are not believed.
	Organization, User uuid.UUID
	Address            string
	Policy             string
	// Before is what the environment said of how far the ledger goes when the night began, and After what it says since. The figure
	// only grows, unless the environment is put back to a time before: then its versions begin anew below a link's.
	Before, After uint64
	// Writes tells that the night may be kept. One that only looks reads what an earlier one kept, and leaves the folder as it is.
	Writes bool
	// Full has everything read in full.
	Full bool
	// Embedded tells that the environment is one of this process and told of every change that there was: what is kept is believed however
	// old it is, and never held against a full read.
	Embedded bool
	Log      *slog.Logger // nil: nothing is logged
}

// Night is one reading of everything that an evaluation looks at.
type Night struct {
	o     Options
	base  *index // nil: nothing is kept that can be believed
	begun time.Time
	hash  []byte // the key of the hashes that stand for texts

	mu     sync.Mutex
	tables map[string]*tracked
	parts  map[string]part // that are to be kept
	count  Count
}

// tracked is what is known of a table's changes.
type tracked struct {
	once sync.Once
	// since tells that all changes since the base are known; without it only those to come will be.
	since   bool
	changed dataverse.Changed
	err     error
}

// Count is how a night has read.
type Count struct {
	Queries int // that were read
	Kept    int // of which only changes were asked for
	Rows    int // that were asked for anew
	// Whole is why the others were read in full, by query.
	Whole map[string]string
}

// Open begins a night. Where nothing is kept that can be believed it reads everything in full. The error is an [*OffError] where
// nothing may be read from the folder any more.
func Open(ctx context.Context, o Options) (*Night, error) {
	if len(o.Key) != KeySize {
		return nil, fmt.Errorf("state: a key has %d bytes", KeySize)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := Off(o.Folder, cmp.Or(o.At, o.Folder)); err != nil {
		return nil, err
	}
	if o.Writes {
		if err := os.MkdirAll(o.Folder, 0o700); err != nil {
			o.Writes = false
			o.Log.Warn("nothing is kept for the next night", "cause", err)
		}
	}
	now := o.Client.Now()
	base, why := o.load(now)
	if why != "" {
		o.Log.Info("everything is read in full", "why", why)
	}
	return begin(ctx, o, base, now)
}

func begin(ctx context.Context, o Options, base *index, now time.Time) (*Night, error) {
	n := &Night{o: o, base: base, begun: now, tables: map[string]*tracked{}, parts: map[string]part{}, count: Count{Whole: map[string]string{}}}
	var err error
	if n.hash, err = hashKey(o.Key, o.Organization.String()); err != nil || base == nil {
		return n, err
	}
	return n, n.ask(ctx)
}

// ask asks all tables of the base for what has changed since.
func (n *Night) ask(ctx context.Context) error {
	var asked []dataverse.Since
	for _, name := range slices.Sorted(maps.Keys(n.base.Links)) {
		t, err := n.o.Client.Table(ctx, name)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue
		}
		if err != nil {
			return err
		}
		asked = append(asked, dataverse.Since{Table: t, Link: n.base.Links[name]})
	}
	answers, err := n.o.Client.Changes(ctx, asked)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n.o.Log.Warn("everything is read in full", "why", "the service does not say what has changed", "cause", err)
		n.base = nil
		return nil
	}
	for i, a := range answers {
		name := asked[i].Table.LogicalName
		if a.Err != nil {
			n.o.Log.Info("a table is read in full", "table", name, "why", "the service does not say what has changed", "cause", a.Err)
			continue // its tracking begins anew
		}
		t := &tracked{since: true, changed: a}
		t.once.Do(func() {})
		n.tables[name] = t
	}
	return nil
}

// Count is how the night has read until now.
func (n *Night) Count() Count {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.count
	c.Whole = maps.Clone(c.Whole)
	return c
}

func (n *Night) inFull(what, why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count.Whole[what] = why
}

// Scan hands out the rows of a query, in any order: those that are kept, and for those that have changed what the service says
// now. A text that is joined is its hash.
func (n *Night) Scan(ctx context.Context, r Reading) error {
	n.mu.Lock()
	n.count.Queries++
	n.mu.Unlock()
	b, err := look(ctx, n.o.Client, r.Query, r.Columns)
	if err != nil {
		return err
	}
	s := &scan{Night: n, Reading: r, basis: b, keeper: newKeeper(r, n.hash), id: -1}
	if b.whole != "" {
		n.inFull(r.What, b.whole)
		return s.read(ctx)
	}
	s.key = b.key(r)
	if s.id = slices.Index(r.Columns, b.table.PrimaryID); s.id < 0 {
		s.id = len(r.Columns)
	}
	kept, err := s.update(ctx)
	if kept || err != nil {
		return err
	}
	return s.keep(ctx)
}

// track is what is known of a table's changes. Of a table of which nothing is, it begins to be told: that reads the ids of all its
// rows.
func (n *Night) track(ctx context.Context, t *dataverse.Table) *tracked {
	n.mu.Lock()
	known := n.tables[t.LogicalName]
	if known == nil {
		known = &tracked{}
		n.tables[t.LogicalName] = known
	}
	n.mu.Unlock()
	known.once.Do(func() {
		answers, err := n.o.Client.Changes(ctx, []dataverse.Since{{Table: t}})
		if err == nil {
			known.changed, err = answers[0], answers[0].Err
		}
		known.err = err
	})
	return known
}

// Next is a night after this one: of what it has read, only changes are asked for.
func (n *Night) Next(ctx context.Context) (*Night, error) {
	return begin(ctx, n.o, n.index(), n.o.Client.Now())
}

// Whole is a night that reads everything in full, and is told the same of what comes after.
func (n *Night) Whole() *Night {
	o := n.o
	o.Full = true
	return &Night{o: o, base: n.base, begun: n.begun, hash: n.hash, tables: n.tables, parts: map[string]part{}, count: Count{Whole: map[string]string{}}}
}

// Due tells that everything has to be read in full as well, and to give the same: it is a week since that was done.
func (n *Night) Due() bool {
	return n.base != nil && len(n.base.Parts) > 0 && !n.o.Embedded && (n.o.Full || n.begun.Sub(n.base.Full) > full)
}

// full is how often that is: a week, and some hours less, since nights do not begin at the same minute.
const full = 7*24*time.Hour - 6*time.Hour

func (n *Night) index() *index {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &index{Format: format, Organization: n.o.Organization, User: n.o.User, Address: n.o.Address, Policy: n.o.Policy,
		Made: n.begun, Full: n.begun, Mark: n.o.After, Links: map[string]string{}, Parts: maps.Clone(n.parts)}
	if n.base != nil && len(n.base.Parts) > 0 && !n.o.Full {
		x.Full = n.base.Full
	}
	for _, p := range x.Parts {
		for _, name := range p.Tables {
			x.Links[name] = n.tables[name].changed.Link
		}
	}
	return x
}

// Keep keeps what the night has read, in the place of what was kept before. Where that fails, the next night has more to ask for.
func (n *Night) Keep() {
	if !n.o.Writes {
		return
	}
	if err := n.o.write(n.index()); err != nil {
		n.o.Log.Warn("what was read is not kept for the next night", "cause", err)
	}
	n.Drop()
}

// Drop takes away what this night or an earlier one has written and not kept.
func (n *Night) Drop() {
	if !n.o.Writes {
		return
	}
	if err := n.o.sweep(); err != nil {
		n.o.Log.Warn("files of rows that nobody needs are left", "cause", err)
	}
}

// partWriter writes the rows of a query. What it cannot write costs the next night a full read, and this one nothing.
type partWriter struct {
	sealer *sealer
	name   string
	rows   int
	size   [binary.MaxVarintLen64]byte
	err    error
}

// create begins a file of rows.
func (n *Night) create(key string) *partWriter {
	f, err := os.CreateTemp(n.o.Folder, RowsFiles+"*")
	if err != nil {
		return &partWriter{err: err}
	}
	s, err := seal(f, n.o.Key, key)
	if err != nil {
		return &partWriter{err: errors.Join(err, f.Close())}
	}
	return &partWriter{sealer: s, name: filepath.Base(f.Name())}
}

func (w *partWriter) add(row []byte) {
	if w.err != nil {
		return
	}
	w.rows++
	if _, w.err = w.sealer.Write(w.size[:binary.PutUvarint(w.size[:], uint64(len(row)))]); w.err == nil {
		_, w.err = w.sealer.Write(row)
	}
}

func (w *partWriter) end() (part, error) {
	if w.sealer == nil {
		return part{}, w.err
	}
	w.err = errors.Join(w.err, w.sealer.Close())
	return part{File: w.name, Salt: w.sealer.salt, Rows: w.rows}, w.err
}

// mostRow bounds a row, so that a damaged length takes no memory.
const mostRow = 1 << 20

// each hands out the rows of a part, as they are kept. They are whole and untouched: the file is read to its end before. It may
// be taken away meanwhile, by a run that ends.
func (n *Night) each(key string, p part, fn func(row []byte) error) error {
	f, err := openAlone(filepath.Join(n.o.Folder, p.File))
	if err != nil {
		return errDamaged
	}
	defer func() { _ = f.Close() }()
	for _, pass := range []func([]byte) error{func([]byte) error { return nil }, fn} {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return errDamaged
		}
		u, err := unseal(f, n.o.Key, key)
		if err != nil {
			return errDamaged
		}
		if err := eachRow(u, p, pass); err != nil {
			return err
		}
	}
	return nil
}

func eachRow(u *unsealer, p part, fn func([]byte) error) error {
	if u.salt != p.Salt {
		return errDamaged
	}
	in := bufio.NewReaderSize(u, pieceSize)
	var row []byte
	for rows := 0; ; rows++ {
		size, err := binary.ReadUvarint(in)
		if err == io.EOF && rows == p.Rows {
			return nil
		}
		if err != nil || size > mostRow {
			return errDamaged
		}
		row = slices.Grow(row[:0], int(size))[:size]
		if _, err := io.ReadFull(in, row); err != nil {
			return errDamaged
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// terms are conditions of a path for ids, so many at a time as one query may hold.
func terms(path string, ids []uuid.UUID) (all []string) {
	for some := range slices.Chunk(ids, idsAtOnce) {
		each := make([]string, len(some))
		for i, id := range some {
			each[i] = path + " eq " + id.String()
		}
		all = append(all, strings.Join(each, " or "))
	}
	return all
}

// idsAtOnce is how many ids go into one query.
const idsAtOnce = 100
