package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// administratorTemplate is what every environment's role System Administrator is made from.
const administratorTemplate = "627090ff-40a3-4053-8790-584edc5be201"

// rights holds what a run needs against what the service says the user may do: what is missing, what is too narrow, and
// what is wider than it has to be.
func (d *diagnosis) rights(ctx context.Context, s *session, c *retention.Checked) error {
	needed, err := c.Privileges(ctx, s.client)
	if err != nil {
		return err
	}
	have, err := s.client.UserPrivileges(ctx, s.identity.UserID)
	if err != nil {
		d.fail("rights", "let the user read its own rights: the role gallra does", "the service does not tell the user's rights (%v)", err)
		return nil
	}
	depth := map[string]dataverse.Depth{}
	for _, p := range have {
		depth[strings.ToLower(p.Name)] = max(depth[strings.ToLower(p.Name)], p.Depth)
	}
	var missing, narrow []string
	for _, p := range needed {
		got, ok := depth[strings.ToLower(p.Name)]
		if !ok { // the roles of the user's teams count as well, and are told by name only
			if got, ok, err = s.client.UserPrivilege(ctx, s.identity.UserID, p.Name); err != nil {
				return fmt.Errorf("ask for the right %s: %w", p.Name, err)
			}
		}
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
	administrator, err := isAdministrator(ctx, s)
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

func isAdministrator(ctx context.Context, s *session) (bool, error) {
	q := dataverse.Query{Set: "systemusers(" + s.identity.UserID.String() + ")/systemuserroles_association", Select: []string{"roleid", "_roletemplateid_value"}}
	for row, err := range s.client.Rows(ctx, q) {
		switch {
		case errors.Is(err, dataverse.ErrForbidden):
			return false, nil // an administrator may read roles
		case err != nil:
			return false, fmt.Errorf("read the user's roles: %w", err)
		}
		if row.ID("roletemplateid") == uuid.MustParse(administratorTemplate) {
			return true, nil
		}
	}
	return false, nil
}

// tooWide finds rights that no rule of the policy needs. What a user has on its own rows only does no harm.
func (d *diagnosis) tooWide(have, needed []dataverse.Privilege) {
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
func (d *diagnosis) locked(c *retention.Checked) {
	for _, s := range c.Subjects {
		var tables []string
		for _, r := range s.Related {
			if r.Do == retention.Anonymize && slices.Contains(lockedTables, r.Table) && !slices.Contains(tables, r.Table) {
				tables = append(tables, r.Table)
			}
		}
		if len(tables) > 0 {
			d.warn("rights", "say do: keep with the reason, or run as a system administrator; otherwise persons with such rows fail and stay scheduled",
				"rules of %s anonymise %s, of which a system administrator alone can change those that are no drafts any more", s.Table, strings.Join(tables, ", "))
		}
	}
}
