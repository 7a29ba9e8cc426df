package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/rehearse"
)

// The rehearsal, as gallra rehearse does it, by one policy or by two side by side. What can be rehearsed are the snapshots of one folder,
// which whoever started the console has named; the browser chooses by name from a list and can name nothing else.

// shelf is what the folder holds.
type shelf struct {
	Folder    string // its name alone
	Snapshots []shelved
	Policies  []string
	Unfit     []shelved // of another environment, without rows, or no snapshots
	Command   string    // that puts one there
}

// shelved is a snapshot in the folder.
type shelved struct {
	Name, Taken, Rows string
	Trouble           *trouble
}

// rehearsed is what was rehearsed last.
type rehearsed struct {
	snapshot string
	policies []string // one, or two
	results  []*rehearse.Result
	months   int
	every    int
}

// rehearsalPage shows it.
type rehearsalPage struct {
	Shelf         shelf
	Snapshot      string // that was chosen last
	A, B          string
	Months, Every int
	Job           watched
	Trouble       *trouble
	Halted        bool // somebody has stopped it
	Made          bool
	Of            string // a or b: which of two is shown in full
	Policy        string
	Policies      []ofPolicy // where there are two
	View          *rehearse.View
	Difference    *rehearse.Difference
	Night         *nightView
	Each          []nightsOfMonth
}

// ofPolicy leads to what one of two policies brings.
type ofPolicy struct{ Of, Letter, Name string }

// nightView is one night of it.
type nightView struct {
	rehearse.Night
	Of     string
	N      int // its number, from 0
	Last   int
	Before rehearse.Told
}

// nightsOfMonth are the nights of a month, to be chosen from.
type nightsOfMonth struct {
	Month  string
	Nights []nightLink
}

type nightLink struct {
	N, Day, Purged int
	On             retention.Date
	Busy           bool
}

// shelf looks into the folder. The console's own policy comes first, wherever it lies.
func (c *Console) shelf(b *reading) (s shelf) {
	own := b.checked.Policy.Files[0]
	s.Policies = []string{filepath.Base(own)}
	if c.o.Snapshots == "" {
		s.Command = "gallra console --snapshots ."
		return s
	}
	s.Command = "gallra snapshot --out crm.gallra --rows all"
	s.Folder = filepath.Base(c.o.Snapshots)
	entries, err := os.ReadDir(c.o.Snapshots)
	if err != nil {
		c.log.Warn("console: the folder of snapshots cannot be read", "error", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() { // a link may lead out of the folder
			continue
		}
		path := filepath.Join(c.o.Snapshots, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".gallra":
			taken, rows, err := rehearse.Peek(path, b.checked.Policy)
			x := shelved{Name: e.Name(), Rows: rows, Taken: taken.In(b.checked.Policy.TimeZone).Format("2006-01-02 15:04")}
			if x.Trouble = c.trouble(err); x.Trouble == nil {
				s.Snapshots = append(s.Snapshots, x)
			} else {
				s.Unfit = append(s.Unfit, x)
			}
		case ".yaml", ".yml":
			if text, err := os.ReadFile(path); err == nil && policyFile(text) && !slices.Contains(s.Policies, e.Name()) {
				s.Policies = append(s.Policies, e.Name())
			}
		}
	}
	return s
}

// policyFile tells a policy from the other YAML files that lie about. What is wrong with it whoever chooses it is told.
func policyFile(text []byte) bool {
	return bytes.HasPrefix(text, []byte("subjects:")) || bytes.Contains(text, []byte("\nsubjects:"))
}

// policyOf reads a policy of the shelf.
func (c *Console) policyOf(b *reading, s *shelf, name string) (*policy.Policy, error) {
	own := b.checked.Policy.Files[0]
	switch {
	case name == filepath.Base(own):
		return policy.Load(own)
	case slices.Contains(s.Policies, name):
		return policy.Load(filepath.Join(c.o.Snapshots, name))
	}
	return nil, errFilter
}

// ofTwo is which of two policies a request asks for.
func ofTwo(r *http.Request, x *rehearsed) int {
	if r.FormValue("of") == "b" && len(x.results) > 1 {
		return 1
	}
	return 0
}

func (c *Console) rehearsal(w http.ResponseWriter, r *http.Request, b *reading) {
	t := c.tongue(r)
	page := rehearsalPage{Shelf: c.shelf(b), Months: 12, Every: 7, Job: c.watch("rehearse")}
	page.A = page.Shelf.Policies[0]
	if page.Halted = page.Job.Stopped && page.Job.Err != nil; !page.Halted {
		page.Trouble = c.trouble(page.Job.Err)
	}
	if x := c.rehearsedLast(); x != nil {
		page.Snapshot, page.Months, page.Every, page.A = x.snapshot, x.months, x.every, x.policies[0]
		if len(x.policies) > 1 {
			page.B = x.policies[1]
		}
		if len(x.results) > 0 && !page.Job.Running {
			var err error
			if page, err = c.showRehearsal(r, t, x, page); err != nil {
				c.fail(w, r, err)
				return
			}
		}
	}
	c.show(w, r, http.StatusOK, "rehearsal", page)
}

func (c *Console) rehearsedLast() *rehearsed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rehearsed
}

