package purge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
)

// solution is a random solution that somebody has installed: tables of every shape that lead to persons.
type solution struct {
	*world
	*rand.Rand
	prefix string
	tables []solutionTable
	made   int
	many   []solutionMany
	behind string // a lookup of the contact's own row; empty: none
	wide   *wider // nil: not a wider one

	further *further // nil: not one that goes further
}

type solutionTable struct {
	name, set string
	activity  bool
	mail      string // a column for addresses; empty: none
	phone     string // one for numbers
	lookups   []solutionLookup
}

// solutionMany is a many-to-many relationship of contacts or of leads.
type solutionMany struct{ name, table, other string }

// solutionLookup is a lookup, by one of the tables that it can point at.
type solutionLookup struct{ column, nav, target string }

func (s *solution) one(in int) bool { return s.IntN(in) == 0 }

// try sends a definition that the service may refuse for a reason of its own, such as a second parent.
func (s *solution) try(path string, body row) bool {
	err := s.client.Do(s.t.Context(), dataverse.Operation{Method: http.MethodPost, Path: path, Body: body}, nil)
	s.server.Advance(s.lag)
	return err == nil
}

func columnBody(kind, schema string, more row) row {
	b := row{"@odata.type": "Microsoft.Dynamics.CRM." + kind + "AttributeMetadata", "AttributeType": kind, "SchemaName": schema, "DisplayName": labelled(schema), "RequiredLevel": row{"Value": "None"}}
	switch kind {
	case "String":
		b["MaxLength"] = 200
	case "Memo":
		b["MaxLength"] = 2000
	}
	for k, v := range more {
		b[k] = v
	}
	return b
}

func (s *solution) table(i int) {
	name := fmt.Sprintf("%s_t%d", s.prefix, i)
	t := solutionTable{name: name, activity: s.one(6)}
	primary := fmt.Sprintf("%s_Name", s.prefix)
	if t.activity {
		primary = "Subject"
	}
	s.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": fmt.Sprintf("%s_T%d", s.prefix, i), "DisplayName": labelled(name),
		"DisplayCollectionName": labelled(name + "s"), "OwnershipType": "UserOwned", "IsActivity": t.activity, "HasActivities": !t.activity && s.one(2), "HasNotes": true,
		"Attributes": []row{columnBody("String", primary, row{"IsPrimaryName": true})}})
	s.try("EntityDefinitions(LogicalName='"+name+"')/Attributes", columnBody("Memo", s.prefix+"_Text", nil))
	if s.one(3) {
		column := s.prefix + "_Contactmail"
		if s.one(2) {
			column = s.prefix + "_Email"
		}
		format := "Text"
		if s.one(2) || strings.HasSuffix(column, "mail") && !strings.HasSuffix(column, "Email") {
			format = "Email"
		}
		if s.try("EntityDefinitions(LogicalName='"+name+"')/Attributes", columnBody("String", column, row{"FormatName": row{"Value": format}})) {
			t.mail = strings.ToLower(column)
		}
	}
	if s.one(4) && s.try("EntityDefinitions(LogicalName='"+name+"')/Attributes", columnBody("String", s.prefix+"_Callback", row{"FormatName": row{"Value": "Phone"}})) {
		t.phone = s.prefix + "_callback"
	}
	s.tables = append(s.tables, t)
}

// several adds a lookup to several tables: to customers, or to tables of any kind.
func (s *solution) several(from int) {
	t := &s.tables[from]
	column := fmt.Sprintf("%s_L%d", s.prefix, len(t.lookups))
	action, targets := "CreateCustomerRelationships", []string{"account", "contact"}
	if s.one(2) {
		action, targets = "CreatePolymorphicLookupAttribute", []string{"contact", "lead"}
		if other := s.tables[s.IntN(len(s.tables))].name; s.one(2) {
			targets[1] = other
		}
	}
	var relations []row
	for _, target := range targets {
		relations = append(relations, row{"SchemaName": fmt.Sprintf("%s_%s_%s_%d", s.prefix, target, t.name, len(t.lookups)), "ReferencedEntity": target, "ReferencingEntity": t.name,
			"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": []string{"RemoveLink", "Restrict"}[s.IntN(2)], "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"}})
	}
	if !s.try(action, row{"OneToManyRelationships": relations, "Lookup": row{"@odata.type": "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata", "SchemaName": column,
		"DisplayName": labelled(column), "RequiredLevel": row{"Value": "None"}}}) {
		return
	}
	for _, target := range targets {
		t.lookups = append(t.lookups, solutionLookup{column: strings.ToLower(column), nav: column + "_" + target, target: target})
	}
}

