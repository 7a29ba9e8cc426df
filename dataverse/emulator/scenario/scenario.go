// Package scenario reads what an emulator is from a YAML file: options, own tables, rows, hooks and faults. The command gallra emulator
// takes such a file with --file; a Go test may read the same one.
//
// A file is read strictly: an unknown key is an error with its line and column, and a hint at what was probably meant. The keys are the
// names of the options ([emulator.Settings]) and those of [Keys].
package scenario

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// Scenario is an emulator that has not begun.
type Scenario struct {
	Options         emulator.Options
	Listen          string // the command's address
	Data            string // none, sample or generate
	Snapshot        string // a file of gallra snapshot: its tables and rows
	Contacts, Leads int    // to be generated
	Seed            uint64
	Batch           emulator.Batch
	Hooks           []emulator.Hook
	Faults          []emulator.Fault
}

// Keys are the keys of a file beside the names of the options.
var Keys = []string{"listen", "data", "snapshot", "contacts", "leads", "seed", "tables", "rows", "hooks", "faults"}

// New is the scenario of a command without flags and file.
func New() *Scenario {
	return &Scenario{Options: emulator.Options{Token: "emulator"}, Listen: "127.0.0.1:0", Data: "none", Contacts: 1000, Leads: 500, Seed: 1}
}

// Read reads a file into the scenario, over what it says already.
func (s *Scenario) Read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := s.Parse(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Parse is Read of a text.
func (s *Scenario) Parse(text []byte) error {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return positioned(err, nil)
	}
	if len(f.Docs) > 1 {
		return errors.New("the file holds more than one document")
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil
	}
	top, ok := f.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		if one, single := f.Docs[0].Body.(*ast.MappingValueNode); single {
			top, ok = &ast.MappingNode{Values: []*ast.MappingValueNode{one}}, true
		}
	}
	if !ok {
		return errors.New("line 1: the file is no list of keys and values")
	}
	for _, v := range top.Values {
		if err := s.key(v); err != nil {
			return err
		}
	}
	return nil
}

// key takes one key of the file.
func (s *Scenario) key(v *ast.MappingValueNode) error {
	name := v.Key.GetToken().Value
	at := v.Key.GetToken().Position
	var into any
	switch name {
	case "tables":
		into = &s.Batch.Tables
	case "rows":
		into = &s.Batch.Rows
	case "hooks":
		into = &s.Hooks
	case "faults":
		into = &s.Faults
	default:
		scalar, ok := v.Value.(ast.ScalarNode)
		if !ok {
			return fmt.Errorf("line %d, column %d: %s takes one value", at.Line, at.Column, name)
		}
		text := fmt.Sprint(scalar.GetValue())
		if token := scalar.GetToken(); token != nil && scalar.Type() != ast.NullType {
			text = token.Value
		}
		if err := s.Set(name, text); err != nil {
			return fmt.Errorf("line %d, column %d: %w", at.Line, at.Column, err)
		}
		return nil
	}
	if err := yaml.NodeToValue(v.Value, into, yaml.Strict()); err != nil {
		return positioned(err, into)
	}
	return nil
}

// positioned words an error of the YAML reader with its place and a hint.
func positioned(err error, into any) error {
	var unknown *yaml.UnknownFieldError
	var shown yaml.Error
	switch {
	case errors.As(err, &unknown) && unknown.Token != nil:
		at := unknown.Token.Position
		return fmt.Errorf("line %d, column %d: there is no key %q%s", at.Line, at.Column, unknown.Token.Value, emulator.NearestKey(unknown.Token.Value, into))
	case errors.As(err, &shown) && shown.GetToken() != nil:
		at := shown.GetToken().Position
		return fmt.Errorf("line %d, column %d: %s", at.Line, at.Column, shown.GetMessage())
	}
	return err
}

// Set sets an option, or one of the keys that take one value, from text as in a flag.
func (s *Scenario) Set(name, text string) error {
	number := func(into any) error {
		if n, err := fmt.Sscan(text, into); n != 1 || err != nil || strings.HasPrefix(text, "-") {
			return fmt.Errorf("%s: %q is not a number from 0 on", name, text)
		}
		return nil
	}
	switch name {
	case "listen":
		s.Listen = text
	case "data":
		if !slices.Contains([]string{"none", "sample", "generate"}, text) {
			return fmt.Errorf("data: %q is neither sample, generate nor none", text)
		}
		s.Data = text
	case "snapshot":
		s.Snapshot = text
	case "contacts":
		return number(&s.Contacts)
	case "leads":
		return number(&s.Leads)
	case "seed":
		return number(&s.Seed)
	default:
		known := slices.Clone(Keys)
		for _, o := range emulator.Settings() {
			known = append(known, o.Name)
		}
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no key %q%s", name, emulator.Nearest(name, known))
		}
		return s.Options.Set(name, text)
	}
	return nil
}

// Server is the emulator of the scenario: the data first, then own tables and rows, hooks and faults.
func (s *Scenario) Server() (*emulator.Server, error) {
	if s.Snapshot != "" && s.Data != "none" {
		return nil, errors.New("snapshot and data both say what the emulator holds: take one of them")
	}
	server := emulator.New(s.Options)
	if s.Snapshot != "" {
		var err error
		if server, _, err = emulator.Open(s.Snapshot, s.Options); err != nil {
			return nil, err
		}
	}
	switch s.Data {
	case "sample":
		if err := sample.Load(server); err != nil {
			return nil, err
		}
	case "generate":
		if err := server.Generate(emulator.Generated{Contacts: s.Contacts, Leads: s.Leads, Seed: s.Seed}); err != nil {
			return nil, err
		}
	}
	if len(s.Batch.Tables)+len(s.Batch.Rows) > 0 {
		if _, err := server.LoadBatch(s.Batch); err != nil {
			return nil, err
		}
	}
	if err := server.AddHooks(s.Hooks...); err != nil {
		return nil, err
	}
	return server, server.SetFaults(s.Faults...)
}
