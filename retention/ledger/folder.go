package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gallra/gallra/internal/filelock"
)

// Folder is a ledger's storage in a folder of the file system. The folder is made when the first run begins.
func Folder(dir string) Storage { return &folder{dir: dir} }

// RehearsalFolder is such a storage that does not wait until what it writes is on the disk. It is for rehearsals alone: a power cut may take
// entries from it, and with them there is nothing real that they are evidence of.
func RehearsalFolder(dir string) Storage { return &folder{dir: dir, fleeting: true} }

type folder struct {
	dir      string
	lock     *os.File // nil: it is not held
	fleeting bool
}

// sync waits until what was written is on the disk.
func (d *folder) sync(f *os.File) error {
	if d.fleeting {
		return nil
	}
	return f.Sync()
}

const (
	fileSuffix = ".jsonl"
	headName   = "head.json"
	lockName   = "lock"
)

func (d *folder) path(name string) string { return filepath.Join(d.dir, name) }

func (d *folder) List(context.Context) ([]File, error) {
	all, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	var files []File
	for _, e := range all {
		if e.IsDir() || !strings.HasSuffix(e.Name(), fileSuffix) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		files = append(files, File{Name: e.Name(), Size: info.Size()})
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) }) // names begin with a number
	return files, nil
}

func (d *folder) Read(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(d.path(name))
}

func (d *folder) Create(_ context.Context, name string) error {
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return d.syncDir()
}

// held fails when the lock is not, or no more, this process's. The operating system's lock is on a file: where that was
// deleted, or its folder with it, the next run locks another one, and two would write.
func (d *folder) held() error {
	if d.lock == nil {
		return ErrLockLost
	}
	mine, err := d.lock.Stat()
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	there, err := os.Stat(d.path(lockName))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(mine, there):
		return ErrLockLost
	case err != nil:
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (d *folder) Append(_ context.Context, name string, at int64, data []byte) error {
	if err := d.held(); err != nil {
		return err
	}
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if info.Size() != at {
		return fmt.Errorf("ledger: somebody else has written to %s", name)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := d.sync(f); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (d *folder) Cut(_ context.Context, name string, at int64) error {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(at); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := d.sync(f); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Seal does nothing: the lock of the operating system ends with its holder, who can add nothing after that.
func (d *folder) Seal(context.Context, string) error { return nil }

func (d *folder) Head(context.Context) ([]byte, error) {
	b, err := os.ReadFile(d.path(headName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (d *folder) SetHead(_ context.Context, data []byte) error {
	if err := d.held(); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.dir, headName+".*")
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(data)
	if err == nil {
		err = d.sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), d.path(headName))
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (d *folder) Lock(_ context.Context, h Holder) (func() error, error) {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	// The file stays; what counts is the operating system's lock on it, which ends with its process, however that ends.
	f, err := os.OpenFile(d.path(lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	taken, err := filelock.Take(f)
	if err != nil || !taken {
		defer f.Close()
		if err != nil {
			return nil, fmt.Errorf("ledger: lock: %w", err)
		}
		locked := &LockedError{}
		if b, err := os.ReadFile(d.path(lockName)); err == nil {
			_ = json.Unmarshal(b, &locked.Holder) // an unreadable holder is an unknown one
		}
		return nil, locked
	}
	b, err := json.Marshal(h)
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("ledger: lock: %w", err)
	}
	d.lock = f
	return func() error {
		d.lock = nil
		return errors.Join(f.Truncate(0), filelock.Release(f), f.Close())
	}, nil
}

func (d *folder) syncDir() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	if err := d.sync(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}
