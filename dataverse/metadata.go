package dataverse

import "github.com/google/uuid"

// TableSummary is what the list of all tables holds of each.
type TableSummary struct {
	ID                                                          uuid.UUID // MetadataId
	LogicalName, SchemaName, DisplayName, EntitySet             string
	PrimaryID, PrimaryName                                      string
	ObjectTypeCode                                              int
	Activity, Intersect, Custom, Audited, OptimisticConcurrency bool
	// Elsewhere tells that the rows are not kept in the environment's own database: of an elastic table, which knows no
	// transaction, or a virtual one, which shows the rows of another system.
	Elsewhere bool
}

// Table is the definition of a table.
type Table struct {
	ID                                   uuid.UUID // MetadataId
	LogicalName, SchemaName, DisplayName string
	DisplayCollectionName                string
	EntitySet, PrimaryID, PrimaryName    string
	Ownership                            string // UserOwned, OrganizationOwned, …
	ObjectTypeCode                       int
	Activity, Audited, Custom            bool
	// OptimisticConcurrency tells that If-Match with an ETag is honoured.
	OptimisticConcurrency bool
	// Tracked tells that the table's changes can be asked for; see [Client.Changes].
	Tracked    bool
	Privileges []TablePrivilege

	Attributes map[string]*Attribute // by logical name
	// OneToMany are the relationships in which this table is pointed at, ManyToOne those in which it points.
	OneToMany, ManyToOne []Relationship
	ManyToMany           []ManyToMany
	Keys                 []Key
}

// TablePrivilege is a right that exists for a table.
type TablePrivilege struct {
	ID   uuid.UUID
	Name string // prvReadContact
	Type string // Read, Write, Delete, Append, AppendTo, Assign, Share, Create
	// The depths at which it can be granted.
	Basic, Local, Deep, Global bool
}

// Attribute is the definition of a column.
type Attribute struct {
	LogicalName, SchemaName, DisplayName string
	// Type is the name of the type without the word "Type": String, Memo, Lookup, Customer, Owner, Picklist, State,
	// Status, Boolean, DateTime, Integer, BigInt, Decimal, Double, Money, Uniqueidentifier, Image, File,
	// MultiSelectPicklist, PartyList, EntityName, Virtual …
	Type             string
	Format           string // Text, Email, Phone, DateOnly, DateAndTime …
	DateTimeBehavior string // UserLocal, DateOnly, TimeZoneIndependent
	MaxLength        int
	Required         string // None, Recommended, ApplicationRequired, SystemRequired

	ForRead, ForCreate, ForUpdate bool
	Custom, Logical               bool
	Primary                       bool // the table's key
	Secured, Audited              bool
	Number                        int // by which audit rows name the column
	// Computed tells that the service works the value out of other columns, other rows or the time, or a job of its does: it
	// changes without a change of the row.
	Computed    bool
	AttributeOf string   // the column that this one mirrors in words; such columns are not to be selected
	Targets     []string // the tables that a lookup may point at
	Options     []Option
}

// Option is a value of a choice column.
type Option struct {
	Value int
	Label string
	State int // of a status reason: the state that it belongs to
}

// Relationship is one-to-many: rows of Referencing point at a row of Referenced.
type Relationship struct {
	SchemaName                           string
	Referenced, ReferencedAttribute      string
	Referencing, ReferencingAttribute    string
	ReferencingNav, ReferencedNav        string // case-sensitive: the lookup's name for bind and expand, the collection's name
	Delete, Merge                        string // Cascade, RemoveLink, Restrict, NoCascade …
	Assign, Reparent, Share, Unshare     string
	Custom, Hierarchical, ValidForSearch bool
}

// ManyToMany is a relationship over an intersect table.
type ManyToMany struct {
	SchemaName, Intersect                 string
	Entity1, Entity1Attribute, Entity1Nav string
	Entity2, Entity2Attribute, Entity2Nav string
}

// Key is an alternate key.
type Key struct {
	LogicalName, SchemaName string
	Attributes              []string
	Active                  bool // its index has been built, so that it can be used
}

// Privilege is a right and how far it reaches.
type Privilege struct {
	Name  string // prvDeleteContact
	Depth Depth
}

// Depth is how far a right reaches: the user's own rows up to the whole organisation.
type Depth int

// The depths, as the service numbers them.
const (
	Basic Depth = iota
	Local
	Deep
	Global
)
