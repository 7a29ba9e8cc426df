package schema

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

//go:embed tables/*.json
var schemaFiles embed.FS

// Kind is what a column holds.
type Kind uint8

const (
	KindString Kind = iota
	KindMemo
	KindLookup // also Customer and Owner
	KindPicklist
	KindState
	KindStatus
	KindBoolean
	KindDateTime
	KindInteger
	KindBigInt
	KindDecimal
	KindDouble
	KindMoney
	KindGUID
	KindImage
	KindFile
	KindMultiSelect
	KindPartyList
	KindEntityName
	KindVirtual
	KindManaged // a managed property: true or false, and an object on the wire
)

// KindNames are the kinds by the name of the attribute type.
var KindNames = map[string]Kind{
	"String": KindString, "Memo": KindMemo, "Lookup": KindLookup, "Customer": KindLookup, "Owner": KindLookup,
	"Picklist": KindPicklist, "State": KindState, "Status": KindStatus, "Boolean": KindBoolean,
	"DateTime": KindDateTime, "Integer": KindInteger, "BigInt": KindBigInt, "Decimal": KindDecimal,
	"Double": KindDouble, "Money": KindMoney, "Uniqueidentifier": KindGUID, "Image": KindImage, "File": KindFile,
	"MultiSelectPicklist": KindMultiSelect, "PartyList": KindPartyList, "EntityName": KindEntityName,
	"Virtual": KindVirtual, "ManagedProperty": KindManaged,
}

// Option is one value of a choice column. State is the statecode that a status belongs to.
type Option struct {
	Value int    `json:"value"`
	Label string `json:"label"`
	State *int   `json:"state"`

	// TransitionData says, for a status, which ones may follow it; Next are those. Without it any may.
	TransitionData string `json:"-"`
	Next           []int  `json:"-"`

	Defined `json:"-"`
}

// Column is one column of a table. Its JSON form is that of the schema folder.
type Column struct {
	Name        string   `json:"name"`
	SchemaName  string   `json:"schemaName"`
	Label       string   `json:"label"`
	Type        string   `json:"type"` // the name of the attribute type: Customer and Owner stay apart from Lookup here
	Format      string   `json:"format"`
	MaxLength   int      `json:"maxLength"`
	Min         *float64 `json:"min"`
	Max         *float64 `json:"max"`
	Precision   *int     `json:"precision"`
	Behavior    string   `json:"behavior"` // of a DateTime: UserLocal, DateOnly, TimeZoneIndependent
	AttributeOf string   `json:"attributeOf"`
	Required    string   `json:"required"`
	NoRead      bool     `json:"noRead"`
	NoCreate    bool     `json:"noCreate"`
	NoUpdate    bool     `json:"noUpdate"`
	Logical     bool     `json:"logical"`
	Targets     []string `json:"targets"`
	Options     []Option `json:"options"`
	// Default is the value of a new row's column: true or false of a Boolean, the number of an option.
	Default       any    `json:"default"`
	CalculationOf string `json:"calculationOf"` // of a Money in the base currency: the column it is computed from

	Kind       Kind       `json:"-"`
	Index      int        `json:"-"` // position in table.Columns; stable for the table's life, but for a column before it being deleted
	Custom     bool       `json:"-"`
	Audit      bool       `json:"-"` // audited when the table is
	Secured    bool       `json:"-"` // only for those whom a field security profile lets
	AutoNumber string     `json:"-"` // the format of texts that the platform makes
	Source     int        `json:"-"` // of a value that the service works out: 1 calculated, 2 rolled up, 3 by a formula
	Primary    bool       `json:"-"` // of an image: the one that stands for the row, by its definition
	Thumbnail  bool       `json:"-"` // of an image: only a small one is kept, since CanStoreFullImage is false
	Several    bool       `json:"-"` // of a lookup that somebody has made: it may point at rows of several tables
	Defined    `json:"-"` // what metadata says beyond the above
	OptionSet  string     `json:"-"` // the name of the global set that the options come from, "" for a local one
}

