package dataverse

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Reader is a client that cannot write. Code that only reads (a plan, an explanation, a check) takes one, so that no
// mistake of theirs can change a row.
type Reader interface {
	WhoAmI(ctx context.Context) (Identity, error)
	Organization(ctx context.Context) (Organization, error)
	// Now is the service's clock, zero before its first answer.
	Now() time.Time
	// ClockErr tells why Now cannot be relied on, nil if it can.
	ClockErr() error

	Rows(ctx context.Context, q Query) iter.Seq2[Row, error]
	// Scan streams rows column by column. A name in cols is a property (contactid, _ownerid_value, @odata.etag), an
	// alias of a FetchXML query, or a path through rows expanded over single-valued navigation:
	// msevtmgt_EventId/msevtmgt_eventenddate. A null or a missing row on the way is a null.
	Scan(ctx context.Context, q Query, cols []string, fn func(row []Value) error) error
	Get(ctx context.Context, table string, id uuid.UUID, q Query) (Row, error)
	Count(ctx context.Context, q Query) (int, error)
	// Read gets a path relative to the service root, such as a function call, and decodes the answer into out.
	Read(ctx context.Context, path string, out any) error

	Table(ctx context.Context, logical string) (*Table, error)
	Tables(ctx context.Context) ([]TableSummary, error)
	AddressColumns(ctx context.Context) (map[string][]AddressColumn, error)
	Settings(ctx context.Context) (Settings, error)
	UserPrivileges(ctx context.Context, user uuid.UUID) ([]Privilege, error)
}

// Writer is a client that can also write.
type Writer interface {
	Reader
	// Batch sends parts in one request; see [Client.Batch] for what its two kinds of error mean.
	Batch(ctx context.Context, parts []Part) ([]Result, error)
	// Call runs one request that is not necessarily a read: an action, a delete.
	Call(ctx context.Context, method, path string, body, out any) error
	// Do is Call for operations with conditions and headers.
	Do(ctx context.Context, op Operation, out any) error
}

var (
	_ Reader = (*Client)(nil)
	_ Writer = (*Client)(nil)
)

// Identity is who the service takes the caller for.
type Identity struct {
	UserID, BusinessUnitID, OrganizationID uuid.UUID
}

// Organization is the environment that the client is connected to.
type Organization struct {
	ID            uuid.UUID
	Name          string // the friendly name
	UniqueName    string
	EnvironmentID string
	TenantID      string
	Version       string
	Geo           string
	// Type is the service's own word, such as "Customer" or "CustomerTest".
	Type string
	// Production is true for the types that people work in, and for every type that is not known to be something else.
	Production bool
}

// Settings are those of the organisation that bear on erasure.
type Settings struct {
	Audited           bool      // auditing is on for the organisation
	AuditDays         int       // how long audit history is kept; -1 for ever, 0 unknown
	System            uuid.UUID // the service's own user, as whom plug-ins may run
	RecycleBin        bool      // deleted rows are kept for a while
	RecycleBinDays    int       // of the organisation; 0 when the bin is off
	RecycleBinByTable []BinnedTable
}

// BinnedTable is a table whose deleted rows go to the recycle bin.
type BinnedTable struct {
	Table string // logical name
	Days  int    // -1: as the organisation says
}

// Binned tells for how many days the recycle bin keeps deleted rows of the table.
func (s Settings) Binned(table string) (days int, on bool) {
	if !s.RecycleBin {
		return 0, false
	}
	for _, b := range s.RecycleBinByTable {
		if b.Table == table {
			if b.Days < 0 {
				return s.RecycleBinDays, true
			}
			return b.Days, true
		}
	}
	return 0, false
}
