package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/gallra/gallra/retention/ledger/azuritetest"
)

// wire is the way to Azurite: it counts, and lets go wrong what a test asks for.
type wire struct {
	to http.RoundTripper

	mu    sync.Mutex
	asked []string
	// drop answers what happens to a request: "before" does not send it, "after" sends it and loses the answer.
	drop func(r *http.Request, n int) string
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	what := r.Method + " " + r.URL.Query().Get("comp")
	w.mu.Lock()
	w.asked = append(w.asked, what)
	n := len(w.asked)
	drop := w.drop
	w.mu.Unlock()
	how := ""
	if drop != nil {
		how = drop(r, n)
	}
	if how == "before" {
		return nil, errors.New("the connection was refused")
	}
	answer, err := w.to.RoundTrip(r)
	if err == nil && how == "after" {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return nil, errors.New("the connection was reset")
	}
	return answer, err
}

// once lets the first request that matches go wrong.
func once(how string, match func(*http.Request) bool) func(*http.Request, int) string {
	done := false
	return func(r *http.Request, _ int) string {
		if done || !match(r) {
			return ""
		}
		done = true
		return how
	}
}

func appending(r *http.Request) bool {
	return r.URL.Query().Get("comp") == "appendblock" && strings.HasSuffix(r.URL.Path, fileSuffix)
}

type blobs struct {
	*azuritetest.Server
	address string
}

