package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// receipt is what an erasure leaves to hand over: ids, counts and times, and no personal data.
type receipt struct {
	Kind         string             `json:"kind"`
	Run          string             `json:"run"`
	Status       string             `json:"status"`
	Began        time.Time          `json:"began"`
	Ended        time.Time          `json:"ended"`
	Organization uuid.UUID          `json:"organization"`
	Policy       string             `json:"policy"`
	Despite      []string           `json:"despite"`
	Rows         []receiptRow       `json:"rows"`
	Related      []receiptTable     `json:"related"`
	Audit        receiptAudit       `json:"audit"`
	Residue      int                `json:"residue"`  // places that still hold something that should be gone
	Mentions     map[string]int     `json:"mentions"` // what still mentions the person by rule, by table
	Unread       []receiptPlace     `json:"unread"`   // what was not searched, or not to the end
	ByHand       []receiptPlace     `json:"byHand"`
	Ledger       receiptLedgerPlace `json:"ledger"`
}

type receiptRow struct {
	Table  string             `json:"table"`
	ID     uuid.UUID          `json:"id"`
	Do     policy.Disposition `json:"do,omitempty"`
	Status string             `json:"status"`
	Code   string             `json:"code,omitempty"`
}

type receiptTable struct {
	Table      string `json:"table"`
	Deleted    int    `json:"deleted"`
	Anonymized int    `json:"anonymized"`
	Kept       int    `json:"kept"`
	Freed      int    `json:"freed"`
	TakenOff   int    `json:"takenOff"`
}

type receiptAudit struct {
	Deleted int `json:"deleted"`
	Pending int `json:"pending"` // persons whose audit history the next run deletes
}

type receiptPlace struct {
	Place  string `json:"place"`
	Remedy string `json:"remedy"`
}

// receiptLedgerPlace is where the evidence stands: it can be proven with gallra ledger verify.
type receiptLedgerPlace struct {
	Entry uint64 `json:"entry"`
	Hash  string `json:"hash"`
}

func receiptOf(s *purge.Summary, c *compile.Policy, rows []evaluate.PersonRef, outcomes []purge.Outcome, despite []string, began, ended time.Time, l *ledger.Ledger) *receipt {
	r := &receipt{Kind: "receipt", Run: s.Run, Status: string(s.Status), Began: began.UTC(), Ended: ended.UTC(), Organization: c.Organization,
		Policy: c.Policy.Hash, Despite: append([]string{}, despite...), Rows: []receiptRow{}, Related: []receiptTable{}, ByHand: []receiptPlace{},
		Audit: receiptAudit{Deleted: s.Swept, Pending: s.Unswept}, Residue: len(s.Residue), Mentions: map[string]int{}, Unread: places(s.Unread),
		Ledger: receiptLedgerPlace{Entry: l.Seq(), Hash: l.Head()}}
	for _, p := range rows {
		row := receiptRow{Table: p.Table, ID: p.ID, Status: string(ledger.Skipped)}
		for _, o := range outcomes {
			if o.Table == p.Table && o.ID == p.ID {
				row.Do, row.Status, row.Code = o.Do, string(o.Status), o.Code
			}
		}
		r.Rows = append(r.Rows, row)
	}
	for _, t := range s.Related {
		r.Related = append(r.Related, receiptTable{t.Table, t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared})
	}
	for _, f := range s.Mentions {
		r.Mentions[f.Table] += 1 + f.More
	}
	for _, p := range s.Unreachable {
		r.ByHand = append(r.ByHand, receiptPlace{p.Name, p.Remedy})
	}
	return r
}

// newFile is a file that is made at once, so that a place that cannot be written is known before anything is done, and
// that gets its name when it is whole. Nothing is written over.
type newFile struct {
	path string
	f    *os.File
}

// receipts are the files that a receipt is written to.
type receipts []*newFile

func newReceipts(paths []string) (receipts, error) {
	var all receipts
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			all.discard()
			return nil, &usageError{path + " is asked for twice", ""}
		}
		f, err := makeFile(path)
		if err != nil {
			all.discard()
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (r receipts) discard() {
	for _, f := range r {
		f.discard()
	}
}

// write writes a receipt to every file, in the form that its name ends in.
func (r receipts) write(x *receipt, p *policy.Policy, language string) error {
	for _, f := range r {
		var err error
		switch strings.ToLower(filepath.Ext(f.path)) {
		case ".html", ".htm":
			err = writeReceiptHTML(f.f, x, p, language)
		default:
			e := json.NewEncoder(f.f)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			err = e.Encode(x)
		}
		if err == nil {
			err = f.keep()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func makeFile(path string) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &usageError{path + " is there already", "name another file: evidence is not written over"}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".gallra-*")
	if err != nil {
		return nil, &usageError{fmt.Sprintf("%s cannot be written: %v", path, err), ""}
	}
	return &newFile{path, f}, nil
}

// discard takes an unfinished file away.
func (n *newFile) discard() {
	if n != nil && n.f != nil {
		_ = n.f.Close()
		_ = os.Remove(n.f.Name())
		n.f = nil
	}
}

// keep gives the file its name.
func (n *newFile) keep() error {
	err := errors.Join(n.f.Sync(), n.f.Close())
	if err == nil {
		err = os.Rename(n.f.Name(), n.path)
	}
	if err == nil {
		n.f = nil
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
