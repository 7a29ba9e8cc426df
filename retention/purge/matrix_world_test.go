package purge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
)

// thin says which cells of the matrix are taken: all, or those of a seed.
type thin struct {
	full bool
	seed int
}

// thinning reads GALLRA_MATRIX: full, or a number by which other cells are taken.
func thinning(t *testing.T) thin {
	t.Helper()
	m := thin{seed: 1}
	switch v := os.Getenv("GALLRA_MATRIX"); v {
	case "":
	case "full":
		m.full = true
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			t.Fatalf("GALLRA_MATRIX is %q, and takes full or a number", v)
		}
		m.seed = n
	}
	t.Logf("full %t, seed %d (GALLRA_MATRIX=full|NUMBER)", m.full, m.seed)
	return m
}

// eighth tells whether a kind of requests is one of the eighth that a fault meets which is always taken. Seeds that follow each other
// take others.
func (m thin) eighth(kind int) bool { return m.full || (kind+m.seed)%8 == 0 }

// request tells whether a row, which is always taken or takes turns, meets a kind of requests in a column. A row that takes turns meets
// every third column, and with the next seeds the others.
func (m thin) request(column, row, kind, kinds int, always bool) bool {
	switch {
	case m.full:
		return true
	case always:
		return m.eighth(kind)
	}
	return m.third(column, row) && (row*5+column*11+m.seed)%kinds == kind
}

// third tells whether a row is one of the third that a column takes. Columns that follow each other take other thirds.
func (m thin) third(column, row int) bool { return m.full || (row+column+m.seed)%3 == 0 }

// write tells whether a row meets a write to the ledger in a column.
func (m thin) write(column, row, write, writes int) bool {
	return m.full || (row*5+column*3+m.seed)%writes == write || write == 0 && m.third(column, row)
}

// TestTheThinnedMatrixMeetsEverything holds of every seed that each fault is met in one column of three, and the one that leaves most doubt
// in all, and that three seeds which follow each other take all columns, and eight every kind of request.
func TestTheThinnedMatrixMeetsEverything(t *testing.T) {
	for seed := range 60 {
		const kinds, writes = 45, 15
		m := thin{seed: seed}
		for at, k := range columns {
			for i, d := range atRequests {
				met := 0
				for j := range kinds {
					if m.request(at, i, j, kinds, d.always) {
						met++
					}
					turns := 0
					for next := range 8 {
						if (thin{seed: seed + next}).request(at, i, j, kinds, d.always) {
							turns++
						}
					}
					if d.always && turns != 1 {
						t.Errorf("seed %d, %s: %q meets kind %d %d times in eight seeds", seed, k.name, d.name, j, turns)
					}
				}
				taken := 0 // columns, in three seeds
				for next := range 3 {
					for j := range kinds {
						if (thin{seed: seed + next}).request(at, i, j, kinds, d.always) {
							taken++
						}
					}
				}
				if d.always && met != kinds/8 && met != kinds/8+1 || !d.always && taken != 1 {
					t.Errorf("seed %d, %s: %q meets %d kinds of request, and %d in three seeds", seed, k.name, d.name, met, taken)
				}
			}
			for i, d := range underTheLedger {
				met := 0
				for n := range writes {
					if m.write(at, i, n, writes) {
						met++
					}
				}
				if met == 0 {
					t.Errorf("seed %d, %s: %q is not met", seed, k.name, d.name)
				}
			}
		}
		for _, faults := range [][]disturbance{atRequests, byOthers} {
			for i, d := range faults {
				met := 0
				for at := range columns {
					if m.third(at, i) {
						met++
					}
				}
				if met == 0 {
					t.Errorf("seed %d: %q is not met", seed, d.name)
				}
			}
		}
		for i, d := range underTheLedger {
			first := 0
			for at := range columns {
				if m.write(at, i, 0, writes) {
					first++
				}
			}
			if first == 0 {
				t.Errorf("seed %d: %q does not meet the first write", seed, d.name)
			}
		}
	}
}

// some takes one of several, or all.
func (m thin) some(all []int) []int {
	if m.full || len(all) == 0 {
		return all
	}
	i := m.seed * 7919 % len(all)
	return all[i : i+1]
}

// recorder notes what each request does.
type recorder struct {
	next     http.RoundTripper
	mu       sync.Mutex
	requests []string
}

