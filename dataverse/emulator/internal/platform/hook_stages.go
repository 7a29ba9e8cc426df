package platform

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// The stages of a write at which hooks run. Writes that the platform makes by itself (mirrors, states that an action sets,
// lookups that a delete clears) raise nothing; each row of a cascade raises its own Delete.

// raising is in which chain of hooks a writer works.
type raising struct {
	within      []string // the hooks whose work this is, outermost first
	correlation uuid.UUID
	bypass      hooks.Bypass
}

// bypassOf reads which hooks the caller leaves out. Pages: bypass-custom-business-logic, optional-parameters.
func bypassOf(h http.Header) hooks.Bypass {
	b := hooks.Bypass{Sync: strings.EqualFold(h.Get("MSCRM.BypassCustomPluginExecution"), "true")}
	for _, kind := range strings.Split(h.Get("MSCRM.BypassBusinessLogicExecution"), ",") {
		switch strings.TrimSpace(kind) {
		case "CustomSync":
			b.Sync = true
		case "CustomAsync":
			b.Async = true
		}
	}
	for _, id := range strings.Split(h.Get("MSCRM.BypassBusinessLogicExecutionStepIds"), ",") {
		if id = strings.TrimSpace(id); id != "" {
			b.Steps = append(b.Steps, id)
		}
	}
	return b
}

// mayBypass asks whether the caller may leave out what the headers name. Page: bypass-custom-business-logic.
func mayBypass(c *wire.Call) error {
	if strings.EqualFold(c.Header.Get("MSCRM.BypassCustomPluginExecution"), "true") {
		if err := access.CheckPrivilege(c, "prvBypassCustomPlugins"); err != nil {
			return err
		}
	}
	if c.Header.Get("MSCRM.BypassBusinessLogicExecution") != "" || c.Header.Get("MSCRM.BypassBusinessLogicExecutionStepIds") != "" {
		return access.CheckPrivilege(c, "prvBypassCustomBusinessLogic")
	}
	return nil
}

// raise runs the hooks of an event of the write.
func (w *Writer) raise(x *rowWrite, ev hooks.Event) error {
	if !w.Hooks.Any(ev.Message) {
		return nil
	}
	ev.Table, ev.User, ev.Base = x.table, w.User, w.Base
	ev.Depth, ev.Within, ev.Correlation, ev.Bypass = len(w.raising.within)+1, w.raising.within, w.raising.correlation, w.raising.bypass
	return w.Hooks.Raise(ev, func(h *hooks.Hook) hooks.Writer { return &hookWriter{w, x, h} })
}

// hookWriter is a write as one of its hooks may go on with it.
type hookWriter struct {
	w *Writer
	x *rowWrite
	h *hooks.Hook
}

// View is what the write has done so far.
func (a *hookWriter) View() *store.Snapshot { return &a.w.Tx.Snapshot }

// Later runs fn when the write has been committed.
func (a *hookWriter) Later(fn func()) { a.w.Tx.After(fn) }

// inner is the writer of the hook: one level deeper, with the rights that it runs with.
func (a *hookWriter) inner() *Writer {
	w := *a.w
	w.raising.within = append(slices.Clip(w.raising.within), a.h.ID)
	if a.h.RunAs == "system" {
		w.User, w.behalf = access.SystemUser, uuid.Nil
	}
	w.contents, w.detecting = nil, false
	return &w
}

// Change merges a body into what is about to be written.
func (a *hookWriter) Change(body map[string]any) error {
	in, err := a.inner().ReadBody(a.x.table, body, a.x.before == nil)
	if err != nil {
		return err
	}
	for i, v := range in.Values {
		a.x.values[i] = v
	}
	return nil
}

// Update changes the row by a body of its own.
func (a *hookWriter) Update(body map[string]any) error {
	id := a.x.id
	if a.x.before != nil {
		id = a.x.before.ID
	}
	r := a.w.Data[a.x.table.Name].Get(id)
	if r == nil {
		return wire.NoRow(a.x.table.Name, id.String())
	}
	r, err := a.inner().Patch(a.x.table, r, body, wire.RowKey{})
	if err != nil {
		return err
	}
	if a.x.row == nil {
		a.x.before = r // of a delete that is still to come
	} else {
		a.x.row = r
	}
	return nil
}

// Create makes a row.
func (a *hookWriter) Create(table string, body map[string]any) error {
	t := a.w.Schema.Tables[table]
	if t == nil {
		return wire.NewError(http.StatusBadRequest, "0x80040224", "An unexpected error occurred from ISV code. There is no table %s any more.", table)
	}
	_, err := a.inner().Create(t, body)
	return err
}

