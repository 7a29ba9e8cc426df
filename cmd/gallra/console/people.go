package console

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/report"
)

// peoplePage is the list of people.
type peoplePage struct {
	Filter  filter
	Query   template.URL
	Total   int
	All     int
	Chunk   int // rows that are fetched at a time
	Rows    rowsPart
	Tables  []report.Table
	Grounds []choice
	Owners  []choice
	States  []string
	Sorts   []sortHead
	Search  string // what was searched for, where it can be looked for in the whole CRM
	Kept    bool   // who is kept stands in the lists
}

// choice is an option of a filter.
type choice struct{ Value, Name string }

// sortHead is the head of a column.
type sortHead struct {
	Name   string
	Query  template.URL
	Active bool
	Down   bool
}

// rowsPart is a piece of the list.
type rowsPart struct {
	Query template.URL
	From  int
	Rows  []listRow
	Next  int // where the next piece begins; -1: there is none
	Prev  int
	Total int
}

// listRow is a person in the list.
type listRow struct {
	Index   int    // counted from 1
	Key     string // of the person in a form
	Name    string
	Email   string
	Company string
	Path    string
	Table   string
	Ground  string
	Owner   string
	PurgeOn retention.Date
	State   retention.Action
}

// chunkOf is how many rows are fetched at a time: a hundred, or more where the list would otherwise fall into too many
// pieces to hold in a page.
func chunkOf(total int) int {
	chunk := 100
	for chunk*2000 < total {
		chunk += 100
	}
	return chunk
}

func (c *Console) people(w http.ResponseWriter, r *http.Request, b *reading) {
	f, err := readFilter(r.URL.Query(), sessionOf(r))
	if err != nil {
		c.refuse(w, r, err)
		return
	}
	t := c.tongue(r)
	found := b.list(f)
	from := position(r, len(found))
	page := peoplePage{Filter: f, Query: f.Query(), Total: len(found), All: len(b.list(filter{Sort: f.Sort, State: f.scope()})), Chunk: chunkOf(len(found)), Tables: b.Tables, Kept: b.kept}
	page.Rows = b.rows(t, f, found, from, page.Chunk)
	for i := range b.Grounds {
		page.Grounds = append(page.Grounds, choice{groundFilter(&b.Grounds[i]), b.groundWords(t, b.Grounds[i].ID)})
	}
	for i := range b.Owners {
		if ownerFilter(&b.Owners[i]) != none || len(b.Owners) == 1 {
			page.Owners = append(page.Owners, choice{ownerFilter(&b.Owners[i]), ownerWords(t, &b.Owners[i])})
		}
	}
	page.States = b.states()
	for _, s := range sorts {
		page.Sorts = append(page.Sorts, sortHead{Name: s, Query: f.By(s).Query(), Active: f.Sort == s, Down: f.Down})
	}
	if strings.Contains(f.Text, "@") || f.Text != "" && !b.kept {
		page.Search = f.Text
	}
	name := "people"
	if r.Header.Get("HX-Target") == "list" { // only the list: the form that asks for it stays where it is
		w.Header().Set("HX-Push-Url", "/people?"+string(page.Query))
		c.piece(w, r, "people-list", page)
		return
	}
	c.show(w, r, http.StatusOK, name, page)
}

// states are what a list can be narrowed to.
func (b *reading) states() []string {
	all := []string{comingAll, announced}
	for _, a := range actions {
		if a != retention.Keep || b.kept {
			all = append(all, string(a))
		}
	}
	if b.kept {
		all = append(all, everyone)
	}
	return all
}

// position is where in a list of n rows a request begins.
func position(r *http.Request, n int) int {
	at, err := strconv.Atoi(r.URL.Query().Get("at"))
	if err != nil || at < 0 || at >= n {
		return 0
	}
	return at
}

// peopleRows is a piece of the list, for a page that shows the rest of it.
func (c *Console) peopleRows(w http.ResponseWriter, r *http.Request, b *reading) {
	f, err := readFilter(r.URL.Query(), sessionOf(r))
	if err != nil {
		c.refuse(w, r, err)
		return
	}
	found := b.list(f)
	c.piece(w, r, "people-rows", b.rows(c.tongue(r), f, found, position(r, len(found)), chunkOf(len(found))))
}

