package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"github.com/google/uuid"
)

// A lease lasts for a minute and is renewed three times in it. Whoever cannot renew it takes it for lost a little before
// the service does.
const (
	leaseLasts = 60 * time.Second
	leaseRenew = 20 * time.Second
	leaseSpare = 5 * time.Second
)

// leased is a lease that is held, and renewed in the background.
type leased struct {
	client *lease.BlobClient
	stop   context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	until time.Time // by the monotonic clock
	lost  bool
}

// held fails when the lock is not, or no more, this process's.
func (c *container) held() error {
	if c.lock == nil {
		return ErrLockLost
	}
	c.lock.mu.Lock()
	defer c.lock.mu.Unlock()
	if c.lock.lost || !time.Now().Before(c.lock.until) {
		return ErrLockLost
	}
	return nil
}

// Lock takes a lease on the blob named lock and adds a line there that says who holds it. A lease that its holder's death
// left behind ends within a minute; a run that is started again under its own id waits for that.
func (c *container) Lock(ctx context.Context, h Holder) (func() error, error) {
	if _, err := c.create(ctx, lockName); err != nil {
		return nil, err
	}
	l := &leased{done: make(chan struct{})}
	var err error
	if l.client, err = lease.NewBlobClient(c.appendBlob(lockName), &lease.BlobClientOptions{LeaseID: to.Ptr(uuid.NewString())}); err != nil {
		return nil, storageError("lock the ledger", err)
	}
	for end := time.Now().Add(leaseLasts + leaseSpare); ; {
		began := time.Now()
		_, err = l.client.AcquireLease(ctx, int32(leaseLasts/time.Second), nil)
		if err == nil {
			l.until = began.Add(leaseLasts - leaseSpare)
			break
		}
		if !answered(err, bloberror.LeaseAlreadyPresent, bloberror.LeaseIsBreakingAndCannotBeAcquired) {
			return nil, storageError("lock the ledger", err)
		}
		locked := &LockedError{Holder: c.holder(ctx)}
		if locked.Holder.Run == "" || locked.Holder.Run != h.Run || time.Now().After(end) {
			return nil, locked
		}
		select { // the same run, before it was killed and started again
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
	if err := c.sayHolder(ctx, l, h); err != nil {
		_, releaseErr := l.client.ReleaseLease(context.WithoutCancel(ctx), nil)
		return nil, errors.Join(storageError("lock the ledger", err), storageError("give the lock back", releaseErr))
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.renew(renewing)
	c.lock, c.head, c.blocks = l, headBlob{}, map[string]int{}
	return func() error { return c.unlock(l) }, nil
}

// renew keeps the lease until it is stopped. What it cannot reach it tries again until the lease has run out.
func (l *leased) renew(ctx context.Context) {
	defer close(l.done)
	wait := time.NewTicker(leaseRenew)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		l.renewOnce(ctx)
	}
}

func (l *leased) renewOnce(ctx context.Context) {
	began := time.Now()
	_, err := l.client.RenewLease(ctx, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && !l.lost:
		l.until = began.Add(leaseLasts - leaseSpare)
	case err != nil && !unsure(err): // there was an answer, and it was no
		l.lost = true
	}
}

// unlock writes the head that is still to be written and gives the lease back.
func (c *container) unlock(l *leased) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := c.writeHead(ctx)
	if errors.Is(err, ErrLockLost) {
		err = nil // the run has been told; the next one's head says more
	}
	l.stop()
	<-l.done
	c.lock = nil
	_, releaseErr := l.client.ReleaseLease(ctx, nil)
	if answered(releaseErr, bloberror.LeaseIDMismatchWithLeaseOperation, bloberror.LeaseNotPresentWithLeaseOperation, bloberror.LeaseLost) {
		releaseErr = nil
	}
	return errors.Join(err, storageError("give the lock back", releaseErr))
}

// holder is who holds the lock, as far as that can be read.
func (c *container) holder(ctx context.Context) (h Holder) {
	line, count, err := c.lastLine(ctx, lockName)
	if err == nil && line != nil && count < c.limit {
		_ = json.Unmarshal(line, &h) // an unreadable holder is an unknown one
	}
	return h
}

// sayHolder adds a line about the holder. A blob of holders that is full keeps its lock and tells no more.
func (c *container) sayHolder(ctx context.Context, l *leased, h Holder) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = c.appendBlob(lockName).AppendBlock(ctx, streaming.NopCloser(bytes.NewReader(append(line, '\n'))), &appendblob.AppendBlockOptions{
		AccessConditions: &blob.AccessConditions{LeaseAccessConditions: &blob.LeaseAccessConditions{LeaseID: l.client.LeaseID()}},
	})
	if answered(err, bloberror.BlockCountExceedsLimit) {
		return nil
	}
	return err
}
