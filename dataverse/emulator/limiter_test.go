package emulator

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Page api-limits: too many at one moment are refused at once, and combined execution time counts in the same window as
// requests do.
func TestConcurrencyAndExecutionTime(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	l := newLimiter(Limits{On: true, Concurrency: 2, ExecutionTime: time.Hour}, func() time.Time { return now })
	user := uuid.New()
	admit := func() (func(), *fault) {
		return l.admit(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/data/v9.2/WhoAmI", nil), user)
	}
	first, _ := admit()
	second, _ := admit()
	if _, refused := admit(); refused == nil || refused.code != "0x80072326" || refused.header.Get("Retry-After") == "" {
		t.Fatalf("a third beside two: %v", refused)
	}
	first()
	second()
	third, refused := admit()
	if refused != nil {
		t.Fatalf("after they have left: %v", refused)
	}
	third()
	l.users[quotaKey{user, 0}].add(now, l.Window, 0, time.Hour)
	if _, refused := admit(); refused == nil || refused.code != "0x80072321" || refused.header.Get("Retry-After") != "300" {
		t.Fatalf("after an hour's work: %v", refused)
	}
	now = now.Add(301 * time.Second)
	if _, refused := admit(); refused != nil {
		t.Fatalf("after the window: %v", refused)
	}
	if got := seconds(1200 * time.Second); got != "1,200.00" {
		t.Errorf("the header reads %s", got)
	}
}
