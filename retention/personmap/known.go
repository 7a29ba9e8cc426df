package personmap

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/dataverse"
)

//go:embed known.yaml
var knownFile []byte

// Class is what gallra knows of a standard table; known.yaml says what each class means.
type Class string

// The classes.
const (
	Business Class = "business"
	Person   Class = "person"
	Company  Class = "company"
	Part     Class = "part"
	Keeper   Class = "keeper"
	Common   Class = "common"
	Closing  Class = "closing"
	Locked   Class = "locked"
	Fixed    Class = "fixed"
	Feed     Class = "feed"
	Noted    Class = "noted"
	File     Class = "file"
	Platform Class = "platform"
	Own      Class = "own"
	Record   Class = "record"
)

// column is a column of a standard table, and the page that says what it is.
type column struct{ Table, Column, Page string }

type known struct {
	Classes []struct {
		Class  Class
		Says   string
		Page   string
		Tables []string
	}
	Mirrors, Numbers, Profiles []column
	Rights                     []struct{ Table, Of, Page string }
	Objections                 []Objection

	of map[Class]map[string]bool
}

var knowledge = sync.OnceValue(func() *known {
	k := &known{of: make(map[Class]map[string]bool)}
	if err := yaml.UnmarshalWithOptions(knownFile, k, yaml.Strict()); err != nil {
		panic(fmt.Sprintf("what is known of the standard tables cannot be read: %v", err)) // a test reads it
	}
	for _, c := range k.Classes {
		k.of[c.Class] = make(map[string]bool, len(c.Tables))
		for _, t := range c.Tables {
			k.of[c.Class][t] = true
		}
	}
	return k
})

// Is tells whether the table is of the class. A table can be of several.
func Is(table string, c Class) bool { return knowledge().of[c][table] }

// Tables are the tables of a class.
func Tables(c Class) []string {
	var out []string
	for _, k := range knowledge().Classes {
		if k.Class == c {
			out = append(out, k.Tables...)
		}
	}
	return slices.Clone(out)
}

// RightsOf is the table whose rights a table without any has, empty if it has its own.
func RightsOf(table string) string {
	for _, r := range knowledge().Rights {
		if r.Table == table {
			return r.Of
		}
	}
	return ""
}

// Objection is the option of a consent that says that somebody has objected.
type Objection struct {
	Table, Column string
	Value         int
	Label, Page   string
}

// ObjectionOf is the option of a standard table, if it has one.
func ObjectionOf(table string) (Objection, bool) {
	for _, o := range knowledge().Objections {
		if o.Table == table {
			return o, true
		}
	}
	return Objection{}, false
}

// Persons are the tables whose rows are persons whatever a policy says.
func Persons() map[string]bool { return maps.Clone(knowledge().of[Person]) }

// profile tells whether a standard lookup leads from a person to a row that is about nobody else.
func profile(table, column string) bool {
	return has(knowledge().Profiles, table, column)
}

// mirror tells whether the service fills the lookup in by itself.
func mirror(table, column string) bool { return has(knowledge().Mirrors, table, column) }

func has(list []column, table, name string) bool {
	return slices.ContainsFunc(list, func(c column) bool { return c.Table == table && c.Column == name })
}

// PersonalNumber tells whether anonymising empties a number: those that say something of the person, and every number of a column
// that somebody has added, of which nobody knows what it is.
func PersonalNumber(table string, a *dataverse.Attribute) bool {
	if a.Custom {
		return true
	}
	name := strings.TrimSuffix(a.LogicalName, "_base")
	return slices.ContainsFunc(knowledge().Numbers, func(c column) bool {
		return c.Table == table && c.Column == name || c.Table == "*" && (name == c.Column || strings.HasSuffix(name, "_"+c.Column))
	})
}
