package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Batch is tables and rows as they are written down, in JSON or YAML.
type Batch struct {
	Tables []NewTable   `json:"tables,omitempty"`
	Rows   []WrittenRow `json:"rows,omitempty"`
}

// NewTable is a table of one's own; or one that is there, which gets more columns.
type NewTable struct {
	Name     string      `json:"name"`               // logical name, with a prefix: new_project
	Label    string      `json:"label,omitempty"`    // the name where it is left out
	Activity bool        `json:"activity,omitempty"` // its rows are activities
	Columns  []NewColumn `json:"columns,omitempty"`  // beside those that every table has; the primary name is prefix_name
}

// NewColumn is a column of one's own.
type NewColumn struct {
	Name    string         `json:"name"` // logical name, with a prefix
	Type    string         `json:"type"` // one of [ColumnTypes]
	Label   string         `json:"label,omitempty"`
	Length  int            `json:"length,omitempty"`   // of a text; 200 or 2,000 where it is left out
	Options map[string]int `json:"options,omitempty"`  // of a choice: the number of each label
	To      string         `json:"to,omitempty"`       // of a lookup: the table that it leads to
	Delete  string         `json:"onDelete,omitempty"` // of a lookup, when the row that it leads to is deleted: remove-link, the default, cascade, restrict
}

// ColumnTypes are the types of a [NewColumn].
var ColumnTypes = []string{"text", "memo", "yes-no", "number", "decimal", "money", "choice", "date", "date-time", "lookup"}

// WrittenRow is a row to load.
type WrittenRow struct {
	Table string `json:"table"` // logical name
	ID    string `json:"id,omitempty"`
	// As is a name under which other rows of the batch can point at this one.
	As string `json:"as,omitempty"`
	// Values are the columns by logical name. A date is text; a choice its number or its label; a lookup {"table": …, "id": …}, or
	// {"row": …} with the name of a row in the batch; parties are a list of lookups and addresses.
	Values map[string]any `json:"values"`
}

// LoadError says what in a [Batch] makes no sense: the number of the table or row, from 1, and what is wrong. It quotes no value.
type LoadError struct {
	What   string // "table" or "row"
	Number int
	Why    string
}

// Error names the place.
func (e *LoadError) Error() string { return fmt.Sprintf("%s %d: %s", e.What, e.Number, e.Why) }

// Loaded is what was taken in.
type Loaded struct {
	Tables int               `json:"tables"`
	Rows   int               `json:"rows"`
	IDs    map[string]string `json:"ids"` // of the rows that have a name
}

// LoadBatch makes the tables and loads the rows of a batch: all, or none of it. The rows may come in any order and have the dates, states
// and owners that they say, as [Server.Load] says. An error is a [*LoadError].
func (s *Server) LoadBatch(b Batch) (*Loaded, error) {
	t := s.engine.Store.Begin()
	done := false
	defer func() {
		if !done {
			t.Rollback()
		}
	}()
	s.engine.Loading.Store(true)
	defer s.engine.Loading.Store(false)
	for i, n := range b.Tables {
		if err := s.define(t, n); err != nil {
			return nil, &LoadError{"table", i + 1, err.Error()}
		}
	}
	out := &Loaded{Tables: len(b.Tables), Rows: len(b.Rows), IDs: map[string]string{}}
	records := make([]Record, len(b.Rows))
	named := map[string]Reference{}
	for i, r := range b.Rows {
		id := uuid.New()
		if r.ID != "" {
			given, err := uuid.Parse(r.ID)
			if err != nil {
				return nil, &LoadError{"row", i + 1, "id: it is no id of a row"}
			}
			id = given
		}
		if r.As != "" {
			if _, twice := named[r.As]; twice {
				return nil, &LoadError{"row", i + 1, fmt.Sprintf("as: there are two rows of the name %q", r.As)}
			}
			named[r.As], out.IDs[r.As] = Ref(r.Table, id), id.String()
		}
		records[i] = Record{Table: r.Table, ID: id}
	}
	for i, r := range b.Rows {
		tab := t.Schema.Tables[r.Table]
		if tab == nil {
			return nil, &LoadError{"row", i + 1, fmt.Sprintf("table: there is no table %q%s", r.Table, wire.Nearest(r.Table, t.Schema.TableNames()))}
		}
		records[i].Values = make(map[string]any, len(r.Values))
		for _, name := range slices.Sorted(maps.Keys(r.Values)) {
			c := tab.Column(name)
			if c == nil {
				return nil, &LoadError{"row", i + 1, fmt.Sprintf("%s has no column %q%s", r.Table, name, wire.Nearest(name, columnsOf(tab)))}
			}
			v, err := loadedValue(r.Values[name], c, named)
			if err != nil {
				return nil, &LoadError{"row", i + 1, fmt.Sprintf("column %s: %v", name, err)}
			}
			records[i].Values[name] = v
		}
	}
	if err := s.loads.LoadInto(t, records...); err != nil {
		var of *load.RecordError
		if !errors.As(err, &of) {
			return nil, err
		}
		n := 1 + slices.IndexFunc(records, func(r Record) bool { return r.Table == of.Table && r.ID == of.ID })
		why := of.Why
		if of.Column != "" {
			why = "column " + givenColumn(records, n-1, of) + ": " + why
		}
		return nil, &LoadError{"row", max(1, n), of.Table + " " + of.ID.String() + ", " + why}
	}
	t.Commit()
	done = true
	return out, nil
}

