package retention

import "testing"

// Who is asked when, and when somebody may go: the days before and after each.
func TestAsking(t *testing.T) {
	on := NewDate(2026, 3, 10)
	a := Asking{Before: Period{Days: 30}, Required: Period{Days: 14}}
	asked := Asked{PurgeOn: on, On: NewDate(2026, 2, 8)}
	for _, tt := range []struct {
		announced Date
		asked     Asked
		today     Date
		due, may  bool
	}{
		{0, Asked{}, on, false, false},
		{on, Asked{}, NewDate(2026, 2, 7), false, false},
		{on, Asked{}, NewDate(2026, 2, 8), true, false},
		{on, asked, NewDate(2026, 2, 8), false, false},
		{on, asked, NewDate(2026, 2, 21), false, false},
		{on, asked, NewDate(2026, 2, 22), false, true},
		{on + 20, asked, NewDate(2026, 2, 27), false, true},
		{on + 20, asked, NewDate(2026, 2, 28), true, true}, // the date is another: asked anew
		{on, Asked{}, on, true, false},
	} {
		if due, may := a.Due(tt.announced, tt.asked, tt.today), a.May(tt.asked, tt.today); due != tt.due || may != tt.may {
			t.Errorf("%+v: due %t, may %t", tt, due, may)
		}
	}
	for before, want := range map[string]Date{"30 days": NewDate(2026, 2, 8), "1 month": NewDate(2026, 2, 10)} {
		p, err := ParsePeriod(before)
		if got := (Asking{Before: p}).On(on); err != nil || got != want {
			t.Errorf("%s before %s is %s", before, on, got)
		}
	}
	if got := (Asking{Before: Period{Months: 1}}).On(NewDate(2026, 3, 31)); got != NewDate(2026, 3, 1) { // 28 February and a month are 28 March
		t.Errorf("a month before 31 March is %s", got)
	}
	if a.Required = (Period{}); !a.May(Asked{}, on) {
		t.Error("nothing is required, and somebody waits")
	}
}
