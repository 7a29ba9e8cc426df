package dataverse

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answerOf(r *http.Request, body []byte) *http.Response {
	return &http.Response{StatusCode: 200, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}}}
}

func throttledAnswer(r *http.Request, wait string) *http.Response {
	a := answerOf(r, []byte(`{"error":{"code":"0x80072322","message":""}}`))
	a.StatusCode = 429
	a.Header.Set("Retry-After", wait)
	return a
}

func connectTo(t *testing.T, f roundTripper, change ...func(*Options)) *Client {
	return connect(t, "https://org.crm4.dynamics.com", append(change, func(o *Options) { o.Transport = f })...)
}

// While the window is closed nothing is sent, by whichever request.
func TestNothingIsSentIntoAClosedWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var opens time.Time
		closing := true
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if time.Now().Before(opens) {
				t.Errorf("sent %v before the window opens", time.Until(opens))
			}
			if closing {
				closing = false
				opens = time.Now().Add(90500 * time.Millisecond)
				return throttledAnswer(r, "90.5"), nil
			}
			return answerOf(r, []byte(`{}`)), nil
		})
		if err := c.Call(t.Context(), "POST", "contacts", nil, nil); err != nil {
			t.Error(err)
		}
		closing = true
		done := make(chan error)
		for range 5 {
			go func() { done <- c.Call(t.Context(), "POST", "contacts", nil, nil) }()
			synctest.Wait() // the first has been refused by now, and the others find the window closed
		}
		for range 5 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTheWaitsGrowAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			if len(at) == 1 {
				return answerOf(r, []byte(`{}`)), nil
			}
			return nil, errors.New("read: connection lost")
		}, func(o *Options) { o.RetryWait, o.Retries = time.Second, 5 })
		c.transport.clock.saw("Tue, 24 Nov 2026 08:00:00 GMT")
		if err := c.Read(t.Context(), "contacts", nil); err != nil {
			t.Fatal(err)
		}
		at = at[:1]
		err := c.Read(t.Context(), "contacts", nil)
		if err == nil || len(at) != 7 {
			t.Fatalf("%v after %d attempts", err, len(at)-1)
		}
		for i := 2; i < len(at); i++ {
			most := time.Second << (i - 2)
			if wait := at[i].Sub(at[i-1]); wait < most/2 || wait > most {
				t.Errorf("wait %d: %v, want between %v and %v", i-1, wait, most/2, most)
			}
		}
	})
}

func TestAStalledAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			if n++; n > 1 {
				return answerOf(r, []byte(`{}`)), nil
			}
			a := answerOf(r, nil)
			a.ContentLength = -1
			a.Body = io.NopCloser(stalled{r.Context()})
			return a, nil
		})
		if err := c.Read(t.Context(), "contacts", new(Row)); err != nil || n != 2 {
			t.Errorf("%v after %d attempts", err, n)
		}
	})
}

type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

func TestAPlaceIsHeldUntilTheAnswerHasBeenRead(t *testing.T) {
	c := connectTo(t, func(r *http.Request) (*http.Response, error) { return answerOf(r, []byte(`{}`)), nil })
	req, _ := http.NewRequestWithContext(context.WithValue(t.Context(), attemptsKey{}, &attempts{c: c}), "GET", c.Root, nil)
	resp, err := c.transport.RoundTrip(req)
	if err != nil || c.transport.gate.inFlight != 1 {
		t.Fatalf("%v, %d in flight", err, c.transport.gate.inFlight)
	}
	resp.Body.Close()
	if c.transport.gate.inFlight != 0 {
		t.Error("the place was not given back")
	}
}

type credentialFunc func(policy.TokenRequestOptions) string

func (f credentialFunc) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: f(o), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestAChallengeForClaimsIsAnsweredOnce(t *testing.T) {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	for _, satisfied := range []bool{true, false} {
		var asked []policy.TokenRequestOptions
		var bodies []string
		c := connectTo(t, func(r *http.Request) (*http.Response, error) {
			bodies = append(bodies, readBody(r))
			if r.Header.Get("Authorization") == "Bearer better" && satisfied {
				return answerOf(r, []byte(`{}`)), nil
			}
			a := answerOf(r, nil)
			a.StatusCode = 401
			a.Header.Set("WWW-Authenticate", `Bearer authorization_uri="x", error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
			return a, nil
		}, func(o *Options) {
			o.Credential = credentialFunc(func(o policy.TokenRequestOptions) string {
				asked = append(asked, o)
				if o.Claims == claims {
					return "better"
				}
				return "first"
			})
		})
		err := c.Call(t.Context(), "POST", "contacts", Row{"a": "b"}, nil)
		if satisfied != (err == nil) || !satisfied && !errors.Is(err, ErrUnauthorized) {
			t.Errorf("satisfied %v: %v", satisfied, err)
		}
		if len(asked) != 2 || asked[0].Claims != "" || len(asked[0].Scopes) != 1 || asked[0].Scopes[0] != "https://org.crm4.dynamics.com/.default" {
			t.Errorf("asked for %+v", asked)
		}
		for _, o := range asked {
			if !o.EnableCAE {
				t.Error("EnableCAE changed: that is another token cache")
			}
		}
		if len(bodies) != 2 || bodies[0] != `{"a":"b"}` || bodies[1] != bodies[0] {
			t.Errorf("bodies %q", bodies)
		}
	}
}

func TestATokenIsAskedForOncePerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := connectTo(t, func(r *http.Request) (*http.Response, error) { return answerOf(r, []byte(`{}`)), nil }, func(o *Options) {
			o.Credential = credentialFunc(func(policy.TokenRequestOptions) string { n++; return "t" })
		})
		for range 10 {
			if err := c.Read(t.Context(), "contacts", nil); err != nil {
				t.Fatal(err)
			}
		}
		if n != 1 {
			t.Errorf("%d sign-ins for ten requests", n)
		}
		time.Sleep(56 * time.Minute)
		c.Read(t.Context(), "contacts", nil)
		if n != 2 {
			t.Errorf("%d sign-ins, though the token runs out", n)
		}
	})
}

func TestAnAnswerWithoutAnEndIsRefused(t *testing.T) {
	c := connectTo(t, func(r *http.Request) (*http.Response, error) {
		a := answerOf(r, nil)
		a.ContentLength = maxBody + 1
		return a, nil
	})
	if err := c.Read(t.Context(), "contacts", new(Row)); !errors.Is(err, ErrAnswer) {
		t.Errorf("%v", err)
	}
	if _, err := (&share{b: newBudget()}).readAll(t.Context(), endless{}, nil, 1<<20, -1); err != errTooLong {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
