package snapshot

import (
	"time"

	"github.com/google/uuid"
)

// Format is the version of the file that this package writes, and the newest that it reads.
const Format = 1

// Head is what a file says of itself.
type Head struct {
	Format       int       `json:"gallraSnapshot"`
	Gallra       string    `json:"gallra"` // the version that wrote it
	Organization uuid.UUID `json:"organization"`
	Type         string    `json:"type"`          // the service's word for the kind of environment
	URL          string    `json:"url,omitempty"` // only where ids are kept: a masked id leads nowhere
	Taken        time.Time `json:"taken"`         // by the service's clock; moved with the dates where these are moved
	Settings     Settings  `json:"settings"`
	Masking      Masking   `json:"masking"`
	// Tables are all tables of the environment, by name, also those that the file does not define.
	Tables []Summary `json:"tables"`
	// Gaps are what the file does not hold as the environment does.
	Gaps []Gap `json:"gaps,omitempty"`
}

// Masking is what was done to the rows on their way.
type Masking struct {
	Rows    string   `json:"rows"` // none, all, or the share of the persons: 10%
	Persons []string `json:"persons,omitempty"`
	Ids     string   `json:"ids"` // mapped or kept
	Shifted bool     `json:"shifted,omitempty"`
	// Whole are the columns, as table.column, whose numbers and dates stay as they are since the policy reads them.
	Whole []string `json:"whole,omitempty"`
	// Texts are digests of the texts that the policy compares with: they stand where they stood.
	Texts []string `json:"texts,omitempty"`
}

// The words of [Masking].
const (
	NoRows     = "none"
	AllRows    = "all"
	MappedIDs  = "mapped"
	KeptIDs    = "kept"
	Standard   = "Standard" // the type of a table whose rows the environment's own database keeps
	ReadOnly   = "read-only"
	NotHeld    = "not-held"
	NotCarried = "not-carried"
)

// Gap is something that the emulator holds otherwise than the environment does.
type Gap struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	Kind   string `json:"kind"` // read-only, not-held, not-carried
	What   string `json:"what"` // elastic, virtual, calculated, rollup, formula, file, text; roles, personal views
}

// Settings are those of the organisation that bear on erasure.
type Settings struct {
	Audited    bool           `json:"audited"`
	AuditDays  int            `json:"auditDays"`
	Bin        bool           `json:"bin"`
	BinDays    int            `json:"binDays"`
	BinByTable map[string]int `json:"binByTable,omitempty"` // -1: as the organisation says
}

// Summary is a table of the environment.
type Summary struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // empty: Standard
}

// Table is the definition of a table.
type Table struct {
	Name        string       `json:"name"`
	SchemaName  string       `json:"schemaName"`
	Label       string       `json:"label,omitempty"`
	Plural      string       `json:"plural,omitempty"`
	Set         string       `json:"set"`
	ID          string       `json:"id"`
	PrimaryName string       `json:"primaryName,omitempty"`
	Ownership   string       `json:"ownership"`
	Type        string       `json:"type,omitempty"` // Elastic, Virtual; empty: Standard
	Activity    bool         `json:"activity,omitempty"`
	Intersect   bool         `json:"intersect,omitempty"`
	Custom      bool         `json:"custom,omitempty"`
	Audited     bool         `json:"audited,omitempty"`
	Tracked     bool         `json:"tracked,omitempty"`   // its changes can be asked for
	Unguarded   bool         `json:"unguarded,omitempty"` // its rows take no If-Match
	Columns     []Column     `json:"columns"`
	Relations   []Relation   `json:"relations,omitempty"` // of both directions
	ManyToMany  []ManyToMany `json:"manyToMany,omitempty"`
	Keys        []Key        `json:"keys,omitempty"`
}

