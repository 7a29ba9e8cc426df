package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
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
		d.fail("rights", "doctor.rights.untold", err)
		return nil
	}
	names := make([]string, len(needed))
	for i, p := range needed {
		names[i] = p.Name
	}
	depth, err := dataverse.EffectiveDepths(ctx, d.Client, d.User, names)
	if err != nil {
		d.fail("rights", "doctor.rights.untold", err)
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
		d.fail("rights", "doctor.rights.missing", strings.Join(missing, ", "))
	}
	if len(narrow) > 0 {
		d.fail("rights", "doctor.rights.narrow", strings.Join(narrow, ", "))
	}
	if len(missing)+len(narrow) == 0 {
		d.ok("rights", "doctor.rights", len(needed))
	}
	if err := d.sight(ctx, c); err != nil {
		return err
	}
	administrator, err := dataverse.Administrator(ctx, d.Client, d.User)
	if err != nil {
		return err
	}
	if administrator {
		d.warn("rights", "doctor.rights.administrator")
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
			d.ok("sight", "doctor.sight")
		}
		return err
	}
	for _, spot := range blind.Spots {
		d.tell(Finding{"sight", Error, words.Say("doctor.sight.blind", spot.Sentence), spot.Remedy})
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
	for _, group := range []struct {
		key  string
		list []string
	}{{"doctor.rights.delete", deletes}, {"doctor.rights.change", changes}, {"doctor.rights.beside", others}} {
		if len(group.list) > 0 {
			slices.Sort(group.list)
			d.tell(Finding{"rights", Warning, words.Say(group.key, words.Some(group.list, 12)), words.Say("doctor.rights.wide.do")})
		}
	}
}

// locked finds rules that a user without the administrator's role cannot carry out.
func (d *visit) locked(c *compile.Policy) {
	for _, s := range c.Subjects {
		var tables []string
		for _, r := range s.Related {
			if r.Do == policy.Anonymize && personmap.Is(r.Table, personmap.Locked) && !slices.Contains(tables, r.Table) {
				tables = append(tables, r.Table)
			}
		}
		if len(tables) > 0 {
			d.warn("rights", "doctor.rights.locked", s.Table, strings.Join(tables, ", "))
		}
	}
}

// forbidden makes a finding of a read that a missing right has ended: the visit goes on.
func (d *visit) forbidden(what string, err error) error {
	if !errors.Is(err, dataverse.ErrForbidden) {
		return err
	}
	d.tell(Finding{what, Error, words.Say("doctor.forbidden", err), words.Quote(dataverse.Hint(err))})
	return nil
}
