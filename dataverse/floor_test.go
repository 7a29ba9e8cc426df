package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A service that puts everything off and asks for no wait is not hammered, however many ask and in whichever way.
func TestAServiceThatAsksForNoWaitIsLeftAlone(t *testing.T) {
	ask := func(c *Client, ctx context.Context, way string) {
		switch way {
		case "a request":
			c.Call(ctx, http.MethodPost, "contacts", Row{}, nil)
		case "a read":
			for range c.Rows(ctx, Query{Set: "contacts"}) {
			}
		case "a long read":
			for range c.Rows(ctx, Query{Set: "contacts", Filter: "lastname eq '" + strings.Repeat("x", longURL) + "'"}) {
			}
		case "a batch":
			c.Batch(ctx, []Part{{Op: &Operation{Method: http.MethodDelete, Path: "contacts(" + contactID + ")"}}})
		}
	}
	for _, way := range []string{"a request", "a read", "a long read", "a batch"} {
		for _, wait := range []string{"0", "0.001", "-1", "", "Fri, 31 Dec 1999 23:00:00 GMT"} {
			t.Run(way+", Retry-After "+wait, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					n := 0
					c := connectTo(t, func(r *http.Request) (*http.Response, error) {
						mu.Lock()
						n++
						mu.Unlock()
						if strings.HasSuffix(r.URL.Path, "$batch") {
							return putOffWithin(r, wait), nil
						}
						return throttledAnswer(r, wait), nil
					}, func(o *Options) { o.RetryWait = 0 })
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					var wg sync.WaitGroup
					for range 8 {
						wg.Go(func() { ask(c, ctx, way) })
					}
					wg.Wait()
					if n < 8 || n > 100 {
						t.Errorf("%d requests in a minute", n)
					}
				})
			})
		}
	}
}

// putOffWithin is a batch's answer whose only part was put off.
func putOffWithin(r *http.Request, wait string) *http.Response {
	part := "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
	if wait != "" {
		part += "Retry-After: " + wait + "\r\n"
	}
	a := answerOf(r, fmt.Appendf(nil, "--b\r\nContent-Type: application/http\r\n\r\n%s\r\n%s\r\n--b--\r\n", part, `{"error":{"code":"0x80072322","message":""}}`))
	a.Header.Set("Content-Type", `multipart/mixed; boundary=b`)
	return a
}
