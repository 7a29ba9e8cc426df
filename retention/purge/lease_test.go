package purge_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/ledger/azuritetest"
	"github.com/gallra/gallra/retention/purge"
)

// TestLeaseLost takes the lease on a ledger in Azure away from a purging run and lets another run go through, before the
// first one goes on: it must stop, and nothing be done twice.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	blobs := azuritetest.Start(t, false)
	for i, tt := range []struct {
		name string
		when func(dataverse.Part) bool
	}{
		{"at the last look", func(p dataverse.Part) bool {
			return p.Op != nil && p.Op.Method == http.MethodGet && strings.HasPrefix(p.Op.Path, "contacts?")
		}},
		{"before the change set", func(p dataverse.Part) bool { return len(p.Set) > 0 }},
		{"before the delete", func(p dataverse.Part) bool { return p.Op != nil && p.Op.Method == http.MethodDelete }},
		{"before the audit history", func(p dataverse.Part) bool { return p.Op != nil && p.Op.Path == "DeleteRecordChangeHistory" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, pol)
			address := blobs.Container(t, "ledger-"+string(rune('a'+i)))
			open := func(d *purge.Deps) {
				s, err := ledger.Container(ledger.ContainerOptions{URL: address, Key: azuritetest.Key, Client: azcore.ClientOptions{
					Retry: azpolicy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}}})
				w.must(err)
				d.Ledger, err = ledger.OpenStorage(t.Context(), s)
				w.must(err)
			}
			yvonne(w)
			w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
			w.run(open)
			w.advance(59)
			taken := false
			s, err := w.tryRun(open, func(d *purge.Deps) {
				d.Run.ID = "stalled"
				d.Client = &meddler{d.Client, func(parts []dataverse.Part) {
					if !taken && tt.when(parts[0]) {
						taken = true
						breakLease(t, address)
						w.run(open, func(d *purge.Deps) { d.Run.ID = "other" })
					}
				}}
			})
			if !taken || !errors.Is(err, ledger.ErrLockLost) || s.Status != ledger.Failed {
				t.Errorf("status %s, error %v, want one of the lost lock", s.Status, err)
			}
			w.run(open, func(d *purge.Deps) { d.Run.ID = "after" })
			if w.get("contact", "yvonne") != nil {
				t.Error("the person is still there")
			}
			w.nothingFound("McKay")
			d := w.deps(w.client)
			open(&d)
			done := 0
			for r, err := range d.Ledger.Records(t.Context()) {
				w.must(err)
				if r.Kind == ledger.Outcome && r.Status == ledger.Done {
					done++
				}
			}
			if done != 1 {
				t.Errorf("the ledger says %d times that the person was purged", done)
			}
			from, err := ledger.Container(ledger.ContainerOptions{URL: address, Key: azuritetest.Key})
			w.must(err)
			proof, err := ledger.VerifySource(t.Context(), from)
			w.must(err)
			for _, p := range proof.Problems {
				t.Errorf("ledger: %v", p)
			}
		})
	}
}

func breakLease(t *testing.T, address string) {
	t.Helper()
	key, err := container.NewSharedKeyCredential(azuritetest.Account, azuritetest.Key)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := appendblob.NewClientWithSharedKeyCredential(address+"/lock", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := lease.NewBlobClient(lock, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.BreakLease(t.Context(), &lease.BlobBreakOptions{BreakPeriod: to.Ptr[int32](0)}); err != nil {
		t.Fatal(err)
	}
}
