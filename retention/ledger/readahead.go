package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// How a ledger's files come from the storage, for whoever reads them all: several are asked for at once, because each
// costs a round trip and a night is a file; their text is worked on by several goroutines; and it is handed on in its order.
// What is in memory at a time does not grow with the ledger.
const (
	filesAhead = 8       // asked for at once
	headBytes  = 1 << 20 // of each, before its turn
	chunkBytes = 1 << 18 // of text that is handed on at once, more where a line is longer
	maxLine    = 64 << 20
)

// chunk is a run of whole lines of a file, or the end of one.
type chunk struct {
	file int // index
	line int // number of the first line, counted from 1
	text []byte
	ends bool  // no line of the file follows
	torn int64 // at the end: length of the unfinished line there
}

var errLongLine = fmt.Errorf("a line is longer than %d MB: %w", maxLine>>20, ErrBroken)

// openFile opens a file of a ledger.
type openFile func(ctx context.Context, name string) (io.ReadCloser, error)

// chunks goes through the text of files in their order.
func chunks(ctx context.Context, open openFile, files []File, yield func(chunk) bool) error {
	ahead := newAhead(ctx, open, files)
	defer ahead.stop()
	for i := range files {
		r, err := ahead.next(i)
		if err != nil {
			return err
		}
		more, err := cutLines(r, i, yield)
		r.close()
		if err != nil {
			return fmt.Errorf("%s: %w", files[i].Name, err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

// cutLines reads a file and cuts it between lines.
func cutLines(r *aheadFile, file int, yield func(chunk) bool) (more bool, err error) {
	line := 1
	var left []byte // the beginning of a line
	for {
		text := make([]byte, max(chunkBytes, 2*len(left)))
		n := copy(text, left)
		got, err := io.ReadFull(r, text[n:])
		text = text[:n+got]
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return false, err
		}
		whole := bytes.LastIndexByte(text, '\n') + 1
		left = text[whole:]
		if len(left) > maxLine {
			return false, errLongLine
		}
		c := chunk{file: file, line: line, text: text[:whole], ends: end}
		if end {
			c.torn = int64(len(left))
		}
		if (whole > 0 || end) && !yield(c) {
			return false, nil
		}
		if end {
			return true, nil
		}
		line += bytes.Count(text[:whole], []byte{'\n'})
	}
}

// ahead opens files before their turn.
type ahead struct {
	ctx    context.Context
	cancel context.CancelFunc
	open   openFile
	files  []File
	coming []chan *aheadFile
	asked  int // how many have been asked for
	taken  int
}

// aheadFile is a file whose beginning has been read.
type aheadFile struct {
	io.Reader
	rest io.Closer // nil: there is none
	err  error
}

func (f *aheadFile) close() {
	if f.rest != nil {
		_ = f.rest.Close()
	}
}

func newAhead(ctx context.Context, open openFile, files []File) *ahead {
	a := &ahead{open: open, files: files, coming: make([]chan *aheadFile, len(files))}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// next is the file at an index; they have to be taken one after the other.
func (a *ahead) next(i int) (*aheadFile, error) {
	for ; a.asked < min(i+filesAhead, len(a.files)); a.asked++ {
		came := make(chan *aheadFile, 1)
		a.coming[a.asked] = came
		name := a.files[a.asked].Name
		go func() { came <- a.begin(name) }()
	}
	f := <-a.coming[i]
	a.taken = i + 1
	return f, f.err
}

func (a *ahead) begin(name string) *aheadFile {
	r, err := a.open(a.ctx, name)
	if err != nil {
		return &aheadFile{err: err}
	}
	begun, err := io.ReadAll(io.LimitReader(r, headBytes))
	switch {
	case err != nil:
		_ = r.Close()
		return &aheadFile{err: err}
	case len(begun) < headBytes:
		_ = r.Close()
		return &aheadFile{Reader: bytes.NewReader(begun)}
	}
	return &aheadFile{Reader: io.MultiReader(bytes.NewReader(begun), r), rest: r}
}

// stop closes what was opened and not taken.
func (a *ahead) stop() {
	a.cancel()
	for ; a.taken < a.asked; a.taken++ {
		(<-a.coming[a.taken]).close()
	}
}

// inOrder lets as many goroutines as there are processors work on what is produced, and hands it on in the order in which it
// was produced. The error is that of each, else that of produce.
func inOrder[T any](ctx context.Context, produce func(ctx context.Context, yield func(T) bool) error, work func(T), each func(T) error) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	type slot struct {
		item T
		done chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	todo, queue := make(chan slot, workers), make(chan slot, 2*workers)
	var group sync.WaitGroup
	var made error
	group.Go(func() {
		defer close(queue)
		defer close(todo)
		made = produce(ctx, func(item T) bool {
			s := slot{item, make(chan struct{})}
			for _, to := range []chan slot{todo, queue} {
				select {
				case to <- s:
				case <-ctx.Done():
					return false
				}
			}
			return true
		})
	})
	for range workers {
		group.Go(func() {
			for s := range todo {
				work(s.item)
				close(s.done)
			}
		})
	}
	var err error
	for s := range queue {
		<-s.done // whoever took it works it off, whatever happens
		if err == nil {
			if err = each(s.item); err != nil {
				cancel()
			}
		}
	}
	cancel()
	group.Wait()
	if err == nil {
		err = made
	}
	if err == nil {
		err = outer.Err() // then something may be left
	}
	return err
}
