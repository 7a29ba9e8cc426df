package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// copies finds text in related rows that a purge leaves: orders, quotes, invoices and e-mails carry a person's name and
// address in columns of their own. What a keep rule leaves it leaves on purpose, which is noted in one line a subject; what a
// list of columns to erase forgets is a warning.
func (d *visit) copies(ctx context.Context, subject compile.Subject) error {
	told := map[string]bool{}
	var kept []words.Said
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
			kept = append(kept, words.Say("doctor.copies.of", rule.Table, words.Count("columns", len(left))))
		default:
			d.warn("copies", "doctor.copies", rule.Table, subject.Table, words.Some(left, 12))
		}
	}
	if len(kept) > 0 {
		d.note("copies", "doctor.copies.kept", subject.Table, words.List(kept, ", "))
	}
	return nil
}
