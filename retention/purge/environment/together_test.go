package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/gallra/gallra/dataverse"
)

// echo is a client that answers each read of a batch with its path.
type echo struct {
	dataverse.Writer
	batches [][]string
	fail    error
}

func (e *echo) Batch(_ context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	var paths []string
	results := make([]dataverse.Result, len(parts))
	for i, p := range parts {
		path := "a change set"
		if p.Op != nil {
			path = p.Op.Path
		}
		paths = append(paths, path)
		results[i].Bodies = []json.RawMessage{json.RawMessage(path)}
	}
	e.batches = append(e.batches, paths)
	return results, e.fail
}

func reads(paths ...string) []dataverse.Part {
	parts := make([]dataverse.Part, len(paths))
	for i, p := range paths {
		parts[i].Op = &dataverse.Operation{Method: http.MethodGet, Path: p}
	}
	return parts
}

func said(results []dataverse.Result) (out []string) {
	for _, r := range results {
		out = append(out, string(r.Bodies[0]))
	}
	return out
}

func TestTogetherReadsInCommonBatches(t *testing.T) {
	e := &echo{}
	var kept dataverse.Writer
	var got []string // written by turns, without a lock
	step := func(name string, waves int) func(dataverse.Writer) error {
		return func(c dataverse.Writer) error {
			kept = c
			for i := range waves {
				path := fmt.Sprint(name, i)
				results, err := c.Batch(t.Context(), reads(path, path+"'"))
				if err != nil || !slices.Equal(said(results), []string{path, path + "'"}) {
					return fmt.Errorf("%s was answered %v, %w", path, said(results), err)
				}
				got = append(got, path)
			}
			return nil
		}
	}
	writes := func(c dataverse.Writer) error {
		_, err := c.Batch(t.Context(), []dataverse.Part{{Set: dataverse.ChangeSet{{Method: http.MethodPatch, Path: "x"}}}})
		return err
	}
	if err := ReadTogether(t.Context(), e, step("a", 2), writes, step("b", 1), step("c", 3)); err != nil {
		t.Fatal(err)
	}
	want := "[[a change set] [a0 a0' b0 b0' c0 c0'] [a1 a1' c1 c1'] [c2 c2']]"
	if fmt.Sprint(e.batches) != want {
		t.Errorf("asked %v, want %v", e.batches, want)
	}
	if fmt.Sprint(got) != "[a0 b0 c0 a1 c1 c2]" {
		t.Errorf("went on as %v", got)
	}
	e.batches = nil
	if _, err := kept.Batch(t.Context(), reads("later")); err != nil || len(e.batches) != 1 {
		t.Errorf("a client that was kept asks %v, %v", e.batches, err)
	}
}

func TestTogetherInPartsOfABatch(t *testing.T) {
	e := &echo{}
	many := make([]string, maxReads-1)
	for i := range many {
		many[i] = fmt.Sprint("m", i)
	}
	ask := func(paths ...string) func(dataverse.Writer) error {
		return func(c dataverse.Writer) error {
			results, err := c.Batch(t.Context(), reads(paths...))
			if !slices.Equal(said(results), paths) {
				return fmt.Errorf("%d answers to %d reads, %w", len(results), len(paths), err)
			}
			return err
		}
	}
	if err := ReadTogether(t.Context(), e, ask(many...), ask("x", "y", "z")); err != nil {
		t.Fatal(err)
	}
	if len(e.batches) != 2 || len(e.batches[0]) != maxReads {
		t.Errorf("%d batches", len(e.batches))
	}
}

func TestTogetherEndsAllWhereOneFails(t *testing.T) {
	broke := errors.New("broke")
	ended := 0
	waits := func(c dataverse.Writer) error {
		defer func() { ended++ }()
		for {
			if _, err := c.Batch(t.Context(), reads("a")); err != nil {
				return err
			}
		}
	}
	e := &echo{}
	err := ReadTogether(t.Context(), e, waits, func(dataverse.Writer) error { return broke }, waits)
	if !errors.Is(err, broke) || ended != 2 || len(e.batches) != 0 {
		t.Errorf("%v, %d ended, asked %v", err, ended, e.batches)
	}
	e, ended = &echo{fail: broke}, 0
	if err := ReadTogether(t.Context(), e, waits, waits); !errors.Is(err, broke) || ended != 2 || len(e.batches) != 1 {
		t.Errorf("%v, %d ended, asked %v", err, ended, e.batches)
	}
}
