package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// partyTypes are the participation types of activity parties, as Dataverse numbers them.
var partyTypes = map[string]int{
	"from": 1, "to": 2, "cc": 3, "bcc": 4, "required-attendee": 5, "optional-attendee": 6, "organizer": 7, "regarding": 8,
	"owner": 9, "resource": 10, "customer": 11, "chat-participant": 12, "related": 13,
}

// source finds the table of a rule. For a party the lines are asked for, of which each leads to one person and to its
// activity; the activities themselves would bring all their parties along.
func (c *checker) source(subject *table, name, party string, at map[string]policy.Place) (source, bool) {
	t := c.table(name, at["table"].Pos)
	if t == nil {
		return source{}, false
	}
	if party == "" {
		return source{asked: t, table: t}, true
	}
	if !t.Activity && name != "activitypointer" {
		c.problem(at["party"].Pos, fmt.Sprintf("`%s` is no activity: nobody is a party of it", name), "use `link` with its lookup to the person")
		return source{}, false
	}
	lines := c.table("activityparty", at["party"].Pos)
	if lines == nil {
		return source{}, false
	}
	s := source{asked: lines}
	for _, r := range lines.lookupsOf("activityid") {
		switch r.Referenced {
		case name:
			s.prefix, s.table = []string{r.ReferencingNav}, t
			s.typed = r.ReferencingNav + "/" + t.PrimaryID + " ne null"
		case "activitypointer":
			// Kinds of activities that the lines do not lead to by themselves: by what all activities have in common.
			if base := c.model.get("activitypointer"); base != nil && s.prefix == nil {
				s.prefix, s.table = []string{r.ReferencingNav}, base
				s.typed = fmt.Sprintf("%s/activitytypecode eq '%s'", r.ReferencingNav, name)
			}
		}
		if s.table == t {
			break
		}
	}
	if s.table == nil {
		c.problem(at["party"].Pos, fmt.Sprintf("nothing leads from the party lines to `%s`", name), "use `link` with its lookup to the person")
		return source{}, false
	}
	if n, ok := partyTypes[party]; ok {
		s.typed = fmt.Sprintf("participationtypemask eq %d and %s", n, s.typed)
	}
	return s, true
}

// link compiles how a row leads to the person: what the query answers, the paths by which it can be restricted to some
// persons, and the filter that leaves out rows that lead to nobody.
func (c *checker) link(subject *table, s source, text, party string, at policy.Place, x *expansion) (Link, []string, string) {
	switch {
	case party != "":
		return c.ids(subject, s.asked, []lookupPath{{table: s.asked, column: s.asked.column("partyid")}}, x)
	case strings.Contains(text, "="):
		return c.valueJoin(subject, s, text, at, x)
	}
	segments := strings.Split(text, "/")
	ways, ok := c.follow(s.asked, segments, text, at)
	if !ok {
		return Link{}, nil, ""
	}
	leading := slices.DeleteFunc(slices.Clone(ways), func(w lookupPath) bool {
		return !isLookup(w.column) || !slices.Contains(w.column.Targets, subject.LogicalName)
	})
	if len(leading) == 0 {
		w := ways[0]
		message := fmt.Sprintf("`%s` of `%s` does not lead to a `%s`: it is %s", w.column.LogicalName, w.table.LogicalName, subject.LogicalName, typeWords(w.column))
		if isLookup(w.column) {
			message += " to " + strings.Join(w.column.Targets, ", ")
		}
		c.problem(at.Inside(text, len(text)-len(segments[len(segments)-1])), message, c.suggestLink(w.table, subject.LogicalName))
		return Link{}, nil, ""
	}
	return c.ids(subject, s.asked, leading, x)
}

// suggestLink names the lookups that do lead to the subject table.
func (c *checker) suggestLink(t *table, subject string) string {
	var names []string
	for _, r := range t.lookups {
		if r.Referenced == subject {
			names = append(names, r.ReferencingAttribute)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "these do: " + strings.Join(slices.Compact(names), ", ")
}

// ids makes a link of ways to lookups.
func (c *checker) ids(subject, from *table, ways []lookupPath, x *expansion) (Link, []string, string) {
	var l Link
	var paths, any []string
	for _, w := range ways {
		l.Fields = append(l.Fields, x.add(c.model, from, w))
		l.Between = append(l.Between, w.between(c.model, from)...)
		paths = append(paths, w.path())
		some := w.path() + " ne null"
		if len(w.column.Targets) > 1 {
			// Of what a lookup may point at, only the subject's rows: most customers are companies.
			for _, r := range w.table.lookupsOf(w.column.LogicalName) {
				if r.Referenced == subject.LogicalName {
					some = strings.Join(append(slices.Clone(w.navs), r.ReferencingNav, subject.PrimaryID), "/") + " ne null"
				}
			}
		}
		any = append(any, some)
	}
	return l, paths, strings.Join(any, " or ")
}

// follow finds the ways of a path and says where it ends if it leads nowhere.
func (c *checker) follow(from *table, segments []string, text string, at policy.Place) ([]lookupPath, bool) {
	ways, fault := c.model.ways(from, segments)
	if fault == nil {
		return ways, true
	}
	if c.model.err == nil {
		offset := len(strings.Join(segments[:fault.segment], "/"))
		if fault.segment > 0 {
			offset++
		}
		c.problem(at.Inside(text, offset), fmt.Sprintf("unknown column `%s` of `%s`", segments[fault.segment], fault.table.LogicalName), fault.hint)
	}
	return nil, false
}

// valueJoin compiles "column = column of the person, another column of the person".
func (c *checker) valueJoin(subject *table, s source, text string, at policy.Place, x *expansion) (Link, []string, string) {
	left, right, _ := strings.Cut(text, "=")
	ways, ok := c.follow(s.asked, strings.Split(strings.TrimSpace(left), "/"), text, at)
	if !ok {
		return Link{}, nil, ""
	}
	if len(ways) > 1 {
		c.problem(at.Pos, fmt.Sprintf("`%s` may mean several columns", strings.TrimSpace(left)), "write its navigation property")
		return Link{}, nil, ""
	}
	w := ways[0]
	l := Link{Text: isText(w.column)}
	for name := range strings.SplitSeq(right, ",") {
		name = strings.TrimSpace(name)
		pos := at.Inside(text, strings.LastIndex(text, name))
		a := c.column(subject, name, pos)
		if a == nil {
			continue
		}
		if isText(a) != isText(w.column) || edmType(a) != edmType(w.column) || !(isText(a) || isLookup(a) || a.Type == "Uniqueidentifier") {
			c.problem(pos, fmt.Sprintf("`%s` (%s) cannot be joined with `%s` (%s)", w.column.LogicalName, typeWords(w.column), name, typeWords(a)), "text goes with text, and a lookup with a lookup")
			continue
		}
		l.Columns = append(l.Columns, wireName(a))
	}
	if len(l.Columns) == 0 {
		return Link{}, nil, ""
	}
	l.Value = x.add(c.model, s.asked, w)
	return l, []string{w.path()}, w.path() + " ne null"
}

func isText(a *dataverse.Attribute) bool { return a.Type == "String" || a.Type == "Memo" }