// lookup adds a lookup from a table to another, of any cascade kind.
func (s *solution) lookup(from int, target string) {
	t := &s.tables[from]
	column := fmt.Sprintf("%s_L%d", s.prefix, len(t.lookups))
	kind := []string{"RemoveLink", "RemoveLink", "Cascade", "Restrict"}[s.IntN(4)]
	required := "None"
	if s.one(8) && kind != "RemoveLink" {
		required = "ApplicationRequired"
	}
	body := row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": fmt.Sprintf("%s_%s_%s_%d", s.prefix, target, t.name, len(t.lookups)),
		"ReferencedEntity": target, "ReferencingEntity": t.name,
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": kind, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": column, "DisplayName": labelled(column), "RequiredLevel": row{"Value": required}}}
	if !s.try("RelationshipDefinitions", body) {
		return
	}
	t.lookups = append(t.lookups, solutionLookup{column: strings.ToLower(column), nav: column, target: target})
}

func (s *solution) build() {
	n := 2 + s.IntN(4)
	for i := range n {
		s.table(i)
	}
	for i := range n {
		for range 1 + s.IntN(2) {
			target := []string{"contact", "contact", "lead", "", "", "task"}[s.IntN(6)]
			switch {
			case s.one(5):
				s.several(i)
				continue
			case target == "":
				target = s.tables[s.IntN(n)].name // itself included, and activities
			}
			s.lookup(i, target)
		}
	}
	if s.one(3) {
		other := s.tables[s.IntN(n)].name
		if s.one(2) {
			other = "contact"
		}
		s.manyToMany(s.prefix+"_many", "contact", other)
	}
	if target := s.tables[s.IntN(n)]; s.one(3) && !target.activity {
		s.profile(target.name)
	}
	if s.one(2) {
		s.manyToMany(s.prefix+"_leads", "lead", []string{"lead", "contact", s.tables[s.IntN(n)].name}[s.IntN(3)])
	}
	if s.one(3) { // a chain of rows that the service unlinks, each from the next
		for i := 1; i < n; i++ {
			s.lookup(i, s.tables[i-1].name)
		}
	}
	if s.wide != nil {
		s.widen()
	}
	if s.further != nil {
		s.widenFurther()
	}
	s.client = s.connect(6)
}

// manyToMany associates persons with rows of a table.
func (s *solution) manyToMany(name, table, other string) {
	if s.try("RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "SchemaName": name, "IntersectEntityName": name,
		"Entity1LogicalName": table, "Entity2LogicalName": other,
		"Entity1AssociatedMenuConfiguration": row{"Behavior": "UseLabel", "Group": "Details", "Label": labelled("a"), "Order": 10000},
		"Entity2AssociatedMenuConfiguration": row{"Behavior": "UseLabel", "Group": "Details", "Label": labelled("b"), "Order": 10000}}) {
		s.many = append(s.many, solutionMany{name, table, other})
	}
}

// profile gives contacts a lookup to a row about them.
func (s *solution) profile(target string) {
	if s.try("RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": s.prefix + "_profile",
		"ReferencedEntity": target, "ReferencingEntity": "contact",
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": s.prefix + "_Profile", "DisplayName": labelled("Profile"), "RequiredLevel": row{"Value": "None"}}}) {
		s.behind = target
	}
}

// token is by what a person's rows are found again: part of their name, which stands in every text.
type solutionPerson struct {
	name, table, set, full, mail, phone string
}

