package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// testContainerTorn leaves part of an append behind, as a kill between two blocks does, and then changes what a repair
// says about it.
func testContainerTorn(t *testing.T, b blobs) {
	l, s, _ := b.begin(t, "one")
	appendAll(t, l, heldEntry(1))
	var buf bytes.Buffer
	encode(&buf, Record{Seq: l.Seq() + 1, Prev: l.Head(), At: stamp(l.now), Entry: heldEntry(2)})
	if err := s.block(t.Context(), l.name, l.size, buf.Bytes()[:100]); err != nil {
		t.Fatal(err)
	}
	l.Close()
	proof, found := b.proof(t)
	if found != nil || !proof.Unfinished {
		t.Errorf("after the kill: unfinished %v, problems %q", proof.Unfinished, found)
	}
	torn := l.name
	l, _, _ = b.begin(t, "two")
	appendAll(t, l, heldEntry(2))
	l.End(Done, nil)
	b.whole(t, 6)
	var repaired []Entry
	for r, err := range l.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == Repaired {
			repaired = append(repaired, r.Entry)
		}
	}
	if len(repaired) != 1 || repaired[0].File != 1 || repaired[0].Bytes != 100 {
		t.Errorf("repairs in the ledger: %+v", repaired)
	}
	// Bytes that no repair tells of are no torn line.
	from, _ := b.open(t)
	proof, err := VerifySource(t.Context(), longer{from, torn})
	if err != nil {
		t.Fatal(err)
	}
	if len(proof.Problems) != 1 || proof.Problems[0].String() != torn+" line 3: the line was cut" {
		t.Errorf("more bytes than the repair tells of: %v", proof.Problems)
	}
	if _, err := OpenStorage(t.Context(), longer{from, torn}); !errors.Is(err, ErrBroken) {
		t.Errorf("Open = %v, want ErrBroken", err)
	}
}

func testPieces(t *testing.T, b blobs) {
	l, s, w := b.begin(t, "one")
	s.piece = 100
	w.asked = nil
	w.drop = func(_ *http.Request, n int) string { // every second request loses its answer
		if n%2 == 0 {
			return "after"
		}
		return ""
	}
	appendAll(t, l, heldEntry(1), heldEntry(2), heldEntry(3))
	w.drop = nil
	l.End(Done, nil)
	b.whole(t, 5)
}

// longer reads a file with a byte more at its end.
type longer struct {
	Storage
	name string
}

func (l longer) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := l.Storage.Read(ctx, name)
	if err != nil || name != l.name {
		return f, err
	}
	return io.NopCloser(io.MultiReader(f, strings.NewReader("x"))), nil
}

func testRollOver(t *testing.T, b blobs) {
	l, s, _ := b.begin(t, "one")
	s.limit = 4
	for n := range byte(10) {
		appendAll(t, l, heldEntry(n+1), heldEntry(n+1))
	}
	l.End(Done, nil)
	b.whole(t, 22)
	files, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if want := []string{"000001-one.jsonl", "000002-one.jsonl", "000003-one.jsonl"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	for i := range 5 { // each run adds two lines to the head
		l, s, _ := b.begin(t, fmt.Sprintf("more-%d", i))
		s.limit = 4
		appendAll(t, l, heldEntry(1))
		l.End(Done, nil)
	}
	b.whole(t, 37)
	if last, err := s.lastHead(t.Context()); err != nil || last < 3 {
		t.Errorf("the head is in blob %d (%v), want it to have gone on", last, err)
	}
}

func testContainerHead(t *testing.T, b blobs) {
	l, _, _ := b.begin(t, "one")
	appendAll(t, l, heldEntry(1))
	l.End(Done, nil)
	l, s, _ := b.begin(t, "two")
	l.End(Done, nil)
	mark := l.Checkpoint(time.Now())
	if _, err := s.appendBlob(l.name).Delete(t.Context(), nil); err != nil { // as an administrator could without immutability
		t.Fatal(err)
	}
	_, found := b.proof(t, mark)
	if len(found) != 2 || !strings.HasPrefix(found[0], "checkpoint: entries 4 to 5 are missing at the end") || found[1] != "head.json: entries 4 to 5 are missing at the end" {
		t.Errorf("problems: %q", found)
	}
	if _, _, err := b.ledgerErr(t); !errors.Is(err, ErrBroken) {
		t.Errorf("Open = %v, want ErrBroken", err)
	}
}

func testPrefix(t *testing.T, b blobs) {
	plain := b
	b.address += "/crm/sandbox"
	l, _, _ := b.begin(t, "one")
	l.End(Done, nil)
	b.whole(t, 2)
	if l, _, _ := plain.ledger(t); l.Existed() {
		t.Error("the container holds the ledger of a folder in it")
	}
	l, _, _ = plain.begin(t, "other")
	l.End(Done, nil)
	plain.whole(t, 2)
	b.whole(t, 2)
}
