package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLockFileTakenAway: somebody clears a lock that they take for a dead one, or the whole folder. The run that holds it
// writes no more, and so purges nobody, whether or not another one has begun.
func TestLockFileTakenAway(t *testing.T) {
	for name, take := range map[string]func(dir string) error{
		"the lock":   func(dir string) error { return os.Remove(filepath.Join(dir, lockName)) },
		"the folder": os.RemoveAll,
		"the lock, and another file in its place": func(dir string) error {
			path := filepath.Join(dir, lockName)
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
		},
	} {
		for _, another := range []bool{false, true} {
			dir := t.TempDir()
			l := begin(t, dir, "one")
			if err := l.Append(heldEntry(1)); err != nil {
				t.Fatal(err)
			}
			if err := take(dir); err != nil {
				t.Fatal(err)
			}
			var second *Ledger
			if another {
				second = begin(t, dir, "two")
			}
			if err := l.Append(heldEntry(2)); !errors.Is(err, ErrLockLost) {
				t.Errorf("%s is taken away, and the run goes on: %v", name, err)
			}
			if err := l.Append(heldEntry(2)); err == nil {
				t.Errorf("%s is taken away, and the run goes on later", name)
			}
			_ = l.End(Failed, nil)
			if !another {
				continue
			}
			if err := errors.Join(second.Append(heldEntry(3)), second.End(Done, nil)); err != nil {
				t.Errorf("%s: the second run: %v", name, err)
			}
			if proof, err := Verify(dir); err != nil || len(proof.Problems) > 0 {
				t.Errorf("%s: %v %v", name, proof, err)
			}
		}
	}
}

// TestHeadTakenAway: without the head nobody sees that the end is missing, so that nothing is written to such a ledger. What
// a run leaves that was killed before it could set one is taken for what it is.
func TestHeadTakenAway(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "one")
	first, err := os.ReadFile(filepath.Join(dir, l.name))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Append(heldEntry(1)), l.End(Done, nil), os.Remove(filepath.Join(dir, headName))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrBroken) {
		t.Errorf("it is read: %v", err)
	}
	if proof, err := Verify(dir); err != nil || len(proof.Problems) != 1 || proof.Problems[0].File != headName {
		t.Errorf("the proof is %+v, %v", proof, err)
	}

	killed := t.TempDir()
	if err := os.WriteFile(filepath.Join(killed, l.name), first, 0o600); err != nil {
		t.Fatal(err)
	}
	if proof, err := Verify(killed); err != nil || len(proof.Problems) > 0 {
		t.Errorf("the proof of a killed run is %+v, %v", proof, err)
	}
	again := begin(t, killed, "two")
	if err := again.End(Done, nil); err != nil {
		t.Error(err)
	}
	if proof, err := Verify(killed); err != nil || len(proof.Problems) > 0 || proof.Entries != 3 {
		t.Errorf("the proof after it is %+v, %v", proof, err)
	}
}