var partOf = regexp.MustCompile(`(?m)^(GET|POST|PATCH|PUT|DELETE) \S*?/api/data/v[0-9.]+/([A-Za-z0-9_$]+)`)

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	what := req.Method + " " + strings.TrimPrefix(req.URL.Path, "/api/data/v9.2/")
	what, _, _ = strings.Cut(what, "(")
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(b))
		var parts []string
		for _, m := range partOf.FindAllStringSubmatch(string(b), -1) {
			if p := m[1] + " " + m[2]; !slices.Contains(parts, p) {
				parts = append(parts, p)
			}
		}
		slices.Sort(parts)
		if len(parts) > 3 {
			parts = append(parts[:3], "…")
		}
		what = strings.TrimSpace(what + " " + strings.Join(parts, ", "))
	}
	r.mu.Lock()
	r.requests = append(r.requests, what)
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}

// connectWith makes a client.
func (w *world) connectWith(set func(*dataverse.Options)) *dataverse.Client {
	w.t.Helper()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	w.must(err)
	o := dataverse.Options{URL: w.url, Credential: credential, RetryWait: time.Millisecond, Definitions: definitions}
	set(&o)
	c, err := dataverse.New(o)
	w.must(err)
	return c
}

// failing is a ledger's storage whose writes fail from some moment on.
type failing struct {
	ledger.Storage
	left int
	err  error
	half bool // half of the data is written all the same
}

func (f *failing) Append(ctx context.Context, name string, at int64, data []byte) error {
	f.left--
	if f.left == -1 && f.half {
		if err := f.Storage.Append(ctx, name, at, data[:len(data)/2]); err != nil {
			return err
		}
	}
	if f.left < 0 {
		return f.err
	}
	return f.Storage.Append(ctx, name, at, data)
}

func (f *failing) SetHead(ctx context.Context, data []byte) error {
	if f.left < 0 {
		return f.err
	}
	return f.Storage.SetHead(ctx, data)
}

// session is a sign-in whose tokens end.
type session struct {
	renews bool // a token that was revoked is replaced; otherwise tokens are short-lived, and one day none is given

	next    http.RoundTripper
	mu      sync.Mutex
	begun   bool
	left    int // requests until it happens
	over    bool
	issued  int
	revoked int // tokens up to this one
}

func (s *session) connect(o *dataverse.Options) {
	o.Credential, o.Retries = s, 3
	s.next = http.DefaultTransport.(*http.Transport).Clone()
	o.Transport = s
}

func (s *session) begin(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.left = true, n
}

func (s *session) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over && !s.renews {
		return azcore.AccessToken{}, errors.New("the sign-in has ended")
	}
	s.issued++
	lasts := time.Hour
	if !s.renews {
		lasts = time.Minute
	}
	return azcore.AccessToken{Token: fmt.Sprint(s.issued), ExpiresOn: time.Now().Add(lasts)}, nil
}

func (s *session) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	if s.begun && !s.over {
		if s.left--; s.left < 0 {
			s.over, s.revoked = true, s.issued
		}
	}
	n, err := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	refused := err != nil || n <= s.revoked
	s.mu.Unlock()
	if refused {
		if r.Body != nil {
			r.Body.Close()
		}
		h := http.Header{}
		h.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(`{"access_token":{}}`))+`"`)
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: h, Body: http.NoBody, Request: r}, nil
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return s.next.RoundTrip(r)
}

func label(text string) row {
	return row{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []row{{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

// guests makes a table of somebody else's that hangs on persons.
func guests(w *world) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.client.Call(ctx, http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Guest", "DisplayName": label("Guest"),
		"DisplayCollectionName": label("Guests"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
		"Attributes": []row{{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name", "DisplayName": label("Name"), "IsPrimaryName": true,
			"RequiredLevel": row{"Value": "None"}, "FormatName": row{"Value": "Text"}, "MaxLength": 100}}}, nil))
	w.must(w.client.Call(ctx, http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_contact_guest",
		"ReferencedEntity": "contact", "ReferencingEntity": "new_guest", "CascadeConfiguration": row{"Delete": "Cascade", "Assign": "NoCascade", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup": row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_Contact", "DisplayName": label("Contact"), "RequiredLevel": row{"Value": "None"}}}, nil))
	w.client = w.connect(6) // which knows it
}

// dropGuests takes the table away.
func (w *world) dropGuests() {
	w.t.Helper()
	w.must(w.connect(6).Call(w.t.Context(), http.MethodDelete, "EntityDefinitions(LogicalName='new_guest')", nil, nil))
}
