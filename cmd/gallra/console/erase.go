package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report/receipt"
)

// A data subject's request: what would go and what forbids it, then the number of rows typed, then the erasure with its progress, and
// the receipt.

// erasure is a request that was looked at.
type erasure struct {
	from    evaluate.PersonRef // whose page it began on
	found   *verb.Found
	weighed *verb.Weighed
	rows    []evaluate.PersonRef // which are meant; empty until somebody has said so
	despite []string
}

// erasePage shows what an erasure would do.
type erasePage struct {
	Path, Name string
	Key        string
	Rows       []eraseRow
	Several    int // under how many names the rows stand, more than one
	Grounds    []eraseGround
	Held       bool
	Confirm    bool
	May        []policy.Rail // guard rails that the policy lets somebody pass over
	Missing    []string
	Job        watched
	Outcome    *outcome
	Receipts   []*keptReceipt
}

// eraseRow is a row that would go.
type eraseRow struct {
	Key, Path, Name, Table string
	Chosen, Held           bool
	Do                     policy.Disposition
	Bound, Code            string
	Counts                 []forecastRow
}

// eraseGround is a ground that forbids it.
type eraseGround struct {
	ID, Why, Basis string
	Until          retention.Date
	Named          bool
}

// keptReceipt is a receipt as long as the console stands open.
type keptReceipt struct {
	ID      string
	At      string
	Purged  int
	Rows    int
	receipt *receipt.Receipt
	policy  *policy.Policy
}

// look finds the rows of a request and weighs them.
func (c *Console) lookErasure(ctx context.Context, b *reading, from evaluate.PersonRef) (*erasure, error) {
	today := c.today(b)
	found, err := verb.Find(ctx, c.o.Client, b.checked, today, []evaluate.PersonRef{from})
	if err != nil {
		return nil, err
	}
	weighed, err := verb.Weigh(ctx, c.o.Client, b.checked, b.known(today), found.Rows)
	if err != nil {
		return nil, err
	}
	return &erasure{from: from, found: found, weighed: weighed}, nil
}

