// Package receipt writes what an erasure leaves to hand over: for machines as JSON, for the person who asked as a page in their
// language. It holds ids, counts, times and what the policy says, and no personal data; the page needs nothing else and runs no
// script. TestReceiptForPeople holds this.
package receipt

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// Receipt is what an erasure leaves to hand over: ids, counts and times, and no personal data.
type Receipt struct {
	Kind         string         `json:"kind"`
	Run          string         `json:"run"`
	Status       string         `json:"status"`
	Began        time.Time      `json:"began"`
	Ended        time.Time      `json:"ended"`
	Organization uuid.UUID      `json:"organization"`
	Policy       string         `json:"policy"`
	Despite      []string       `json:"despite"`
	Rows         []Row          `json:"rows"`
	Related      []Table        `json:"related"`
	Places       []Stood        `json:"places"` // the same by place of the person map
	Aside        []Aside        `json:"aside"`  // places that were not looked at: nothing here is said of what stands there
	Audit        Audit          `json:"audit"`
	Residue      int            `json:"residue"`  // places that still hold something that should be gone, of those that were searched
	Mentions     map[string]int `json:"mentions"` // what still mentions the person by rule, by table
	Unread       []Place        `json:"unread"`   // what was not searched, or not to the end
	ByHand       []Place        `json:"byHand"`
	Ledger       Evidence       `json:"ledger"`
}

// Row is a row that was asked for, and what became of it.
type Row struct {
	Table  string             `json:"table"`
	ID     uuid.UUID          `json:"id"`
	Do     policy.Disposition `json:"do,omitempty"`
	Status string             `json:"status"`
	Code   string             `json:"code,omitempty"`
}

// Table counts what became of the related rows of a table.
type Table struct {
	Table      string `json:"table"`
	Deleted    int    `json:"deleted"`
	Anonymized int    `json:"anonymized"`
	Kept       int    `json:"kept"`
	Freed      int    `json:"freed"`
	TakenOff   int    `json:"takenOff"`
}

// Stood is what became of the related rows of one place where the person stood.
type Stood struct {
	Place      string         `json:"place"` // email.party
	Table      string         `json:"table"`
	Leads      personmap.Kind `json:"leads,omitempty"` // how the place led to the person
	Deleted    int            `json:"deleted"`
	Anonymized int            `json:"anonymized"`
	Kept       int            `json:"kept"`
	Freed      int            `json:"freed"` // rows that stay and lost their link; their text was searched
	TakenOff   int            `json:"takenOff"`
	Why        []string       `json:"why"`  // the reasons of the rules that keep rows there
	Ends       []End          `json:"ends"` // when such rows go after all; none: they stay
}

// End is when rows that a rule keeps go, by a date of their own.
type End struct {
	Rule  string             `json:"rule"`
	After string             `json:"after,omitempty"` // the column that the period counts from, …
	Until string             `json:"until,omitempty"` // … or that is the end itself
	Keep  retention.Keeping  `json:"keep"`
	Then  policy.Disposition `json:"then"`
}

// Aside is a place that no purge looks at, and why.
type Aside struct {
	Place string              `json:"place"`
	Table string              `json:"table"`
	Do    personmap.Treatment `json:"do"`
	Why   string              `json:"why"`
}

// Audit is what became of the audit history.
type Audit struct {
	Deleted int `json:"deleted"`
	Pending int `json:"pending"` // persons whose audit history the next run deletes
}

// Place is a place out of reach, and what can be done about it.
type Place struct {
	Key    search.PlaceKey `json:"-"`
	Place  string          `json:"place"`
	Remedy string          `json:"remedy"`
}

// Evidence is where in the ledger the evidence stands: it can be proven with gallra ledger verify.
type Evidence struct {
	Entry uint64 `json:"entry"`
	Hash  string `json:"hash"`
}

