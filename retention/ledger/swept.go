package ledger

import "time"

// moment is when the ledger was told of something: in which run, and at what time.
type moment struct {
	run int
	at  time.Time
}

func (s *state) moment(r Record) moment { return moment{len(s.runs), r.At} }

// historyComes is for how long audit history may still come: Microsoft says that it is late, and not by how much.
const historyComes = 6 * time.Hour

// nothingLeft tells whether a sweep proves that no audit history is left of what was written at a moment. Dataverse writes it down with
// a delay: only when a later run finds nothing, hours later, is nothing left. A second run within the minute proves nothing.
func (s *state) nothingLeft(written moment, sweep Record) bool {
	return sweep.Deleted == 0 && len(s.runs) > written.run && sweep.At.Sub(written.at) >= historyComes
}
