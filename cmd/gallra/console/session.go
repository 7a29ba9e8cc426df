package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// secret is a value that nobody guesses.
func secret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// sessions lets people in: it knows the one-time tokens that were given out and the sessions that they started.
type sessions struct {
	mu       sync.Mutex
	now      func() time.Time
	life     time.Duration // of a token
	idle     time.Duration // after which a session ends
	tokens   map[string]time.Time
	sessions map[string]*session
}

// session is somebody who works in the console. What they search for is kept here, so that it stands in no address.
type session struct {
	mu       sync.Mutex
	seen     time.Time
	language string
	searches map[string]string // by the word that stands for one in an address
	order    []string          // of the searches, the oldest first
	notice   *notice           // what the next page is to say
	deals    map[string]any    // what was shown and waits to be confirmed
	dealt    []string          // their keys, the oldest first
}

func newSessions(now func() time.Time, life, idle time.Duration) *sessions {
	return &sessions{now: now, life: life, idle: idle, tokens: map[string]time.Time{}, sessions: map[string]*session{}}
}

// token makes a token that starts one session.
func (d *sessions) token() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := secret()
	d.tokens[t] = d.now().Add(d.life)
	return t
}

// enter starts a session for a token, which counts no more after that. Every token is compared, in constant time, so
// that the time it takes tells nothing about any of them.
func (d *sessions) enter(token string) (cookie string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := ""
	for t, until := range d.tokens {
		if d.now().After(until) {
			delete(d.tokens, t)
			continue
		}
		if subtle.ConstantTimeCompare([]byte(t), []byte(token)) == 1 {
			found = t
		}
	}
	if found == "" {
		return "", false
	}
	delete(d.tokens, found)
	cookie = secret()
	d.sessions[cookie] = &session{seen: d.now(), searches: map[string]string{}}
	return cookie, true
}

// session is who a cookie names, nil if that is nobody any more. Looking counts as work unless it is the page's own
// doing, such as the progress that it listens to.
func (d *sessions) session(cookie string, work bool) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, s := range d.sessions {
		if d.now().Sub(s.seen) > d.idle {
			delete(d.sessions, name)
		}
	}
	s := d.sessions[cookie]
	if s != nil && work {
		s.seen = d.now()
	}
	return s
}

// leave ends a session.
func (d *sessions) leave(cookie string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, cookie)
}

const cookieName = "gallra"

func sessionCookie(value string) *http.Cookie {
	// No Secure: browsers differ on whether plain HTTP on loopback is secure. No Max-Age: it goes with the browser.
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// keptSearches bounds what a session remembers.
const keptSearches = 50

// remember keeps a search text and gives the word that stands for it.
func (s *session) remember(text string) string {
	if text == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for word, known := range s.searches {
		if known == text {
			return word
		}
	}
	word := secret()[:12]
	s.searches[word] = text
	if s.order = append(s.order, word); len(s.order) > keptSearches {
		delete(s.searches, s.order[0])
		s.order = s.order[1:]
	}
	return word
}

// search is the text that a word stands for.
func (s *session) search(word string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches[word]
}

// notice is what became of an action, told once on the next page.
type notice struct {
	bad  bool
	text string
}

func (s *session) tell(n *notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = n
}

// told takes what there is to tell.
func (s *session) told() *notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notice
	s.notice = nil
	return n
}

func (s *session) lang() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.language
}

func (s *session) speak(language string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.language = language
}