func (s *solution) person(name, table string) solutionPerson {
	p := solutionPerson{name: name, table: table, set: table + "s", full: "Ilse " + name + "quendrix", mail: "ilse@" + name + "quendrix.example",
		phone: fmt.Sprintf("+46 8 555 0%d %02d", len(name), int(name[0]))}
	s.create(table, name, row{"firstname": "Ilse", "lastname": name + "quendrix", "emailaddress1": p.mail, "telephone1": p.phone})
	return p
}

// make makes a row of a table with the person's name in it.
func (s *solution) make(t *solutionTable, p solutionPerson, more row) string {
	s.made++
	name := fmt.Sprintf("%s row %d", s.prefix, s.made)
	body := row{s.prefix + "_text": "About " + p.full}
	if t.activity {
		body["subject"] = "Dear " + p.full
	} else {
		body[s.prefix+"_name"] = "Dear " + p.full
	}
	for k, v := range more {
		body[k] = v
	}
	s.create(t.name, name, body)
	return name
}

// belongings gives a person rows in every place, and rows that hang on these.
func (s *solution) belongings(p solutionPerson, other solutionPerson) {
	for i := range s.tables {
		t := &s.tables[i]
		if t.set == "" {
			def, err := s.client.Table(s.t.Context(), t.name)
			s.must(err)
			t.set = def.EntitySet
		}
	}
	byTable := make(map[string][]string)
	task := p.name + " task"
	s.create("task", task, row{"subject": "Call " + p.full, "regardingobjectid_" + p.table + "_task@odata.bind": bindTo(p.set, p.name)})
	byTable["task"] = append(byTable["task"], task)
	for range 2 { // children after the rows that they hang on
		for i := range s.tables {
			t := &s.tables[i]
			for _, l := range t.lookups {
				switch {
				case l.target == p.table:
					more := row{l.nav + "@odata.bind": bindTo(p.set, p.name)}
					for _, second := range t.lookups {
						if second.target == other.table && second.column != l.column && s.one(3) {
							more[second.nav+"@odata.bind"] = bindTo(other.set, other.name) // two persons on a row
							break
						}
					}
					byTable[t.name] = append(byTable[t.name], s.make(t, p, more))
				case len(byTable[l.target]) > 0:
					parents := byTable[l.target]
					set := "tasks"
					for _, x := range s.tables {
						if x.name == l.target {
							set = x.set
						}
					}
					byTable[t.name] = append(byTable[t.name], s.make(t, p, row{l.nav + "@odata.bind": bindTo(set, parents[s.IntN(len(parents))])}))
				}
			}
		}
	}
	for i := range s.tables {
		t := &s.tables[i]
		if t.mail != "" {
			s.make(t, p, row{t.mail: p.mail})
		}
		if t.phone != "" {
			s.make(t, p, row{t.phone: p.phone})
		}
		if t.activity && s.one(2) {
			s.make(t, p, row{t.name + "_activity_parties": []row{{"participationtypemask": 2, "partyid_" + p.table + "@odata.bind": bindTo(p.set, p.name)}}})
		}
	}
	if p.table == "contact" && s.behind != "" {
		for i := range s.tables {
			if t := &s.tables[i]; t.name == s.behind {
				profile := s.make(t, p, nil)
				s.update("contact", p.name, row{s.prefix + "_Profile@odata.bind": bindTo(t.set, profile)})
			}
		}
	}
	s.create("annotation", p.name+" note", row{"subject": "call", "notetext": p.full + " is ill", "objectid_" + p.table + "@odata.bind": bindTo(p.set, p.name)})
}

// TestRandomSolutionsLeaveNothingSilently installs random solutions, has a starter policy written for each, and purges by it:
// where a text of a purged person is still found, a run has named the row; and of whoever is justified every row is there.
func TestRandomSolutionsLeaveNothingSilently(t *testing.T) {
	t.Parallel()
	narrow := []uint64{35, 84, 188, 229, 282} // what hangs on rows that are left, beside rows of its table that go, and over several tables
	wide, far := seeds(t, 6), seeds(t, 4)
	if os.Getenv("GALLRA_SEEDS") != "" {
		narrow = wide
	}
	for _, seed := range narrow {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			solved(t, seed, nil, nil)
		})
	}
	for _, seed := range wide {
		t.Run(fmt.Sprint("wide seed ", seed), func(t *testing.T) {
			t.Parallel()
			solved(t, seed, &wider{Rand: rand.New(rand.NewPCG(seed, 19))}, nil)
		})
	}
	for _, seed := range far {
		t.Run(fmt.Sprint("further seed ", seed), func(t *testing.T) {
			t.Parallel()
			solved(t, seed, &wider{Rand: rand.New(rand.NewPCG(seed, 19))}, &further{Rand: rand.New(rand.NewPCG(seed, 20))})
		})
	}
}