// beforeCreate: the id is not known yet where the caller gives none.
func (w *Writer) beforeCreate(x *rowWrite) error {
	id, _ := x.values[x.table.IDColumn().Index].(uuid.UUID)
	return w.raise(x, hooks.Event{Message: hooks.Create, Stage: hooks.PreValidation, ID: id, Target: x.values})
}

func (w *Writer) duringCreate(x *rowWrite) error {
	if x.beside() {
		return nil
	}
	return w.raise(x, hooks.Event{Message: hooks.Create, Stage: hooks.PreOperation, ID: x.id, Target: x.values})
}

func (w *Writer) afterCreate(x *rowWrite) error {
	if x.beside() {
		return nil
	}
	return w.raise(x, hooks.Event{Message: hooks.Create, Stage: hooks.PostOperation, ID: x.row.ID, Target: x.values, After: x.row})
}

// beside tells whether the row is one of the addresses that every row of a table has: nobody asks for them.
func (x *rowWrite) beside() bool {
	return x.input == nil && (x.table.Name == "customeraddress" || x.table.Name == "leadaddress")
}

func (w *Writer) beforeUpdate(x *rowWrite) error { return w.raiseUpdate(x, hooks.PreValidation) }
func (w *Writer) duringUpdate(x *rowWrite) error { return w.raiseUpdate(x, hooks.PreOperation) }
func (w *Writer) afterChange(x *rowWrite) error  { return w.raiseUpdate(x, hooks.PostOperation) }

// raiseUpdate raises Update, and Assign and SetState where the update does what these once did. In and after the operation, a
// change of state and of other columns raises Update twice. Page: special-update-operation-behavior.
func (w *Writer) raiseUpdate(x *rowWrite, stage string) error {
	if !w.Hooks.Any(hooks.Update) && !w.Hooks.Any(hooks.Assign) && !w.Hooks.Any(hooks.SetState) {
		return nil
	}
	ev := hooks.Event{Message: hooks.Update, Stage: stage, ID: x.before.ID, Before: x.before, Target: x.values}
	if stage == hooks.PostOperation {
		ev.After = x.row
	}
	states, others := store.Values{}, store.Values{}
	for i, v := range x.values {
		if name := x.table.Columns[i].Name; name == "statecode" || name == "statuscode" {
			states[i] = v
		} else if !stamped[name] {
			others[i] = v
		}
	}
	if stage == hooks.PreValidation || len(states) == 0 || len(others) == 0 {
		if err := w.raise(x, ev); err != nil {
			return err
		}
	} else {
		for _, part := range []store.Values{others, states} {
			one := ev
			one.Target = part
			if err := w.raise(x, one); err != nil {
				return err
			}
		}
	}
	if len(states) > 0 {
		ev.Message = hooks.SetState
		if err := w.raise(x, ev); err != nil {
			return err
		}
	}
	if x.values.Has(x.table, "ownerid") {
		ev.Message = hooks.Assign
		return w.raise(x, ev)
	}
	return nil
}

// stamped are columns that the platform itself adds to every update.
var stamped = map[string]bool{"modifiedon": true, "modifiedby": true, "modifiedonbehalfby": true, "versionnumber": true}

// beforeDelete runs the hooks of every row that the delete takes. What they write may change what it takes, so that it is
// worked out again until nobody is new.
func (w *Writer) beforeDelete(x *rowWrite, stage string) error {
	if !w.Hooks.Any(hooks.Delete) {
		return nil
	}
	raised := map[store.Ref]bool{}
	for {
		written, fresh := w.Written, false
		for _, d := range x.cascade.Rows {
			key := store.Ref{Table: d.Table.Name, ID: d.Row.ID}
			if raised[key] {
				continue
			}
			raised[key], fresh = true, true
			one := &rowWrite{table: d.Table, before: w.Data[d.Table.Name].Get(d.Row.ID)}
			if one.before == nil {
				continue // a hook has deleted it
			}
			if err := w.raise(one, hooks.Event{Message: hooks.Delete, Stage: stage, ID: d.Row.ID, Before: one.before}); err != nil {
				return err
			}
		}
		if !fresh || w.Written == written {
			return nil
		}
		x.before = w.Data[x.table.Name].Get(x.before.ID)
		if err := w.collectCascade(x); err != nil {
			return err
		}
	}
}

func (w *Writer) afterDeletes(x *rowWrite) error {
	if !w.Hooks.Any(hooks.Delete) {
		return nil
	}
	for _, d := range x.cascade.Rows {
		one := &rowWrite{table: d.Table, before: d.Row}
		if err := w.raise(one, hooks.Event{Message: hooks.Delete, Stage: hooks.PostOperation, ID: d.Row.ID, Before: d.Row}); err != nil {
			return err
		}
	}
	return nil
}

