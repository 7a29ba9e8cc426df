package rehearse

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/purge"
)

// Night is one night: what was done in it, and how things stood in the morning.
type Night struct {
	On        retention.Date `json:"on"`
	Skipped   bool           `json:"skipped,omitempty"` // nothing could fall due: it counts as the quiet one before
	Stopped   []string       `json:"stopped,omitempty"` // the guard rails that stopped it, or would have
	Scheduled int            `json:"scheduled"`
	Moved     int            `json:"moved"`
	Rescued   int            `json:"rescued"`
	Purged    int            `json:"purged"`
	Failed    int            `json:"failed"`
	EndedRows int            `json:"endedRows"`
	Dated     int            `json:"dated"` // persons with a purge date in the morning
	Left      int            `json:"left"`  // persons in the morning, anonymised ones too where their rows stay
}

// Quiet tells whether the night did nothing that people would see.
func (n *Night) Quiet() bool {
	return n.Scheduled+n.Moved+n.Rescued+n.Purged+n.Failed+n.EndedRows+len(n.Stopped) == 0
}

func (n *Night) stop(rail string) {
	if !slices.Contains(n.Stopped, rail) {
		n.Stopped = append(n.Stopped, rail)
	}
}

// Told is what the nights up to one have done together.
type Told struct{ Scheduled, Moved, Rescued, Purged, Failed, EndedRows int }

// Until sums the nights up to the one with that number, and it.
func (r *Result) Until(night int) (t Told) {
	for i := range r.Diary[:min(night+1, len(r.Diary))] {
		n := &r.Diary[i]
		t.Scheduled += n.Scheduled
		t.Moved += n.Moved
		t.Rescued += n.Rescued
		t.Purged += n.Purged
		t.Failed += n.Failed
		t.EndedRows += n.EndedRows
	}
	return t
}

// diary is the page of a night, the last one as a rule.
func (r *recorder) diary(on retention.Date) *Night {
	if n := len(r.Diary); n == 0 || r.Diary[n-1].On != on {
		r.Diary = append(r.Diary, Night{On: on})
	}
	return &r.Diary[len(r.Diary)-1]
}

// wake notes how things stand after a run of the night.
func (r *recorder) wake(on retention.Date, purged int, s *purge.Summary) {
	n := r.diary(on)
	n.Purged += purged
	n.Failed += s.Failed()
	for i := range s.Rows {
		n.EndedRows += s.Rows[i].Ended
	}
	n.Dated, n.Left = len(r.who), 0
	for _, p := range r.Persons {
		n.Left += p.After
	}
}

// skip notes a night in which nothing can fall due: it is the quiet one again.
func (r *recorder) skip(on retention.Date, q *quiet) {
	r.night(on, q.summary, q.requests)
	r.diary(on).Skipped = true
	r.Skipped++
}

// counted is what the first run of a night was about to do. One that a guard rail stops before it writes is run again without the
// rail, and finds the same to do.
type counted struct {
	on   retention.Date
	what map[uuid.UUID]retention.Action
}

// again tells whether that was counted in this night already.
func (c *counted) again(on retention.Date, id uuid.UUID, do retention.Action) bool {
	if c.on != on {
		c.on, c.what = on, map[uuid.UUID]retention.Action{}
	}
	if c.what[id] == do {
		return true
	}
	if do == retention.Schedule || do == retention.Move || do == retention.Clear {
		c.what[id] = do
	}
	return false
}
