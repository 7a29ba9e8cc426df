package console

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// report is how far the last job of a kind has come.
func (c *Console) report(kind string) progress {
	j := c.job(kind)
	if j == nil {
		return progress{Kind: kind, Ended: true}
	}
	p, _ := j.now()
	return p
}

// Percent is for the bar; -1 where the amount is not known.
func (p progress) Percent() int {
	if p.Total <= 0 {
		return -1
	}
	return min(100, 100*p.Done/p.Total)
}

// tellEvery bounds how often a page is told how a job goes on.
const tellEvery = 200 * time.Millisecond

// progress tells a page how a job goes on, as server-sent events that hold the words to show. It does not keep the session
// alive, and ends with it.
func (c *Console) progress(w http.ResponseWriter, r *http.Request) {
	j := c.job(r.PathValue("job"))
	if j == nil {
		http.NotFound(w, r)
		return
	}
	cookie, _ := r.Cookie(cookieName) // there is one: signedIn has seen it
	t := c.tongue(r)
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event, data string) error {
		_ = control.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(strings.TrimSpace(data), "\n", "\ndata: ")); err != nil {
			return err
		}
		return control.Flush()
	}
	for {
		p, changed := j.now()
		var text bytes.Buffer
		if err := c.pages[t.Language].ExecuteTemplate(&text, "progress-words", p); err != nil {
			return
		}
		if p.Ended {
			_ = send("end", text.String())
			return
		}
		if send("progress", text.String()) != nil {
			return
		}
		select {
		case <-time.After(tellEvery):
		case <-r.Context().Done():
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Second): // the seconds go on also where nothing else does
		case <-r.Context().Done():
			return
		}
		if c.sessions.session(cookie.Value, false) == nil {
			_ = send("end", "")
			return
		}
	}
}

// readAgain reads the plan anew.
func (c *Console) readAgain(w http.ResponseWriter, r *http.Request) {
	c.read()
	http.Redirect(w, r, local(r.FormValue("back")), http.StatusSeeOther)
}
