package dataverse

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// schema is what the client has read of the environment's definitions. It holds for the client's lifetime, or until
// the client itself changes them.
type schema struct {
	mu        sync.Mutex
	summaries []TableSummary // sorted by name; nil until read
	tables    map[string]*Table
	addresses map[string][]AddressColumn // nil until read
	strong    bool                       // read past the service's caches, which lag behind writes by up to 30 seconds
	file      *definitionFile            // nil where nothing is remembered

	organization      Organization
	organizationAsked time.Time // by the machine's clock; zero: not yet
}

// Forget drops what was read, after a schema write.
func (s *schema) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summaries, s.tables, s.addresses, s.strong, s.file = nil, nil, nil, true, nil
}

// KnowLike has the client know what another one has read of definitions so far, so that it does not ask for it again. It is
// for clients of copies of one environment: that the definitions of both are the same is for the caller to know. What either reads
// afterwards is its own. A client that has changed definitions itself, or wants their names in another language, learns nothing.
func (c *Client) KnowLike(other *Client) {
	other.Schema.mu.Lock()
	summaries, tables, addresses := other.Schema.summaries, maps.Clone(other.Schema.tables), other.Schema.addresses
	other.Schema.mu.Unlock()
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	if c.Schema.strong || c.labels != other.labels {
		return
	}
	c.Schema.summaries, c.Schema.tables, c.Schema.addresses = summaries, tables, addresses
}

func (s *schema) header() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := http.Header{}
	if s.strong {
		h.Set("Consistency", "Strong")
	}
	return h
}

type label struct {
	UserLocalizedLabel *struct{ Label string }
	LocalizedLabels    []struct {
		Label        string
		LanguageCode int
	}
}

// in is the label in the language of that Windows code; where there is none, or the code is zero, in the user's.
func (l label) in(code int) string {
	for _, one := range l.LocalizedLabels {
		if code != 0 && one.LanguageCode == code && one.Label != "" {
			return one.Label
		}
	}
	switch {
	case l.UserLocalizedLabel != nil:
		return l.UserLocalizedLabel.Label
	case len(l.LocalizedLabels) > 0:
		return l.LocalizedLabels[0].Label
	}
	return ""
}

type flag struct{ Value bool }

const summarySelect = "LogicalName,SchemaName,DisplayName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute," +
	"ObjectTypeCode,IsActivity,IsIntersect,IsCustomEntity,IsAuditEnabled,IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,TableType"

type entityJSON struct {
	MetadataId                               uuid.UUID
	LogicalName, SchemaName, EntitySetName   string
	DisplayName, DisplayCollectionName       label
	PrimaryIdAttribute, PrimaryNameAttribute string
	OwnershipType, TableType                 string
	ObjectTypeCode                           int
	IsActivity, IsIntersect, IsCustomEntity  bool
	IsAuditEnabled                           flag
	IsOptimisticConcurrencyEnabled           bool
	ChangeTrackingEnabled                    bool
	Privileges                               []struct {
		CanBeBasic, CanBeLocal, CanBeDeep, CanBeGlobal bool
		Name, PrivilegeType                            string
		PrivilegeId                                    uuid.UUID
	}
}

// Tables lists all tables of the environment, by name. The list is read once.
func (c *Client) Tables(ctx context.Context) ([]TableSummary, error) {
	c.Schema.mu.Lock()
	known := c.Schema.summaries
	c.Schema.mu.Unlock()
	if known != nil {
		return slices.Clone(known), nil
	}
	var body struct{ Value []entityJSON }
	op := Operation{Method: http.MethodGet, Path: "EntityDefinitions?$select=" + summarySelect, Header: c.Schema.header()}
	if err := c.Do(ctx, op, &body); err != nil {
		return nil, fmt.Errorf("list of tables: %w", err)
	}
	list := make([]TableSummary, 0, len(body.Value))
	for _, e := range body.Value {
		if e.LogicalName == "" || e.EntitySetName == "" {
			continue // without a set nothing can be read from it
		}
		if !setName(e.EntitySetName) {
			return nil, errSetName()
		}
		list = append(list, TableSummary{
			ID: e.MetadataId, LogicalName: e.LogicalName, SchemaName: e.SchemaName, DisplayName: e.DisplayName.in(c.labels),
			EntitySet: e.EntitySetName, PrimaryID: e.PrimaryIdAttribute, PrimaryName: e.PrimaryNameAttribute,
			ObjectTypeCode: e.ObjectTypeCode, Activity: e.IsActivity, Intersect: e.IsIntersect, Custom: e.IsCustomEntity,
			Audited: e.IsAuditEnabled.Value, OptimisticConcurrency: e.IsOptimisticConcurrencyEnabled,
			Elsewhere: e.TableType != "" && e.TableType != "Standard",
		})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: an environment without tables", ErrAnswer)
	}
	slices.SortFunc(list, func(a, b TableSummary) int { return strings.Compare(a.LogicalName, b.LogicalName) })
	c.Schema.mu.Lock()
	c.Schema.summaries = list
	if f := c.Schema.file; f != nil {
		f.summaries, f.changed = list, true
	}
	c.Schema.mu.Unlock()
	return slices.Clone(list), nil
}

// summary is the table's entry in the list.
func (c *Client) summary(ctx context.Context, table string) (TableSummary, error) {
	list, err := c.Tables(ctx)
	if err != nil {
		return TableSummary{}, err
	}
	i, ok := slices.BinarySearchFunc(list, table, func(t TableSummary, name string) int { return strings.Compare(t.LogicalName, name) })
	if !ok {
		return TableSummary{}, noTable(table)
	}
	return list[i], nil
}

func noTable(name string) error {
	if !tableName(name) {
		return ErrNoTable
	}
	return fmt.Errorf("%w: %s", ErrNoTable, name)
}

func errSetName() error { return fmt.Errorf("%w: the name of a table's set is none", ErrAnswer) }

// setName tells that a text may stand in an address as the set of a table: it leads nowhere else.
func setName(s string) bool { return tableName(strings.ToLower(s)) }

// tableName tells that a text can be a logical name, and may stand in an address or an error.
func tableName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
