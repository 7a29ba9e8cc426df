package emulator

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

//go:embed schema/*.json
var schemaFiles embed.FS

// kind is what a column holds.
type kind uint8

const (
	kindString kind = iota
	kindMemo
	kindLookup // also Customer and Owner
	kindPicklist
	kindState
	kindStatus
	kindBoolean
	kindDateTime
	kindInteger
	kindBigInt
	kindDecimal
	kindDouble
	kindMoney
	kindGUID
	kindImage
	kindFile
	kindMultiSelect
	kindPartyList
	kindEntityName
	kindVirtual
)

var kindNames = map[string]kind{
	"String": kindString, "Memo": kindMemo, "Lookup": kindLookup, "Customer": kindLookup, "Owner": kindLookup,
	"Picklist": kindPicklist, "State": kindState, "Status": kindStatus, "Boolean": kindBoolean,
	"DateTime": kindDateTime, "Integer": kindInteger, "BigInt": kindBigInt, "Decimal": kindDecimal,
	"Double": kindDouble, "Money": kindMoney, "Uniqueidentifier": kindGUID, "Image": kindImage, "File": kindFile,
	"MultiSelectPicklist": kindMultiSelect, "PartyList": kindPartyList, "EntityName": kindEntityName,
	"Virtual": kindVirtual,
}

// option is one value of a choice column. State is the statecode that a status belongs to.
type option struct {
	Value int    `json:"value"`
	Label string `json:"label"`
	State *int   `json:"state"`

	defined
}

// column is one column of a table. Its JSON form is that of the schema folder.
type column struct {
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
	Options     []option `json:"options"`
	// Default is the value of a new row's column: true or false of a Boolean, the number of an option.
	Default       any    `json:"default"`
	CalculationOf string `json:"calculationOf"` // of a Money in the base currency: the column it is computed from

	kind      kind
	index     int // position in table.Columns; stable for the table's life, but for a column before it being deleted
	custom    bool
	audit     bool   // audited when the table is
	secured   bool   // only for those whom a field security profile lets
	defined          // what metadata says beyond the above
	optionSet string // the name of the global set that the options come from, "" for a local one
}

// defined is what every component of metadata has.
type defined struct {
	metadataID  uuid.UUID      // nil for the components of the embedded schema: theirs follow from the name
	labels      map[int]string // display names in languages other than English
	description map[int]string // by language
	on          time.Time      // when it was made; zero for the embedded schema
	changed     int64          // the version of the schema in which it was last changed
}

// property is the column's name in the Web API: _x_value for a lookup.
func (c *column) property() string {
	if c.kind == kindLookup {
		return "_" + c.Name + "_value"
	}
	return c.Name
}

func (c *column) dateOnly() bool { return c.kind == kindDateTime && c.Behavior == "DateOnly" }

// option finds an option by its value, nil if there is none.
func (c *column) option(value int) *option {
	for i := range c.Options {
		if c.Options[i].Value == value {
			return &c.Options[i]
		}
	}
	return nil
}

// relationship is one-to-many: referencing.attribute points at a row of referenced.
type relationship struct {
	Name        string `json:"name"`
	Referenced  string `json:"referenced"`
	Referencing string `json:"referencing"`
	Attribute   string `json:"attribute"`
	Nav         string `json:"nav"`        // on the referencing table, single-valued
	Collection  string `json:"collection"` // on the referenced table
	Delete      string `json:"delete"`     // Cascade, RemoveLink, Restrict, NoCascade
	Merge       string `json:"merge"`
	Assumed     bool   `json:"assumed"`

	cascade map[string]string // Assign, Reparent, Share, Unshare where they are not NoCascade
	custom  bool
	defined
}

// manyToMany is a relationship over an intersect table.
type manyToMany struct {
	Name       string `json:"name"`
	Intersect  string `json:"intersect"`
	Table1     string `json:"table1"`
	Attribute1 string `json:"attribute1"`
	Nav1       string `json:"nav1"`
	Table2     string `json:"table2"`
	Attribute2 string `json:"attribute2"`
	Nav2       string `json:"nav2"`

	custom bool
	defined
}

// table is one table's definition. A table is immutable once published: a change of metadata makes a new one.
type table struct {
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
	Columns     []*column `json:"columns"` // by index

	byName  map[string]*column
	toOne   map[string]*relationship // by the name of the navigation property; ownerid leads to a user or a team
	toMany  map[string]*relationship
	across  map[string]*manyToMany
	parents []*relationship // this table is the referencing one
	childs  []*relationship // this table is the referenced one
	indexed []int           // indexes of the lookup columns that are kept indexed
	audited bool
	tracked bool // its changes can be asked for
	custom  bool

	keys   []*alternateKey
	plural string // the display name of the collection
	defined

	renderings *atomic.Value // what is kept of the table as it was answered; whoever answers owns it
}

// alternateKey is a key over other columns than the primary one.
type alternateKey struct {
	Name       string // logical name
	SchemaName string
	Label      string
	Columns    []string
	failed     bool // rows that were there before have the same values: the index could not be built
	defined
}

// optionSet is a global choice.
type optionSet struct {
	Name    string
	Label   string
	Options []option
	defined
}

func (t *table) column(name string) *column { return t.byName[name] }

// idColumn is the primary key column.
func (t *table) idColumn() *column { return t.byName[t.ID] }

