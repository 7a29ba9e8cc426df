package ledger

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// telling is who was told of a person, and of which date.
type telling struct {
	user uuid.UUID
	date retention.Date
}

func (s *state) wasTold(k Key, t telling) {
	for i := range s.told[k] {
		if s.told[k][i].user == t.user {
			s.told[k][i].date = t.date
			return
		}
	}
	s.told[k] = append(s.told[k], t)
}

// WasTold is the date of a person's purge that a user was told of last, zero if never.
func (l *Ledger) WasTold(k Key, user uuid.UUID) retention.Date {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.state.told[k] {
		if t.user == user {
			return t.date
		}
	}
	return 0
}

// Telling are the digests that somebody was about to be told, and of which nothing says whether they were: each the entries
// that follow each other for one user.
func (l *Ledger) Telling() [][]Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out [][]Record
	for _, r := range l.state.telling {
		if n := len(out); n > 0 {
			if last := out[n-1][len(out[n-1])-1]; last.Actor == r.Actor && last.Seq+1 == r.Seq {
				out[n-1] = append(out[n-1], r)
				continue
			}
		}
		out = append(out, []Record{r})
	}
	return out
}
