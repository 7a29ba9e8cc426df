package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/gallra/gallra/retention/ledger/azuritetest"
)

// memory are files in memory, each of which can be opened and read once at a time.
type memory struct {
	files map[string][]byte
	fail  map[string]error // what opening a file says

	mu   sync.Mutex
	open int
	peak int
}

func (m *memory) read(ctx context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.fail[name], ctx.Err()); err != nil {
		return nil, err
	}
	m.open++
	m.peak = max(m.peak, m.open)
	return &memoryFile{Reader: bytes.NewReader(m.files[name]), of: m}, nil
}

type memoryFile struct {
	io.Reader
	of     *memory
	closed bool
}

func (f *memoryFile) Close() error {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.closed {
		return errors.New("closed twice")
	}
	f.closed = true
	f.of.open--
	return nil
}

// TestChunks cuts files of every shape between their lines: nothing is lost, nothing comes twice, and every line has its
// number.
func TestChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	text := func(n int) []byte {
		b := bytes.Repeat([]byte("x"), n)
		for at := random.IntN(300); at < n; at += 1 + random.IntN(300) {
			b[at] = '\n'
		}
		return b
	}
	long := append(bytes.Repeat([]byte("y"), 3*chunkBytes), '\n')
	shapes := [][]byte{nil, []byte("\n"), []byte("a\nb\n"), []byte("a\nb"), []byte("torn"), text(chunkBytes - 1), text(chunkBytes), text(chunkBytes + 1), text(headBytes - 1), text(headBytes),
		text(headBytes + 1), text(3 * headBytes), append(append([]byte("a\n"), long...), "b\n"...), append([]byte("short\n"), long[:len(long)-1]...), append(text(chunkBytes-1), '\n')}
	m := &memory{files: map[string][]byte{}}
	var files []File
	for i := range 40 {
		name := fmt.Sprintf("%06d", i)
		m.files[name] = shapes[i%len(shapes)]
		files = append(files, File{Name: name})
	}
	got := make([][]byte, len(files))
	lines := make([]int, len(files))
	ended := 0
	err := chunks(t.Context(), m.read, files, func(c chunk) bool {
		if c.file != ended {
			t.Fatalf("a chunk of file %d, and %d has not ended", c.file, ended)
		}
		if c.line != lines[c.file]+1 {
			t.Errorf("file %d: a chunk begins with line %d, and %d stood before", c.file, c.line, lines[c.file])
		}
		if len(c.text) > 0 && c.text[len(c.text)-1] != '\n' {
			t.Errorf("file %d: a chunk ends within a line", c.file)
		}
		got[c.file] = append(got[c.file], c.text...)
		lines[c.file] += bytes.Count(c.text, []byte("\n"))
		if c.ends {
			whole := m.files[files[c.file].Name]
			if n := bytes.LastIndexByte(whole, '\n') + 1; !bytes.Equal(got[c.file], whole[:n]) || c.torn != int64(len(whole)-n) {
				t.Errorf("file %d of %d bytes: %d came, and %d of an unfinished line", c.file, len(whole), len(got[c.file]), c.torn)
			}
			ended++
		}
		return true
	})
	if err != nil || ended != len(files) {
		t.Errorf("%d of %d files ended: %v", ended, len(files), err)
	}
	if m.open != 0 || m.peak > filesAhead {
		t.Errorf("%d files are open at the end, %d were at once", m.open, m.peak)
	}
}

