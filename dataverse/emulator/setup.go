package emulator

import (
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/generate"
	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Operations are the names of the functions and actions that the server answers.
func (s *Server) Operations() []string {
	seen := map[string]bool{}
	for route := range s.routes {
		_, path, _ := strings.Cut(route, " ")
		if i := strings.LastIndex(path, wire.CRMNamespace); i >= 0 {
			seen[path[i+len(wire.CRMNamespace):]] = true
		} else if wire.IsOperation(path) && !wire.DefinitionSets[path] {
			seen[path] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// AddColumns adds custom columns, as if a customiser with that prefix had made them. A column that is there already is
// left as it is.
func (s *Server) AddColumns(prefix string, columns ...metadata.Column) error {
	return s.metadata.AddColumns(prefix, columns...)
}

// ProvisionLanguages adds languages, by their codes, as an administrator switches them on.
func (s *Server) ProvisionLanguages(codes ...int) {
	t := s.engine.Store.Begin()
	for _, code := range codes {
		metadata.Provision(t, code)
	}
	t.Commit()
}

// Load adds rows in one transaction: all or none. It is made for test data: quick, without audit, with the columns that
// the platform sets filled in as on a create, but for what the records say themselves. The rows may come in any order.
// An error is a [*RecordError].
func (s *Server) Load(records ...load.Record) error { return s.loads.Load(records...) }

// Generate adds the CRM of a company of any size: accounts, persons, and the rows around them, spread over the years so
// that a retention policy decides everything that it can decide. The same size, seed and day give the same
// rows. The company's own columns ([CompanyColumns]) are added where they are missing; columns of a retention tool are
// filled only where they are there.
func (s *Server) Generate(what generate.Generated) error {
	err := generate.Generate(s.loads, what)
	if what.Contacts+what.Leads >= manyPersons {
		debug.FreeOSMemory() // making rows takes much more memory than they do
	}
	return err
}

// manyPersons is from how many on memory is given back after they were made.
const manyPersons = 10_000
