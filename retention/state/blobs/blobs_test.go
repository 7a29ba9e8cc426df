package blobs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/ledger/azuritetest"
	"github.com/gallra/gallra/retention/state/blobs"
)

// network is the way to Azurite, which fails some requests.
type network struct {
	client *http.Client
	fails  func(r *http.Request) bool
	log    []string
}

func (n *network) Do(r *http.Request) (*http.Response, error) {
	n.log = append(n.log, r.Method+" "+filepath.Base(r.URL.Path))
	if n.fails != nil && n.fails(r) {
		return nil, errors.New("the connection is gone")
	}
	return n.client.Do(r)
}

func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func holds(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		all = append(all, e.Name()+"="+string(text))
	}
	return strings.Join(all, " ")
}

func TestNightsInAContainer(t *testing.T) {
	azurite := azuritetest.Start(t, false)
	net := &network{client: azurite.Client}
	// Requests are made one after the other where a test counts them.
	open := func(address string) blobs.Container {
		c, prefix, err := ledger.ContainerClient(ledger.ContainerOptions{URL: address, Key: azuritetest.Key,
			Client: azcore.ClientOptions{Transport: net, Retry: policy.RetryOptions{MaxRetries: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		return blobs.Container{Client: c, Prefix: prefix}
	}
	address := azurite.Container(t, "nights")
	c := open(address + "/production")
	ctx := context.Background()
	fetched := func() string {
		t.Helper()
		folder := t.TempDir()
		if err := c.Fetch(ctx, folder); err != nil {
			t.Fatal(err)
		}
		return holds(t, folder)
	}

	if got := fetched(); got != "" {
		t.Errorf("an empty container holds %s", got)
	}
	first := t.TempDir()
	write(t, first, map[string]string{"kept": "index one", "rows-11": "eleven", "rows-12": "twelve", "new-7": "of a night that was cut", "notes.txt": "somebody's"})
	if err := c.Store(ctx, first); err != nil {
		t.Fatal(err)
	}
	if got := fetched(); got != "kept=index one rows-11=eleven rows-12=twelve" {
		t.Errorf("after the first night: %s", got)
	}
	write(t, first, map[string]string{"kept": "index two", "rows-13": "thirteen"})
	if err := os.Remove(filepath.Join(first, "rows-11")); err != nil {
		t.Fatal(err)
	}

	// Cut at any request, the container holds a whole night: the one before, or this one with files of the one before.
	for n := range 20 {
		other := open(address + "/cut" + string(rune('a'+n)))
		before := t.TempDir()
		write(t, before, map[string]string{"kept": "index one", "rows-11": "eleven", "rows-12": "twelve"})
		if err := other.Store(ctx, before); err != nil {
			t.Fatal(err)
		}
		seen := 0
		net.fails = func(*http.Request) bool { seen++; return seen > n }
		err := other.Store(ctx, first)
		net.fails = nil
		folder := t.TempDir()
		if err := other.Fetch(ctx, folder); err != nil {
			t.Fatal(err)
		}
		got := holds(t, folder)
		switch {
		case err == nil && got != "kept=index two rows-12=twelve rows-13=thirteen":
			t.Errorf("stored: %s", got)
		case strings.HasPrefix(got, "kept=index one") && !strings.Contains(got, "rows-11=eleven rows-12=twelve"),
			strings.HasPrefix(got, "kept=index two") && !strings.Contains(got, "rows-12=twelve rows-13=thirteen"), !strings.HasPrefix(got, "kept="):
			t.Errorf("cut at request %d: %s", n, got)
		}
		if err == nil {
			break
		}
		if n == 19 {
			t.Error("it never came to its end")
		}
	}

	// What was stored is not sent again, and what somebody else put there stays.
	if err := c.Store(ctx, first); err != nil {
		t.Fatal(err)
	}
	net.log = nil
	if err := c.Store(ctx, first); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(net.log, func(l string) bool { return strings.HasPrefix(l, "PUT rows-") }) {
		t.Errorf("rows were sent again: %v", net.log)
	}

	// That nights read in full outlives a run that does not know it.
	write(t, first, map[string]string{"off": "2026-11-20 differs"})
	if err := c.Store(ctx, first); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(first, "off")); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(ctx, first); err != nil {
		t.Fatal(err)
	}
	if got := fetched(); !strings.Contains(got, "off=2026-11-20 differs") {
		t.Errorf("switched off, and then: %s", got)
	}

	// A name that leads out of the folder is nobody's.
	if _, err := c.Client.NewBlockBlobClient(c.Prefix+"rows-../../evil").UploadStream(ctx, io.NopCloser(strings.NewReader("x")), nil); err != nil {
		t.Fatal(err)
	}
	if got := fetched(); strings.Contains(got, "evil") {
		t.Errorf("fetched %s", got)
	}

	missing := open(azurite.URL + "/nowhere")
	var told *blobs.Error
	if err := missing.Fetch(ctx, t.TempDir()); !errors.As(err, &told) || told.Status != 404 || !strings.Contains(told.Hint(), "make the container") {
		t.Errorf("without a container: %v", err)
	}
}
