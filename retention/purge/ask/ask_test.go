package ask

import (
	"testing"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
)

// Every text is asked for, in every language, and fits the column that it goes into.
func TestTexts(t *testing.T) {
	wordstest.Check(t, "ask", []string{"*.go"}, nil)
	day := retention.NewDate(2027, 3, 9)
	for _, l := range words.Languages("ask") {
		w := words.In("ask", l)
		if subject := w.T("subject", w.Date(day.Time(), " ")); len(subject) > 200 {
			t.Errorf("%s: %s", l, subject)
		}
	}
}