// Of is the receipt of an erasure: of the rows that were asked for and what became of them.
func Of(s *purge.Summary, c *compile.Policy, rows []evaluate.PersonRef, outcomes []purge.Outcome, despite []string, began, ended time.Time, proof Evidence) *Receipt {
	r := &Receipt{Kind: "receipt", Run: s.Run, Status: string(s.Status), Began: began.UTC(), Ended: ended.UTC(), Organization: c.Organization,
		Policy: c.Policy.Hash, Despite: append([]string{}, despite...), Rows: []Row{}, Related: []Table{}, Places: []Stood{}, Aside: []Aside{}, ByHand: Places(s.Unreachable),
		Audit: Audit{Deleted: s.Swept, Pending: s.Unswept}, Residue: len(s.Residue), Mentions: map[string]int{}, Unread: Places(s.Unread),
		Ledger: proof}
	for _, p := range rows {
		row := Row{Table: p.Table, ID: p.ID, Status: string(ledger.Skipped)}
		for _, o := range outcomes {
			if o.Table == p.Table && o.ID == p.ID {
				row.Do, row.Status, row.Code = o.Do, string(o.Status), o.Code
			}
		}
		r.Rows = append(r.Rows, row)
	}
	for _, t := range s.Related {
		r.Related = append(r.Related, Table{t.Table, t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared})
	}
	for _, t := range s.Places {
		r.Places = append(r.Places, stood(c, t))
	}
	for _, x := range s.Aside {
		if !slices.ContainsFunc(r.Aside, func(a Aside) bool { return a.Place == x.Place && a.Do == x.Do && a.Why == x.Why }) {
			r.Aside = append(r.Aside, Aside{x.Place, x.Table, x.Do, x.Why})
		}
	}
	for _, f := range s.Mentions {
		r.Mentions[f.Table] += 1 + f.More
	}
	return r
}

// stood is a tally of a place with how the place leads to persons, and why the policy keeps rows there.
func stood(c *compile.Policy, t purge.TableTally) Stood {
	table, column, _ := strings.Cut(t.Table, ".")
	out := Stood{Place: t.Table, Table: table, Deleted: t.Deleted, Anonymized: t.Anonymized, Kept: t.Kept, Freed: t.Freed, TakenOff: t.Shared, Why: []string{}, Ends: []End{}}
	for _, s := range c.Judged() {
		if s.Map == nil {
			continue
		}
		if p := s.Map.Place(t.Table); p != nil && out.Leads == "" {
			out.Leads = p.Kind
		}
	}
	if t.Kept+t.Freed+t.Anonymized == 0 {
		return out
	}
	out.Ends = ends(c, table, column)
	if t.Kept+t.Freed == 0 {
		return out
	}
	for _, exact := range []bool{true, false} { // rules of the place, else of its table
		for i := range c.Subjects {
			for _, rule := range c.Subjects[i].Subject.Related {
				if rule.Do == policy.Retain && rule.Table == table && (!exact || of(&rule, column)) && rule.Why != "" && !slices.Contains(out.Why, rule.Why) {
					out.Why = append(out.Why, rule.Why)
				}
			}
		}
		if len(out.Why) > 0 {
			break
		}
	}
	return out
}

// ends are when the rows of a place that stay go after all: by the rules of the place, else by those of its table.
func ends(c *compile.Policy, table, column string) []End {
	out := []End{}
	for _, exact := range []bool{true, false} {
		for i := range c.Rows {
			r := &c.Rows[i]
			if r.Of == "" || r.Table != table {
				continue
			}
			s := c.Subject(r.Of)
			rule := s.For(s.ClassOf(r.Class)).Related[r.Rule]
			end := End{r.Name, r.After, r.Until, r.For, r.Do}
			if (!exact || of(rule.RelatedRule, column)) && !slices.ContainsFunc(out, func(o End) bool {
				return o.Keep == end.Keep && o.After == end.After && o.Until == end.Until && o.Then == end.Then
			}) {
				out = append(out, end)
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// of tells whether a rule finds its rows by a column: a lookup, the party, or one that holds a value.
func of(r *policy.RelatedRule, column string) bool {
	first, _, _ := strings.Cut(r.Link, "/")
	first, _, _ = strings.Cut(first, "=")
	return strings.TrimSpace(first) == column && column != "" || r.Party != "" && column == "party"
}

// Places are places as they stand in what is printed for machines.
func Places(all []search.Place) []Place {
	out := []Place{}
	for _, p := range all {
		out = append(out, Place{p.Key, p.Name, p.Remedy})
	}
	return out
}

// WriteJSON writes the receipt for machines.
func (r *Receipt) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