// TestChunksEnd: whoever has seen enough, a file that cannot be read, a line without an end and a cancelled reader leave
// nothing open, and what was not read is never taken for the end.
func TestChunksEnd(t *testing.T) {
	build := func() (*memory, []File) {
		m := &memory{files: map[string][]byte{}, fail: map[string]error{}}
		var files []File
		for i := range 30 {
			name := fmt.Sprintf("%06d", i)
			m.files[name] = []byte(strings.Repeat("line\n", 300_000))
			files = append(files, File{Name: name})
		}
		return m, files
	}
	closed := func(t *testing.T, m *memory) {
		t.Helper()
		if m.open != 0 {
			t.Errorf("%d files are left open", m.open)
		}
	}
	all := func(ctx context.Context, m *memory, files []File, each func(*chunk) error) error {
		return inOrder(ctx, func(ctx context.Context, yield func(*chunk) bool) error {
			return chunks(ctx, m.read, files, func(c chunk) bool { return yield(&c) })
		}, func(*chunk) {}, each)
	}
	t.Run("enough", func(t *testing.T) {
		m, files := build()
		enough := errors.New("enough")
		n := 0
		err := all(t.Context(), m, files, func(*chunk) error {
			if n++; n == 7 {
				return enough
			}
			return nil
		})
		if err != enough || n != 7 {
			t.Errorf("after %d chunks: %v", n, err)
		}
		closed(t, m)
	})
	t.Run("a file that cannot be read", func(t *testing.T) {
		m, files := build()
		gone := errors.New("gone")
		m.fail[files[9].Name] = gone
		last := 0
		err := all(t.Context(), m, files, func(c *chunk) error { last = c.file; return nil })
		if !errors.Is(err, gone) || last != 8 {
			t.Errorf("after file %d: %v", last, err)
		}
		closed(t, m)
	})
	t.Run("cancelled", func(t *testing.T) {
		m, files := build()
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := all(ctx, m, files, func(*chunk) error {
			if n++; n == 5 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d chunks: %v", n, err)
		}
		closed(t, m)
	})
	t.Run("a line without an end", func(t *testing.T) {
		m, files := build()
		m.files[files[0].Name] = bytes.Repeat([]byte{0}, 2*maxLine)
		if err := all(t.Context(), m, files, func(*chunk) error { return nil }); !errors.Is(err, errLongLine) {
			t.Errorf("it is read: %v", err)
		}
		closed(t, m)
	})
}

// crowd is a way to Azurite that lets the first reads of files go only when as many are under way as there may be: a reader
// that asks for one after the other does not come through.
type crowd struct {
	wire
	need int

	at   sync.Mutex
	here int // under way
	peak int
	full chan struct{}
}

func (c *crowd) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, fileSuffix) {
		return c.wire.Do(r)
	}
	c.at.Lock()
	c.here++
	c.peak = max(c.peak, c.here)
	if c.here == c.need {
		select {
		case <-c.full:
		default:
			close(c.full)
		}
	}
	c.at.Unlock()
	defer func() { c.at.Lock(); c.here--; c.at.Unlock() }()
	select {
	case <-c.full:
	case <-time.After(time.Minute):
		return nil, errors.New("nobody else came")
	}
	return c.wire.Do(r)
}

// testManyNights reads a ledger of some hundred blobs: by as few requests as there are blobs, several at once, and with the
// same result as from a folder.
func testManyNights(t *testing.T, b blobs) {
	y := years{nights: 300, persons: 1500, rows: 2, grounds: 3}
	s, _ := b.open(t)
	entries, headLine, err := y.write(func(name string, data []byte) error {
		if _, err := s.create(t.Context(), name); err != nil {
			return err
		}
		_, err := s.appendBlob(name).AppendBlock(t.Context(), streaming.NopCloser(bytes.NewReader(data)), nil)
		return err
	})
	if err == nil {
		_, err = s.create(t.Context(), headName)
	}
	if err == nil {
		_, err = s.appendBlob(headName).AppendBlock(t.Context(), streaming.NopCloser(bytes.NewReader(headLine)), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, _, _ := y.folder(t)
	want, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(how string, do func(Storage) error) {
		t.Helper()
		way := &crowd{wire: wire{to: http.DefaultTransport}, need: filesAhead, full: make(chan struct{})}
		from, err := Container(ContainerOptions{URL: b.address, Key: azuritetest.Key, Client: azcore.ClientOptions{Transport: way}})
		if err == nil {
			err = do(from)
		}
		if err != nil {
			t.Fatal(err)
		}
		gets := 0
		for _, asked := range way.asked {
			if asked == "GET " {
				gets++
			}
		}
		if gets != y.nights+1 || len(way.asked) > y.nights+5 { // the head, and what lists and measures it
			t.Errorf("%s: %d requests, %d of them reads, for %d blobs", how, len(way.asked), gets, y.nights)
		}
		if way.peak != filesAhead {
			t.Errorf("%s: %d reads at once, want %d", how, way.peak, filesAhead)
		}
	}
	read("open", func(from Storage) error {
		got, err := OpenStorage(t.Context(), from)
		if err != nil {
			return err
		}
		if got.Seq() != uint64(entries) || !reflect.DeepEqual(got.state, want.state) {
			t.Errorf("the state is another one than from a folder: %d entries, want %d", got.Seq(), entries)
		}
		return nil
	})
	read("verify", func(from Storage) error {
		proof, err := VerifySource(t.Context(), from)
		if err == nil && (len(proof.Problems) > 0 || proof.Entries != entries) {
			t.Errorf("the proof is %+v, want %d entries", proof, entries)
		}
		return err
	})
}