// givenColumn is the column that an error is about: the platform copies lookups, and the copy is nothing that the caller knows.
func givenColumn(records []Record, n int, of *load.RecordError) string {
	if n < 0 {
		return of.Column
	}
	if _, given := records[n].Values[of.Column]; given {
		return of.Column
	}
	for _, name := range slices.Sorted(maps.Keys(records[n].Values)) {
		if r, ok := records[n].Values[name].(Reference); ok && strings.Contains(of.Why, r.ID.String()) {
			return name
		}
	}
	return of.Column
}

func columnsOf(t *schema.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// loadedValue is a value as a record has it.
func loadedValue(v any, c *schema.Column, named map[string]Reference) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case uint64:
		return int64(v), nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			one, err := loadedValue(x, c, named)
			if err != nil {
				return nil, err
			}
			out[i] = one
		}
		return out, nil
	case map[string]any:
		return lookedUp(v, named)
	case string:
		if c.Kind == schema.KindLookup {
			id, err := uuid.Parse(v)
			if err != nil || len(c.Targets) != 1 {
				return nil, errors.New(`a lookup is {"table": …, "id": …} or {"row": …}`)
			}
			return Ref(c.Targets[0], id), nil
		}
	}
	return v, nil
}

// lookedUp is a lookup's value.
func lookedUp(v map[string]any, named map[string]Reference) (any, error) {
	for key := range v {
		if key != "table" && key != "id" && key != "row" {
			return nil, fmt.Errorf("a lookup has no %q%s", key, wire.Nearest(key, []string{"table", "id", "row"}))
		}
	}
	if row, given := v["row"]; given {
		name, _ := row.(string)
		r, known := named[name]
		if !known || len(v) > 1 {
			return nil, fmt.Errorf("no row of the batch has the name %q", name)
		}
		return r, nil
	}
	table, _ := v["table"].(string)
	text, _ := v["id"].(string)
	id, err := uuid.Parse(text)
	if table == "" || err != nil {
		return nil, errors.New(`a lookup is {"table": …, "id": …} or {"row": …}`)
	}
	return Ref(table, id), nil
}

