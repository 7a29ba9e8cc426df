package store

import (
	"sync"
	"time"
)

// DailyQuota counts queries by the day.
type DailyQuota struct {
	mu    sync.Mutex
	day   Day
	taken int
}

// Take tells whether one more query may run today.
func (q *DailyQuota) Take(now time.Time, limit int) bool {
	if limit < 0 {
		return true
	}
	if limit == 0 {
		limit = 100
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if today := Day(now.Unix() / 86400); today != q.day {
		q.day, q.taken = today, 0
	}
	q.taken++
	return q.taken <= limit
}
