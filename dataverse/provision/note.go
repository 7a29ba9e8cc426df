package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// ErrNoSolution says that there is no place for a [Note]: the environment has no solution of gallra's.
var ErrNoSolution = errors.New("this environment has no solution gallra: gallra provision makes it")

// FormerNote is the row of annotation in which gallra kept its checkpoint before it had a [Note]. Whoever finds it moves
// what it says and deletes it.
var FormerNote = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/checkpoint"))

// Note is what gallra knows of itself in an environment: it stands in the description of its own solution. It goes where the
// environment goes, is in no table of the company's, and the stamp of the row tells when the service wrote it.
type Note struct {
	// Ledger is the line that says how far the ledger went, empty where none was left.
	Ledger string

	solution uuid.UUID
	marks    marks
}

// ReadNote reads the note. The error is [ErrNoSolution] where it would have no place.
func ReadNote(ctx context.Context, c dataverse.Reader) (*Note, error) {
	q := dataverse.Query{Set: "solutions", Select: []string{"solutionid", "description"}, Filter: "uniquename eq " + quote(gallraSolution)}
	for row, err := range c.Rows(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read gallra's solution: %w", err)
		}
		n := &Note{solution: row.ID("solutionid"), marks: readMarks(row.Text("description"))}
		n.Ledger = string(n.marks.Ledger)
		return n, nil
	}
	return nil, ErrNoSolution
}

// Write writes the note for a run, and answers when the service says it did.
func (n *Note) Write(ctx context.Context, c dataverse.Writer, run string) (time.Time, error) {
	m := n.marks
	m.Run, m.Ledger = run, json.RawMessage(n.Ledger)
	text, err := m.text()
	if err != nil {
		return time.Time{}, err
	}
	var row dataverse.Row
	err = c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "solutions(" + n.solution.String() + ")?$select=modifiedon",
		Body: map[string]any{"description": text}, IfMatch: "*", Header: http.Header{"Prefer": {"return=representation"}}, Repeatable: true}, &row)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, row.Text("modifiedon"))
	if err != nil {
		return time.Time{}, dataverse.ErrAnswer
	}
	return at, nil
}

// marks are what is remembered in the solution's description: whether the last publication came to its end, which nothing
// else tells, which rights the service gives the role by itself and will not take away, and what a [Note] says.
type marks struct {
	Published string          `json:"published,omitempty"`
	Given     []string        `json:"given,omitempty"`
	Run       string          `json:"run,omitempty"`
	Ledger    json.RawMessage `json:"ledger,omitempty"`
}

// marksBegin precedes the marks in the description.
const marksBegin = "Made and kept by gallra provision. State: "

// descriptionLength is how long a solution's description may be.
const descriptionLength = 2000

func readMarks(description string) marks {
	var m marks
	if _, text, found := strings.Cut(description, marksBegin); found && json.Unmarshal([]byte(text), &m) != nil {
		return marks{} // somebody has edited it: what it would have spared is done again
	}
	return m
}

func (m marks) text() (string, error) {
	b, err := json.Marshal(m)
	if err == nil && len(marksBegin)+len(b) > descriptionLength {
		m.Given = nil // provisioning finds out again
		b, err = json.Marshal(m)
	}
	if err != nil {
		return "", fmt.Errorf("gallra's note: %w", err)
	}
	return marksBegin + string(b), nil
}

// formerNote moves what a gallra before this one left in a row of annotation, where the company counts its own.
func (r *provisioner) formerNote(ctx context.Context) error {
	row, err := r.c.Get(ctx, "annotation", FormerNote, dataverse.Query{Select: []string{"annotationid", "notetext"}})
	if errors.Is(err, dataverse.ErrNotFound) || errors.Is(err, dataverse.ErrNoTable) || errors.Is(err, dataverse.ErrForbidden) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for gallra's former note: %w", err)
	}
	gone := func(ctx context.Context) (bool, error) {
		_, err := r.c.Get(ctx, "annotation", FormerNote, dataverse.Query{Select: []string{"annotationid"}})
		if errors.Is(err, dataverse.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
	_, err = r.ensure(ctx, "checkpoint in solution "+r.p.Solution.UniqueName+" in place of a note", gone, func(ctx context.Context) error {
		n, err := ReadNote(ctx, r.c)
		if err != nil {
			return err
		}
		if line := row.Text("notetext"); n.Ledger == "" && json.Valid([]byte(line)) {
			n.Ledger = line
			if _, err := n.Write(ctx, r.c, n.marks.Run); err != nil {
				return err
			}
		}
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodDelete, Path: "annotations(" + FormerNote.String() + ")", Repeatable: true}, nil)
	})
	return err
}
