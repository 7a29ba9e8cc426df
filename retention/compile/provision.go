package compile

import (
	"context"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
)

// Provisioning is what an environment needs for runs of the policy: the columns of each subject table that the policy
// does not map to others, the views, and a role with just the rights that the policy needs.
func (c *Policy) Provisioning(ctx context.Context, r dataverse.Reader) (provision.Provisioning, error) {
	privileges, err := c.Privileges(ctx, r)
	if err != nil {
		return provision.Provisioning{}, err
	}
	var tables []provision.GallraTable
	for i := range c.Subjects {
		tables = append(tables, provision.GallraTable{Table: c.Subjects[i].Table, Columns: provision.OwnColumns{
			ScheduledOn: c.Subjects[i].Columns.PurgeScheduledOn, NoticedOn: c.Subjects[i].Columns.PurgeNoticedOn, Reason: c.Subjects[i].Columns.PurgeReason,
			RetainUntil: c.Subjects[i].Columns.RetainUntil, RetainReason: c.Subjects[i].Columns.RetainReason,
			LegalHold: c.Subjects[i].Columns.LegalHold, AnonymizedOn: c.Subjects[i].Columns.AnonymizedOn,
		}})
	}
	return provision.MappedProvisioning(tables, privileges), nil
}
