package emulator

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
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
	f := newFinder(text, s.engine.Store.View())
	for _, name := range f.snapshot.Schema.TableNames() {
		t := f.snapshot.Schema.Tables[name]
		where := whereOf[name]
		if where == "" {
			where = "row"
		}
		f.table(where, t, f.snapshot.Data[name])
		f.table("bin", t, f.snapshot.Bin[name])
		f.table("retained", t, f.snapshot.Retained[name])
	}
	if waiting := f.snapshot.Pending; waiting != nil {
		waiting.Tree.Scan(func(r store.PendingAudit) bool {
			f.row("audit", f.snapshot.Schema.Tables["audit"], r.Row)
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
	snapshot *store.Snapshot
	found    []Place
	id       bool // the text may stand in an id
	number   bool // the text may stand in a number, a date or a time
}

func newFinder(text string, sn *store.Snapshot) *finder {
	text = strings.ToLower(text)
	only := func(letters string) bool { return strings.Trim(text, letters) == "" }
	return &finder{text: text, snapshot: sn, found: []Place{}, id: only("0123456789abcdef-"), number: only("0123456789.:+-tzinfa")}
}

func (f *finder) table(where string, t *schema.Table, r *store.Rows) {
	r.Scan(uuid.Nil, func(x *store.Row) bool {
		f.row(where, t, x)
		return true
	})
}

func (f *finder) row(where string, t *schema.Table, x *store.Row) {
	before := len(f.found)
	var at Place // the column; the row is added to what was found
	for i, v := range x.All() {
		switch i {
		case platform.AuditOld, platform.AuditNew:
			f.changes(at, v)
		case platform.FileContent:
			if data, _ := v.([]byte); f.in(string(data)) {
				at.Column = "body"
				f.found = append(f.found, at)
			}
		case store.RetainedNames:
			f.names(at, v)
		default:
			if i < len(t.Columns) && f.holds(v) {
				at.Column = t.Columns[i].Name
				f.found = append(f.found, at)
			}
		}
	}
	if len(f.found) == before {
		return
	}
	at = Place{Where: where, Table: t.Name, ID: x.ID.String()}
	if where == "audit" {
		at.Audit = at.ID
		if object, ok := x.Get(t.Column("objectid").Index).(store.Ref); ok {
			at.Table, at.ID = object.Table, object.ID.String()
		}
	}
	for i := range f.found[before:] {
		p := &f.found[before+i]
		p.Where, p.Table, p.ID, p.Audit = at.Where, at.Table, at.ID, at.Audit
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
	for _, name := range platform.MemberNames(m) {
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
	case store.Ref:
		return f.id && f.in(v.ID.String())
	case uuid.UUID:
		return f.id && f.in(v.String())
	case store.Instant:
		return f.number && f.in(v.Time().Format(time.RFC3339))
	case store.Day:
		return f.number && f.in(v.Time().Format(time.DateOnly))
	case int64:
		return f.number && f.in(strconv.FormatInt(v, 10))
	case float64:
		return f.number && f.in(strconv.FormatFloat(v, 'f', -1, 64))
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