// Number is the column's number, by which audit rows name it as well.
func (c *Column) Number() int { return c.Index + 1 }

// Defined is what every component of metadata has.
type Defined struct {
	MetadataID     uuid.UUID      // nil for the components of the embedded schema: theirs follow from the name
	Labels         map[int]string // display names in languages other than English
	Description    map[int]string // by language
	CreatedOn      time.Time      // when it was made; zero for the embedded schema
	ChangedVersion int64          // the version of the schema in which it was last changed
}

// Property is the column's name in the Web API: _x_value for a lookup.
func (c *Column) Property() string {
	if c.Kind == KindLookup {
		return "_" + c.Name + "_value"
	}
	return c.Name
}

// DateOnly tells whether the column holds dates without a time.
func (c *Column) DateOnly() bool { return c.Kind == KindDateTime && c.Behavior == "DateOnly" }

// Option finds an option by its value, nil if there is none.
func (c *Column) Option(value int) *Option {
	for i := range c.Options {
		if c.Options[i].Value == value {
			return &c.Options[i]
		}
	}
	return nil
}

// Relationship is one-to-many: referencing.attribute points at a row of referenced.
type Relationship struct {
	Name        string `json:"name"`
	Referenced  string `json:"referenced"`
	Referencing string `json:"referencing"`
	Attribute   string `json:"attribute"`
	Nav         string `json:"nav"`        // on the referencing table, single-valued
	Collection  string `json:"collection"` // on the referenced table
	Delete      string `json:"delete"`     // Cascade, RemoveLink, Restrict, NoCascade
	Merge       string `json:"merge"`
	Assumed     bool   `json:"assumed"`

	// Hierarchical makes the rows of a table that points at itself a tree, which queries can ask about: IsHierarchical.
	Hierarchical bool `json:"-"`

	Cascade map[string]string `json:"-"` // Assign, Reparent, Share, Unshare where they are not NoCascade
	Custom  bool              `json:"-"`
	Defined `json:"-"`
}

// ManyToMany is a relationship over an intersect table.
type ManyToMany struct {
	Name       string `json:"name"`
	Intersect  string `json:"intersect"`
	Table1     string `json:"table1"`
	Attribute1 string `json:"attribute1"`
	Nav1       string `json:"nav1"`
	Table2     string `json:"table2"`
	Attribute2 string `json:"attribute2"`
	Nav2       string `json:"nav2"`

	Custom  bool `json:"-"`
	Defined `json:"-"`
}

// Table is one table's definition. A table is immutable once published: a change of metadata makes a new one.
type Table struct {
	Name        string    `json:"name"`
	SchemaName  string    `json:"schemaName"`
	Label       string    `json:"label"`
	Set         string    `json:"set"`
	ID          string    `json:"id"`
	PrimaryName string    `json:"primaryName"`
	TypeCode    int       `json:"typeCode"`
	Ownership   string    `json:"ownership"`
	Activity    bool      `json:"activity"`
	Intersect   bool      `json:"intersect"`
	Columns     []*Column `json:"columns"` // by index

	ByName   map[string]*Column       `json:"-"`
	ToOne    map[string]*Relationship `json:"-"` // by the name of the navigation property; ownerid leads to a user or a team
	ToMany   map[string]*Relationship `json:"-"`
	Across   map[string]*ManyToMany   `json:"-"`
	Outgoing []*Relationship          `json:"-"` // this table is the referencing one
	Incoming []*Relationship          `json:"-"` // this table is the referenced one
	Indexed  []int                    `json:"-"` // indexes of the lookup columns that are kept indexed
	Audited  bool                     `json:"-"`
	Tracked  bool                     `json:"-"` // its changes can be asked for
	Custom   bool                     `json:"-"`
	// Shown are properties of the definition that only an app looks at, as somebody has set them.
	Shown map[string]any `json:"-"`
	// Unguarded tables take no ETag in If-Match: IsOptimisticConcurrencyEnabled is false.
	Unguarded bool `json:"-"`
	// Transitions are enforced: EnforceStateTransitions is true.
	Transitions bool `json:"-"`

	Keys    []*AlternateKey `json:"-"`
	Plural  string          `json:"-"` // the display name of the collection
	Type    string          `json:"-"` // Elastic, Virtual: of an environment's table that the emulator only names; empty: Standard
	Defined `json:"-"`

	Renderings *atomic.Value `json:"-"` // what is kept of the table as it was answered; whoever answers owns it
}

