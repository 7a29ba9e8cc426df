package console

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

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
	Search  string // what an address in the search could be looked for in the whole CRM
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
	Index   int // counted from 1
	Name    string
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
	page := peoplePage{Filter: f, Query: f.Query(), Total: len(found), All: len(b.Persons), Chunk: chunkOf(len(found)), Tables: b.Tables}
	page.Rows = b.rows(t, f, found, from, page.Chunk)
	for i := range b.Grounds {
		page.Grounds = append(page.Grounds, choice{groundFilter(&b.Grounds[i]), b.groundWords(t, b.Grounds[i].ID)})
	}
	for i := range b.Owners {
		if ownerFilter(&b.Owners[i]) != none || len(b.Owners) == 1 {
			page.Owners = append(page.Owners, choice{ownerFilter(&b.Owners[i]), ownerWords(t, &b.Owners[i])})
		}
	}
	page.States = append(page.States, comingAll, announced)
	for _, a := range actions {
		page.States = append(page.States, string(a))
	}
	for _, s := range sorts {
		page.Sorts = append(page.Sorts, sortHead{Name: s, Query: f.By(s).Query(), Active: f.Sort == s, Down: f.Down})
	}
	if strings.Contains(f.Text, "@") {
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
	words := map[int32]string{}
	for n := from; n < to; n++ {
		i := found[n]
		p := &b.Persons[i]
		ground, ok := words[p.Ground]
		if !ok {
			ground = b.groundWords(t, b.Grounds[p.Ground].ID)
			words[p.Ground] = ground
		}
		row := listRow{Index: n + 1, Name: p.Name, Path: personPath(b.TableOf(p), p.ID), Table: b.TableOf(p), Ground: ground, Owner: ownerWords(t, b.OwnerOf(p)), PurgeOn: p.PurgeOn, State: p.Action}
		if row.Name == "" {
			row.Name = t.T("person.unnamed")
		}
		part.Rows = append(part.Rows, row)
	}
	return part
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

// findPerson looks for an e-mail address in the whole CRM: whoever is kept stands in no plan.
func (c *Console) findPerson(w http.ResponseWriter, r *http.Request, b *reading) {
	people, err := evaluate.FindByEmail(r.Context(), c.o.Client, b.checked, strings.TrimSpace(r.FormValue("address")))
	switch {
	case errors.Is(err, evaluate.ErrNobody) || err == nil && len(people) == 0:
		c.tell(w, r, "/people", true, "find.nobody")
	case err != nil:
		c.fail(w, r, err)
	case len(people) == 1:
		http.Redirect(w, r, personPath(people[0].Table, people[0].ID), http.StatusSeeOther)
	default:
		var found []listRow
		for _, p := range people {
			found = append(found, listRow{Table: p.Table, Path: personPath(p.Table, p.ID), Name: p.ID.String()})
		}
		c.show(w, r, http.StatusOK, "found", found)
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
