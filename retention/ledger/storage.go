package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// Storage keeps the files of a ledger. A folder is one ([Folder]), an Azure container of append blobs another ([Container]).
type Storage interface {
	// List names the files in the order in which they were begun.
	List(ctx context.Context) ([]File, error)
	// Read opens a file.
	Read(ctx context.Context, name string) (io.ReadCloser, error)
	// Create begins a file. It fails if there is one of that name.
	Create(ctx context.Context, name string) error
	// Append adds data to a file that is at bytes long. When it returns nil, the data MUST be durable. It MUST fail,
	// without adding anything, when the file has another length: somebody else has written. It fails with [ErrFull], also
	// without adding anything, when the file takes no more: the ledger then goes on in a new one.
	Append(ctx context.Context, name string, at int64, data []byte) error
	// Cut takes off what stands behind the first at bytes of a file. A storage from which nothing can be taken leaves it:
	// the ledger's entry about it says that it counts for nothing.
	Cut(ctx context.Context, name string, at int64) error
	// Seal says that nothing is going to be added to a file any more. Where the storage can, it refuses what a writer who
	// was taken for dead would still add. Sealing twice is no error.
	Seal(ctx context.Context, name string) error

	// Head and SetHead keep a few bytes beside the files, replaced as a whole. Head is nil if none were set.
	Head(ctx context.Context) ([]byte, error)
	SetHead(ctx context.Context, data []byte) error

	// Lock makes this process the only writer until release is called. If somebody else is, it fails with a *LockedError.
	// A lock whose holder is gone for certain MUST be given. When the lock is lost before its release, Append and SetHead
	// MUST fail with [ErrLockLost].
	Lock(ctx context.Context, h Holder) (release func() error, err error)
}

// File is one file of a ledger.
type File struct {
	Name string
	Size int64
}

// What a storage fails with for the ledger to act on.
var (
	// ErrFull says that a file takes no more.
	ErrFull = errors.New("ledger: the file takes no more")
	// ErrLockLost says that another run may write by now: this one writes no more, and purges nobody any more.
	ErrLockLost error = &hinted{"ledger: the lock was lost: another run may be writing by now, so this one stops", "the next run finishes what this one began"}
)

// Holder is who writes to a ledger.
type Holder struct {
	Run   string    `json:"run"`
	Actor uuid.UUID `json:"actor"` // the user of the environment that the run signs in as
	Since time.Time `json:"since"`
}

// LockedError says that another run writes to the ledger.
type LockedError struct {
	Holder Holder
}

// Hint tells what to do about it.
func (e *LockedError) Hint() string {
	return "wait until it has ended; a job that may overlap itself sets GALLRA_SKIP_IF_LOCKED=true"
}

func (e *LockedError) Error() string {
	h := e.Holder
	switch {
	case h.Run == "":
		return "another run is under way and holds the lock on the ledger"
	case h.Actor == uuid.Nil:
		return fmt.Sprintf("run %s has held the lock on the ledger since %s", h.Run, h.Since.Format(time.RFC3339))
	}
	return fmt.Sprintf("run %s (user %s) has held the lock on the ledger since %s", h.Run, h.Actor, h.Since.Format(time.RFC3339))
}