// erase shows what an erasure of somebody would do.
func (c *Console) erase(w http.ResponseWriter, r *http.Request, b *reading) {
	p, ok := who(r, b)
	if !ok {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	e, err := c.lookErasure(r.Context(), b, p)
	switch {
	case errors.Is(err, dataverse.ErrNotFound):
		c.show(w, r, http.StatusNotFound, "gone", nil)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.showErasure(w, r, b, e, false)
	}
}

func (c *Console) showErasure(w http.ResponseWriter, r *http.Request, b *reading, e *erasure, confirm bool) {
	name, err := c.nameOf(r.Context(), b, e.from)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := erasePage{Path: personPath(e.from.Table, e.from.ID), Name: cmp.Or(name, e.from.ID.String()), Confirm: confirm, May: mayPass(b, purge.EraseBypass)}
	for i := range b.checked.Subjects {
		page.Missing = append(page.Missing, b.checked.Subjects[i].Unprovisioned...)
	}
	if len(e.found.People) > 1 {
		page.Several = len(e.found.People)
	}
	for i := range e.weighed.All {
		a := &e.weighed.All[i]
		chosen := len(e.rows) == 0 && page.Several == 0 || slices.Contains(e.rows, a.PersonRef)
		if confirm && !chosen {
			continue
		}
		f := e.weighed.Forecasts[a.PersonRef]
		row := eraseRow{Key: a.Table + "/" + a.ID.String(), Path: personPath(a.Table, a.ID), Table: a.Table, Chosen: chosen, Held: a.Held, Do: f.Do, Code: f.Code}
		if row.Name, err = c.nameOf(r.Context(), b, a.PersonRef); err != nil {
			c.fail(w, r, err)
			return
		}
		row.Name = cmp.Or(row.Name, a.ID.String())
		if f.Bound {
			row.Bound = c.tables(c.tongue(r), f.By)
		}
		row.Counts = forecastRows(f)
		page.Held = page.Held || a.Held
		page.Rows = append(page.Rows, row)
		for _, h := range a.Holding {
			if !slices.ContainsFunc(page.Grounds, func(g eraseGround) bool { return g.ID == h.Ground && g.Why == h.Why }) {
				page.Grounds = append(page.Grounds, eraseGround{h.Ground, h.Why, h.Basis, h.Until, slices.Contains(e.despite, h.Ground)})
			}
		}
	}
	page.Key = sessionOf(r).deal(e)
	c.show(w, r, http.StatusOK, "erase", page)
}

func forecastRows(f purge.Forecast) (rows []forecastRow) {
	for _, key := range sortedKeys(f.Counts) {
		do, table, _ := strings.Cut(key, " ")
		rows = append(rows, forecastRow{do, table, f.Counts[key]})
	}
	return rows
}

// chooseErasure takes which rows are meant and which grounds the request outweighs, and asks back.
func (c *Console) chooseErasure(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	e := dealt[erasure](sessionOf(r), r.PostForm.Get("deal"))
	if e == nil {
		c.tell(w, r, "/people", true, "deal.old")
		return
	}
	var rows []evaluate.PersonRef
	for _, key := range r.PostForm["row"] {
		table, text, _ := strings.Cut(key, "/")
		id, err := uuid.Parse(text)
		if p := (evaluate.PersonRef{Table: table, ID: id}); err == nil && !slices.Contains(rows, p) {
			rows = append(rows, p)
		}
	}
	next := &erasure{e.from, e.found, e.weighed, rows, r.PostForm["despite"]}
	path := personPath(e.from.Table, e.from.ID) + "/erase"
	names := b.checked.GroundNames()
	switch key := next.refused(names); {
	case key != "":
		c.tell(w, r, path, true, key)
	default:
		c.showErasure(w, r, b, next, true)
	}
}

// refused says why the rows cannot be erased as they were chosen, as far as that is known before.
func (e *erasure) refused(grounds []string) string {
	if !e.found.Chosen(e.rows, true) || slices.ContainsFunc(e.despite, func(g string) bool { return !slices.Contains(grounds, g) }) {
		return "erase.norows"
	}
	for i := range e.weighed.All {
		a := &e.weighed.All[i]
		switch {
		case !slices.Contains(e.rows, a.PersonRef):
		case a.Held:
			return "erase.held"
		case len(a.Forbids(e.despite)) > 0:
			return "erase.forbidden"
		}
	}
	return ""
}

// doErase erases what was shown, once, and only where it is still what was shown.
func (c *Console) doErase(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	e := dealt[erasure](sessionOf(r), r.PostForm.Get("deal"))
	if e == nil || len(e.rows) == 0 || r.PostForm.Get("confirm") != "yes" {
		c.tell(w, r, "/people", true, "deal.old")
		return
	}
	t, s := c.tongue(r), sessionOf(r)
	if strings.TrimSpace(r.PostForm.Get("count")) != strconv.Itoa(len(e.rows)) {
		s.tell(&notice{true, t.T("erase.count", len(e.rows))})
		c.showErasure(w, r, b, e, true)
		return
	}
	if _, err := c.o.Client.WhoAmI(r.Context()); err != nil { // tells the service's day
		c.fail(w, r, err)
		return
	}
	path := personPath(e.from.Table, e.from.ID) + "/erase"
	bypass := passed(b, r, purge.EraseBypass)
	to := c.once.do("erase"+r.PostForm.Get("deal"), func() string {
		now, err := c.lookErasure(r.Context(), b, e.from)
		switch {
		case errors.Is(err, dataverse.ErrNotFound):
			s.tell(&notice{true, t.T("act.gone")})
			return "/people"
		case err != nil:
			s.tell(&notice{true, t.T("act.failed", strings.TrimSpace(err.Error()+" "+dataverse.Hint(err)))})
			return path
		case !now.same(e):
			s.tell(&notice{true, t.T("erase.changed")})
			return path
		}
		if _, begun := c.begin("erase", func(ctx context.Context, j *job) error { return c.carryOutErasure(ctx, j, b, e, bypass) }); !begun {
			s.tell(&notice{true, t.T("many.busy")})
			return path
		}
		return "/erase"
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// same tells whether a request looks today as it did: the same rows, under the same names, with the same against it and the same
// to go.
func (e *erasure) same(as *erasure) bool {
	return reflect.DeepEqual(e.found, as.found) && reflect.DeepEqual(e.weighed, as.weighed)
}

func (c *Console) carryOutErasure(ctx context.Context, j *job, b *reading, e *erasure, bypass []policy.Rail) error {
	c.mu.Lock()
	c.erased = nil
	c.mu.Unlock()
	var done *verb.Erased
	l, err := c.o.Ledger()
	if err == nil {
		deps := c.o.Deps("erase", b.checked, l)
		deps.Bypass = bypass
		j.follow(&deps)
		done, err = verb.Erase(ctx, deps, e.rows, e.despite, c.o.Client.Now)
	}
	var summary *purge.Summary
	if done != nil {
		summary = done.Summary
	}
	zone := b.checked.Policy.TimeZone
	out := c.conclude(summary, err, zone)
	c.mu.Lock()
	c.erased = out
	if done != nil && done.Receipt != nil {
		c.receipts = append(c.receipts, &keptReceipt{ID: secret()[:16], At: out.At.Format("2006-01-02 15:04"), Purged: done.Purged, Rows: len(e.rows), receipt: done.Receipt, policy: b.checked.Policy})
	}
	c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.read()
	}
	return err
}

// erasures shows an erasure under way, what became of the last one, and the receipts.
func (c *Console) erasures(w http.ResponseWriter, r *http.Request, _ *reading) {
	page := erasePage{Job: c.watch("erase")}
	c.mu.Lock()
	page.Outcome, page.Receipts = c.erased, slices.Clone(c.receipts)
	c.mu.Unlock()
	slices.Reverse(page.Receipts)
	c.show(w, r, http.StatusOK, "erasures", page)
}

func (c *Console) stopErase(w http.ResponseWriter, r *http.Request) {
	c.stopJob("erase")
	http.Redirect(w, r, "/erase", http.StatusSeeOther)
}

// receiptFile is a receipt, to be read, printed and kept: .html in the language of whoever asked, .json for machines.
func (c *Console) receiptFile(w http.ResponseWriter, r *http.Request, b *reading) {
	id, ext, _ := strings.Cut(r.PathValue("file"), ".")
	c.mu.Lock()
	i := slices.IndexFunc(c.receipts, func(k *keptReceipt) bool { return k.ID == id })
	var kept *keptReceipt
	if i >= 0 {
		kept = c.receipts[i]
	}
	c.mu.Unlock()
	if kept == nil || ext != "html" && ext != "json" {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	lang := c.tongue(r).Language
	if found, ok := words.Find(r.FormValue("lang")); ok {
		lang = found
	}
	var text bytes.Buffer
	kind, write := "application/json", kept.receipt.WriteJSON(&text)
	if ext == "html" {
		text.Reset()
		kind, write = "text/html; charset=utf-8", kept.receipt.WriteHTML(&text, kept.policy, lang)
	}
	if write != nil {
		c.fail(w, r, write)
		return
	}
	name := fileName("receipt", retention.DateOf(kept.receipt.Ended, b.checked.Policy.TimeZone), ext)
	if r.FormValue("show") == "yes" && ext == "html" { // it holds its own style, no script, and nobody's name
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Content-Type", kind)
	} else {
		attach(w, kind, name)
	}
	_, _ = w.Write(text.Bytes())
}
