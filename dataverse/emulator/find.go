package emulator

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Place is where a text was found.
type Place struct {
	// Where is "row", "audit" (a value before or after a change), "bin" (the recycle bin and what refers to it) or
	// "job" (asynchronous operations) or "retained" (long-term retention).
	Where string `json:"where"`
	// Table and ID name the row. For audit they name the row that was changed.
	Table string `json:"table"`
	ID    string `json:"id"`
	// Column is the column that holds the text.
	Column string `json:"column"`
	// Audit is the audit row's id.
	Audit string `json:"audit,omitempty"`
}

func (s *Server) findText(c *control) (any, error) {
	text := c.request.URL.Query().Get("text")
	if strings.TrimSpace(text) == "" {
		return nil, badControl("find takes ?text=…")
	}
	return s.Find(text), nil
}

// Find is every place that holds the text, case aside: rows, values in the audit history whether it has appeared yet or
// not, the recycle bin, jobs, long-term retention. Files are looked into. It is the oracle of tests that prove an erasure.
func (s *Server) Find(text string) []Place {
	s.settle() // what the clock has made of jobs and of the recycle bin counts
	f := &finder{text: strings.ToLower(text), snapshot: s.engine.store.view(), found: []Place{}}
	for _, name := range f.snapshot.schema.names() {
		t := f.snapshot.schema.tables[name]
		where := whereOf[name]
		if where == "" {
			where = "row"
		}
		f.table(where, t, f.snapshot.data[name])
		f.table("bin", t, f.snapshot.bin[name])
		f.table("retained", t, f.snapshot.retained[name])
	}
	if waiting := f.snapshot.pending; waiting != nil {
		waiting.tree.Scan(func(r pendingAudit) bool {
			f.row("audit", f.snapshot.schema.tables["audit"], r.row)
			return true
		})
	}
	return f.found
}

// whereOf are the tables that are more than rows.
var whereOf = map[string]string{
	"deleteditemreference": "bin",
	"asyncoperation":       "job",
	"bulkdeleteoperation":  "job",
	"bulkdeletefailure":    "job",
	"audit":                "audit",
}

type finder struct {
	text     string
	snapshot *snapshot
	found    []Place
}

func (f *finder) table(where string, t *table, r *rows) {
	r.scan(uuid.Nil, func(x *row) bool {
		f.row(where, t, x)
		return true
	})
}

func (f *finder) row(where string, t *table, x *row) {
	at := Place{Where: where, Table: t.Name, ID: x.id.String()}
	if where == "audit" {
		at.Audit = at.ID
		if object, ok := x.get(t.column("objectid").index).(ref); ok {
			at.Table, at.ID = object.Table, object.ID.String()
		}
	}
	for i, v := range x.all() {
		switch i {
		case auditOld, auditNew:
			f.changes(at, v)
		case fileContent:
			if data, _ := v.([]byte); f.in(string(data)) {
				at.Column = "body"
				f.found = append(f.found, at)
			}
		case retainedNames:
			f.names(at, v)
		default:
			if i < len(t.Columns) && f.holds(v) {
				at.Column = t.Columns[i].Name
				f.found = append(f.found, at)
			}
		}
	}
}

// changes looks into the values of an audit row.
func (f *finder) changes(at Place, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if f.holds(m[name]) {
			at.Column = name
			f.found = append(f.found, at)
		}
	}
}

// names looks into the names that the lookups of a retained row were kept with.
func (f *finder) names(at Place, v any) {
	m, _ := v.(map[string]string)
	for _, name := range memberNames(m) {
		if f.in(m[name]) {
			at.Column = name
			f.found = append(f.found, at)
		}
	}
}

func (f *finder) holds(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return f.in(v) || f.inFile(v)
	case ref:
		return f.in(v.ID.String())
	case uuid.UUID:
		return f.in(v.String())
	case instant:
		return f.in(v.time().Format(time.RFC3339))
	case day:
		return f.in(v.time().Format(time.DateOnly))
	case int64:
		return f.in(strconv.FormatInt(v, 10))
	case float64:
		return f.in(strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		return f.in(strconv.FormatBool(v))
	default:
		return f.in(fmt.Sprint(v))
	}
}

func (f *finder) in(s string) bool { return strings.Contains(strings.ToLower(s), f.text) }

// inFile looks into a value that is a file in base64.
func (f *finder) inFile(s string) bool {
	if len(s) < 8 || len(s)%4 != 0 || strings.ContainsAny(s, " @.,-\n") {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && f.in(string(b))
}
