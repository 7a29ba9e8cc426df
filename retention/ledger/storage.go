package ledger

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Storage keeps the files of a ledger. A folder is one ([Folder]); an Azure container of append blobs can be another.
type Storage interface {
	// List names the files in the order in which they were begun.
	List(ctx context.Context) ([]File, error)
	// Read opens a file.
	Read(ctx context.Context, name string) (io.ReadCloser, error)
	// Create begins a file. It fails if there is one of that name.
	Create(ctx context.Context, name string) error
	// Append adds data to a file that is at bytes long. When it returns nil, the data MUST be durable. It MUST fail,
	// without adding anything, when the file has another length: somebody else has written.
	Append(ctx context.Context, name string, at int64, data []byte) error
	// Cut takes off what stands behind the first at bytes of a file.
	Cut(ctx context.Context, name string, at int64) error

	// Head and SetHead keep a few bytes beside the files, replaced as a whole. Head is nil if none were set.
	Head(ctx context.Context) ([]byte, error)
	SetHead(ctx context.Context, data []byte) error

	// Lock makes this process the only writer until release is called. If somebody else is, it fails with a *LockedError.
	// A lock whose holder is gone for certain MUST be given.
	Lock(ctx context.Context, h Holder) (release func() error, err error)
}

// File is one file of a ledger.
type File struct {
	Name string
	Size int64
}

// Holder is who writes to a ledger.
type Holder struct {
	Run   string    `json:"run"`
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// LockedError says that another run writes to the ledger.
type LockedError struct {
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.Run == "" {
		return "another run is writing to the ledger"
	}
	return fmt.Sprintf("run %s (process %d on %s) has been writing to the ledger since %s",
		e.Holder.Run, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format(time.RFC3339))
}
