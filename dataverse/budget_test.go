package dataverse

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// flood is a service whose every answer is a page of that size, and knows how much of them was read and not yet closed.
type flood struct {
	size       int64
	known      bool // the answers say how long they are
	next       bool // a page links to another one
	mu         sync.Mutex
	asked      int
	open, most int64
}

func (f *flood) answer(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.asked++
	head := `{"x":"`
	tail := fmt.Sprintf(`","contactid":"%d","value":[{"n":%d}]`, f.asked, f.asked)
	if f.next {
		tail += `,"@odata.nextLink":"https://org.crm4.dynamics.com/api/data/v9.2/contacts?$skiptoken=` + strconv.Itoa(f.asked) + `"`
	}
	f.mu.Unlock()
	tail += "}"
	a := answerOf(r, nil)
	a.ContentLength = -1
	if f.known {
		a.ContentLength = f.size
	}
	fill := io.LimitReader(letters{}, f.size-int64(len(head)+len(tail)))
	a.Body = &counted{f: f, Reader: io.MultiReader(strings.NewReader(head), fill, strings.NewReader(tail))}
	return a, nil
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type counted struct {
	io.Reader
	f *flood
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond) // of synctest: all others get as far
	n, err := c.Reader.Read(p)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.n += int64(n)
	c.f.open += int64(n)
	c.f.most = max(c.f.most, c.f.open)
	return n, err
}

func (c *counted) Close() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.open -= c.n
	c.n = 0
	return nil
}

// All answers share one budget: many large ones at the same time are read one after the other, and all of them are read.
func TestAnswersAtTheSameTimeShareOneBudget(t *testing.T) {
	const size = 8 << 20
	for _, known := range []bool{true, false} {
		for name, ask := range map[string]func(*testing.T, *Client) error{
			"documents": func(t *testing.T, c *Client) error { return c.Read(t.Context(), "contacts", new(struct{})) },
			"rows":      func(t *testing.T, c *Client) error { _, err := collect(t, c, Query{Set: "contacts"}); return err },
			"a scan":    func(t *testing.T, c *Client) error { _, err := scanned(t, c, Query{Set: "contacts"}); return err },
		} {
			t.Run(fmt.Sprintf("%s, length known %v", name, known), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &flood{size: size, known: known}
					c := connectTo(t, f.answer)
					c.budget.together, c.budget.held = size, 6*size
					var wg sync.WaitGroup
					for range 8 {
						wg.Go(func() {
							if err := ask(t, c); err != nil {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					if f.asked != 8 || f.most > 3*size {
						t.Errorf("%d answers, %d MB of them at the same time", f.asked, f.most>>20)
					}
					if c.budget.used != 0 || c.budget.growing != nil || c.budget.peak > 4*size {
						t.Errorf("in the end %d bytes are held, at most there were %d MB", c.budget.used, c.budget.peak>>20)
					}
				})
			})
		}
	}
}

// Pages that somebody works on count as well. Beyond the budget a page is refused, and what was read before stays right.
func TestPagesThatAreHeldCountAgainstTheBudget(t *testing.T) {
	const size = plainPage + 1<<20
	synctest.Test(t, func(t *testing.T) {
		f := &flood{size: size, known: true}
		c := connectTo(t, f.answer)
		c.budget.together, c.budget.held = size, 3*size
		held := func(deeper func() error) error {
			return c.Scan(t.Context(), Query{Set: "contacts"}, []string{"n"}, func([]Value) error { return deeper() })
		}
		deep := func(n int) error {
			read := func() error { return nil }
			for range n {
				inner := read
				read = func() error { return held(inner) }
			}
			return read()
		}
		if err := deep(2); err != nil {
			t.Errorf("a read within a read: %v", err)
		}
		if err := deep(6); !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), "at the same time") {
			t.Errorf("six large pages held at the same time: %v", err)
		}
		if c.budget.used != 0 || c.budget.growing != nil || c.budget.peak > 3*size+1<<20 {
			t.Errorf("in the end %d bytes are held, at most there were %d MB", c.budget.used, c.budget.peak>>20)
		}
	})
}

// A small answer waits for no large one, and two large ones do not grow at the same time.
func TestSmallAnswersWaitForNobody(t *testing.T) {
	b := newBudget()
	b.together = plainAnswer
	large, next, small := &share{b: b}, &share{b: b}, &share{b: b}
	if err := large.grow(t.Context(), 10*plainAnswer); err != nil {
		t.Fatal(err)
	}
	if err := small.grow(t.Context(), plainAnswer); err != nil {
		t.Fatal(err)
	}
	if free, err := next.take(2 * plainAnswer); free == nil || err != nil {
		t.Fatalf("two grow at the same time: %v", err)
	}
	large.read(0)
	if err := next.grow(t.Context(), 2*plainAnswer); err != nil {
		t.Fatal(err)
	}
	next.read(0)
	small.read(0)
	if b.used != 0 {
		t.Errorf("%d bytes are held", b.used)
	}
}