// Column is the definition of a column.
type Column struct {
	Name          string   `json:"name"`
	SchemaName    string   `json:"schemaName"`
	Label         string   `json:"label,omitempty"`
	Type          string   `json:"type"`
	Format        string   `json:"format,omitempty"`
	MaxLength     int      `json:"maxLength,omitempty"`
	Min           *float64 `json:"min,omitempty"`
	Max           *float64 `json:"max,omitempty"`
	Precision     *int     `json:"precision,omitempty"`
	Behavior      string   `json:"behavior,omitempty"`
	AttributeOf   string   `json:"attributeOf,omitempty"`
	AutoNumber    string   `json:"autoNumber,omitempty"` // the format of texts that the platform makes
	CalculationOf string   `json:"calculationOf,omitempty"`
	Required      string   `json:"required,omitempty"`
	NoRead        bool     `json:"noRead,omitempty"`
	NoCreate      bool     `json:"noCreate,omitempty"`
	NoUpdate      bool     `json:"noUpdate,omitempty"`
	Logical       bool     `json:"logical,omitempty"`
	Custom        bool     `json:"custom,omitempty"`
	Audited       bool     `json:"audited,omitempty"`
	Secured       bool     `json:"secured,omitempty"`
	Targets       []string `json:"targets,omitempty"`
	Options       []Option `json:"options,omitempty"`
	Default       any      `json:"default,omitempty"` // a truth, or the number of an option
	Source        int      `json:"source,omitempty"`  // 1 calculated, 2 rollup, 3 formula
}

// Option is a value of a choice.
type Option struct {
	Value int    `json:"value"`
	Label string `json:"label,omitempty"`
	State *int   `json:"state,omitempty"` // of a status: the state that it belongs to
}

// Relation is one-to-many: rows of Referencing point at a row of Referenced.
type Relation struct {
	Name        string `json:"name"`
	Referenced  string `json:"referenced"`
	Referencing string `json:"referencing"`
	Attribute   string `json:"attribute"`
	Nav         string `json:"nav,omitempty"`
	Collection  string `json:"collection,omitempty"`
	Delete      string `json:"delete"`
	Merge       string `json:"merge,omitempty"`
	Assign      string `json:"assign,omitempty"`
	Reparent    string `json:"reparent,omitempty"`
	Share       string `json:"share,omitempty"`
	Unshare     string `json:"unshare,omitempty"`
	Custom      bool   `json:"custom,omitempty"`
}

// ManyToMany is a relationship over an intersect table.
type ManyToMany struct {
	Name       string `json:"name"`
	Intersect  string `json:"intersect"`
	Table1     string `json:"table1"`
	Attribute1 string `json:"attribute1"`
	Nav1       string `json:"nav1,omitempty"`
	Table2     string `json:"table2"`
	Attribute2 string `json:"attribute2"`
	Nav2       string `json:"nav2,omitempty"`
}

// Key is an alternate key.
type Key struct {
	Name       string   `json:"name"`
	SchemaName string   `json:"schemaName"`
	Columns    []string `json:"columns"`
	Failed     bool     `json:"failed,omitempty"`
}

// View is a view of the environment that a policy may name.
type View struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Table    string    `json:"table"`
	FetchXML string    `json:"fetchXml"`
	Type     int       `json:"type"`
}

// RowColumn is a column of rows that follow.
type RowColumn struct {
	Name string `json:"name"` // logical
	Mask Mask   `json:"mask"`
}

// Mask is what was done to a column's values.
type Mask string

// The masks.
const (
	Kept    Mask = "kept"    // choices, states, numbers that say nothing of a person, dates
	ID      Mask = "id"      // ids and lookups, mapped or kept as the head says
	Text    Mask = "text"    // texts, addresses and numbers: what was equal is equal, and means nothing
	Zero    Mask = "zero"    // numbers that say something of a person
	OnlyDay Mask = "year"    // birthdays and the like: the first day of their year
	Whole   Mask = "whole"   // a number or a date of a person that the policy reads
	Dropped Mask = "dropped" // free text and files: not read
)
