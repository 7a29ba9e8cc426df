package console

import (
	"errors"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/report"
)

// filter says which people a list shows, and in which order. It stands in the address of the page, all but what was
// searched for: that may be a name, and the browser keeps addresses. In its place stands a word that the session knows.
type filter struct {
	Table  string
	Ground string // an id, or none
	Owner  string // an id, or none
	State  string // an action, announced, coming or everyone; empty: everybody with whom the plan has something to do
	From   retention.Date
	To     retention.Date
	Word   string // stands for Text
	Text   string
	Sort   string
	Down   bool
}

// States that stand for several actions, and what stands for nothing.
const (
	announced = "announced" // have a date that has not come
	comingAll = "coming"    // announced, or their day has come
	everyone  = "everyone"  // whoever is merely kept as well
	none      = "none"
)

// sorts are the orders of the list.
var sorts = []string{"name", "company", "table", "ground", "owner", "date", "state"}

var errFilter = errors.New("the address of the list is not one that the console makes")

// readFilter reads a filter from an address.
func readFilter(v url.Values, s *session) (filter, error) {
	f := filter{Table: v.Get("table"), Ground: v.Get("ground"), Owner: v.Get("owner"), State: v.Get("state"), Word: v.Get("s"), Sort: v.Get("sort"), Down: v.Get("down") == "1"}
	if f.Sort == "" {
		f.Sort = "date"
	}
	known := slices.Contains([]string{"", announced, comingAll, everyone}, f.State) || slices.Contains(actions, retention.Action(f.State))
	if !slices.Contains(sorts, f.Sort) || !known {
		return filter{}, errFilter
	}
	for name, d := range map[string]*retention.Date{"from": &f.From, "to": &f.To} {
		if text := v.Get(name); text != "" {
			day, err := retention.ParseDate(text)
			if err != nil {
				return filter{}, errFilter
			}
			*d = day
		}
	}
	if f.Owner != "" && f.Owner != none {
		if _, err := uuid.Parse(f.Owner); err != nil {
			return filter{}, errFilter
		}
	}
	if s != nil {
		f.Text = s.search(f.Word)
	}
	if f.Text == "" {
		f.Word = ""
	}
	return f, nil
}

// Query is the filter as it stands in an address, escaped: a page puts it behind a question mark as it is.
func (f filter) Query() template.URL {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("table", f.Table)
	set("ground", f.Ground)
	set("owner", f.Owner)
	set("state", f.State)
	set("from", f.From.String())
	set("to", f.To.String())
	set("s", f.Word)
	if f.Sort != "date" {
		set("sort", f.Sort)
	}
	if f.Down {
		set("down", "1")
	}
	return template.URL(v.Encode())
}

// By is the filter in another order; asked for again, the other way round.
func (f filter) By(sort string) filter {
	f.Down = f.Sort == sort && !f.Down
	f.Sort = sort
	return f
}

// Active tells whether it leaves anybody out.
func (f filter) Active() bool {
	f.Sort, f.Down = "", false
	return f != filter{}
}

// scope is the state of the list that the filter is a part of.
func (f filter) scope() string {
	if f.State == everyone || f.State == string(retention.Keep) || f.Text != "" {
		return everyone
	}
	return ""
}

// list is who passes the filter, in its order.
func (b *reading) list(f filter) []int32 {
	order := b.orders[f.Sort]
	if !f.Active() && !f.Down && !b.kept {
		return order
	}
	takes, ok := b.taker(f)
	if !ok {
		return nil
	}
	found := make([]int32, 0, len(order))
	for _, i := range order {
		if takes(i) {
			found = append(found, i)
		}
	}
	if f.Down {
		slices.Reverse(found)
	}
	return found
}

// taker tells of a person whether they pass; it is not ok where nobody can.
func (b *reading) taker(f filter) (func(int32) bool, bool) {
	table, owner, ground := int32(-1), int32(-1), int32(-1)
	if f.Table != "" {
		if table = int32(slices.IndexFunc(b.Tables, func(t report.Table) bool { return t.Name == f.Table })); table < 0 {
			return nil, false
		}
	}
	if f.Owner != "" {
		var id uuid.UUID
		if f.Owner != none {
			id, _ = uuid.Parse(f.Owner)
		}
		if owner = int32(slices.IndexFunc(b.Owners, func(o report.Owner) bool { return o.ID == id })); owner < 0 {
			return nil, false
		}
	}
	if f.Ground != "" {
		id := f.Ground
		if id == none {
			id = ""
		}
		if ground = int32(slices.IndexFunc(b.Grounds, func(g report.Ground) bool { return g.ID == id })); ground < 0 {
			return nil, false
		}
	}
	text := strings.ToLower(strings.TrimSpace(f.Text))
	id, err := uuid.Parse(text)
	byID := err == nil
	return func(i int32) bool {
		p := &b.Persons[i]
		switch {
		case table >= 0 && p.Table != table,
			owner >= 0 && p.Owner != owner,
			ground >= 0 && p.Ground != ground,
			f.State == "" && text == "" && p.Action == retention.Keep, // found by name all the same
			f.State != "" && !in(p, f.State),
			!f.From.IsZero() && (p.PurgeOn.IsZero() || p.PurgeOn < f.From),
			!f.To.IsZero() && (p.PurgeOn.IsZero() || p.PurgeOn > f.To):
			return false
		case text == "":
			return true
		case byID:
			return p.ID == id
		}
		s := b.spans[i]
		return strings.Contains(b.folded[s.at:s.at+uint32(s.len)], text)
	}, true
}

// in tells whether the person is in a state, or one of those that it stands for.
func in(p *report.Person, state string) bool {
	switch state {
	case everyone:
		return true
	case comingAll:
		return p.Due()
	case announced:
		return p.Due() && p.Action != retention.Purge
	}
	return string(p.Action) == state
}
