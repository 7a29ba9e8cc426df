package compile

import (
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
)

// lookupPath leads from a table over lookups to a column.
type lookupPath struct {
	navs    []string // single-valued navigation properties
	lookups []string // filter paths of the lookup columns on the way: a null in one breaks it
	table   *table   // where the column is
	column  *dataverse.Attribute
}

// path is the way as it stands in a filter and in an answer.
func (w lookupPath) path() string {
	return strings.Join(append(slices.Clone(w.navs), wireName(w.column)), "/")
}

// between are the tables that the way leads over, without the one that it begins at.
func (w lookupPath) between(m *model, from *table) (tables []string) {
	for _, nav := range w.navs {
		from = m.get(from.lookups[nav].Referenced)
		tables = append(tables, from.LogicalName)
	}
	return tables
}

// behind is the way seen from further away: prefix leads to the table where it begins.
func (w lookupPath) behind(prefix []string) lookupPath {
	if len(prefix) == 0 {
		return w
	}
	w.navs = append(slices.Clone(prefix), w.navs...)
	lookups := make([]string, len(w.lookups))
	for i, l := range w.lookups {
		lookups[i] = strings.Join(prefix, "/") + "/" + l
	}
	w.lookups = lookups
	return w
}

// pathError is where a way ends that leads nowhere.
type pathError struct {
	segment int
	table   *table
	hint    string
}

// ways finds everything that segments can mean from a table: columns by their logical names, and to tell several
// targets of one lookup apart, its navigation properties. A lookup with several targets may have several ways.
func (m *model) ways(t *table, segments []string) ([]lookupPath, *pathError) {
	if len(segments) == 1 {
		if a := t.column(segments[0]); a != nil {
			return []lookupPath{{table: t, column: a}}, nil
		}
		return nil, &pathError{table: t, hint: t.didYouMean(segments[0], t.columns())}
	}
	rels := t.relationships(segments[0])
	if len(rels) == 0 {
		hint := t.didYouMean(segments[0], t.lookupColumns())
		if a := t.column(segments[0]); a != nil {
			hint = "it is " + typeWords(a) + ": only lookups lead on"
		}
		return nil, &pathError{table: t, hint: hint}
	}
	var found []lookupPath
	var deepest *pathError
	for _, r := range rels {
		target := m.get(r.Referenced)
		if target == nil {
			continue // of an app that the environment does not have
		}
		rest, fault := m.ways(target, segments[1:])
		if fault != nil {
			fault.segment++
			if deepest == nil || fault.segment > deepest.segment {
				deepest = fault
			}
			continue
		}
		for _, w := range rest {
			w = w.behind([]string{r.ReferencingNav})
			w.lookups = append([]string{"_" + r.ReferencingAttribute + "_value"}, w.lookups...)
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		if deepest == nil {
			deepest = &pathError{table: t, hint: "none of the tables that it points at is in this environment"}
		}
		return nil, deepest
	}
	return found, nil
}

// relationships are what a segment of a path leads over: a navigation property, a lookup column with all its targets,
// or column_target.
func (t *table) relationships(segment string) []dataverse.Relationship {
	if r, ok := t.lookups[segment]; ok {
		return []dataverse.Relationship{r}
	}
	if rels := t.lookupsOf(segment); len(rels) > 0 {
		return rels
	}
	for _, r := range t.lookups {
		if segment == r.ReferencingAttribute+"_"+r.Referenced {
			return []dataverse.Relationship{r}
		}
	}
	return nil
}

// lookupColumns are the columns that lead on to other tables.
func (t *table) lookupColumns() []string {
	var out []string
	for _, r := range t.lookups {
		out = append(out, r.ReferencingAttribute)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// expansion collects what a query has to select and expand.
type expansion struct {
	columns  []string
	children []string // navigation properties, in the order in which they were added
	below    map[string]*expansion
	key      string // the primary id of the table, for a level of which nothing else is wanted
}

// add makes the query answer the column at the end of the way.
func (x *expansion) add(m *model, from *table, w lookupPath) Field {
	at, t := x, from
	for _, nav := range w.navs {
		next := at.below[nav]
		t = m.get(t.lookups[nav].Referenced)
		if next == nil {
			next = &expansion{key: t.PrimaryID}
			if at.below == nil {
				at.below = map[string]*expansion{}
			}
			at.below[nav] = next
			at.children = append(at.children, nav)
		}
		at = next
	}
	if name := wireName(w.column); !slices.Contains(at.columns, name) {
		at.columns = append(at.columns, name)
	}
	return Field(w.path())
}

// String is the expansion as $expand.
func (x *expansion) String() string {
	var items []string
	for _, nav := range x.children {
		child := x.below[nav]
		columns := child.columns
		if len(columns) == 0 {
			columns = []string{child.key}
		}
		item := nav + "($select=" + strings.Join(columns, ",")
		if below := child.String(); below != "" {
			item += ";$expand=" + below
		}
		items = append(items, item+")")
	}
	return strings.Join(items, ",")
}
