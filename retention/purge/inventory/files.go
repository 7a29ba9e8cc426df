package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
)

// The file of an e-mail's attachment is a row of its own, which several e-mails may show: a template's, a newsletter's, one that was
// forwarded. Emptying one attachment empties the file of all. Page: email-activity-entities.

const attachments = "activitymimeattachment"

// fileColumns are what an attachment shows of its file.
var fileColumns = map[string]bool{"body": true, "filename": true, "mimetype": true, "subject": true}

// spareFiles finds the attachments whose file an e-mail shows that does not go: they go without being emptied, and where a rule
// would blank them they stay, and are searched.
func (inv *List) spareFiles(ctx context.Context) error {
	showing := make(map[uuid.UUID][]*Item)
	for _, it := range inv.Items {
		if file := it.Row.ID("attachmentid"); it.Table == attachments && file != uuid.Nil && it.Fate != Keep {
			showing[file] = append(showing[file], it)
		}
	}
	var qs []dataverse.Query
	ids := slices.SortedFunc(maps.Keys(showing), func(a, b uuid.UUID) int { return environment.CompareStrings(a.String(), b.String()) })
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: attachments, Select: []string{"activitymimeattachmentid", "_attachmentid_value"}, Filter: environment.IDFilter("_attachmentid_value", some)})
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		other := inv.Items[environment.Ref{Table: attachments, ID: row.ID("activitymimeattachmentid")}]
		if other != nil && other.Fate == Delete {
			continue
		}
		for _, it := range showing[row.ID("attachmentid")] {
			switch {
			case it == other:
			case it.Fate == Delete:
				it.SharedFile = true
			default:
				it.keep()
				it.settled = true
			}
		}
	}
	return nil
}

// withoutFile is an eraser that leaves the file of an attachment alone.
func (e *Eraser) withoutFile() *Eraser {
	out := *e
	out.columns = slices.DeleteFunc(slices.Clone(e.columns), func(c column) bool { return fileColumns[c.attr.LogicalName] })
	return &out
}
