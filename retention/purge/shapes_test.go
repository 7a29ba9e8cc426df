package purge_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/dataverse/emulator"
)

// shape is what a solution consists of, as far as it leads to persons.
type shape struct {
	Prefix string
	Tables []shapeTable
	Many   []string // tables whose rows are associated with contacts
	Behind string   // the table that a lookup of the contact points at
}

type shapeTable struct {
	Name        string
	Activity    bool
	Lookups     []string // column>table, >table|table for a lookup to several, and !Cascade or !Restrict where it is not RemoveLink
	Mail, Phone string   // a column for an address, one for a number
}

// build makes the solution over the Web API.
func (sh *shape) build(s *solution) {
	s.t.Helper()
	for _, d := range sh.Tables {
		sh.table(s, &d)
	}
	for i, d := range sh.Tables {
		for _, l := range d.Lookups {
			sh.lookup(s, &s.tables[i], l)
		}
	}
	for _, other := range sh.Many {
		if other != "contact" {
			other = s.prefix + "_" + other
		}
		s.manyToMany(s.prefix+"_"+other+"_persons", "contact", other)
	}
	if sh.Behind != "" {
		s.profile(s.prefix + "_" + sh.Behind)
	}
	s.client = s.connect(6)
}

func (sh *shape) table(s *solution, d *shapeTable) {
	name := s.prefix + "_" + d.Name
	t := solutionTable{name: name, activity: d.Activity}
	columns := []row{columnBody("String", s.prefix+"_Name", row{"IsPrimaryName": true})}
	if d.Activity {
		columns = []row{columnBody("String", "Subject", row{"IsPrimaryName": true})}
	}
	columns = append(columns, columnBody("Memo", s.prefix+"_Text", nil))
	if d.Mail != "" {
		t.mail = s.prefix + "_" + d.Mail
		columns = append(columns, columnBody("String", t.mail, row{"FormatName": row{"Value": "Email"}}))
	}
	if d.Phone != "" {
		t.phone = s.prefix + "_" + d.Phone
		columns = append(columns, columnBody("String", t.phone, row{"FormatName": row{"Value": "Phone"}}))
	}
	s.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": name, "DisplayName": labelled(name),
		"DisplayCollectionName": labelled(name + "s"), "OwnershipType": "UserOwned", "IsActivity": d.Activity, "HasActivities": !d.Activity, "HasNotes": true, "Attributes": columns})
	s.tables = append(s.tables, t)
}

func (sh *shape) lookup(s *solution, t *solutionTable, says string) {
	says, onDelete, _ := strings.Cut(says, "!")
	if onDelete == "" {
		onDelete = "RemoveLink"
	}
	name, to, _ := strings.Cut(says, ">")
	column := s.prefix + "_" + name
	var targets []string
	for target := range strings.SplitSeq(to, "|") {
		switch target {
		case "contact", "account", "lead":
		default:
			target = s.prefix + "_" + target
		}
		targets = append(targets, target)
	}
	relation := func(target string) row {
		return row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": t.name + "_" + name + "_" + target, "ReferencedEntity": target, "ReferencingEntity": t.name,
			"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": onDelete, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"}}
	}
	lookup := row{"@odata.type": "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata", "SchemaName": column, "DisplayName": labelled(column), "RequiredLevel": row{"Value": "None"}}
	switch {
	case len(targets) == 1:
		body := relation(targets[0])
		lookup["@odata.type"] = "Microsoft.Dynamics.CRM.LookupAttributeMetadata"
		body["Lookup"] = lookup
		s.call(http.MethodPost, "RelationshipDefinitions", body)
		t.lookups = append(t.lookups, solutionLookup{column, column, targets[0]})
		return
	case to == "account|contact":
		s.call(http.MethodPost, "CreateCustomerRelationships", row{"OneToManyRelationships": []row{relation(targets[0]), relation(targets[1])}, "Lookup": lookup})
	default:
		var all []row
		for _, target := range targets {
			all = append(all, relation(target))
		}
		s.call(http.MethodPost, "CreatePolymorphicLookupAttribute", row{"OneToManyRelationships": all, "Lookup": lookup})
	}
	for _, target := range targets {
		t.lookups = append(t.lookups, solutionLookup{column, column + "_" + target, target})
	}
}

// TestShapesOfPublicSolutions purges persons from environments that look like solutions that many have, by the policy that init
// writes: nothing of them stays that was not named, and of whoever is justified everything is there.
func TestShapesOfPublicSolutions(t *testing.T) {
	t.Parallel()
	for seed, name := range []string{"nonprofit", "education", "portal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join("testdata", "shapes", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var sh shape
			if err := yaml.UnmarshalWithOptions(b, &sh, yaml.Strict()); err != nil {
				t.Fatal(err)
			}
			s := &solution{world: newWorldOf(t, "", emulator.Options{}), Rand: rand.New(rand.NewPCG(uint64(seed), 18)), prefix: sh.Prefix}
			s.publish(40000 + seed)
			sh.build(s)
			gone := []solutionPerson{s.person("anna", "contact"), s.person("bert", "contact"), s.person("lena", "lead")}
			kept := s.person("kim", "contact")
			made := 0
			for _, p := range append(gone, kept) {
				s.belongings(p, kept)
				if rows := s.made - made; p.table == "contact" && rows < len(sh.Tables) {
					t.Errorf("of %s only %d rows stand in %d tables", p.name, rows, len(sh.Tables))
				}
				made = s.made
			}
			s.associations(gone, kept)
			s.advance(800)
			s.policy = s.starter(1)
			for _, lookup := range map[string][]string{"nonprofit": {"recipient", "submittedby"}}[name] { // whichever of its lookups a request was found by
				if link := "{table: giving_screening, link: giving_request/giving_" + lookup + ", do: delete}"; !strings.Contains(s.policy, link) {
					t.Errorf("init does not write %s", link)
				}
			}
			s.purgesNamed(gone, kept, nil)
		})
	}
}
