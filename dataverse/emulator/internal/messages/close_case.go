package messages

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// closeIncident is CloseIncident: the only way to resolve a case. Pages: CloseIncident Action, web-service-error-codes.
func (s *Service) closeIncident(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		in, status, err := readClosing(w, c, "IncidentResolution", "incidentresolution")
		if err != nil {
			return err
		}
		t, r, err := closedRow(w, in, "incidentresolution", "incident")
		if err != nil {
			return err
		}
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
		if store.Int(t, r, "statecode") != 0 {
			return wire.NewError(http.StatusBadRequest, "0x80044411", "The case has already been closed or cancelled.")
		}
		if status, err = closingStatus(t, 1, status); err != nil {
			return err
		}
		if openActivities(w, store.Ref{Table: t.Name, ID: r.ID}) {
			return wire.NewError(http.StatusBadRequest, "0x8004440a", "The case can not be closed because there are open activities associated with it.")
		}
		return w.Act(platform.CloseMessage, t, r, func(r *store.Row) error {
			x := w.Schema.Tables["incidentresolution"]
			in.Values.SetDefault(x, "subject", "Case Resolution - "+store.Text(t, r, "title"))
			if _, err := w.CreateFrom(x, in); err != nil {
				return err
			}
			v := store.Values{}
			v.Set(t, "statecode", int64(1))
			v.Set(t, "statuscode", status)
			_, err = w.Save(t, r, v)
			return err
		})
	})
}

// openActivities tells whether a row has activities that are neither completed nor cancelled.
func openActivities(w *platform.Writer, of store.Ref) bool {
	open := false
	for _, name := range w.Schema.TableNames() {
		t := w.Schema.Tables[name]
		if c := t.Column("regardingobjectid"); !t.Activity || name == schema.ActivityPointer || c == nil || w.Data[name].Len() == 0 {
			continue
		}
		platform.EachPointing(&w.Tx.Snapshot, t, t.Column("regardingobjectid"), of, func(r *store.Row) bool {
			state := store.Int(t, r, "statecode")
			open = open || state != 1 && state != 2
			return !open
		})
	}
	return open
}