// AlternateKey is a key over other columns than the primary one.
type AlternateKey struct {
	Name       string // logical name
	SchemaName string
	Label      string
	Columns    []string
	Failed     bool // rows that were there before have the same values: the index could not be built
	Defined
}

// OptionSet is a global choice.
type OptionSet struct {
	Name    string
	Label   string
	Options []Option
	Defined
}

// Column is the column of that logical name, nil if there is none.
func (t *Table) Column(name string) *Column { return t.ByName[name] }

// IDColumn is the primary key column.
func (t *Table) IDColumn() *Column { return t.ByName[t.ID] }

// Schema is all metadata at one moment, immutable.
type Schema struct {
	Tables     map[string]*Table // by logical name
	Sets       map[string]*Table // by entity set name
	Relations  []*Relationship
	ManyToMany []*ManyToMany
	Privileges map[string]map[string]Privilege // table, right
	OptionSets map[string]*OptionSet
	Version    int64
	Since      time.Time // when it came into force; zero for the embedded one
	Deleted    []DeletedDefinition
	Previous   *Schema // the one before, for the metadata cache that lags behind
	Published  bool    // nothing of it changes any more
}

// Privilege is a privilege and the depths that it can be given at.
type Privilege struct {
	Name   string   `json:"name"`
	Depths []string `json:"depths"`
}

