package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// listing answers every list of blobs by a page of its own making, and every other request as if there were no such blob.
func listing(t *testing.T, page func(n int, marker string) (blobs []string, next string)) (*container, *int) {
	t.Helper()
	var mu sync.Mutex
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		n := asked
		mu.Unlock()
		if r.URL.Query().Get("comp") != "list" {
			w.Header().Set("x-ms-error-code", "BlobNotFound")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		names, next := page(n, r.URL.Query().Get("marker"))
		var items strings.Builder
		for _, name := range names {
			fmt.Fprintf(&items, "<Blob><Name>%s</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>", name)
		}
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>%s</Blobs><NextMarker>%s</NextMarker></EnumerationResults>`, items.String(), next)
	}))
	t.Cleanup(srv.Close)
	s, err := Container(ContainerOptions{URL: srv.URL + "/account/ledger", SAS: "sig=x", Client: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*container), &asked
}

func TestAListOfBlobsThatNeverEndsIsStopped(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		page       func(n int, marker string) ([]string, string)
	}{
		{"markers lead back", "leads back", func(n int, marker string) ([]string, string) {
			if marker == "B" {
				return []string{"000002-b.jsonl"}, "A"
			}
			return []string{"000001-a.jsonl"}, "B"
		}},
		{"a marker leads to itself", "leads back", func(int, string) ([]string, string) { return []string{"000001-a.jsonl"}, "A" }},
		{"new markers, the same names", "without a new name", func(n int, _ string) ([]string, string) { return []string{"000001-a.jsonl"}, fmt.Sprint("m", n) }},
		{"new markers, no names", "without a new name", func(n int, _ string) ([]string, string) { return nil, fmt.Sprint("m", n) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			c, asked := listing(t, tt.page)
			for what, list := range map[string]func() error{
				"List": func() error { _, err := c.List(ctx); return err },
				"Head": func() error { _, err := c.Head(ctx); return err },
			} {
				*asked = 0
				err := list()
				var of *StorageError
				if !errors.As(err, &of) || of.Op != "list the container" || !strings.Contains(err.Error(), tt.says) || *asked > 100 {
					t.Errorf("%s: %v after %d requests", what, err, *asked)
				}
			}
		})
	}
}

func TestAnEmptyPageOfBlobsIsNoEnd(t *testing.T) {
	c, _ := listing(t, func(n int, _ string) ([]string, string) {
		switch n {
		case 1:
			return []string{"000001-a.jsonl"}, "m1"
		case 2:
			return nil, "m2"
		}
		return []string{"000002-b.jsonl"}, ""
	})
	files, err := c.List(t.Context())
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v: want both files", files, err)
	}
}

// A head's number is whatever somebody called a blob: those that there are are asked for, not all before them.
func TestHeadsAreNotCountedDown(t *testing.T) {
	c, asked := listing(t, func(int, string) ([]string, string) { return []string{"head-2000000000.json", "head.json"}, "" })
	line, err := c.Head(t.Context())
	if line != nil || err != nil || *asked > 10 {
		t.Errorf("%q, %v after %d requests", line, err, *asked)
	}
}
