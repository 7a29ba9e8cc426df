package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The names of a report's files. They tell nothing of what is in them.
const (
	HTMLName    = "report.html"
	SummaryName = "summary.html"
	XLSXName    = "report.xlsx"
)

// Save writes the files into the folder, with EachOwner also two for each owner in [OwnersDir], which is made if it is not there. Each is whole or is what it was before, and
// only its owner may read it. What is under way lies in a folder of its own inside, and is taken away whatever happens.
func (r *Report) Save(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	scratch, err := os.MkdirTemp(dir, ".gallra-") // of mode 0700
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(scratch); err == nil && e != nil {
			err = fmt.Errorf("report: %w", e)
		}
	}()
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{HTMLName, r.WriteHTML},
		{SummaryName, r.WriteSummary},
		{XLSXName, func(w io.Writer) error { return r.WriteXLSX(w, scratch) }},
	} {
		if err := whole(filepath.Join(scratch, file.name), file.write); err != nil {
			return fmt.Errorf("report: %s: %w", file.name, err)
		}
	}
	owners := ""
	if r.EachOwner {
		owners = filepath.Join(scratch, OwnersDir)
		if err := r.saveOwners(owners, scratch); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if err := replaceOwners(filepath.Join(dir, OwnersDir), owners); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, name := range []string{HTMLName, SummaryName, XLSXName} {
		if err := os.Rename(filepath.Join(scratch, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

// whole writes a new file down to the disk.
func whole(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
