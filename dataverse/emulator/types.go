package emulator

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/generate"
	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// What callers name of the rooms below.
type (
	// Lock says who is refused the update of a closed row.
	Lock = store.Lock
	// NullNegation says which negative conditions are true of a column without a value.
	NullNegation = store.NullNegation
	// Column is a column to be added by [Server.AddColumns].
	Column = metadata.Column
	// Record is a row to be loaded.
	Record = load.Record
	// Reference is a lookup's value in a Record.
	Reference = load.Reference
	// RecordError says which Record could not be loaded, and why.
	RecordError = load.RecordError
	// Generated is what [Server.Generate] made.
	Generated = generate.Generated
)

// The choices of [Lock] and [NullNegation].
const (
	LockDocumented = store.LockDocumented
	LockAll        = store.LockAll
	LockNone       = store.LockNone

	NullMatchesNotEqual = store.NullMatchesNotEqual
	NullMatchesNegation = store.NullMatchesNegation
	NullMatchesNothing  = store.NullMatchesNothing
)

// ApplicationID is the client id of the application user behind Options.Token.
var ApplicationID = platform.ApplicationID

// Ref is a lookup's value: the row of a table.
func Ref(table string, id uuid.UUID) Reference { return load.Ref(table, id) }

// ObjectID is the object id that the directory gives an application's service principal.
func ObjectID(application uuid.UUID) uuid.UUID { return platform.ObjectID(application) }

// CompanyColumns are the columns that the company of the sample data has of its own.
func CompanyColumns() []Column { return metadata.CompanyColumns() }
