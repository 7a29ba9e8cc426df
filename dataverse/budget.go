package dataverse

import (
	"context"
	"fmt"
	"io"
	"sync"
)

const (
	// maxTogether is what all answers together may take up before those that are being read have to wait for each other.
	maxTogether = 128 << 20
	// maxHeld is what they may take up with the pages that somebody still works on. It leaves room for one answer of any size
	// beside those that wait.
	maxHeld = 512 << 20
	// plainAnswer is the size up to which an answer waits for nobody: they cannot add up to much.
	plainAnswer = 1 << 20
	// plainPage is the size up to which a page is kept for its next use, and never refused for what others hold.
	plainPage = 16 << 20
)

// budget is the memory for the bodies of all answers of a client. Once they are large, one of them grows at a time while the
// others wait half read; it needs none of them to come to its end, so that nothing waits for ever.
type budget struct {
	together, held int64 // maxTogether and maxHeld, or less in tests

	mu      sync.Mutex
	used    int64
	peak    int64
	growing *share
	changed chan struct{} // closed when something was given back; nil while nobody waits for it
}

func newBudget() *budget {
	return &budget{together: maxTogether, held: maxHeld}
}

// share is what one buffer takes of the budget.
type share struct {
	b    *budget
	size int64
}

// grow waits until the buffer may have that size.
func (s *share) grow(ctx context.Context, size int64) error {
	for {
		free, err := s.take(size)
		if free == nil {
			return err
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take gives the buffer that size, or tells what to wait for.
func (s *share) take(size int64) (free <-chan struct{}, err error) {
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	more := size - s.size
	if more <= 0 {
		return nil, nil
	}
	if size > plainAnswer && b.used+more > b.together {
		if b.growing != nil && b.growing != s {
			if b.changed == nil {
				b.changed = make(chan struct{})
			}
			return b.changed, nil
		}
		if size > plainPage && b.used+more > b.held {
			return nil, fmt.Errorf("%w: more than %d MB of answers at the same time", ErrAnswer, b.held>>20)
		}
		b.growing = s
	}
	b.used += more
	b.peak = max(b.peak, b.used)
	s.size = size
	return nil, nil
}

// read tells that the answer has been read and taken in, and what of its buffer is still in use.
func (s *share) read(size int64) {
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += size - s.size
	s.size = size
	if b.growing == s {
		b.growing = nil
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// readAll appends what the body holds to buf.
func (s *share) readAll(ctx context.Context, body io.Reader, buf []byte, limit, length int64) ([]byte, error) {
	if length > limit {
		return nil, errTooLong
	}
	room := func(size int64) error {
		if err := s.grow(ctx, size); err != nil {
			return err
		}
		buf = append(make([]byte, 0, size), buf...)
		return nil
	}
	if need := length + 1; length >= 0 && int64(cap(buf)) < need {
		if err := room(need); err != nil {
			return nil, err
		}
	}
	for {
		if len(buf) == cap(buf) {
			if err := room(nextSize(int64(cap(buf)))); err != nil {
				return nil, err
			}
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, errTooLong
		}
		switch err {
		case nil:
		case io.EOF:
			return buf, nil
		default:
			return nil, err
		}
	}
}

// nextSize is what a buffer grows to: twice of little, and less of much.
func nextSize(size int64) int64 {
	switch {
	case size < 4<<10:
		return 8 << 10
	case size < plainAnswer:
		return 2 * size
	}
	return size + size/4
}
