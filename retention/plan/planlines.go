package plan

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// The lines of a plan as --json prints it; their shapes are stable.
type (
	headerLine struct {
		Kind         string         `json:"kind"` // plan
		AsOf         retention.Date `json:"asOf"`
		TimeZone     string         `json:"timeZone"`
		Organization uuid.UUID      `json:"organization"`
		Policy       string         `json:"policy"`
	}
	decisionLine struct {
		Kind        string           `json:"kind"` // decision
		Table       string           `json:"table"`
		ID          uuid.UUID        `json:"id"`
		Class       string           `json:"class,omitempty"` // of a subject with classes
		Stage       string           `json:"stage,omitempty"` // what comes on the purge date instead of the purge: archive, reduce
		Action      retention.Action `json:"action"`
		RetainUntil *retention.Date  `json:"retainUntil"`
		PurgeOn     *retention.Date  `json:"purgeOn"`
		NoticedOn   *retention.Date  `json:"noticedOn"`
		Ground      *string          `json:"ground"`
		Reason      string           `json:"reason"`
		Stuck       string           `json:"stuck,omitempty"`      // why the purge cannot be carried out
		Unapproved  bool             `json:"unapproved,omitempty"` // the purge waits for somebody else's approval
		Ask         bool             `json:"ask,omitempty"`        // the run asks the person before their purge
		AskedOn     *retention.Date  `json:"askedOn,omitempty"`    // the day on which they were asked
		Unasked     bool             `json:"unasked,omitempty"`    // the purge waits since they were not asked in time
	}
	totalsLine struct {
		Kind    string                   `json:"kind"` // totals
		Persons int                      `json:"persons"`
		Actions map[retention.Action]int `json:"actions"`
		Stuck   int                      `json:"stuck,omitempty"` // of those to be purged

		Waiting  int `json:"unapproved,omitempty"` // of those to be purged: for an approval
		Unasked  int `json:"unasked,omitempty"`    // of those to be purged: who were not asked in time
		Ask      int `json:"asks,omitempty"`       // whom the run asks before their purge
		Unlooked int `json:"unlooked,omitempty"`   // of those to be purged: of whom nobody looked whether they can be

		Tables  []tableLine  `json:"tables"`
		Grounds []groundLine `json:"grounds"`
	}
	tableLine struct {
		Table   string                   `json:"table"`
		Persons int                      `json:"persons"`
		Actions map[retention.Action]int `json:"actions"`
		Stuck   int                      `json:"stuck,omitempty"`
		Waiting int                      `json:"unapproved,omitempty"`
		Unasked int                      `json:"unasked,omitempty"`
		Ask     int                      `json:"asks,omitempty"`

		AskLater int `json:"asksLater,omitempty"`
		Unlooked int `json:"unlooked,omitempty"`
	}
	groundLine struct {
		Table   string `json:"table"`
		Ground  string `json:"ground"`
		Rows    int    `json:"rows"`
		Persons int    `json:"persons"`
		Gaps    int    `json:"gaps"`
	}
)

// WriteJSON prints the plan as JSON Lines: a header, a line a decision, the totals.
func (p *Plan) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(headerLine{"plan", p.AsOf, p.TimeZone, p.Organization, p.Policy}); err != nil {
		return err
	}
	for i := range p.Decisions {
		if err := p.Decisions[i].encode(e); err != nil {
			return err
		}
	}
	for _, r := range p.Rows {
		if err := e.Encode(r.line()); err != nil {
			return err
		}
	}
	totals := totalsLine{Kind: "totals", Actions: map[retention.Action]int{}, Tables: []tableLine{}, Grounds: []groundLine{}}
	for _, t := range p.Tables {
		totals.Persons += t.Persons
		totals.Stuck += t.Stuck
		totals.Unlooked += t.Unlooked
		totals.Waiting += t.Waiting
		totals.Unasked += t.Unasked
		totals.Ask += t.Ask
		for a, n := range t.Actions {
			totals.Actions[a] += n
		}
		totals.Tables = append(totals.Tables, tableLine(t))
	}
	for _, g := range p.Grounds {
		totals.Grounds = append(totals.Grounds, groundLine{g.Table, g.Ground, g.Rows, g.Persons, g.Gaps})
	}
	return e.Encode(totals)
}

// Digest stands for the plan: two plans have the same where they are the same byte by byte.
func (p *Plan) Digest() (string, error) {
	sum := sha256.New()
	out := bufio.NewWriter(sum)
	if err := errors.Join(p.WriteJSON(out), out.Flush()); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// WriteJSON prints the decision as a line.
func (p *Planned) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return p.encode(e)
}

func (p *Planned) encode(e *json.Encoder) error {
	line := decisionLine{Kind: "decision", Stuck: p.Stuck, Unapproved: p.Unapproved, Ask: p.Ask, Unasked: p.Unasked, AskedOn: known(p.Asked.On), Table: p.Person.Table, ID: p.Person.ID, Class: p.Class, Action: p.Action, Reason: p.Reason(),
		RetainUntil: known(p.Until), PurgeOn: known(p.PurgeOn), NoticedOn: known(p.NoticedOn)}
	if p.Stage != nil && !p.PurgeOn.IsZero() {
		line.Stage = string(p.Stage.Do)
	}
	if id := p.GroundID(); id != "" {
		line.Ground = &id
	}
	return e.Encode(line)
}

// known is nil, null in JSON, for no date.
func known(d retention.Date) *retention.Date {
	if d.IsZero() {
		return nil
	}
	return &d
}
