package compile

import (
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// seen collects the tables and columns that compiled queries read: what is answered, filtered and joined by.
type seen struct {
	model   *model
	columns map[string]map[string]bool // table → logical names
	texts   *[]string                  // that columns are compared with; nil: nobody wants to know
}

func (s *seen) text(t string) {
	if s.texts != nil && t != "" && !slices.Contains(*s.texts, t) {
		*s.texts = append(*s.texts, t)
	}
}

func (s *seen) table(name string) *table {
	if name != "" && s.columns[name] == nil {
		s.columns[name] = map[string]bool{}
	}
	return s.model.get(name)
}

// column notes a column by its logical or wire name.
func (s *seen) column(t *table, name string) {
	if t == nil || name == "" {
		return
	}
	s.table(t.LogicalName)
	if a := t.properties[name]; a != nil {
		name = a.LogicalName
	}
	if t.Attributes[name] != nil {
		s.columns[t.LogicalName][name] = true
	}
}

func (s *seen) read(r Read) {
	if r.FetchXML != "" {
		query, err := fetchxml.Parse([]byte(r.FetchXML))
		if s.fault(err); err == nil {
			s.fetch(query)
		}
		return
	}
	if r.Table == "" {
		return // a rule for all the rest
	}
	t := s.table(r.Table)
	for _, name := range r.Select {
		s.column(t, name)
	}
	if r.Expand != "" {
		items, err := odata.ParseExpand(r.Expand)
		s.fault(err)
		s.expand(t, items)
	}
	if r.Filter != "" {
		e, err := odata.ParseFilter(r.Filter)
		if s.fault(err); err == nil {
			s.filter(t, e, nil)
		}
	}
}

// fault keeps a policy from being taken whose queries cannot be looked through.
func (s *seen) fault(err error) {
	if err != nil && s.model.err == nil {
		s.model.err = err
	}
}

func (s *seen) expand(t *table, items odata.Expand) {
	for _, item := range items {
		to := s.over(t, item.Path.Segments[0])
		for _, p := range item.Select {
			s.path(to, p.Segments, nil)
		}
		if item.Filter != nil {
			s.filter(to, item.Filter, nil)
		}
		s.expand(to, item.Expand)
	}
}

// over follows a navigation property, which reads the lookup that makes it.
func (s *seen) over(t *table, nav string) *table {
	if t == nil {
		return nil
	}
	if r, ok := t.lookups[nav]; ok {
		s.column(t, r.ReferencingAttribute)
	}
	n, ok := t.navigations[nav]
	if !ok {
		return nil
	}
	to := s.table(n.Table)
	for _, r := range t.OneToMany {
		if r.ReferencedNav == nav {
			s.column(to, r.ReferencingAttribute)
		}
	}
	return to
}

// reads tells whether a filter of t's rows leads to columns of another table.
func (m *model) reads(t *table, filter, other string) bool {
	e, err := odata.ParseFilter(filter)
	if err != nil || filter == "" {
		return false // the check has told
	}
	s := &seen{model: m, columns: map[string]map[string]bool{}}
	s.filter(t, e, nil)
	return s.columns[other] != nil
}

func (s *seen) path(t *table, segments []string, scope map[string]*table) *table {
	if len(segments) > 0 && scope[segments[0]] != nil {
		t, segments = scope[segments[0]], segments[1:]
	}
	for i, segment := range segments {
		if t == nil {
			return nil
		}
		if _, ok := t.navigations[segment]; ok {
			t = s.over(t, segment)
			continue
		}
		if i == len(segments)-1 {
			s.column(t, segment)
		}
	}
	return t
}

func (s *seen) filter(t *table, e odata.Expr, scope map[string]*table) {
	odata.Walk(e, func(n odata.Expr) bool {
		switch n := n.(type) {
		case *odata.Lambda:
			inner := maps.Clone(scope)
			if inner == nil {
				inner = map[string]*table{}
			}
			to := s.path(t, n.Path.Segments, scope)
			if n.Body != nil {
				inner[n.Var] = to
				s.filter(t, n.Body, inner)
			}
			return false
		case *odata.Path:
			s.path(t, n.Segments, scope)
		case *odata.Literal:
			if text, ok := n.Value.(string); ok {
				s.text(text)
			}
		case *odata.Function:
			if name := n.Property(); name != "" { // its column stands in a text
				s.path(t, strings.Split(name, "/"), scope)
			}
		}
		return true
	})
}

func (s *seen) fetch(q *fetchxml.Fetch) {
	aliases := map[string]*table{}
	root := s.table(q.Entity.Name)
	q.Entity.Walk(func(*fetchxml.Filter) {}, func(l *fetchxml.Link) {
		to := s.table(l.Name)
		for _, name := range []string{l.Name, l.Alias} {
			if name != "" && (aliases[name] == nil || name == l.Alias) {
				aliases[name] = to
			}
		}
	})
	s.body(root, &q.Entity.Body, aliases)
}

func (s *seen) body(t *table, b *fetchxml.Body, aliases map[string]*table) {
	for _, a := range b.Attributes {
		s.column(t, a.Name)
	}
	for _, o := range b.Orders {
		s.column(t, o.Attribute)
	}
	s.filters(t, b.Filters, aliases)
	s.links(t, b.Links, aliases)
}

func (s *seen) filters(t *table, filters []fetchxml.Filter, aliases map[string]*table) {
	for _, f := range filters {
		for _, c := range f.Conditions {
			of := t
			if c.EntityName != "" {
				of = aliases[c.EntityName]
			}
			s.column(of, c.Attribute)
			for _, value := range append(slices.Clone(c.Values), c.Value) {
				s.text(strings.Trim(value, "%"))
			}
			if alias, name, other := strings.Cut(c.ValueOf, "."); other {
				s.column(aliases[alias], name)
			} else {
				s.column(of, c.ValueOf)
			}
		}
		s.filters(t, f.Filters, aliases)
		s.links(t, f.Links, aliases)
	}
}

func (s *seen) links(t *table, links []fetchxml.Link, aliases map[string]*table) {
	for i := range links {
		l := &links[i]
		to := s.table(l.Name)
		s.column(t, l.To)
		s.column(to, l.From)
		// A table of pairs has no rights of its own: who sees a pair is told by its ends.
		if t != nil {
			for _, pair := range t.ManyToMany {
				if pair.Intersect == l.Name {
					s.table(pair.Entity1)
					s.table(pair.Entity2)
				}
			}
		}
		s.body(to, &l.Body, aliases)
	}
}

// sees adds what the queries of a checked subject read.
func (c *checker) sees(out *Subject) {
	if c.out.seen == nil {
		c.out.seen = map[string]map[string]bool{}
	}
	s := &seen{model: c.model, columns: c.out.seen, texts: &c.out.texts}
	s.read(out.Persons)
	for i := range out.Grounds {
		s.ground(&out.Grounds[i])
	}
	for i := range out.Related {
		s.rule(&out.Related[i])
	}
	for i := range out.Classes {
		s.read(out.Classes[i].Members) // a column that may not be read would put a person into another class
	}
}

func (s *seen) ground(g *Ground) {
	s.read(g.read)
	if g.Date != nil && g.read.FetchXML == "" {
		s.path(s.table(g.read.Table), strings.Split(g.Date.path, "/"), nil)
	}
	for _, path := range g.links {
		s.path(s.table(g.read.Table), strings.Split(path, "/"), nil)
	}
}

func (s *seen) rule(r *Rule) {
	s.read(r.read)
	for _, path := range r.links {
		s.path(s.table(r.read.Table), strings.Split(path, "/"), nil)
	}
}

// ColumnsRead are the columns that decisions rest on, by table: of persons, grounds and related rules, those of paths, views and
// FetchXML included.
func (c *Policy) ColumnsRead() map[string][]string {
	all := make(map[string][]string, len(c.seen))
	for table, columns := range c.seen {
		all[table] = slices.Sorted(maps.Keys(columns))
	}
	return all
}

// TextsCompared are the texts that queries of the policy compare columns with, those of views and FetchXML included.
func (c *Policy) TextsCompared() []string { return slices.Clone(c.texts) }