// TableNames are the logical names of all tables, sorted.
func (s *Schema) TableNames() []string {
	names := make([]string, 0, len(s.Tables))
	for n := range s.Tables {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// OptionSetNames are the names of all global choices, sorted.
func (s *Schema) OptionSetNames() []string { return slices.Sorted(maps.Keys(s.OptionSets)) }

// BaseSchema is the schema of the embedded files. It is parsed once: a server that changes metadata copies first.
var BaseSchema = sync.OnceValue(func() *Schema {
	s, err := readSchema(schemaFiles)
	if err != nil {
		panic("emulator: the embedded schema is broken: " + err.Error())
	}
	return s
})

// DirectoryKey is the name of the key by which users are found that the directory knows.
const DirectoryKey = "aadobjectid"

// directoryKeys are the keys by which users and group teams are found that the directory knows. Page: webapi/aad-group-team.
var directoryKeys = map[string][]*AlternateKey{
	"systemuser": {{Name: DirectoryKey, SchemaName: "AADObjectId", Label: "Directory object", Columns: []string{"azureactivedirectoryobjectid"}, Defined: Defined{MetadataID: StableID("key/systemuser")}}},
	"team":       {{Name: "aadobjectidmembershiptype", SchemaName: "AADObjectIdMembershipType", Label: "Directory object and membership type", Columns: []string{"azureactivedirectoryobjectid", "membershiptype"}, Defined: Defined{MetadataID: StableID("key/team")}}},
}

func readSchema(files fs.FS) (*Schema, error) {
	names, err := fs.Glob(files, "tables/*.json")
	if err != nil {
		return nil, err
	}
	s := &Schema{}
	var tables []*Table
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var into any
		switch base := strings.TrimPrefix(name, "tables/"); base {
		case "_relationships.json":
			into = &s.Relations
		case "_manytomany.json":
			into = &s.ManyToMany
		case "_privileges.json":
			into = &s.Privileges
		default:
			t := &Table{}
			tables = append(tables, t)
			into = t
		}
		if err := json.Unmarshal(b, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, t := range tables {
		t.Keys = directoryKeys[t.Name]
	}
	if err := s.link(tables); err != nil {
		return nil, err
	}
	s.addGlobalChoices()
	s.Published = true
	return s, nil
}

// Unindexed are lookups that every row has and that nothing is found by.
var Unindexed = map[string]bool{
	"createdby": true, "modifiedby": true, "createdonbehalfby": true, "modifiedonbehalfby": true, "ownerid": true,
	"owninguser": true, "owningteam": true, "owningbusinessunit": true, "transactioncurrencyid": true,
	"organizationid": true,
}

// link makes the look-up structures of s from its lists. It is called on a schema that nobody else uses yet.
func (s *Schema) link(tables []*Table) error {
	s.Tables = make(map[string]*Table, len(tables))
	s.Sets = make(map[string]*Table, len(tables))
	for _, t := range tables {
		t.ByName = make(map[string]*Column, len(t.Columns))
		t.ToOne = map[string]*Relationship{}
		t.ToMany = map[string]*Relationship{}
		t.Across = map[string]*ManyToMany{}
		t.Outgoing, t.Incoming, t.Indexed = nil, nil, nil
		if t.TypeCode == 0 {
			t.TypeCode = CustomTypeCode(t.Name)
		}
		for i, c := range t.Columns {
			k, ok := KindNames[c.Type]
			if !ok {
				return fmt.Errorf("table %s, column %s: unknown type %q", t.Name, c.Name, c.Type)
			}
			c.Kind, c.Index, c.Audit = k, i, true
			t.ByName[c.Name] = c
			if k == KindLookup && !Unindexed[c.Name] {
				t.Indexed = append(t.Indexed, i)
			}
		}
		if t.ByName[t.ID] == nil {
			return fmt.Errorf("table %s: no column %q", t.Name, t.ID)
		}
		t.Renderings = new(atomic.Value)
		t.Audited = auditable(t)
		t.Tracked = t.Ownership != "None" && !t.Intersect
		s.Tables[t.Name] = t
		s.Sets[t.Set] = t
	}
	if t := s.Tables["principalobjectaccess"]; t != nil {
		t.IndexColumn("objectid")
	}
	s.completePrivileges(tables)
	if s.OptionSets == nil {
		s.OptionSets = map[string]*OptionSet{}
	}
	for _, r := range s.Relations {
		from, to := s.Tables[r.Referencing], s.Tables[r.Referenced]
		if from == nil || to == nil || from.ByName[r.Attribute] == nil {
			return fmt.Errorf("relationship %s: no table or column", r.Name)
		}
		from.Outgoing = append(from.Outgoing, r)
		to.Incoming = append(to.Incoming, r)
		from.ToOne[r.Nav] = r
		to.ToMany[r.Collection] = r
	}
	for _, m := range s.ManyToMany {
		t1, t2 := s.Tables[m.Table1], s.Tables[m.Table2]
		if t1 == nil || t2 == nil || s.Tables[m.Intersect] == nil {
			return fmt.Errorf("relationship %s: no table", m.Name)
		}
		t1.Across[m.Nav1] = m
		t2.Across[m.Nav2] = m
		s.Tables[m.Intersect].IndexColumn(m.Attribute1)
		s.Tables[m.Intersect].IndexColumn(m.Attribute2)
	}
	return nil
}

// IndexColumn keeps a column indexed: rows are found by it. The ends of an intersect table are ids, not lookups.
func (t *Table) IndexColumn(name string) {
	if c := t.ByName[name]; c != nil && !slices.Contains(t.Indexed, c.Index) {
		t.Indexed = append(t.Indexed, c.Index)
	}
}

// CustomTypeCode is a number above 10,000 that is the same in every run; in Dataverse it differs by environment.
func CustomTypeCode(name string) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return 10001 + int(h%8000)
}

// DeletedDefinition is what is kept of a deleted definition. Kind is the name that DeletedMetadataFilters has for it.
type DeletedDefinition struct {
	Kind    string
	ID      uuid.UUID
	Version int64 // of the schema that does without it
}
