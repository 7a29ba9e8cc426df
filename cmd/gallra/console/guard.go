package console

import (
	"context"
	"net"
	"net/http"
	"time"
)

// contentPolicy lets a page load nothing but the console's own files, run no script and take no style that stands in the
// page itself, and be shown in no frame: a hostile name that should ever get through as markup could do nothing.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxBody is more than any form of the console holds.
const maxBody = 64 << 10

// guard is what every request passes before anything looks at it.
func (c *Console) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	next = crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !c.hosts[r.Host] { // a name that somebody lets point here (DNS rebinding), or another service's request
			http.Error(w, "this is not the address of the console", http.StatusMisdirectedRequest)
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			http.Error(w, "only the console's own pages may ask for this", http.StatusForbidden) // another port of loopback is the same site
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		began := time.Now()
		next.ServeHTTP(w, r)
		// The pattern and not the address: that may say whom somebody looked at.
		c.log.Debug("console", "route", r.Pattern, "duration", time.Since(began).Round(time.Millisecond))
	})
}

// hostsOf are the Host headers by which a listener is asked for.
func hostsOf(a net.Addr) map[string]bool {
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return nil
	}
	hosts := map[string]bool{}
	for _, name := range []string{"127.0.0.1", "localhost", "::1"} {
		hosts[net.JoinHostPort(name, port)] = true
	}
	return hosts
}

type sessionKey struct{}

// signedIn lets only a session through. Passive requests, which pages make by themselves, do not keep one alive.
func (c *Console) signedIn(passive bool, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var s *session
		if cookie, err := r.Cookie(cookieName); err == nil {
			s = c.sessions.session(cookie.Value, !passive)
		}
		if s == nil {
			c.outside(w, r, http.StatusUnauthorized, "outside.ended")
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, s)))
	}
}

// sessionOf is the session of a request that signedIn let through.
func sessionOf(r *http.Request) *session {
	s, _ := r.Context().Value(sessionKey{}).(*session)
	return s
}