// raiseLink raises Associate or Disassociate.
func (w *Writer) raiseLink(message, stage string, t *schema.Table, id uuid.UUID, relation *schema.Relationship, across *schema.ManyToMany, other store.Ref) error {
	if !w.Hooks.Any(message) {
		return nil
	}
	name := ""
	if relation != nil {
		name = relation.Name
	} else if across != nil {
		name = across.Name
	}
	r := w.Data[t.Name].Get(id)
	return w.raise(&rowWrite{table: t, before: r}, hooks.Event{Message: message, Stage: stage, ID: id, Before: r, After: r, Link: hooks.Link{Relationship: name, Other: other}})
}

// The messages of actions that [Writer.Act] takes.
const (
	MergeMessage       = hooks.Merge
	QualifyLeadMessage = hooks.QualifyLead
	WinMessage         = hooks.Win
	LoseMessage        = hooks.Lose
	CloseMessage       = hooks.Close
)

// Act carries out an action on a row between its hooks. do is given the row as hooks before the operation have left it; what do
// writes raises nothing but what the same write by a caller does.
func (w *Writer) Act(message string, t *schema.Table, r *store.Row, do func(*store.Row) error) error {
	if !w.Hooks.Any(message) {
		return do(r)
	}
	x := &rowWrite{table: t, before: r}
	for _, stage := range []string{hooks.PreValidation, hooks.PreOperation} {
		if err := w.raise(x, hooks.Event{Message: message, Stage: stage, ID: r.ID, Before: x.before}); err != nil {
			return err
		}
		x.before = w.Data[t.Name].Get(r.ID)
	}
	if err := do(x.before); err != nil {
		return err
	}
	x.row = w.Data[t.Name].Get(r.ID)
	return w.raise(x, hooks.Event{Message: message, Stage: hooks.PostOperation, ID: r.ID, Before: x.before, After: x.row})
}

// RunHooks runs the asynchronous hooks that are due. Each is a transaction of its own; one that fails leaves a failed system
// job. Page: handle-exceptions.
func (s *Service) RunHooks(now time.Time) {
	for _, p := range s.Hooks.Due(now) {
		ev := p.Event
		w := s.PlatformWriter()
		w.Base, w.User, w.Hooks = ev.Base, ev.User, s.Hooks
		w.raising = raising{within: ev.Within, correlation: ev.Correlation, bypass: ev.Bypass}
		x := &rowWrite{table: ev.Table, id: ev.ID, before: ev.Before, row: ev.After}
		if err := p.Run(s.Hooks, &hookWriter{w, x, p.Step()}); err != nil {
			w.Rollback()
			s.HookFailed(p.Step(), &ev, err)
			continue
		}
		w.Commit()
		s.Meter.Wrote(w.Written)
	}
}

// HookFailed writes the system job of an asynchronous hook that failed.
func (s *Service) HookFailed(h *hooks.Hook, ev *hooks.Event, err error) {
	w := s.PlatformWriter()
	defer w.Commit()
	code, message := hooks.Failure(err)
	t := w.Schema.Tables["asyncoperation"]
	v := store.Values{}
	w.stampNew(t, v)
	name := h.Name
	if name == "" {
		name = h.Message + " of " + ev.Table.Name
	}
	v.SetText(t, "name", name)
	v.SetText(t, "message", message)
	v.SetText(t, "friendlymessage", message)
	v.SetText(t, "messagename", ev.Message)
	v.SetText(t, "primaryentitytype", ev.Table.Name)
	v.Set(t, "operationtype", int64(1))
	v.Set(t, "errorcode", errorNumber(code))
	v.Set(t, "depth", int64(ev.Depth))
	v.Set(t, "correlationid", ev.Correlation)
	v.Set(t, "requestid", ev.Correlation)
	v.Set(t, "startedon", w.Now)
	v.Set(t, "completedon", w.Now)
	v.Set(t, "statecode", int64(3))
	v.Set(t, "statuscode", int64(31))
	v.Set(t, "ownerid", store.Ref{Table: "systemuser", ID: ev.User})
	if c := t.Column("regardingobjectid"); c != nil && slices.Contains(c.Targets, ev.Table.Name) {
		v.Set(t, "regardingobjectid", store.Ref{Table: ev.Table.Name, ID: ev.ID})
	}
	w.SetDefaults(t, uuid.Nil, v)
	w.Put(t, w.newRow(t, uuid.New(), v))
}

// errorNumber is an error's code as the number that a system job has.
func errorNumber(code string) any {
	var n uint32
	for _, r := range strings.ToLower(wire.TrimHex(code)) {
		d := strings.IndexRune("0123456789abcdef", r)
		if d < 0 {
			return nil
		}
		n = n<<4 | uint32(d)
	}
	return int64(int32(n))
}