func (b blobs) open(t *testing.T) (*container, *wire) {
	t.Helper()
	w := &wire{to: http.DefaultTransport}
	s, err := Container(ContainerOptions{URL: b.address, Key: azuritetest.Key, Client: azcore.ClientOptions{
		Transport: w, Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*container), w
}

func (b blobs) ledger(t *testing.T) (*Ledger, *container, *wire) {
	t.Helper()
	s, w := b.open(t)
	l, err := OpenStorage(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return l, s, w
}

func (b blobs) begin(t *testing.T, id string) (*Ledger, *container, *wire) {
	t.Helper()
	l, s, w := b.ledger(t)
	if err := l.Begin(t.Context(), testRun(id)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, s, w
}

func (b blobs) proof(t *testing.T, filed ...Checkpoint) (*Proof, []string) {
	t.Helper()
	s, _ := b.open(t)
	proof, err := VerifySource(t.Context(), s, filed...)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range proof.Problems {
		found = append(found, p.String())
	}
	return proof, found
}

func (b blobs) whole(t *testing.T, entries int) {
	t.Helper()
	proof, found := b.proof(t)
	if found != nil || proof.Entries != entries {
		t.Errorf("%d entries, want %d; problems: %q", proof.Entries, entries, found)
	}
	if _, _, err := b.ledgerErr(t); err != nil {
		t.Errorf("Open: %v", err)
	}
}

func (b blobs) ledgerErr(t *testing.T) (*Ledger, *container, error) {
	t.Helper()
	s, _ := b.open(t)
	l, err := OpenStorage(t.Context(), s)
	return l, s, err
}

func heldEntry(n byte) Entry { return Entry{Kind: Held, Table: "contact", ID: person(n)} }

// TestContainer keeps a ledger in Azurite. One server serves all cases: each has a container of its own.
func TestContainer(t *testing.T) {
	server := azuritetest.Start(t, false)
	cases := []struct {
		name string
		test func(*testing.T, blobs)
	}{
		{"what is written is read again", testContainerLife},
		{"a lost answer stores nothing twice", testLostAnswers},
		{"an answer that never comes is found out", testNoAnswer},
		{"somebody else's bytes are no lost answer", testForeignBytes},
		{"a second run ends at once and says who is there", testContainerLocked},
		{"a lost lease ends the run", testLeaseLost},
		{"a run that was taken for dead adds nothing", testFenced},
		{"a lease that cannot be renewed runs out", testLeaseRunsOut},
		{"a torn line is told from tampering", testContainerTorn},
		{"an append that is too long for a block", testPieces},
		{"a file that is full goes on in the next", testRollOver},
		{"the head finds a missing end", testContainerHead},
		{"a folder in the container", testPrefix},
		{"hundreds of nights are read side by side", testManyNights},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, blobs{server, server.Container(t, fmt.Sprintf("ledger-%d", i))})
		})
	}
}

func testContainerLife(t *testing.T, b blobs) {
	l, _, _ := b.ledger(t)
	if l.Existed() {
		t.Error("an empty container is a ledger")
	}
	l, _, w := b.begin(t, "one")
	announce(t, l, Entry{Kind: Scheduled, Table: "contact", ID: person(1), PurgeOn: date("2027-01-24"), NoticedOn: date("2026-11-24")})
	if err := l.End(Done, map[string]int{"swept": 3}); err != nil {
		t.Fatal(err)
	}
	for _, asked := range w.asked {
		if strings.HasPrefix(asked, "DELETE") || strings.Contains(asked, "metadata") {
			t.Errorf("%s: an immutable container refuses that", asked)
		}
	}
	l, _, _ = b.begin(t, "two")
	if got := l.Trace("contact", person(1)).PurgeOn; got != date("2027-01-24") {
		t.Errorf("the second run reads the purge date %v", got)
	}
	l.End(Done, nil)
	b.whole(t, 6)
	if err := l.Begin(t.Context(), testRun("three")); err != nil {
		t.Fatalf("the same ledger again: %v", err)
	}
	l.End(Done, nil)
	b.whole(t, 8)
}

// testLostAnswers loses each answer of a run's requests, and each request itself, one after the other.
func testLostAnswers(t *testing.T, b blobs) {
	entries := 0
	for n := 1; ; n++ {
		for _, how := range []string{"before", "after"} {
			l, _, w := b.ledger(t)
			w.asked = nil
			w.drop = func(_ *http.Request, at int) string {
				if at == n {
					return how
				}
				return ""
			}
			if err := l.Begin(t.Context(), testRun(fmt.Sprintf("run-%d-%s", n, how))); err != nil {
				t.Fatalf("request %d lost %s: %v", n, how, err)
			}
			appendAll(t, l, heldEntry(1), heldEntry(2))
			appendAll(t, l, heldEntry(3))
			if err := l.End(Done, nil); err != nil {
				t.Fatalf("request %d lost %s: %v", n, how, err)
			}
			entries += 5
			if len(w.asked) < n {
				b.whole(t, entries)
				if n < 10 {
					t.Fatalf("a run makes only %d requests", n)
				}
				return
			}
		}
	}
}

// testNoAnswer loses the answer to an append and to every retry of it.
func testNoAnswer(t *testing.T, b blobs) {
	l, _, w := b.begin(t, "one")
	w.drop = func(r *http.Request, _ int) string {
		if appending(r) {
			return "after"
		}
		return ""
	}
	appendAll(t, l, heldEntry(1)) // the look at what stands there says that it is done
	w.drop = func(r *http.Request, _ int) string {
		if appending(r) {
			return "before"
		}
		return ""
	}
	err := l.Append(heldEntry(2))
	var stored *StorageError
	if !errors.As(err, &stored) || stored.Status != 0 {
		t.Errorf("Append = %v, want the error of a storage that does not answer", err)
	}
	w.drop = nil
	if err := l.Append(heldEntry(3)); err == nil {
		t.Error("the ledger went on after an append that failed")
	}
	l.Close()
	b.whole(t, 2)
}

func testForeignBytes(t *testing.T, b blobs) {
	l, s, w := b.begin(t, "one")
	line := heldEntry(1)
	w.drop = once("after", appending)
	appendAll(t, l, line)
	// As long as what the ledger appends next, and something else.
	var buf bytes.Buffer
	encode(&buf, Record{Seq: l.Seq() + 1, Prev: l.Head(), At: stamp(l.now), Entry: heldEntry(9)})
	other, _ := b.open(t)
	at := l.size
	if _, err := other.appendBlob(l.name).AppendBlock(t.Context(), streaming.NopCloser(bytes.NewReader(buf.Bytes())), nil); err != nil {
		t.Fatal(err)
	}
	err := l.Append(heldEntry(2))
	if err == nil || !strings.Contains(err.Error(), "somebody else has written") {
		t.Errorf("Append = %v", err)
	}
	got, err := s.tail(t.Context(), l.name, at, int64(buf.Len()))
	if err != nil || !bytes.Equal(got, buf.Bytes()) {
		t.Errorf("what stands there is not what the other wrote: %v", err)
	}
}

func testContainerLocked(t *testing.T, b blobs) {
	first, _, _ := b.begin(t, "one")
	second, _, _ := b.ledger(t)
	err := second.Begin(t.Context(), testRun("two"))
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("Begin = %v, want a LockedError", err)
	}
	want := Holder{Run: "one", Actor: person(77), Since: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	if locked.Holder != want {
		t.Errorf("the holder is %+v, want %+v", locked.Holder, want)
	}
	first.End(Done, nil)
	if err := second.Begin(t.Context(), testRun("two")); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	second.End(Done, nil)
	b.whole(t, 4)
}

func breakLease(t *testing.T, b blobs) {
	t.Helper()
	s, _ := b.open(t)
	c, err := lease.NewBlobClient(s.appendBlob(lockName), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.BreakLease(t.Context(), &lease.BlobBreakOptions{BreakPeriod: to.Ptr[int32](0)}); err != nil {
		t.Fatal(err)
	}
}

func testLeaseLost(t *testing.T, b blobs) {
	l, s, _ := b.begin(t, "one")
	appendAll(t, l, heldEntry(1))
	breakLease(t, b)
	s.lock.renewOnce(t.Context())
	for range 2 {
		if err := l.Append(heldEntry(2)); !errors.Is(err, ErrLockLost) {
			t.Errorf("Append = %v, want ErrLockLost", err)
		}
	}
	if err := l.End(Failed, nil); !errors.Is(err, ErrLockLost) {
		t.Errorf("End = %v, want ErrLockLost", err)
	}
	l, _, _ = b.begin(t, "two")
	l.End(Done, nil)
	b.whole(t, 4)
}

func testFenced(t *testing.T, b blobs) {
	stalled, _, _ := b.begin(t, "one")
	appendAll(t, stalled, heldEntry(1))
	breakLease(t, b)
	l, _, _ := b.begin(t, "two")
	if err := stalled.Append(heldEntry(2)); !errors.Is(err, ErrLockLost) { // before it has noticed anything
		t.Errorf("Append = %v, want ErrLockLost", err)
	}
	appendAll(t, l, heldEntry(3))
	l.End(Done, nil)
	stalled.Close()
	b.whole(t, 5)
}

func testLeaseRunsOut(t *testing.T, b blobs) {
	l, s, w := b.begin(t, "one")
	w.drop = func(r *http.Request, _ int) string {
		if r.Header.Get("x-ms-lease-action") == "renew" {
			return "before"
		}
		return ""
	}
	s.lock.renewOnce(t.Context())
	appendAll(t, l, heldEntry(1)) // the lease is still ours
	s.lock.mu.Lock()
	s.lock.until = time.Now()
	s.lock.mu.Unlock()
	if err := l.Append(heldEntry(2)); !errors.Is(err, ErrLockLost) {
		t.Errorf("Append = %v, want ErrLockLost", err)
	}
}

func TestContainerAddress(t *testing.T) {
	tests := []struct {
		url     string
		address string // empty: refused
		prefix  string
	}{
		{"https://acme.blob.core.windows.net/gallra", "https://acme.blob.core.windows.net/gallra", ""},
		{"https://acme.blob.core.windows.net/gallra/crm/prod/", "https://acme.blob.core.windows.net/gallra", "crm/prod/"},
		{"http://127.0.0.1:10000/dev/gallra", "http://127.0.0.1:10000/dev/gallra", ""},
		{"http://localhost:10000/dev/gallra/x", "http://localhost:10000/dev/gallra", "x/"},
		{"http://acme.blob.core.windows.net/gallra", "", ""},
		{"https://acme.blob.core.windows.net/", "", ""},
		{"https://acme.blob.core.windows.net/G", "", ""},
		{"https://acme.blob.core.windows.net/gallra//x", "", ""},
		{"https://acme.blob.core.windows.net/gallra/../other", "", ""},
		{"https://user:secret@acme.blob.core.windows.net/gallra", "", ""},
		{"https://acme.blob.core.windows.net/gallra?sig=x", "", ""},
		{"ftp://acme/gallra", "", ""},
	}
	for _, tt := range tests {
		p, err := parseContainer(tt.url)
		if (err == nil) != (tt.address != "") || p.address != tt.address && err == nil || p.prefix != tt.prefix {
			t.Errorf("parseContainer(%q) = %+v, %v", tt.url, p, err)
		}
	}
	for _, o := range []ContainerOptions{
		{URL: "https://acme.blob.core.windows.net/gallra", Key: azuritetest.Key},
		{URL: "https://acme.blob.core.windows.net/gallra"},
	} {
		if _, err := Container(o); err == nil {
			t.Errorf("Container(%+v) was taken", o)
		}
	}
}
