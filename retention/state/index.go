package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// format changes whenever what is kept does, or what is made of it.
const format = 1

// oldest is how long what was kept is believed: a link is good for seven days where nobody has set less.
const oldest = 6 * 24 * time.Hour

// The names of the files of a folder, those of rows with something random behind them: what there is, the rows of each query, and that nothing is to be read from here any more.
const (
	IndexFile = "kept"
	RowsFiles = "rows-"
	OffFile   = "off"
)

// index says what is kept, and of what.
type index struct {
	Format       int
	Organization uuid.UUID
	User         uuid.UUID
	Address      string
	Policy       string
	Made         time.Time         // when the links were asked for
	Full         time.Time         // when everything was read in full
	Mark         uint64            // what the environment said then of how far the ledger goes
	Links        map[string]string // by table: asks for what has changed since
	Parts        map[string]part   // by key of the reading
}

// part is the rows of a query.
type part struct {
	File string // its name in the folder
	Salt string // of the file, which no other has
	Rows int
	// Tables are those whose changes change the rows.
	Tables []string
}

// OffError says that nothing is read from what was kept, since it once gave another plan than a full read.
type OffError struct {
	At    string // the folder or container, as people know it
	Since string // a date
}

func (e *OffError) Error() string {
	return fmt.Sprintf("nights read in full since %s: what was kept gave another plan than a full read", e.Since)
}

// Hint tells what to do about it.
func (e *OffError) Hint() string {
	return "find out why before you go on: docs/operations.md; to begin anew delete what is in " + e.At
}

// load reads what is kept. It answers why not where there is nothing to be believed; the links are believed for longer than the
// rows, which another policy asks for in another way.
func (o *Options) load(now time.Time) (x *index, why string) {
	x, err := o.readIndex()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "nothing is kept yet"
	case err != nil:
		return nil, "what is kept does not open: the key is another one, or the file is damaged"
	case x.Format != format:
		return nil, "it was kept in another form"
	case x.Organization != o.Organization || x.Address != o.Address:
		return nil, "it was kept of another organisation"
	case x.User != o.User:
		return nil, "it was kept as another user"
	case now.IsZero() || x.Made.After(now):
		return nil, "it was kept at a time that is still to come"
	case now.Sub(x.Made) > oldest && !o.Embedded:
		return nil, fmt.Sprintf("it was kept on %s, more than six days ago", x.Made.Format(time.DateOnly))
	case x.Mark > o.Before:
		return nil, "the environment or the ledger was put back: the service would tell too little of what has changed"
	case x.Policy != o.Policy:
		x.Parts = nil
		return x, "it was kept under another policy"
	}
	return x, ""
}

func (o *Options) readIndex() (*index, error) {
	f, err := openAlone(filepath.Join(o.Folder, IndexFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	u, err := unseal(f, o.Key, "index")
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(u)
	if err != nil {
		return nil, err
	}
	x := &index{}
	if err := json.Unmarshal(text, x); err != nil {
		return nil, errDamaged
	}
	for _, p := range x.Parts {
		if p.File != filepath.Base(p.File) || !strings.HasPrefix(p.File, RowsFiles) || p.Rows < 0 {
			return nil, errDamaged
		}
	}
	return x, nil
}

// write puts the index in the place of the one before.
func (o *Options) write(x *index) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(o.Folder, "new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has another name by then, or is of no use
	s, err := seal(f, o.Key, "index")
	if err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = s.Write(text)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(o.Folder, IndexFile))
}

// sweep takes away what the index does not name, also of a night that was cut. Whoever may write is alone.
func (o *Options) sweep() error {
	named := map[string]bool{}
	if x, err := o.readIndex(); err == nil {
		for _, p := range x.Parts {
			named[p.File] = true
		}
	}
	entries, err := os.ReadDir(o.Folder)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		if left := strings.HasPrefix(e.Name(), RowsFiles) || strings.HasPrefix(e.Name(), "new-"); left && !named[e.Name()] {
			all = errors.Join(all, os.Remove(filepath.Join(o.Folder, e.Name())))
		}
	}
	return all
}

// Off tells whether nothing is read from a folder any more: by an [*OffError], which names the place as people know it.
func Off(folder, at string) error {
	text, err := os.ReadFile(filepath.Join(folder, OffFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	since, _, _ := strings.Cut(string(text), " ")
	if _, parsed := time.Parse(time.DateOnly, since); err != nil || parsed != nil {
		since = "a day that nobody knows"
	}
	return &OffError{at, since}
}

// switchOff has all nights read in full from now on.
func (o *Options) switchOff(now time.Time) error {
	text := now.UTC().Format(time.DateOnly) + " what was kept gave another plan than a full read; see docs/operations.md\n"
	return os.WriteFile(filepath.Join(o.Folder, OffFile), []byte(text), 0o600)
}
