package emulator

import (
	"net/http"
)

// closeIncident is CloseIncident: the only way to resolve a case. Pages: CloseIncident Action, web-service-error-codes.
func (s *messageService) closeIncident(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		in, status, err := w.closing(c, "IncidentResolution", "incidentresolution")
		if err != nil {
			return err
		}
		t, r, err := w.closed(in, "incidentresolution", "incident")
		if err != nil {
			return err
		}
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
		if t.int(r, "statecode") != 0 {
			return newFault(http.StatusBadRequest, "0x80044411", "The case has already been closed or cancelled.")
		}
		if status, err = t.closingStatus(1, status); err != nil {
			return err
		}
		if w.openActivities(ref{t.Name, r.id}) {
			return newFault(http.StatusBadRequest, "0x8004440a", "The case can not be closed because there are open activities associated with it.")
		}
		x := w.schema.tables["incidentresolution"]
		in.values.setDefault(x, "subject", "Case Resolution - "+t.text(r, "title"))
		if _, err := w.createFrom(x, in); err != nil {
			return err
		}
		v := values{}
		v.set(t, "statecode", int64(1))
		v.set(t, "statuscode", status)
		_, err = w.save(t, r, v)
		return err
	})
}

// openActivities tells whether a row has activities that are neither completed nor cancelled.
func (w *writer) openActivities(of ref) bool {
	open := false
	for _, name := range w.schema.names() {
		t := w.schema.tables[name]
		if c := t.column("regardingobjectid"); !t.Activity || name == activityPointer || c == nil || w.data[name].len() == 0 {
			continue
		}
		w.pointers(t, t.column("regardingobjectid"), of, func(r *row) bool {
			state := t.int(r, "statecode")
			open = open || state != 1 && state != 2
			return !open
		})
	}
	return open
}
