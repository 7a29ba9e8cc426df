package doctor_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/policy"
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
		if f.Subject == "dates" && strings.Contains(f.Sentence.String(), sound.String()) {
			t.Errorf("a row without a typed date is named: %s", f.Sentence)
		}
	}
}

// TestDoctorNamesOddDates: dates that keep somebody for ever, count as none or are not there at all are told, with whose they are.
func TestDoctorNamesOddDates(t *testing.T) {
	w := newWorld(t)
	w.provision()
	last := w.create(map[string]any{"lastname": "Last", "birthdate": "9999-12-31"})
	far := w.create(map[string]any{"lastname": "Far", "birthdate": "2206-03-01"})
	w.create(map[string]any{"lastname": "None"})
	// A birth date counts nothing in earnest, and is a date that every contact can have.
	text := "version: 1\nenvironment: {organization: " + w.deps.Organization.ID.String() + "}\ntimeZone: Europe/Stockholm\nsubjects:\n" +
		"  contact: {purge: anonymize, grounds: [{id: seen, basis: contract, why: W, after: birthdate, keep: 1 year, missingDate: ignore}], related: [{table: '*', do: delete}]}\n"
	file := filepath.Join(t.TempDir(), "policy.yaml")
	w.must(os.WriteFile(file, []byte(text), 0o600))
	var err error
	w.policy, err = policy.Load(file)
	w.must(err)
	w.examine()
	w.finds(doctor.Warning, "dates", "seen of contact: 1 person with a date of the year 9999, which counts as none: it justifies nobody: "+last.String())
	w.finds(doctor.Warning, "dates", "seen of contact: 1 person with a date more than 30 years ahead, which keeps them until then: "+far.String())
	w.finds(doctor.Warning, "dates", "lack the date that is all that the ground speaks of (birthdate)")
}

// Rows that lack the date that their own period counts from stay, and are counted.
func TestDoctorCountsRowsWithoutTheirDate(t *testing.T) {
	w := newWorld(t)
	w.provision()
	for _, on := range []any{nil, nil, "2020-01-01T10:00:00Z"} {
		w.must(w.client.Do(w.Context(), dataverse.Operation{Method: http.MethodPost, Path: "phonecalls", Body: map[string]any{"subject": "Call", "scheduledend": on}}, nil))
	}
	text := "version: 1\nenvironment: {organization: " + w.deps.Organization.ID.String() + "}\ntimeZone: Europe/Stockholm\n" +
		"rows:\n  - {table: phonecall, where: subject eq 'Call', after: scheduledend, keep: 3 years, do: delete}\n  - {table: task, after: createdon, keep: 3 years, do: delete}\nsubjects:\n" +
		"  contact: {purge: anonymize, grounds: [{id: any, basis: contract, why: W, where: statecode eq 0}], related: [{table: '*', do: delete}]}\n"
	file := filepath.Join(t.TempDir(), "policy.yaml")
	w.must(os.WriteFile(file, []byte(text), 0o600))
	var err error
	w.policy, err = policy.Load(file)
	w.must(err)
	w.examine()
	w.finds(doctor.Warning, "dates", "phonecall: 2 rows of phonecall lack the date that their period counts from (scheduledend), and stay")
	for _, f := range w.told {
		if strings.Contains(f.Sentence.String(), "task") && strings.Contains(f.Sentence.String(), "lack the date") {
			t.Errorf("told of rows that have their date: %s", f.Sentence)
		}
	}
}
