package policy

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/internal/words"
)

//go:embed sets.yaml
var setsFile []byte

// Set is a named list of rules for the tables of one of Microsoft's apps. What a released set says never changes: what is
// to be said otherwise gets a set of another name, so a policy that names a set means the same for ever.
type Set struct {
	Name  string    `yaml:"name"`
	Says  string    `yaml:"says"` // in a sentence, what the set does
	Rules []SetRule `yaml:"rules"`
}

// SetRule is a rule of a set. It speaks of no subject yet: in an environment it becomes one rule for each lookup of the table
// that leads to the subject, or for the party, or for the value, and none where the environment lacks the table.
type SetRule struct {
	Table   string      `yaml:"table"`
	Lookups bool        `yaml:"lookups"` // every lookup of the table that leads to the subject
	Link    string      `yaml:"link"`    // a path over other rows, where the last lookup leads to the subject
	Party   string      `yaml:"party"`
	Value   string      `yaml:"value"` // a column of the table that holds an address of the person
	Where   string      `yaml:"where"`
	Do      Disposition `yaml:"do"`
	Erase   []string    `yaml:"erase"`
	Why     string      `yaml:"why"`  // in the file a key of the words, then what they say in English
	Page    string      `yaml:"page"` // where Microsoft describes the table
}

// Sets are the sets that ship with gallra.
var Sets = sync.OnceValue(func() []Set {
	var file struct {
		Sets []Set `yaml:"sets"`
	}
	if err := yaml.UnmarshalWithOptions(setsFile, &file, yaml.Strict()); err != nil {
		panic(fmt.Sprintf("the sets of rules that ship with gallra cannot be read: %v", err)) // a test reads them
	}
	reasons := words.In(reasons, "en")
	for _, set := range file.Sets {
		for i := range set.Rules {
			if why := &set.Rules[i].Why; *why != "" {
				*why = reasons.T(*why)
			}
		}
	}
	return file.Sets
})

// reasons are the words of why the sets keep rows.
const reasons = "sets"

// Reason is why a rule keeps rows, as a reader of the language reads it: what a company wrote stands as it is, and the sets speak all
// languages that gallra does.
func Reason(language, why string) string {
	english, w := words.In(reasons, "en"), words.In(reasons, language)
	for _, key := range english.Keys() {
		if english.T(key) == why {
			return w.T(key)
		}
	}
	return why
}

// SetOf is the set of that name, nil if there is none.
func SetOf(name string) *Set {
	all := Sets()
	if i := slices.IndexFunc(all, func(s Set) bool { return s.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// spelledOut are rules with those of their sets in place, as a person reads them who has no environment at hand.
func (r *Prose) spelledOut(rules []RelatedRule) []RelatedRule {
	var out []RelatedRule
	for _, rule := range rules {
		set := SetOf(rule.Set)
		if set == nil {
			out = append(out, rule)
			continue
		}
		for _, sr := range set.Rules {
			link := sr.Link
			switch {
			case sr.Lookups:
				link = r.say.T("set.lookups")
			case sr.Value != "":
				link = r.say.T("set.addresses", sr.Value)
			}
			why := strings.TrimSpace(sr.Why)
			if why == "" {
				if why = r.say.T("set", set.Name); r.called != nil {
					why = r.say.T("spoken.set", set.Name)
				}
			}
			out = append(out, RelatedRule{Table: sr.Table, Link: link, Party: sr.Party, Where: sr.Where, Do: sr.Do, Erase: sr.Erase, Why: why, From: set.Name, Pos: rule.Pos})
		}
	}
	return out
}
