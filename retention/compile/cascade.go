package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// businessTables hold rows that a purge never sweeps away unmentioned: deals, agreements, cases, and other persons and
// companies. Without a rule of their own they are kept, and bind the person.
var businessTables = []string{"opportunity", "quote", "salesorder", "invoice", "lead", "incident", "contract", "contact", "account"}

// Business tells whether the table holds rows of business, which the last rule `*` never covers.
func Business(table string) bool { return slices.Contains(businessTables, table) }

// PlatformTable tells whether the service itself keeps the table beside other rows: its rows go with those, and nobody reads,
// writes or deletes them.
func PlatformTable(table string) bool { return rowKeepers[table] }

var rowKeepers = map[string]bool{
	"activityparty": true, "principalobjectaccess": true, "principalobjectattributeaccess": true, "userentityinstancedata": true,
	"slakpiinstance": true, "syncerror": true, "mailboxtrackingfolder": true, "duplicaterecord": true, "bulkdeletefailure": true,
	"asyncoperation": true, "processsession": true, "actioncard": true, "postfollow": true, "postregarding": true, "postrole": true,
	"bulkoperationlog": true, "importdata": true, "externalpartyitem": true, "sharepointdocument": true,
}

// cascades finds what a delete of a person reaches, and holds the related rules against it.
func (c *checker) cascades(subject *table, s *policy.Subject) []Cascade {
	var out, bare []Cascade
	seen := map[string]bool{s.Table: true}
	along := map[string][]string{} // by table of business, what goes with its rows without a word
	queue := []*table{subject}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		rels := slices.Clone(from.OneToMany)
		slices.SortFunc(rels, func(a, b dataverse.Relationship) int {
			return strings.Compare(a.Referencing+" "+a.ReferencingAttribute, b.Referencing+" "+b.ReferencingAttribute)
		})
		for _, r := range rels {
			direct := from == subject
			if r.Delete != "Cascade" && !(direct && r.Delete == "Restrict") {
				continue
			}
			k := Cascade{Table: r.Referencing, Column: r.ReferencingAttribute, Schema: r.SchemaName, Via: from.LogicalName,
				Behavior: r.Delete, Rule: ruleFor(s, r.Referencing), Business: Business(r.Referencing)}
			// Parts of other rows (a quote's lines, an e-mail's parties) go with them and need no word of their own.
			if !direct && !k.Business && !slices.ContainsFunc(s.Related, func(r policy.RelatedRule) bool { return r.Table == k.Table }) {
				if k.Rule < 0 && Business(k.Via) && !PlatformTable(k.Table) && rowsOf[k.Table] == "" && !slices.Contains(along[k.Via], k.Table) {
					along[k.Via] = append(along[k.Via], k.Table)
				}
				continue
			}
			out = append(out, k)
			// What all activities have in common takes no rule: each kind is reached by a relationship of its own.
			if k.Rule < 0 && k.Behavior == "Cascade" && k.Table != "activitypointer" {
				bare = append(bare, k)
			}
			goes := k.Rule >= 0 && s.Related[k.Rule].Do == policy.Delete
			if r.Delete == "Cascade" && goes && !seen[r.Referencing] {
				seen[r.Referencing] = true
				if t := c.model.get(r.Referencing); t != nil {
					queue = append(queue, t)
				}
			}
		}
	}
	c.uncovered(s, bare)
	c.along(s, along)
	return out
}

// along says what goes with rows of business that a rule deletes, and that no rule speaks of.
func (c *checker) along(s *policy.Subject, along map[string][]string) {
	for _, via := range slices.Sorted(maps.Keys(along)) {
		tables := along[via]
		c.warn(s.At["related"].Pos, fmt.Sprintf("with the rows of `%s` that go, the service deletes rows of %s, and no rule names them", via, inTicks(tables)),
			fmt.Sprintf("say so by rules, such as {table: %s, link: …, do: delete}, or let the rest go by {table: '*', do: delete}", tables[0]))
	}
}

// uncovered says which tables a delete would take along that no rule names. With a last rule `*` only rows of business
// are left, which then bind the person: worth a warning.
func (c *checker) uncovered(s *policy.Subject, bare []Cascade) {
	at := s.At["related"].Pos
	if at.Line == 0 {
		at = s.Pos
	}
	any := len(s.Related) > 0 && s.Related[len(s.Related)-1].Table == policy.AnyTable
	told := map[string]bool{}
	for _, k := range bare {
		if told[k.Table] {
			continue
		}
		told[k.Table] = true
		by := k.Table + "." + k.Column
		if k.Via != s.Table {
			by += fmt.Sprintf(", along with the rows of `%s` that go", k.Via)
		}
		if any {
			c.warn(at, fmt.Sprintf("rows of `%s` are kept, since no rule names them, and bind the person (%s)", k.Table, by), "say so by a rule: "+suggestRule(k))
			continue
		}
		c.problem(at, fmt.Sprintf("deleting a `%s` also deletes rows of `%s` (%s), and no rule names them", s.Table, k.Table, by), "add "+suggestRule(k))
	}
}

// suggestRule is a rule for what a delete would take along: what is of business stays, what is about the person goes.
func suggestRule(k Cascade) string {
	link := k.Column
	if k.Business {
		return fmt.Sprintf("{table: %s, link: %s, do: keep, why: …}", k.Table, link)
	}
	return fmt.Sprintf("{table: %s, link: %s, do: delete}", k.Table, link)
}
