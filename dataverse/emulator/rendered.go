package emulator

import (
	"slices"
	"sync"
)

// rendered is what a table's definition has been rendered to. A published table is immutable, and the schemas of all
// servers share it, so each definition is rendered once in a process. TestDefinitionsAreRenderedOnce holds this to what
// rendering afresh gives.
type rendered struct {
	choices []*optionSet // the global choices behind its columns: their names change without the table

	mu      sync.Mutex
	table   *object
	columns []object
	texts   map[string]definitionText // by what was asked for
}

// mostTexts bounds what is kept of one table. Clients ask the same few questions, but nothing makes them.
const mostTexts = 64

// rendered is what is kept of a table under this schema, nil while the schema is being changed.
func (s *schema) rendered(t *table) *rendered {
	if !s.published {
		return nil
	}
	var choices []*optionSet
	for _, c := range t.Columns {
		if c.optionSet != "" {
			choices = append(choices, s.optionSets[c.optionSet])
		}
	}
	known, _ := t.renderings.Load().(*rendered)
	if known == nil || !slices.Equal(known.choices, choices) {
		known = &rendered{choices: choices}
		t.renderings.Store(known)
	}
	return known
}

// metaTable is a table's EntityMetadata without what must be expanded. It is shared: whoever answers with it copies what
// it changes.
func (s *schema) metaTable(t *table) object {
	r := s.rendered(t)
	if r == nil {
		return s.renderTable(t)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table == nil {
		o := s.renderTable(t)
		r.table = &o
	}
	return *r.table
}

// metaColumns are the AttributeMetadata of all columns, companions behind the column that they mirror. They are shared,
// as metaTable is.
func (s *schema) metaColumns(t *table) []object {
	r := s.rendered(t)
	if r == nil {
		return s.renderColumns(t)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.columns == nil {
		r.columns = s.renderColumns(t)
	}
	return slices.Clone(r.columns)
}

// text is what r keeps for a question, and what render makes where it keeps nothing. r may be nil.
func (r *rendered) text(asked string, render func() (definitionText, error)) (definitionText, error) {
	if r == nil {
		return render()
	}
	r.mu.Lock()
	known, found := r.texts[asked]
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
	if r.texts == nil || len(r.texts) >= mostTexts {
		r.texts = map[string]definitionText{}
	}
	r.texts[asked] = made
	return made, nil
}
