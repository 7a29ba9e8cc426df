package purge_test

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// full is a folder on a disk that is full from the n-th append on.
type full struct {
	ledger.Storage
	left int
}

func (f *full) Append(ctx context.Context, name string, at int64, data []byte) error {
	if f.left--; f.left < 0 {
		return syscall.ENOSPC
	}
	return f.Storage.Append(ctx, name, at, data)
}

// TestDiskFullUnderTheLedger fills the disk at every append of a purging run: nothing is done that the ledger does not
// announce, and a further run reaches the end state of an undisturbed one.
func TestDiskFullUnderTheLedger(t *testing.T) {
	w := newWorld(t, policy)
	yvonne(w)
	w.create("annotation", "note", row{"subject": "McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(60)
	w.create("contact", "new", row{"lastname": "Newcomer"})
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	w.run()
	w.run()
	want := w.dump("contact", "annotation")
	for n := 0; ; n++ {
		w.control("restore", row{"id": start})
		copyLedger(t, keep, w.ledgerDir())
		d := w.deps(w.client)
		disk := &full{ledger.Folder(w.ledgerDir()), n}
		var err error
		if d.Ledger, err = ledger.OpenStorage(t.Context(), disk); err != nil {
			t.Fatal(err)
		}
		before := w.dump("contact", "annotation")
		_, err = purge.Run(t.Context(), d)
		if disk.left >= 0 {
			if w.must(err); n < 5 {
				t.Fatalf("the run took %d appends only", n)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("append %d: %v", n, err)
		}
		if n == 0 && differ(before, w.dump("contact", "annotation")) != "" {
			t.Error("rows were written without a line in the ledger")
		}
		w.run()
		w.run()
		if diff := differ(want, w.dump("contact", "annotation")); diff != "" {
			t.Fatalf("append %d: the end state differs from that of an undisturbed run:\n%s", n, diff)
		}
	}
}