func solved(t *testing.T, seed uint64, wide *wider, far *further) {
	t.Helper()
	w := newWorldOf(t, "", strange(t, seed))
	s := &solution{world: w, Rand: rand.New(rand.NewPCG(seed, 18)), prefix: "gallra", wide: wide, further: far}
	w.prefixed(seed, s)
	s.build()
	gone := []solutionPerson{s.person("anna", "contact"), s.person("bert", "contact"), s.person("lena", "lead")}
	kept := s.person("kim", "contact")
	for _, p := range append(gone, kept) {
		s.belongings(p, kept)
	}
	if wide != nil {
		for _, p := range append(gone, kept) {
			s.more(p, kept)
		}
	}
	s.associations(gone, kept)
	persons := len(gone)
	if far != nil {
		for _, p := range gone {
			s.companies(p, kept)
			persons += s.besides(p)
		}
		s.companies(kept, kept)
	}
	w.advance(800)
	w.policy = w.starter(1)
	left := s.vary()
	if wide != nil {
		s.varyWider()
	}
	if far != nil {
		s.stage()
		s.purgesThrough(gone, kept, left, persons)
		return
	}
	s.purgesNamed(gone, kept, left)
}

// prefixed gives the solution a publisher of its own, so that definitions of one seed are not taken for another's.
func (w *world) prefixed(seed uint64, s *solution) {
	w.t.Helper()
	s.prefix = fmt.Sprintf("s%d", seed)
	s.publish(10000 + int(seed)%80000)
}

// publish gives the solution a publisher of its own.
func (s *solution) publish(options int) {
	s.t.Helper()
	s.call(http.MethodPost, "publishers", row{"friendlyname": s.prefix, "uniquename": s.prefix, "customizationprefix": s.prefix, "customizationoptionvalueprefix": options})
}

// associate links a person over a many-to-many relationship.
func (s *solution) associate(m solutionMany, p, kept solutionPerson) {
	set, to := "contacts", id(kept.name)
	for i := range s.tables {
		if t := &s.tables[i]; t.name == m.other {
			about := kept
			if s.further != nil && s.further.one(2) {
				about = p
			}
			set, to = t.set, id(s.make(t, about, nil))
		}
	}
	if m.other == "lead" {
		set, to = "leads", id("lena")
		if p.name == "lena" {
			return
		}
	}
	nav := m.name
	def, err := s.client.Table(s.t.Context(), m.table)
	s.must(err)
	for _, over := range def.ManyToMany {
		if over.SchemaName == m.name {
			nav = over.Entity1Nav
		}
	}
	s.call(http.MethodPost, fmt.Sprintf("%s(%s)/%s/$ref", p.set, idText(p.name), nav), row{"@odata.id": s.url + "/api/data/v9.2/" + set + "(" + to.String() + ")"})
}

func idText(name string) string { return id(name).String() }

// shape is the solution in a few lines, and what the policy says of related rows.
func (s *solution) shape() string {
	var b strings.Builder
	for _, t := range s.tables {
		fmt.Fprintf(&b, "%s activity %t mail %q:", t.name, t.activity, t.mail)
		def, err := s.client.Table(s.t.Context(), t.name)
		s.must(err)
		for _, r := range def.ManyToOne {
			if strings.HasPrefix(r.ReferencingAttribute, s.prefix) {
				fmt.Fprintf(&b, " %s→%s (%s)", r.ReferencingAttribute, r.Referenced, r.Delete)
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "many %v, behind %q\n", s.many, s.behind)
	for line := range strings.Lines(s.policy) {
		if strings.HasPrefix(strings.TrimSpace(line), "- {") {
			b.WriteString(line)
		}
	}
	return b.String()
}
