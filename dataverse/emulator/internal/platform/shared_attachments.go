package platform

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// The file of an attachment stands in a row of attachment, to which several e-mails may point: what one of them writes there all
// show. That the file goes with the last of them is not documented. Pages: email-activity-entities, reference/entities/attachment.

// sharedParts are what an e-mail's attachment shows of its file.
var sharedParts = []string{"body", "filename", "mimetype", "subject"}

// showFile fills an attachment that names a file of another with what that holds.
func (w *Writer) showFile(t *schema.Table, v store.Values) {
	files := w.Schema.Tables["attachment"]
	to, ok := v.After(t, nil, "attachmentid").(store.Ref)
	if !ok || files == nil {
		return
	}
	file := w.Data[files.Name].Get(to.ID)
	if file == nil {
		return
	}
	for _, name := range sharedParts {
		if s := store.Text(files, file, name); s != "" && !v.Has(t, name) {
			v.SetText(t, name, s)
		}
	}
}

// countAttachments writes to an activity how many attachments it has. Pages: email, appointment (attachmentcount: "Shows the
// number of attachments on the email message").
func (w *Writer) countAttachments(t *schema.Table, attachment *store.Row) {
	of, _ := store.Value(t, attachment, "objectid").(store.Ref)
	a := w.Schema.Tables[of.Table]
	if a == nil || a.Column("attachmentcount") == nil {
		return
	}
	r := w.Data[a.Name].Get(of.ID)
	if r == nil {
		return
	}
	n := int64(0)
	EachPointing(&w.Tx.Snapshot, t, t.Column("objectid"), of, func(*store.Row) bool {
		n++
		return true
	})
	if store.Value(a, r, "attachmentcount") != any(n) {
		v := store.Values{}
		v.Set(a, "attachmentcount", n)
		w.Put(a, w.NextRow(a, r, v))
	}
}

// makeFile makes the file of a new attachment.
func (w *Writer) makeFile(t *schema.Table, r *store.Row) {
	files := w.Schema.Tables["attachment"]
	if files == nil || store.Value(t, r, "attachmentid") != nil {
		return
	}
	v := store.Values{}
	for _, name := range sharedParts {
		if s := store.Text(t, r, name); s != "" {
			v.SetText(files, name, s)
		}
	}
	file := w.PutPlatformRow(files, v)
	with := store.Values{}
	with.Set(t, "attachmentid", store.Ref{Table: files.Name, ID: file.ID})
	w.Put(t, w.NextRow(t, r, with))
}

// writeFile writes what one attachment has changed to the file, and so to all that show it.
func (w *Writer) writeFile(t *schema.Table, before, after *store.Row) {
	files := w.Schema.Tables["attachment"]
	to, ok := store.Value(t, after, "attachmentid").(store.Ref)
	if !ok || files == nil || w.Data[files.Name].Get(to.ID) == nil {
		return
	}
	var changed []string
	for _, name := range sharedParts {
		if store.Text(t, before, name) != store.Text(t, after, name) {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return
	}
	write := func(t *schema.Table, r *store.Row) {
		v := store.Values{}
		for _, name := range changed {
			if s := store.Text(w.Schema.Tables["activitymimeattachment"], after, name); s != "" {
				v.SetText(t, name, s)
			} else {
				v.Set(t, name, nil)
			}
		}
		w.Put(t, w.NextRow(t, r, v))
	}
	write(files, w.Data[files.Name].Get(to.ID))
	for _, r := range w.showing(t, to, after.ID) {
		write(t, r)
	}
}

// dropUnshown deletes a file that no attachment shows any more.
func (w *Writer) dropUnshown(t *schema.Table, r *store.Row) {
	to, ok := store.Value(t, r, "attachmentid").(store.Ref)
	if files := w.Schema.Tables["attachment"]; ok && files != nil && w.Data[files.Name].Get(to.ID) != nil && len(w.showing(t, to, r.ID)) == 0 {
		w.Remove(files, to.ID)
	}
}

// showing are the attachments that show a file, but for one of them.
func (w *Writer) showing(t *schema.Table, to store.Ref, but uuid.UUID) []*store.Row {
	var out []*store.Row
	EachPointing(&w.Tx.Snapshot, t, t.Column("attachmentid"), to, func(r *store.Row) bool {
		if r.ID != but {
			out = append(out, r)
		}
		return true
	})
	return out
}
