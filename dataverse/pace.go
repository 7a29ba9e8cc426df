package dataverse

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The service counts requests and their execution time over a sliding window of five minutes, for each user on each of
// its web servers, and says with every answer how much of both is left there. It says so for debugging and promises
// nothing: where the headers are missing nothing is paced, and the window that a 429 closes is obeyed whatever they said.
const (
	paceWindow  = 300 // seconds
	paceReserve = 0.03
	// paceBurst is the share of what is allowed that goes as fast as the gate lets it: a short run need not crawl. The rest is
	// spread, so that a chunk of persons is never stuck between its last look and its writes until a window opens.
	paceBurst = 0.2
	paceDrain = 15 * time.Second // in which the burst goes down to a third
	// paceStale is the age from which on what a server said is forgotten.
	paceStale = 2 * time.Minute
	// paceLongest is the longest wait between two requests: if nothing is left, the next answer had better say so.
	paceLongest = paceDrain
)

// pace spreads requests so that the service need not refuse any. It is the highest constant rate at which what is left,
// and what will have slid out of the window by then, lasts at every moment of the next five minutes.
type pace struct {
	servers map[string]*left // by the value of their affinity cookie
	sent    history          // requests
	spent   history          // seconds of execution, booked when they ended
	took    float64          // seconds, of a request, lately
	last    time.Time        // when the last one left
}

// left is what a web server said last, and the most that it ever said.
type left struct {
	requests, mostRequests float64
	seconds, mostSeconds   float64
	sent, spent            float64 // what the histories held at that time
	at                     time.Time
}

// history is what was used in each second of the last window.
type history struct {
	seconds [paceWindow]float64
	sum     float64
	newest  int64
}

func (h *history) add(now time.Time, amount float64) {
	h.slide(now)
	h.seconds[h.newest%paceWindow] += amount
	h.sum += amount
}

func (h *history) slide(now time.Time) {
	at := now.Unix()
	for n := 0; h.newest < at && n < paceWindow; n++ {
		h.newest++
		h.sum -= h.seconds[h.newest%paceWindow]
		h.seconds[h.newest%paceWindow] = 0
	}
	h.newest = max(h.newest, at)
}

// rate is the highest constant rate that lasts for a window, when so much of most was left while the history held
// then, and a share of the history counts against it.
func (h *history) rate(remaining, most, then, share float64) float64 {
	remaining += (then-h.sum)*share - paceReserve*most // what has left or slid out since
	own := h.sum * share
	// What somebody else used of the same quota slides out as well, nobody knows when: half of it is counted on.
	others := max(0, most-remaining-own) / 2 / paceWindow
	rate, slid := math.Inf(1), 0.0
	for i := int64(1); i <= paceWindow; i++ {
		rate = min(rate, (remaining+slid)/float64(i))
		slid += h.seconds[(h.newest+i)%paceWindow]*share + others // whole only by the end of that second
	}
	return max(rate, (remaining-(1-paceBurst)*most)/paceDrain.Seconds())
}

// saw takes in what an answer's headers say.
func (p *pace) saw(h http.Header, now time.Time, took time.Duration) {
	p.spent.add(now, took.Seconds())
	if p.took == 0 {
		p.took = took.Seconds()
	}
	p.took += (took.Seconds() - p.took) / 8
	requests, ok := number(h.Get("x-ms-ratelimit-burst-remaining-xrm-requests"))
	seconds, timed := number(h.Get("x-ms-ratelimit-time-remaining-xrm-requests"))
	if !ok || !timed {
		return
	}
	if p.servers == nil {
		p.servers = make(map[string]*left)
	}
	name := server(h)
	s := p.servers[name]
	if s == nil {
		s = &left{}
		p.servers[name] = s
	}
	p.sent.slide(now)
	s.requests, s.seconds, s.sent, s.spent, s.at = requests, seconds, p.sent.sum, p.spent.sum, now
	s.mostRequests, s.mostSeconds = max(s.mostRequests, requests+1), max(s.mostSeconds, seconds)
}

// number reads what the service prints with commas between the thousands.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	return n, err == nil && n >= 0 && n < 1e9
}

// server is the web server that answered, as the cookie names it that would lead there again. Nobody sends it back, so
// every answer has one.
func server(h http.Header) string {
	for _, cookie := range h["Set-Cookie"] {
		if value, ok := strings.CutPrefix(cookie, "ARRAffinity="); ok {
			value, _, _ = strings.Cut(value, ";")
			return value
		}
	}
	return ""
}

// leaves counts a request that leaves now.
func (p *pace) leaves(now time.Time) {
	p.sent.add(now, 1)
	p.last = now
}

// wait is how long the next request has to wait, with so many in flight.
func (p *pace) wait(now time.Time, inFlight int) time.Duration {
	for name, s := range p.servers {
		if now.Sub(s.at) > paceStale {
			delete(p.servers, name)
		}
	}
	n := float64(len(p.servers))
	if n == 0 || p.last.IsZero() {
		return 0
	}
	p.sent.slide(now)
	p.spent.slide(now)
	gap := 0.0
	for _, s := range p.servers { // nobody knows which one comes next: the one with the least sets the pace
		gap = max(gap, 1/max(1e-9, n*p.sent.rate(s.requests, s.mostRequests, s.sent, 1/n)))
		// What is in flight has not been booked yet, nor has the one that is to leave.
		seconds := s.seconds - float64(inFlight+1)*p.took/n
		gap = max(gap, p.took/max(1e-9, n*p.spent.rate(seconds, s.mostSeconds, s.spent, 1/n)))
	}
	next := p.last.Add(time.Duration(min(gap, paceLongest.Seconds()) * float64(time.Second)))
	return max(0, next.Sub(now))
}
