package metadata

import (
	"slices"
	"sync"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// Rendered is what a table's definition has been rendered to. A published table is immutable, and the schemas of all
// servers share it, so each definition is rendered once in a process. The columns are kept of few tables only (MaxColumns).
// TestDefinitionsAreRenderedOnce holds this to what rendering afresh gives.
type Rendered struct {
	choices []*schema.OptionSet // the global choices behind its columns: their names change without the table

	mu      sync.Mutex
	table   *object
	columns []object
	from    *schema.Table             // whose columns these are: this table, or an earlier version of it
	Texts   map[string]DefinitionText // by what was asked for
}

// MaxTexts bounds the answers kept of one table: clients ask the same few questions, but need not.
const MaxTexts = 64

// RenderedOf finds what a table was rendered to under this schema, nil while the schema is being changed.
func RenderedOf(s *schema.Schema, t *schema.Table) *Rendered {
	if !s.Published {
		return nil
	}
	var choices []*schema.OptionSet
	for _, c := range t.Columns {
		if c.OptionSet != "" {
			choices = append(choices, s.OptionSets[c.OptionSet])
		}
	}
	known, _ := t.Renderings.Load().(*Rendered)
	if known == nil || !slices.Equal(known.choices, choices) {
		known = &Rendered{choices: choices}
		t.Renderings.Store(known)
	}
	return known
}

// metaTable is a table's EntityMetadata without what must be expanded. It is shared: whoever answers with it copies what
// it changes.
func metaTable(s *schema.Schema, t *schema.Table) object {
	r := RenderedOf(s, t)
	if r == nil {
		return renderTable(s, t)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table == nil {
		o := renderTable(s, t)
		r.table = &o
	}
	return *r.table
}

// metaColumns are the AttributeMetadata of all columns, companions behind the column that they mirror. They are shared,
// as metaTable is.
func metaColumns(s *schema.Schema, t *schema.Table) []object {
	r := RenderedOf(s, t)
	if r == nil {
		return renderColumns(s, t)
	}
	r.mu.Lock()
	had := r.columns != nil
	if !had || !sameColumns(r.from, t) {
		r.columns, r.from = renderColumns(s, t), t
	}
	list := slices.Clone(r.columns)
	r.mu.Unlock()
	if !had {
		columnsKept.add(r)
	}
	return list
}

// MaxColumns is of how many tables a process keeps the rendered columns, a megabyte for a table with many. Clients ask for all parts of a
// table at once; what they asked stays as text.
const MaxColumns = 32

// columnsKept are the tables whose rendered columns are kept.
var columnsKept ring

// ring holds the last ones that were rendered. What is pushed out loses its columns.
type ring struct {
	mu   sync.Mutex
	last [MaxColumns]*Rendered
	next int
}

func (k *ring) add(r *Rendered) {
	k.mu.Lock()
	out := k.last[k.next]
	k.last[k.next] = r
	k.next = (k.next + 1) % MaxColumns
	k.mu.Unlock()
	if out != nil && out != r {
		out.mu.Lock()
		out.columns, out.from = nil, nil
		out.mu.Unlock()
	}
}

// columnsOnce are metaColumns for one look at them: they are not kept, which they would be for every table there is.
func columnsOnce(s *schema.Schema, t *schema.Table) []object {
	if r := RenderedOf(s, t); r != nil {
		r.mu.Lock()
		known := r.columns != nil && sameColumns(r.from, t)
		r.mu.Unlock()
		if known {
			return metaColumns(s, t)
		}
	}
	return renderColumns(s, t)
}

// sameColumns tells that two versions of a table have the same columns: most changes are of relationships.
func sameColumns(a, b *schema.Table) bool {
	return a == b || a.Name == b.Name && a.ID == b.ID && a.PrimaryName == b.PrimaryName && slices.Equal(a.Columns, b.Columns)
}

// columnsOf is what a new version of a table begins with.
func (r *Rendered) columnsOf() *Rendered {
	r.mu.Lock()
	n := &Rendered{choices: r.choices, columns: r.columns, from: r.from}
	r.mu.Unlock()
	if n.columns != nil {
		columnsKept.add(n)
	}
	return n
}

// Text is what r keeps for a question, and what render makes where it keeps nothing. r may be nil.
func (r *Rendered) Text(asked string, render func() (DefinitionText, error)) (DefinitionText, error) {
	if r == nil {
		return render()
	}
	r.mu.Lock()
	known, found := r.Texts[asked]
	r.mu.Unlock()
	if found {
		return known, nil
	}
	made, err := render() // outside the lock, which the rendering of the columns takes
	if err != nil {
		return made, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Texts == nil || len(r.Texts) >= MaxTexts {
		r.Texts = map[string]DefinitionText{}
	}
	r.Texts[asked] = made
	return made, nil
}
