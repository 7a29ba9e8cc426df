package messages

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
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
		if err := platform.Transition(t, store.Int(t, r, "statuscode"), status); err != nil {
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

// caseTime is CalculateTotalTimeIncident: the minutes of the case's activities that are completed. Pages:
// CalculateTotalTimeIncident Function, webapi/samples/functions-actions-csharp.
func (s *Service) caseTime(c *wire.Call) (*wire.Answer, error) {
	sn := c.View()
	seg := c.Path.Segments[0]
	t, err := wire.TableBySet(sn.Schema, seg.Name)
	if err != nil {
		return nil, err
	}
	if t.Name != "incident" {
		return nil, wire.NoSegment(wire.CRMNamespace + "CalculateTotalTimeIncident")
	}
	k, err := wire.ReadKey(sn, t, seg)
	if err != nil {
		return nil, err
	}
	r := sn.Data[t.Name].Get(k.ID)
	if r == nil {
		return nil, wire.NoRow(t.Name, seg.Key)
	}
	if err := access.CheckRight(c, "Read", t, r); err != nil {
		return nil, err
	}
	ref, total := store.Ref{Table: t.Name, ID: r.ID}, int64(0)
	for _, name := range sn.Schema.TableNames() {
		a := sn.Schema.Tables[name]
		if !a.Activity || name == schema.ActivityPointer || a.Column("regardingobjectid") == nil || sn.Data[name].Len() == 0 {
			continue
		}
		platform.EachPointing(sn, a, a.Column("regardingobjectid"), ref, func(r *store.Row) bool {
			if store.Int(a, r, "statecode") == 1 {
				total += store.Int(a, r, "actualdurationminutes")
			}
			return true
		})
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "CalculateTotalTimeIncidentResponse", "TotalTime": total}), nil
}

// validTransition is IsValidStateTransition: whether a row may go to a state, which is named by its text, and a status. Pages:
// IsValidStateTransition Function, org-service/samples/validate-record-state.
func (s *Service) validTransition(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Entity", "NewState", "NewStatus"} {
		if args[name] == "" {
			return nil, wire.MissingArgument(name, "IsValidStateTransition")
		}
	}
	named, err := wire.ObjectArgument(args["Entity"])
	if err != nil {
		return nil, err
	}
	name, err := wire.TextArgument(args["NewState"])
	if err != nil {
		return nil, err
	}
	status, err := strconv.ParseInt(args["NewStatus"], 10, 64)
	if err != nil {
		return nil, wire.BadQuery("The parameter 'NewStatus' of IsValidStateTransition is not a whole number.")
	}
	valid := false
	err = s.Change(c, func(w *platform.Writer) error {
		of, _, err := wire.EntityArgument(&w.Tx.Snapshot, named)
		if err != nil {
			return err
		}
		t := w.Schema.Tables[of.Table]
		r := w.Data[of.Table].Get(of.ID)
		if r == nil {
			return wire.NoRow(of.Table, of.ID.String())
		}
		if err := w.CheckRight("Read", t, r); err != nil {
			return err
		}
		if states := t.Column("statecode"); states != nil {
			for _, o := range states.Options {
				if strings.EqualFold(o.Label, name) {
					valid = w.CanMove(t, r, int64(o.Value), status)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "IsValidStateTransitionResponse", "IsValid": valid}), nil
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
