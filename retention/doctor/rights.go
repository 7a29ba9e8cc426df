package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// rights holds what a run needs against what the service says the user may do: what is missing, what is too narrow, and
// what is wider than it has to be.
func (d *visit) rights(ctx context.Context, c *compile.Policy) error {
	needed, err := c.Privileges(ctx, d.Client)
	if err != nil {
		return err
	}
	have, err := d.Client.UserPrivileges(ctx, d.User)
	if err != nil {
		d.fail("rights", "let the user read its own rights: the role gallra does", "the service does not tell the user's rights (%v)", err)
		return nil
	}
	names := make([]string, len(needed))
	for i, p := range needed {
		names[i] = p.Name
	}
	depth, err := dataverse.EffectiveDepths(ctx, d.Client, d.User, names)
	if err != nil {
		d.fail("rights", "let the user read its own rights: the role gallra does", "the service does not tell the user's rights (%v)", err)
		return nil
	}
	var missing, narrow []string
	for _, p := range needed {
		got, ok := depth[p.Name]
		switch {
		case !ok:
			missing = append(missing, p.Name)
		case got < p.Depth:
			narrow = append(narrow, p.Name)
		}
	}
	if len(missing) > 0 {
		d.fail("rights", "gallra provision --application-user CLIENT-ID, run by an administrator, gives the user the role gallra and keeps it up to date", "missing: %s", strings.Join(missing, ", "))
	}
	if len(narrow) > 0 {
		d.fail("rights", "grant them over the whole organisation, as the role gallra does: people in other business units would not be seen", "too narrow: %s", strings.Join(narrow, ", "))
	}
	if len(missing)+len(narrow) == 0 {
		d.ok("rights", "all %d rights that the policy needs", len(needed))
	}
	if err := d.sight(ctx, c); err != nil {
		return err
	}
	administrator, err := dataverse.Administrator(ctx, d.Client, d.User)
	if err != nil {
		return err
	}
	if administrator {
		d.warn("rights", "run the job as an application with the role gallra alone: gallra provision --application-user CLIENT-ID", "too wide: the user is a System Administrator, and may do everything")
		return nil
	}
	d.tooWide(have, needed)
	d.locked(c)
	return nil
}

// sight finds secured columns that the user cannot be proven to read: the rows of tables are among the rights.
func (d *visit) sight(ctx context.Context, c *compile.Policy) error {
	_, err := c.Prove(ctx, d.Client)
	var blind *compile.BlindError
	if !errors.As(err, &blind) {
		if err == nil {
			d.ok("sight", "sees every row and every secured column that the policy judges by")
		}
		return err
	}
	for _, spot := range blind.Spots {
		d.fail("sight", spot.Remedy, "what is hidden looks as if it were not there, and a run is refused: %s", spot.Sentence)
	}
	return nil
}

// tooWide finds rights that no rule of the policy needs. What a user has on its own rows only does no harm.
func (d *visit) tooWide(have, needed []dataverse.Privilege) {
	need := map[string]dataverse.Depth{}
	for _, p := range needed {
		need[strings.ToLower(p.Name)] = p.Depth
	}
	var deletes, changes, others []string
	for _, p := range have {
		want, asked := need[strings.ToLower(p.Name)]
		if asked && p.Depth <= want || p.Depth == dataverse.Basic {
			continue
		}
		switch verb := strings.TrimPrefix(p.Name, "prv"); {
		case strings.HasPrefix(verb, "Delete"):
			deletes = append(deletes, p.Name)
		case strings.HasPrefix(verb, "Write"), strings.HasPrefix(verb, "Create"), strings.HasPrefix(verb, "Assign"), strings.HasPrefix(verb, "Share"),
			strings.HasPrefix(verb, "ActOnBehalf"), strings.HasPrefix(verb, "Bypass"):
			changes = append(changes, p.Name)
		default:
			others = append(others, p.Name)
		}
	}
	const remedy = "take away the roles beside gallra; gallra provision narrows that one to what the policy needs"
	for _, group := range []struct {
		what string
		list []string
	}{{"may delete what no rule deletes", deletes}, {"may change what no rule changes", changes}, {"rights that nothing needs", others}} {
		if len(group.list) > 0 {
			slices.Sort(group.list)
			d.warn("rights", remedy, "too wide, %s: %s", group.what, some(group.list, 12))
		}
	}
}

// some names the first few and counts the rest.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// lockedTables hold rows that, once they are no drafts any more, a system administrator alone can change.
var lockedTables = []string{"quote", "salesorder", "invoice"}

// locked finds rules that a user without the administrator's role cannot carry out.
func (d *visit) locked(c *compile.Policy) {
	for _, s := range c.Subjects {
		var tables []string
		for _, r := range s.Related {
			if r.Do == policy.Anonymize && slices.Contains(lockedTables, r.Table) && !slices.Contains(tables, r.Table) {
				tables = append(tables, r.Table)
			}
		}
		if len(tables) > 0 {
			d.warn("rights", "say do: keep with the reason, or run as a system administrator; otherwise persons with such rows fail and stay scheduled",
				"rules of %s anonymise %s, of which a system administrator alone can change those that are no drafts any more", s.Table, strings.Join(tables, ", "))
		}
	}
}
