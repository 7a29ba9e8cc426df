// Package receipt writes what an erasure leaves to hand over: for machines as JSON, for the person who asked as a page in their
// language. It holds ids, counts, times and what the policy says, and no personal data; the page needs nothing else and runs no
// script. TestReceiptForPeople holds this.
package receipt

import (
	"encoding/json"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
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
	Audit        Audit          `json:"audit"`
	Residue      int            `json:"residue"`  // places that still hold something that should be gone
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
		Policy: c.Policy.Hash, Despite: append([]string{}, despite...), Rows: []Row{}, Related: []Table{}, ByHand: Places(s.Unreachable),
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
	for _, f := range s.Mentions {
		r.Mentions[f.Table] += 1 + f.More
	}
	return r
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
