package emulator

import (
	"net/http"
)

// closes are the activities that come into being completed. Page: opportunityclose ("completed by default").
var closes = map[string]bool{"opportunityclose": true, "quoteclose": true, "orderclose": true, "incidentresolution": true}

// initialState is the state and status of a new row: a table's default state and its first status.
func (t *table) initialState() (state, status int64) {
	if closes[t.Name] {
		state = 1
	}
	return state, t.firstStatus(state)
}

// firstStatus is the status that a state has when none is named.
func (t *table) firstStatus(state int64) int64 {
	c := t.column("statuscode")
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

// fits tells whether a status belongs to a state.
func (t *table) fits(state, status int64) bool {
	c := t.column("statuscode")
	if c == nil || len(c.Options) == 0 {
		return true
	}
	o := c.option(int(status))
	return o != nil && (o.State == nil || int64(*o.State) == state)
}

func (t *table) stateLabel(state int64) string {
	if c := t.column("statecode"); c != nil {
		if o := c.option(int(state)); o != nil {
			return o.Label
		}
	}
	return "?"
}

func (t *table) badPair(state, status int64) *fault {
	return newFault(http.StatusBadRequest, "0x80048408", "%d is not a valid status code for state code %sState.%s on %s.", status, t.SchemaName, t.stateLabel(state), t.Name)
}

// startState gives a new row its state. A state in the body of a create is ignored, so a status of another state does
// not fit: create first, then change the state.
func (t *table) startState(v values) error {
	if t.column("statecode") == nil {
		return nil
	}
	state, status := t.initialState()
	v.set(t, "statecode", state)
	v.setDefault(t, "statuscode", status)
	if s, ok := v.of(t, nil, "statuscode").(int64); ok && !t.fits(state, s) {
		return t.badPair(state, s)
	}
	return nil
}

// moveState checks the state that an update leads to and completes the pair of state and status. Pages:
// WinOpportunity, LoseOpportunity, CloseQuote; "Restricted state transitions".
func (w *writer) moveState(t *table, before *row, v values) error {
	if t.column("statecode") == nil || !v.has(t, "statecode") && !v.has(t, "statuscode") {
		return nil
	}
	from := t.int(before, "statecode")
	state, ok := v.of(t, before, "statecode").(int64)
	if !ok {
		return newFault(http.StatusBadRequest, "0x80048408", "State code is invalid or state code is valid but status code is invalid for a specified state code.")
	}
	if !v.has(t, "statuscode") && state != from {
		v.set(t, "statuscode", t.firstStatus(state))
	}
	status, ok := v.of(t, before, "statuscode").(int64)
	if !ok || !t.fits(state, status) {
		return t.badPair(state, status)
	}
	if move := w.rules[t.Name].move; move != nil {
		return move(from, state, status)
	}
	if state == from {
		return nil
	}
	return moveAllowed(t, from, state)
}

// moveAllowed refuses the changes of state that need an action of their own.
func moveAllowed(t *table, from, to int64) error {
	switch t.Name {
	case "opportunity":
		if to != 0 {
			return newFault(http.StatusBadRequest, "0x80100005", "This message can not be used to set the state of opportunity to %s. In order to set state of opportunity to %[1]s, use the %[1]sOpportunityRequest message instead.", t.stateLabel(to))
		}
	case "lead":
		if from != 0 && to != 0 {
			return newFault(http.StatusBadRequest, "0x80040519", "The lead is already closed.")
		}
	case "incident":
		if to == 1 {
			return newFault(http.StatusBadRequest, "0x80040233", "This message can not be used to set the state of incident to Resolved. In order to set state of incident to Resolved, use the CloseIncidentRequest message instead.")
		}
	case "quote":
		switch {
		case to == 1 && from != 0:
			return newFault(http.StatusBadRequest, "0x80100003", "The quote cannot be activated because it is not in draft state.")
		case to == 2:
			return newFault(http.StatusBadRequest, "0x80040233", "Quote status cannot be changed to Won. Please use the WinQuoteRequest instead.")
		case to == 3:
			return newFault(http.StatusBadRequest, "0x80040233", "Quote status cannot be changed to Closed. Please use the CloseQuoteRequest instead.")
		}
	}
	return nil
}

// unlocked refuses the update of a row whose state makes it read-only. An update that sets the state passes: it is how
// a row is opened again. Pages: dynamics-365-sales-privacy (an administrator may update read-only quotes, orders and
// invoices), the state descriptions of the activities.
func (w *writer) unlocked(t *table, before *row, v values) error {
	state := t.int(before, "statecode")
	switch t.Name {
	case "quote", "salesorder", "invoice":
		lock := w.engine.options.ReadOnlyQuotes
		if state == 0 || lock == LockNone || onlyState(t, v) {
			return nil
		}
		if lock == LockDocumented && w.administers() {
			return nil
		}
		return newFault(http.StatusBadRequest, "0x8004022e", "The entity cannot be updated because it is read-only.")
	}
	if t.Activity && w.engine.options.ClosedActivities != LockNone && (state == 1 || state == 2) && !v.has(t, "statecode") {
		return newFault(http.StatusBadRequest, "0x80040233", "Cannot update Closed or Cancelled Activity")
	}
	return nil
}

// onlyState tells an update of state and status alone.
func onlyState(t *table, v values) bool {
	for i := range v {
		if n := t.Columns[i].Name; n != "statecode" && n != "statuscode" {
			return false
		}
	}
	return v.has(t, "statecode")
}