// showRehearsal fills a page with what was rehearsed.
func (c *Console) showRehearsal(r *http.Request, t tongue, x *rehearsed, page rehearsalPage) (rehearsalPage, error) {
	at := ofTwo(r, x)
	page.Made, page.Of, page.Policy = true, string(rune('a'+at)), x.policies[at]
	view, err := x.results[at].View(t.Language, personPath)
	if err != nil {
		return page, err
	}
	page.View, page.Night = view, nightOf(r, x)
	if len(x.results) > 1 {
		page.Difference = rehearse.Compare(x.results[0], x.results[1])
		page.Policies = []ofPolicy{{"a", "A", x.policies[0]}, {"b", "B", x.policies[1]}}
	}
	for i := range view.Diary {
		n := &view.Diary[i]
		month := n.On.String()[:7]
		if k := len(page.Each); k == 0 || page.Each[k-1].Month != month {
			page.Each = append(page.Each, nightsOfMonth{Month: month})
		}
		m := &page.Each[len(page.Each)-1]
		m.Nights = append(m.Nights, nightLink{i, n.On.Time().Day(), n.Purged, n.On, !n.Quiet()})
	}
	return page, nil
}

// nightOf is the night that a request asks for: the first one in which somebody goes, where it asks for none.
func nightOf(r *http.Request, x *rehearsed) *nightView {
	at := ofTwo(r, x)
	result := x.results[at]
	last := len(result.Diary) - 1
	if last < 0 {
		return nil
	}
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		n = max(0, slices.IndexFunc(result.Diary, func(n rehearse.Night) bool { return n.Purged > 0 }))
	}
	n = min(max(n, 0), last)
	return &nightView{result.Diary[n], string(rune('a' + at)), n, last, result.Until(n)}
}

// rehearsalNight is the part of the page that the slider changes.
func (c *Console) rehearsalNight(w http.ResponseWriter, r *http.Request, _ *reading) {
	x := c.rehearsedLast()
	if x == nil || len(x.results) == 0 {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	c.piece(w, r, "rehearsal-night", nightOf(r, x))
}

// rehearse begins a rehearsal, in the background.
func (c *Console) rehearse(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	s := c.shelf(b)
	x := &rehearsed{snapshot: r.PostForm.Get("snapshot"), policies: []string{r.PostForm.Get("policy")}}
	if beside := r.PostForm.Get("beside"); beside != "" {
		x.policies = append(x.policies, beside)
	}
	var errs [2]error
	x.months, errs[0] = strconv.Atoi(r.PostForm.Get("months"))
	x.every, errs[1] = strconv.Atoi(r.PostForm.Get("every"))
	known := slices.ContainsFunc(s.Snapshots, func(k shelved) bool { return k.Name == x.snapshot })
	for _, name := range x.policies {
		known = known && slices.Contains(s.Policies, name)
	}
	if !known || errors.Join(errs[:]...) != nil || !rehearse.Livable(x.months, x.every) {
		c.tell(w, r, "/rehearsal", true, "rehearsal.choose")
		return
	}
	c.begin("rehearse", func(ctx context.Context, j *job) error {
		c.mu.Lock()
		c.rehearsed = x
		c.mu.Unlock()
		done := *x
		for i, name := range x.policies {
			p, err := c.policyOf(b, &s, name)
			if err != nil {
				return err
			}
			result, err := c.live(ctx, j, x, p, i)
			if err != nil {
				return err
			}
			done.results = append(done.results, result)
		}
		c.mu.Lock()
		c.rehearsed = &done
		c.mu.Unlock()
		return nil
	})
	http.Redirect(w, r, "/rehearsal", http.StatusSeeOther)
}

// live rehearses by one of the policies. Its ledger goes with it.
func (c *Console) live(ctx context.Context, j *job, x *rehearsed, p *policy.Policy, at int) (*rehearse.Result, error) {
	book, err := os.MkdirTemp("", "gallra-rehearsal-") // of mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(book) }()
	j.phase("snapshot", 0)
	server, head, err := rehearse.Open(filepath.Join(c.o.Snapshots, x.snapshot))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j.phase("rehearse", 0)
	night := func(on retention.Date) string {
		if len(x.policies) == 1 {
			return on.String()
		}
		return string(rune('A'+at)) + " · " + on.String()
	}
	r, err := rehearse.Run(ctx, server, head, p, rehearse.Options{Months: x.months, Every: x.every, Ledger: book,
		Progress: func(on retention.Date, done, of int) {
			j.update(func(p *progress) {
				p.What, p.Done, p.Total = night(on), at*of+done, len(x.policies)*of
			})
		},
		Within: func(on retention.Date, w purge.Progress) {
			if w.Phase == "purge" && w.Total > 0 {
				j.update(func(p *progress) { p.What = fmt.Sprintf("%s · %d / %d", night(on), w.Done, w.Total) })
			}
		}})
	if r != nil && r.Link != "" { // as everywhere in the console
		r.Link = strings.TrimSuffix(c.o.URL, "/") + "/main.aspx?pagetype=entityrecord"
	}
	return r, err
}

func (c *Console) stopRehearsal(w http.ResponseWriter, r *http.Request) {
	c.stopJob("rehearse")
	http.Redirect(w, r, "/rehearsal", http.StatusSeeOther)
}

// rehearsalFile is the page of it to keep, as gallra rehearse --html writes it.
func (c *Console) rehearsalFile(w http.ResponseWriter, r *http.Request, _ *reading) {
	x := c.rehearsedLast()
	if x == nil || len(x.results) == 0 {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	at := ofTwo(r, x)
	var page bytes.Buffer
	if err := x.results[at].WriteHTML(&page, x.policies[at], c.tongue(r).Language, nil); err != nil {
		c.fail(w, r, err)
		return
	}
	attach(w, "text/html; charset=utf-8", fileName("rehearsal", x.results[at].From, "html"))
	_, _ = w.Write(page.Bytes())
}
