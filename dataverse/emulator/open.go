package emulator

import (
	"errors"
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/snapshot"
)

// Open is the environment that a file was taken of by gallra snapshot: its tables, relationships and choices, its rows if the file
// holds any, its organisation's id, and the time at which it was taken. The signed-in user is an administrator. What the emulator
// cannot hold as the environment does, the file names as gaps. A file that was cut or edited is refused.
func Open(path string, o Options) (*Server, snapshot.Head, error) { return open(path, o, true) }

// OpenEmpty is [Open] without the rows.
func OpenEmpty(path string, o Options) (*Server, snapshot.Head, error) { return open(path, o, false) }

func open(path string, o Options, rows bool) (*Server, snapshot.Head, error) {
	in, err := snapshot.Open(path)
	if err != nil {
		return nil, snapshot.Head{}, err
	}
	defer func() { _ = in.Close() }()
	known, err := load.SnapshotSchema(in)
	if err != nil {
		return nil, in.Head, &snapshot.FileError{Path: path, Why: "its definitions do not fit each other: " + err.Error(), Remedy: "take the snapshot again"}
	}
	if o.OrganizationType == "" {
		o.OrganizationType = in.Head.Type
	}
	o.OrganizationID = in.Head.Organization
	s := newServer(o)
	s.SetClock(in.Head.Taken)
	s.engine.Store.Now.Store(&store.Snapshot{Schema: known, Data: map[string]*store.Rows{}, Bin: map[string]*store.Rows{}, Retained: map[string]*store.Rows{}})
	s.platform.Seed()
	s.platform.SeedBin()
	s.ProvisionLanguages(o.Languages...)
	if err := s.loads.Snapshot(in, rows); err != nil {
		var file *snapshot.FileError
		if !errors.As(err, &file) {
			err = &snapshot.FileError{Path: path, Why: err.Error(), Remedy: "take the snapshot again"}
		}
		return nil, in.Head, err
	}
	return s, in.Head, nil
}

// Transport carries the requests of a client to the server without a connection: for tests, and for whoever has the two in
// one process.
func (s *Server) Transport() http.RoundTripper { return inProcess{s} }
