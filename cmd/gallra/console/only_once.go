package console

import (
	"net/http"
	"sync"
)

// onlyOnce makes sure that a form does what it says once: a second click, a reload or a repeated request finds what the first
// one did.
type onlyOnce struct {
	mu    sync.Mutex
	done  map[string]*deed
	order []string
}

type deed struct {
	ready chan struct{}
	to    string // where the answer is
}

// keptDeeds bounds what is remembered.
const keptDeeds = 1000

// do runs act for the first request with a key and gives its answer to all of them.
func (o *onlyOnce) do(key string, act func() string) string {
	o.mu.Lock()
	if o.done == nil {
		o.done = map[string]*deed{}
	}
	d, again := o.done[key]
	if !again {
		d = &deed{ready: make(chan struct{})}
		o.done[key] = d
		if o.order = append(o.order, key); len(o.order) > keptDeeds {
			delete(o.done, o.order[0])
			o.order = o.order[1:]
		}
	}
	o.mu.Unlock()
	if again {
		<-d.ready
		return d.to
	}
	defer close(d.ready)
	d.to = act()
	return d.to
}

// onceOf is the word of a confirmation that counts once. Without one the request is none that the console's pages make, and is refused.
func (c *Console) onceOf(w http.ResponseWriter, r *http.Request) (once string, ok bool) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return "", false
	}
	if once = r.PostForm.Get("once"); once == "" {
		c.refuse(w, r, errFilter)
		return "", false
	}
	return once, true
}
