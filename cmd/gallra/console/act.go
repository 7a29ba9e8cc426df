package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// act is what somebody does to a person: hold, release, extend. It is asked back first.
func (c *Console) act(w http.ResponseWriter, r *http.Request, b *reading) {
	p, ok := who(r, b)
	act := r.PathValue("act")
	if !ok || !slices.Contains(acts, act) {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	path := personPath(p.Table, p.ID)
	reason, until, wrong, args := c.given(r, act)
	if wrong != "" {
		c.tell(w, r, path, true, wrong, args...)
		return
	}
	if r.PostForm.Get("confirm") != "yes" {
		name, err := c.nameOf(r.Context(), b, p)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.show(w, r, http.StatusOK, "confirm", map[string]any{"Act": act, "Path": path, "Name": name, "Table": p.Table, "Reason": reason, "Until": until, "Column": b.checked.Subject(p.Table).Own})
		return
	}
	once := r.PostForm.Get("once")
	if once == "" {
		c.refuse(w, r, errFilter)
		return
	}
	t, s := c.tongue(r), sessionOf(r)
	to := c.once.do(act+path+once, func() string {
		err := c.carryOut(context.WithoutCancel(r.Context()), b, p, act, reason, until)
		s.tell(c.outcomeOf(t, act, err))
		return path
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// maxReason leaves room on the row for what gallra says itself.
const maxReason = 300

// carryOut does it, and brings what the console knows of the person up to date.
func (c *Console) carryOut(ctx context.Context, b *reading, p evaluate.PersonRef, act, reason string, until retention.Date) error {
	l, err := c.o.Ledger()
	if err != nil {
		return err
	}
	if err := do(ctx, c.o.Deps(act, b.checked, l), p, act, reason, until); err != nil {
		return err
	}
	c.learn(ctx, b, l, []evaluate.PersonRef{p})
	return nil
}

// outcomeOf says what became of an act.
func (c *Console) outcomeOf(t tongue, act string, err error) *notice {
	var locked *ledger.LockedError
	switch {
	case err == nil:
		return &notice{text: t.T("act." + act + ".done")}
	case errors.As(err, &locked):
		return &notice{true, t.T("act.locked", locked.Holder.Run)}
	case errors.Is(err, purge.ErrNotExtended):
		return &notice{true, t.T("act.notextended")}
	case errors.Is(err, purge.ErrNotHeld):
		return &notice{true, t.T("act.notheld")}
	case errors.Is(err, purge.ErrAnonymized), errors.Is(err, dataverse.ErrNotFound):
		return &notice{true, t.T("act.gone")}
	case errors.Is(err, purge.ErrExtensionPast):
		return &notice{true, t.T("act.past")}
	case errors.Is(err, purge.ErrExtensionTooFar):
		return &notice{true, t.T("act.toofar")}
	case errors.Is(err, purge.ErrUnprovisioned):
		return &notice{true, t.T("act.unprovisioned")}
	}
	c.log.Warn("console: an action failed", "act", act, "error", err)
	return &notice{true, t.T("act.failed", strings.TrimSpace(err.Error()+" "+dataverse.Hint(err)))}
}