func (b *reading) rows(t tongue, f filter, found []int32, from, chunk int) rowsPart {
	part := rowsPart{Query: f.Query(), From: from, Next: -1, Prev: -1, Total: len(found)}
	to := min(from+chunk, len(found))
	if to < len(found) {
		part.Next = to
	}
	if from > 0 {
		part.Prev = max(0, from-chunk)
	}
	for n := from; n < to; n++ {
		part.Rows = append(part.Rows, b.row(t, found[n], n+1))
	}
	return part
}

// row is a person as lists show them.
func (b *reading) row(t tongue, i int32, index int) listRow {
	p := &b.Persons[i]
	row := listRow{Index: index, Key: b.TableOf(p) + "/" + p.ID.String(), Name: p.Name, Email: p.Email, Company: p.Company, Path: personPath(b.TableOf(p), p.ID), Table: b.TableOf(p),
		Ground: b.groundWords(t, b.Grounds[p.Ground].ID), Owner: ownerWords(t, b.OwnerOf(p)), PurgeOn: p.PurgeOn, State: p.Action}
	if row.Name == "" {
		row.Name = t.T("person.unnamed")
	}
	return row
}

func personPath(table string, id uuid.UUID) string {
	return "/person/" + url.PathEscape(table) + "/" + id.String()
}

// search remembers what is searched for and leads to the list of those who have it. The text itself is in no address.
func (c *Console) search(w http.ResponseWriter, r *http.Request, _ *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	s := sessionOf(r)
	f, err := readFilter(r.PostForm, s)
	if err != nil {
		c.refuse(w, r, err)
		return
	}
	f.Text = report.Plain(cutRunes(r.PostForm.Get("q"), maxSearch))
	f.Word = s.remember(f.Text)
	http.Redirect(w, r, "/people?"+string(f.Query()), http.StatusSeeOther)
}

// maxSearch is more letters than a name or an address has.
const maxSearch = 200

func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// findPerson looks for an address or a part of a name in the whole CRM: for those who stand in no list, and for all rows of an address.
func (c *Console) findPerson(w http.ResponseWriter, r *http.Request, b *reading) {
	text := strings.TrimSpace(report.Plain(cutRunes(r.FormValue("address"), maxSearch)))
	if text == "" {
		c.tell(w, r, "/people", true, "find.nobody")
		return
	}
	found, more, err := c.findNamed(r.Context(), b, text)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if strings.Contains(text, "@") {
		people, err := evaluate.FindByEmail(r.Context(), c.o.Client, b.checked, text)
		if err != nil && !errors.Is(err, evaluate.ErrNobody) {
			c.fail(w, r, err)
			return
		}
		for _, p := range people { // in whichever column it stands
			if path := personPath(p.Table, p.ID); !slices.ContainsFunc(found, func(x listRow) bool { return x.Path == path }) {
				name, err := c.nameOf(r.Context(), b, p)
				if err != nil && !errors.Is(err, dataverse.ErrNotFound) {
					c.fail(w, r, err)
					return
				}
				found = append(found, listRow{Table: p.Table, Path: path, Name: cmp.Or(name, p.ID.String())})
			}
		}
	}
	t := c.tongue(r)
	for i := range found {
		if found[i].Name == "" {
			found[i].Name = t.T("person.unnamed")
		}
	}
	switch len(found) {
	case 0:
		c.tell(w, r, "/people", true, "find.nobody")
	case 1:
		http.Redirect(w, r, found[0].Path, http.StatusSeeOther)
	default:
		c.show(w, r, http.StatusOK, "found", map[string]any{"Rows": found, "More": more})
	}
}

// tell leads to a page that says something.
func (c *Console) tell(w http.ResponseWriter, r *http.Request, to string, bad bool, key string, args ...any) {
	sessionOf(r).tell(&notice{bad, c.tongue(r).T(key, args...)})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// refuse answers a request that the console's pages do not make.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	c.show(w, r, status, "refused", nil)
}

// fail answers where the environment or the ledger did not.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	c.log.Warn("console: a page failed", "route", r.Pattern, "error", err)
	c.show(w, r, http.StatusBadGateway, "failed", c.trouble(err))
}
