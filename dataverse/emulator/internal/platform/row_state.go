package platform

import (
	"net/http"
	"slices"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// closingActivities are the activities that are completed when they are created. Page: opportunityclose ("completed by
// default").
var closingActivities = map[string]bool{"opportunityclose": true, "quoteclose": true, "orderclose": true, "incidentresolution": true}

// InitialState is the state and status of a new row: a table's default state and its first status.
func InitialState(t *schema.Table) (state, status int64) {
	if closingActivities[t.Name] {
		state = 1
	}
	return state, FirstStatus(t, state)
}

// FirstStatus is the status that a state has when none is named.
func FirstStatus(t *schema.Table, state int64) int64 {
	c := t.Column("statuscode")
	if c == nil {
		return 0
	}
	for _, o := range c.Options {
		if o.State == nil || int64(*o.State) == state {
			return int64(o.Value)
		}
	}
	return 0
}

// StatusFits tells whether a status belongs to a state.
func StatusFits(t *schema.Table, state, status int64) bool {
	c := t.Column("statuscode")
	if c == nil || len(c.Options) == 0 {
		return true
	}
	o := c.Option(int(status))
	return o != nil && (o.State == nil || int64(*o.State) == state)
}

// StateLabel is the label of a statecode.
func StateLabel(t *schema.Table, state int64) string {
	if c := t.Column("statecode"); c != nil {
		if o := c.Option(int(state)); o != nil {
			return o.Label
		}
	}
	return "?"
}

// Transition refuses a status that may not follow another, where the table enforces that. Page:
// define-custom-state-model-transitions ("Attempting to set an invalid value throws an error"; which one it does not say).
func Transition(t *schema.Table, from, to int64) error {
	c := t.Column("statuscode")
	if !t.Transitions || c == nil || from == to {
		return nil
	}
	o := c.Option(int(from))
	if o == nil || o.TransitionData == "" || slices.Contains(o.Next, int(to)) {
		return nil
	}
	return wire.NewError(http.StatusBadRequest, "0x80048408", "The status %d of %s cannot follow the status %d: its state transitions do not allow it.", to, t.Name, from)
}

// BadStatus is the error for a status that does not belong to the state.
func BadStatus(t *schema.Table, state, status int64) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x80048408", "%d is not a valid status code for state code %sState.%s on %s.", status, t.SchemaName, StateLabel(t, state), t.Name)
}

// startState gives a new row its state. A state in the body of a create is ignored, so a status of another state does
// not fit: create first, then change the state.
func startState(t *schema.Table, v store.Values) error {
	if t.Column("statecode") == nil {
		return nil
	}
	state, status := InitialState(t)
	v.Set(t, "statecode", state)
	v.SetDefault(t, "statuscode", status)
	if s, ok := v.After(t, nil, "statuscode").(int64); ok && !StatusFits(t, state, s) {
		return BadStatus(t, state, s)
	}
	return nil
}

// moveState checks the state that an update leads to and completes the pair of state and status. Pages:
// WinOpportunity, LoseOpportunity, CloseQuote; "Restricted state transitions".
func (w *Writer) moveState(t *schema.Table, before *store.Row, v store.Values) error {
	if t.Column("statecode") == nil || !v.Has(t, "statecode") && !v.Has(t, "statuscode") {
		return nil
	}
	from := store.Int(t, before, "statecode")
	state, ok := v.After(t, before, "statecode").(int64)
	if !ok {
		return wire.NewError(http.StatusBadRequest, "0x80048408", "State code is invalid or state code is valid but status code is invalid for a specified state code.")
	}
	if !v.Has(t, "statuscode") && state != from {
		v.Set(t, "statuscode", FirstStatus(t, state))
	}
	status, ok := v.After(t, before, "statuscode").(int64)
	if !ok || !StatusFits(t, state, status) {
		return BadStatus(t, state, status)
	}
	if err := Transition(t, store.Int(t, before, "statuscode"), status); err != nil {
		return err
	}
	if move := w.Rules[t.Name].Move; move != nil {
		return move(from, state, status)
	}
	if state == from {
		return nil
	}
	return moveAllowed(t, from, state)
}

// CanMove tells whether a row may go to a state and status: by an update, or by the action that its table has for it.
func (w *Writer) CanMove(t *schema.Table, r *store.Row, state, status int64) bool {
	from := store.Int(t, r, "statecode")
	if !StatusFits(t, state, status) || Transition(t, store.Int(t, r, "statuscode"), status) != nil {
		return false
	}
	if state == from {
		return true
	}
	switch t.Name {
	case "opportunity", "incident": // won, lost and resolved by actions of their own, from open only
		return from == 0 || state == 0
	case "quote":
		return state == from+1 || state == 3
	}
	return moveAllowed(t, from, state) == nil
}

// moveAllowed refuses the changes of state that need an action of their own.
func moveAllowed(t *schema.Table, from, to int64) error {
	switch t.Name {
	case "opportunity":
		if to != 0 {
			return wire.NewError(http.StatusBadRequest, "0x80100005", "This message can not be used to set the state of opportunity to %s. In order to set state of opportunity to %[1]s, use the %[1]sOpportunityRequest message instead.", StateLabel(t, to))
		}
	case "lead":
		if from != 0 && to != 0 {
			return wire.NewError(http.StatusBadRequest, "0x80040519", "The lead is already closed.")
		}
	case "incident":
		if to == 1 {
			return wire.NewError(http.StatusBadRequest, "0x80040233", "This message can not be used to set the state of incident to Resolved. In order to set state of incident to Resolved, use the CloseIncidentRequest message instead.")
		}
	case "quote":
		switch {
		case to == 1 && from != 0:
			return wire.NewError(http.StatusBadRequest, "0x80100003", "The quote cannot be activated because it is not in draft state.")
		case to == 2:
			return wire.NewError(http.StatusBadRequest, "0x80040233", "Quote status cannot be changed to Won. Please use the WinQuoteRequest instead.")
		case to == 3:
			return wire.NewError(http.StatusBadRequest, "0x80040233", "Quote status cannot be changed to Closed. Please use the CloseQuoteRequest instead.")
		}
	}
	return nil
}

// unlocked refuses the update of a row whose state makes it read-only. An update that sets the state passes: it is how
// a row is opened again. Pages: dynamics-365-sales-privacy (an administrator may update read-only quotes, orders and
// invoices), the state descriptions of the activities.
func (w *Writer) unlocked(t *schema.Table, before *store.Row, v store.Values) error {
	state := store.Int(t, before, "statecode")
	switch t.Name {
	case "quote", "salesorder", "invoice":
		lock := w.Engine.Options.ReadOnlyQuotes
		if state == 0 || lock == store.LockNone || onlyState(t, v) {
			return nil
		}
		if lock == store.LockDocumented && w.administers() {
			return nil
		}
		return wire.NewError(http.StatusBadRequest, "0x8004022e", "The entity cannot be updated because it is read-only.")
	}
	if t.Activity && w.Engine.Options.ClosedActivities != store.LockNone && (state == 1 || state == 2) && !v.Has(t, "statecode") {
		return wire.NewError(http.StatusBadRequest, "0x80040233", "Cannot update Closed or Cancelled Activity")
	}
	return nil
}

// onlyState tells an update of state and status alone.
func onlyState(t *schema.Table, v store.Values) bool {
	for i := range v {
		if n := t.Columns[i].Name; n != "statecode" && n != "statuscode" {
			return false
		}
	}
	return v.Has(t, "statecode")
}
