package policytest

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/gallra/gallra/retention/ledger"
)

// memory keeps the ledger of one case. Nobody else writes to it, and it is gone with the case.
type memory struct {
	files []file
	head  []byte
}

type file struct {
	name string
	data []byte
}

var errNoFile = errors.New("there is no such file")

func (m *memory) at(name string) *file {
	for i := range m.files {
		if m.files[i].name == name {
			return &m.files[i]
		}
	}
	return nil
}

func (m *memory) List(context.Context) ([]ledger.File, error) {
	var all []ledger.File
	for _, f := range m.files {
		all = append(all, ledger.File{Name: f.name, Size: int64(len(f.data))})
	}
	return all, nil
}

func (m *memory) Read(_ context.Context, name string) (io.ReadCloser, error) {
	f := m.at(name)
	if f == nil {
		return nil, errNoFile
	}
	return io.NopCloser(bytes.NewReader(f.data)), nil
}

func (m *memory) Create(_ context.Context, name string) error {
	if m.at(name) != nil {
		return errors.New("there is such a file")
	}
	m.files = append(m.files, file{name: name})
	return nil
}

func (m *memory) Append(_ context.Context, name string, at int64, data []byte) error {
	f := m.at(name)
	if f == nil || int64(len(f.data)) != at {
		return errNoFile
	}
	f.data = append(f.data, data...)
	return nil
}

func (m *memory) Cut(_ context.Context, name string, at int64) error {
	f := m.at(name)
	if f == nil {
		return errNoFile
	}
	f.data = f.data[:at]
	return nil
}

func (m *memory) Seal(context.Context, string) error { return nil }

func (m *memory) Head(context.Context) ([]byte, error) { return m.head, nil }

func (m *memory) SetHead(_ context.Context, data []byte) error {
	m.head = bytes.Clone(data)
	return nil
}

func (m *memory) Lock(context.Context, ledger.Holder) (func() error, error) {
	return func() error { return nil }, nil
}
