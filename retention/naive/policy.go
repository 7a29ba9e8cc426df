package naive

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// Policy is a policy as a tree of maps.
type Policy struct {
	zone              *time.Location
	notice, extension string
	ahead             string // how far ahead dates are written: the policy's own notice
	yearEnds          string
	spread            string
	asks              int // how many persons one run asks at most
	subjects          []subject
	rows              []rule
}

// subject is a table with a person in each row, or a class of them with what it takes from its subject.
type subject struct {
	table, key, identity string
	rules
	classes []class
}

// rules are what a subject says and a class may say otherwise.
type rules struct {
	purge, notice string
	grounds       []Ground
	related       []rule
	stages        []rule
	retain        []string
	coarsen       map[string]string
	ask           Ground // nil: nobody is asked
}

// class is a kind of persons.
type class struct {
	id, where string
	unjudged  bool
	own       bool // it names grounds, if only none
	rules
}

// rule is one of `related`, of `rows` or of `stages`.
type rule struct {
	Ground                 // all that is one word
	erase, retain []string // columns
	coarsen       map[string]string
	related       []rule // of a stage that reduces
}

// Ground is what a rule says, key by key.
type Ground map[string]string

// of is the class of a row: the first whose filter it matches.
func (s subject) of(t testing.TB, crm *CRM, row Row) class {
	for _, k := range s.classes {
		if k.where == "" || crm.matches(t, row, k.where) {
			return k
		}
	}
	return class{rules: s.rules}
}

// Read reads a policy.
func Read(t testing.TB, path string) Policy {
	t.Helper()
	b, err := os.ReadFile(path)
	var tree yaml.MapSlice
	if err == nil {
		err = yaml.UnmarshalWithOptions(b, &tree, yaml.UseOrderedMap())
	}
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{yearEnds: "31 December", notice: "2 months", extension: "12 months", asks: 500}
	for _, item := range tree {
		switch item.Key {
		case "yearEnds":
			p.yearEnds = item.Value.(string)
		case "timeZone":
			if p.zone, err = time.LoadLocation(item.Value.(string)); err != nil {
				t.Fatal(err)
			}
		case "notice":
			p.notice = item.Value.(string)
		case "manualExtension":
			p.extension = item.Value.(string)
		case "limits":
			limits := readRule(item.Value).Ground
			p.spread = limits["spread"]
			if limits["asks"] != "" {
				if p.asks, err = strconv.Atoi(limits["asks"]); err != nil {
					t.Fatal(err)
				}
			}
		case "rows":
			p.rows = readRules(item.Value)
		case "subjects":
			for _, subject := range item.Value.(yaml.MapSlice) {
				p.subjects = append(p.subjects, readSubject(subject.Key.(string), subject.Value.(yaml.MapSlice)))
			}
		}
	}
	return p
}

func readSubject(table string, tree yaml.MapSlice) subject {
	s := subject{table: table, key: Tables[table][1]}
	s.rules.read(tree)
	for _, item := range tree {
		switch item.Key {
		case "identity":
			s.identity = item.Value.(string)
		case "classes":
			for _, tree := range item.Value.([]any) {
				k := class{rules: s.rules} // what it does not say it takes from its subject, which says all before its classes
				k.rules.read(tree.(yaml.MapSlice))
				for _, item := range tree.(yaml.MapSlice) {
					switch item.Key {
					case "id":
						k.id = item.Value.(string)
					case "for":
						k.where = item.Value.(string)
					case "judged":
						k.unjudged, k.stages, k.ask = true, nil, nil
					case "grounds":
						k.own = true
					}
				}
				s.classes = append(s.classes, k)
			}
		}
	}
	return s
}

func (r *rules) read(tree yaml.MapSlice) {
	for _, item := range tree {
		switch item.Key {
		case "purge":
			r.purge = item.Value.(string)
		case "notice":
			r.notice = item.Value.(string)
		case "grounds":
			r.grounds = nil
			for _, g := range readRules(item.Value) {
				r.grounds = append(r.grounds, g.Ground)
			}
		case "related":
			r.related = readRules(item.Value)
		case "stages":
			r.stages = readRules(item.Value)
		case "retain":
			r.retain = readWords(item.Value)
		case "coarsen":
			r.coarsen = readRule(item.Value).Ground
		case "ask":
			r.ask = readRule(item.Value).Ground
		}
	}
}

func readRules(list any) (out []rule) {
	for _, item := range list.([]any) {
		out = append(out, readRule(item))
	}
	return out
}

func readRule(tree any) rule {
	r := rule{Ground: Ground{}}
	for _, item := range tree.(yaml.MapSlice) {
		switch key := item.Key.(string); key {
		case "erase":
			r.erase = readWords(item.Value)
		case "retain":
			r.retain = readWords(item.Value)
		case "coarsen":
			r.coarsen = readRule(item.Value).Ground
		case "related":
			r.related = readRules(item.Value)
		default:
			r.Ground[key] = strings.TrimSpace(fmt.Sprint(item.Value))
		}
	}
	return r
}

func readWords(list any) (out []string) {
	for _, word := range list.([]any) {
		out = append(out, word.(string))
	}
	return out
}
