package doctor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/doctor"
)

// create makes a contact and returns its id.
func (w *world) create(columns map[string]any) uuid.UUID {
	w.Helper()
	id := uuid.New()
	columns["contactid"] = id.String()
	w.must(w.client.Do(w.Context(), dataverse.Operation{Method: http.MethodPost, Path: "contacts", Body: columns}, nil))
	return id
}

func TestDoctorNamesTypedDates(t *testing.T) {
	w := newWorld(t)
	w.provision()
	typed := w.create(map[string]any{"lastname": "Typo", "gallra_purgescheduledon": "2262-03-01"})
	sound := w.create(map[string]any{"lastname": "Sound"})
	w.examine()
	w.finds(doctor.Warning, "dates", "later than what was announced")
	w.finds(doctor.Warning, "dates", typed.String())
	for _, f := range w.told {
		if f.Subject == "dates" && strings.Contains(f.Sentence, sound.String()) {
			t.Errorf("a row without a typed date is named: %s", f.Sentence)
		}
	}
}