// define makes a table with its columns, as requests of a customiser would.
func (s *Server) define(t *store.Tx, n NewTable) error {
	prefix, _, found := strings.Cut(n.Name, "_")
	if t.Schema.Tables[n.Name] == nil {
		if !found || prefix == "" {
			return fmt.Errorf("name: there is no table %q, and a new one has a prefix: new_%s", n.Name, n.Name)
		}
		if err := s.publisher(t, prefix); err != nil {
			return err
		}
		primary := prefix + "_name"
		if n.Activity {
			primary = "Subject"
		}
		if err := s.customise(t, "EntityDefinitions", map[string]any{"@odata.type": wire.CRMNamespace + "EntityMetadata", "SchemaName": n.Name,
			"DisplayName": labelled(n.Label, n.Name), "DisplayCollectionName": labelled(n.Label, n.Name), "OwnershipType": "UserOwned", "IsActivity": n.Activity,
			"HasActivities": !n.Activity, "HasNotes": true, "Attributes": []any{attributeBody("String", primary, "Name", map[string]any{"IsPrimaryName": true, "MaxLength": 200})}}); err != nil {
			return err
		}
	}
	for _, c := range n.Columns {
		if tab := t.Schema.Tables[n.Name]; tab.Column(c.Name) != nil {
			continue // such as the primary name
		}
		own, _, found := strings.Cut(c.Name, "_")
		if !found || own == "" {
			return fmt.Errorf("column %s: a column of one's own has a prefix: new_%[1]s", c.Name)
		}
		if err := s.publisher(t, own); err != nil {
			return err
		}
		if err := s.defineColumn(t, n.Name, c); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return nil
}

func (s *Server) defineColumn(t *store.Tx, table string, c NewColumn) error {
	kind, more := "", map[string]any{}
	length := func(otherwise int) {
		more["MaxLength"] = otherwise
		if c.Length > 0 {
			more["MaxLength"] = c.Length
		}
	}
	switch c.Type {
	case "text":
		kind = "String"
		length(200)
	case "memo":
		kind = "Memo"
		length(2000)
	case "yes-no":
		kind = "Boolean"
		more["OptionSet"] = map[string]any{"FalseOption": map[string]any{"Value": 0, "Label": labelled("No", "")}, "TrueOption": map[string]any{"Value": 1, "Label": labelled("Yes", "")}}
	case "number":
		kind = "Integer"
	case "decimal":
		kind = "Decimal"
	case "money":
		kind = "Money"
	case "date":
		kind, more["DateTimeBehavior"], more["Format"] = "DateTime", map[string]any{"Value": "DateOnly"}, "DateOnly"
	case "date-time":
		kind, more["DateTimeBehavior"] = "DateTime", map[string]any{"Value": "UserLocal"}
	case "choice":
		kind = "Picklist"
		var options []any
		for _, label := range slices.SortedFunc(maps.Keys(c.Options), func(a, b string) int { return c.Options[a] - c.Options[b] }) {
			options = append(options, map[string]any{"Value": c.Options[label], "Label": labelled(label, "")})
		}
		if len(options) == 0 {
			return errors.New("options: a choice has some")
		}
		more["OptionSet"] = map[string]any{"@odata.type": wire.CRMNamespace + "OptionSetMetadata", "IsGlobal": false, "OptionSetType": "Picklist", "Options": options}
	case "lookup":
		behavior, known := map[string]string{"": "RemoveLink", "remove-link": "RemoveLink", "cascade": "Cascade", "restrict": "Restrict"}[c.Delete]
		if !known {
			return fmt.Errorf("onDelete: %q is none of remove-link, cascade, restrict", c.Delete)
		}
		return s.customise(t, "RelationshipDefinitions", map[string]any{"@odata.type": wire.CRMNamespace + "OneToManyRelationshipMetadata", "SchemaName": c.Name + "_" + c.To + "_" + table,
			"ReferencedEntity": c.To, "ReferencingEntity": table, "Lookup": attributeBody("Lookup", c.Name, c.Label, nil),
			"CascadeConfiguration": map[string]any{"Assign": "NoCascade", "Delete": behavior, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"}})
	default:
		return fmt.Errorf("type: %q is none of %s%s", c.Type, strings.Join(ColumnTypes, ", "), wire.Nearest(c.Type, ColumnTypes))
	}
	return s.customise(t, "EntityDefinitions(LogicalName='"+table+"')/Attributes", attributeBody(kind, c.Name, c.Label, more))
}

func labelled(text, otherwise string) map[string]any {
	if text == "" {
		text = otherwise
	}
	return map[string]any{"LocalizedLabels": []any{map[string]any{"Label": text, "LanguageCode": 1033}}}
}

func attributeBody(kind, name, label string, more map[string]any) map[string]any {
	b := map[string]any{"@odata.type": wire.CRMNamespace + kind + "AttributeMetadata", "SchemaName": name, "DisplayName": labelled(label, name), "RequiredLevel": map[string]any{"Value": "None"}}
	maps.Copy(b, more)
	return b
}

// publisher makes a publisher for a prefix that nobody has yet.
func (s *Server) publisher(t *store.Tx, prefix string) error {
	publishers, known := t.Schema.Tables["publisher"], false
	t.Data[publishers.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		known = store.Text(publishers, r, "customizationprefix") == prefix
		return !known
	})
	if known {
		return nil
	}
	return s.customise(t, "publishers", map[string]any{"uniquename": prefix + "publisher", "friendlyname": prefix, "customizationprefix": prefix, "customizationoptionvalueprefix": json.Number("72000")})
}

// customise is a request of the administrator inside a transaction.
func (s *Server) customise(t *store.Tx, path string, body map[string]any) error {
	p, err := wire.ParsePath(path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	a := s.serve(&wire.Call{Ctx: context.Background(), Engine: s.engine, Method: http.MethodPost, Path: p, Header: http.Header{}, Body: text,
		Base: "http://localhost" + wire.APIRoot + "v9.2", User: s.engine.Administrator, Tx: t})
	if a.Status < 300 {
		return nil
	}
	var said struct{ Error struct{ Message string } }
	if err := json.Unmarshal(a.Bytes(), &said); err != nil {
		return err
	}
	return errors.New(said.Error.Message)
}

// postLoad answers POST /emulator/load: a batch in JSON or YAML, or NDJSON, a row a line.
func (s *Server) postLoad(c *control) (any, error) {
	b, err := readBatch(c.body)
	if err != nil {
		return nil, badControl("the body: %v", err)
	}
	out, err := s.LoadBatch(b)
	var wrong *LoadError
	if errors.As(err, &wrong) {
		return nil, badControl("%v", wrong)
	}
	return out, err
}

// readBatch reads one batch, or rows one after the other.
func readBatch(text []byte) (Batch, error) {
	var b Batch
	d := json.NewDecoder(bytes.NewReader(text))
	var first struct {
		Table *json.RawMessage `json:"table"`
	}
	if err := d.Decode(&first); err != nil || first.Table == nil {
		return b, decodeStrict(text, &b)
	}
	d = json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for n := 1; ; n++ {
		var one json.RawMessage
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return b, nil
		} else if err != nil {
			return b, fmt.Errorf("row %d: %w", n, err)
		}
		var r WrittenRow
		if err := decodeJSON(one, &r); err != nil {
			return b, fmt.Errorf("row %d: %w", n, err)
		}
		b.Rows = append(b.Rows, r)
	}
}
