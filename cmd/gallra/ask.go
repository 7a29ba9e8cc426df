package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"charm.land/huh/v2"
)

// ask puts a question with the answers yes and no on the terminal; no is the one that Enter gives.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	var yes bool
	form := huh.NewForm(huh.NewGroup(huh.NewConfirm().Title(question).Affirmative("Remove").Negative("Leave everything").Value(&yes))).
		WithInput(a.in).WithOutput(a.errs)
	err := form.RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return false, nil
	}
	return yes, err
}

// writeFiles writes files into a folder that is made if it is not there; names are relative to it.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
