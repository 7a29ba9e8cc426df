package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report/receipt"
)

// newFile is a file that is made at once, so that a place that cannot be written is known before anything is done, and
// that gets its name when it is whole. Nothing is written over.
type newFile struct {
	path string
	f    *os.File
}

// receipts are the files that a receipt is written to.
type receipts []*newFile

func newReceipts(paths []string) (receipts, error) {
	var all receipts
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			all.discard()
			return nil, &usageError{path + " is asked for twice", ""}
		}
		f, err := makeFile(path)
		if err != nil {
			all.discard()
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (r receipts) discard() {
	for _, f := range r {
		f.discard()
	}
}

// write writes a receipt to every file, in the form that its name ends in.
func (r receipts) write(x *receipt.Receipt, p *policy.Policy, language string) error {
	for _, f := range r {
		var err error
		switch strings.ToLower(filepath.Ext(f.path)) {
		case ".html", ".htm":
			err = x.WriteHTML(f.f, p, language)
		default:
			err = x.WriteJSON(f.f)
		}
		if err == nil {
			err = f.keep()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func makeFile(path string) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &usageError{path + " is there already", "name another file: evidence is not written over"}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".gallra-*")
	if err != nil {
		return nil, &usageError{fmt.Sprintf("%s cannot be written: %v", path, err), ""}
	}
	return &newFile{path, f}, nil
}

// discard takes an unfinished file away.
func (n *newFile) discard() {
	if n != nil && n.f != nil {
		_ = n.f.Close()
		_ = os.Remove(n.f.Name())
		n.f = nil
	}
}

// keep gives the file its name.
func (n *newFile) keep() error {
	err := errors.Join(n.f.Sync(), n.f.Close())
	if err == nil {
		err = os.Rename(n.f.Name(), n.path)
	}
	if err == nil {
		n.f = nil
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
