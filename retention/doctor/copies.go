package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// copies finds text in related rows that a purge leaves: orders, quotes, invoices and e-mails carry a person's name and
// address in columns of their own. What a keep rule leaves it leaves on purpose; what a list of columns to erase forgets
// is a finding.
func (d *visit) copies(ctx context.Context, subject compile.Subject) error {
	told := map[string]bool{}
	for _, rule := range subject.Related {
		if rule.Table == policy.AnyTable || rule.Do == policy.Delete || told[rule.Table+string(rule.Do)] {
			continue
		}
		t, err := d.Client.Table(ctx, rule.Table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue
		}
		if err != nil {
			return err
		}
		var left []string
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			a := t.Attributes[name]
			isText := a.Type == "String" || a.Type == "Memo"
			if isText && a.ForRead && compile.Personal(a) && !slices.Contains(rule.Erase, name) && !slices.Contains(rule.Keep, name) {
				left = append(left, name)
			}
		}
		switch {
		case len(left) == 0:
		case rule.Do == policy.Retain:
			told[rule.Table+string(rule.Do)] = true
			d.ok("copies", "rows of %s that are kept for a purged %s keep their text as well: %s", rule.Table, subject.Table, some(left, 8))
		default:
			d.warn("copies", "add them to erase, or name those that may stay by retain instead: then every other text goes",
				"the rule for %s of %s erases some columns, and leaves the text in %s", rule.Table, subject.Table, some(left, 12))
		}
	}
	return nil
}
