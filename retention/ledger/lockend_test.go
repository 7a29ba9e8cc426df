package ledger

import "testing"

// TestLockEndsWithItsRun: the next run follows at once.
func TestLockEndsWithItsRun(t *testing.T) {
	d := &folder{dir: t.TempDir()}
	for range 2 {
		release, err := d.Lock(t.Context(), Holder{Run: "one"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&folder{dir: d.dir}).Lock(t.Context(), Holder{Run: "two"}); err == nil {
			t.Error("two hold it")
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
}