// schema is all metadata at one moment, immutable.
type schema struct {
	tables     map[string]*table // by logical name
	sets       map[string]*table // by entity set name
	relations  []*relationship
	many       []*manyToMany
	privileges map[string]map[string]privilege // table, right
	optionSets map[string]*optionSet
	version    int64
	since      time.Time // when it came into force; zero for the embedded one
	gone       []goneDefinition
	previous   *schema // the one before, for the metadata cache that lags behind
	published  bool    // nothing of it changes any more
}

type privilege struct {
	Name   string   `json:"name"`
	Depths []string `json:"depths"`
}

// names are the logical names of all tables, sorted.
func (s *schema) names() []string {
	names := make([]string, 0, len(s.tables))
	for n := range s.tables {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// optionSetNames are the names of all global choices, sorted.
func (s *schema) optionSetNames() []string { return slices.Sorted(maps.Keys(s.optionSets)) }

// baseSchema is the schema of the embedded files. It is parsed once: a server that changes metadata copies first.
var baseSchema = sync.OnceValue(func() *schema {
	s, err := readSchema(schemaFiles)
	if err != nil {
		panic("emulator: the embedded schema is broken: " + err.Error())
	}
	return s
})

func readSchema(files fs.FS) (*schema, error) {
	names, err := fs.Glob(files, "schema/*.json")
	if err != nil {
		return nil, err
	}
	s := &schema{}
	var tables []*table
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var into any
		switch base := strings.TrimPrefix(name, "schema/"); base {
		case "_relationships.json":
			into = &s.relations
		case "_manytomany.json":
			into = &s.many
		case "_privileges.json":
			into = &s.privileges
		default:
			t := &table{}
			tables = append(tables, t)
			into = t
		}
		if err := json.Unmarshal(b, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := s.link(tables); err != nil {
		return nil, err
	}
	s.published = true
	return s, nil
}

// unindexed are lookups that every row has and that nothing is found by.
var unindexed = map[string]bool{
	"createdby": true, "modifiedby": true, "createdonbehalfby": true, "modifiedonbehalfby": true, "ownerid": true,
	"owninguser": true, "owningteam": true, "owningbusinessunit": true, "transactioncurrencyid": true,
	"organizationid": true,
}

// link makes the look-up structures of s from its lists. It is called on a schema that nobody else sees yet.
func (s *schema) link(tables []*table) error {
	s.tables = make(map[string]*table, len(tables))
	s.sets = make(map[string]*table, len(tables))
	for _, t := range tables {
		t.byName = make(map[string]*column, len(t.Columns))
		t.toOne = map[string]*relationship{}
		t.toMany = map[string]*relationship{}
		t.across = map[string]*manyToMany{}
		t.parents, t.childs, t.indexed = nil, nil, nil
		if t.TypeCode == 0 {
			t.TypeCode = customTypeCode(t.Name)
		}
		for i, c := range t.Columns {
			k, ok := kindNames[c.Type]
			if !ok {
				return fmt.Errorf("table %s, column %s: unknown type %q", t.Name, c.Name, c.Type)
			}
			c.kind, c.index, c.audit = k, i, true
			t.byName[c.Name] = c
			if k == kindLookup && !unindexed[c.Name] {
				t.indexed = append(t.indexed, i)
			}
		}
		if t.byName[t.ID] == nil {
			return fmt.Errorf("table %s: no column %q", t.Name, t.ID)
		}
		t.renderings = new(atomic.Value)
		t.audited = auditable(t)
		t.tracked = t.Ownership != "None" && !t.Intersect
		s.tables[t.Name] = t
		s.sets[t.Set] = t
	}
	if t := s.tables["principalobjectaccess"]; t != nil {
		t.index("objectid")
	}
	s.completePrivileges(tables)
	if s.optionSets == nil {
		s.optionSets = map[string]*optionSet{}
	}
	for _, r := range s.relations {
		from, to := s.tables[r.Referencing], s.tables[r.Referenced]
		if from == nil || to == nil || from.byName[r.Attribute] == nil {
			return fmt.Errorf("relationship %s: no table or column", r.Name)
		}
		from.parents = append(from.parents, r)
		to.childs = append(to.childs, r)
		from.toOne[r.Nav] = r
		to.toMany[r.Collection] = r
	}
	for _, m := range s.many {
		t1, t2 := s.tables[m.Table1], s.tables[m.Table2]
		if t1 == nil || t2 == nil || s.tables[m.Intersect] == nil {
			return fmt.Errorf("relationship %s: no table", m.Name)
		}
		t1.across[m.Nav1] = m
		t2.across[m.Nav2] = m
		s.tables[m.Intersect].index(m.Attribute1)
		s.tables[m.Intersect].index(m.Attribute2)
	}
	return nil
}

// index keeps a column indexed: rows are found by it. The ends of an intersect table are ids, not lookups.
func (t *table) index(name string) {
	if c := t.byName[name]; c != nil && !slices.Contains(t.indexed, c.index) {
		t.indexed = append(t.indexed, c.index)
	}
}

// customTypeCode is a number above 10,000 that is the same in every run; in Dataverse it differs by environment.
func customTypeCode(name string) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return 10001 + int(h%8000)
}

// goneDefinition is a definition that is there no more, with the name of its kind in DeletedMetadataFilters.
type goneDefinition struct {
	kind    string
	id      uuid.UUID
	version int64 // of the schema that does without it
}
