package ledger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

// create makes an empty append blob, and tells whether there was one before.
func (c *container) create(ctx context.Context, name string) (before bool, err error) {
	_, err = c.appendBlob(name).Create(ctx, &appendblob.CreateOptions{
		HTTPHeaders: &blob.HTTPHeaders{BlobContentType: to.Ptr("application/x-ndjson")},
		AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{
			IfNoneMatch: to.Ptr(azcore.ETagAny)}},
	})
	if answered(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet, bloberror.BlobImmutableDueToPolicy) {
		return true, nil
	}
	return false, storageError("create "+name, err)
}

func (c *container) Create(ctx context.Context, name string) error {
	if err := c.held(); err != nil {
		return err
	}
	before, err := c.create(ctx, name)
	if err != nil {
		return err
	}
	if before {
		// The answer to a create of ours may have been lost. Whoever holds the lock is the only one who makes files, so an
		// empty one is ours.
		p, err := c.appendBlob(name).GetProperties(ctx, nil)
		if err != nil {
			return storageError("look at "+name, err)
		}
		if *p.ContentLength > 0 {
			return fmt.Errorf("ledger: there is a file %s already", name)
		}
	}
	c.blocks[name] = 0
	return nil
}

func (c *container) Append(ctx context.Context, name string, at int64, data []byte) error {
	pieces := (len(data) + c.piece - 1) / c.piece
	if c.blocks[name]+pieces > c.limit {
		return ErrFull
	}
	for first := true; len(data) > 0; first = false {
		if err := c.held(); err != nil {
			return err
		}
		piece := data[:min(len(data), c.piece)]
		if err := c.block(ctx, name, at, piece); err != nil {
			if err == ErrFull && !first {
				err = fmt.Errorf("ledger: %s was filled by somebody else", name)
			}
			return err
		}
		at += int64(len(piece))
		data = data[len(piece):]
	}
	return nil
}

// block adds one block. The position is always a condition: without it, a block whose answer was lost would be added a
// second time by the retry. With it the retry is refused, and then what stands there tells whose it is.
func (c *container) block(ctx context.Context, name string, at int64, data []byte) error {
	answer, err := c.appendBlob(name).AppendBlock(ctx, streaming.NopCloser(bytes.NewReader(data)), &appendblob.AppendBlockOptions{
		AppendPositionAccessConditions: &appendblob.AppendPositionAccessConditions{AppendPosition: &at},
	})
	refused := answered(err, bloberror.AppendPositionConditionNotMet)
	switch {
	case err == nil:
		c.blocks[name]++
		if n := answer.BlobCommittedBlockCount; n != nil {
			c.blocks[name] = int(*n)
		}
		return nil
	case answered(err, bloberror.BlockCountExceedsLimit):
		return ErrFull
	case answered(err, "BlobIsSealed"): // by a run that took this one for dead
		return ErrLockLost
	case !refused && !unsure(err):
		return storageError("append to "+name, err)
	}
	stands, lookErr := c.stands(ctx, name, at, data)
	switch {
	case stands:
		c.blocks[name]++
		return nil
	case refused && lookErr == nil:
		return fmt.Errorf("ledger: somebody else has written to %s", name)
	}
	return storageError("append to "+name, err)
}

// stands tells whether a file ends with data that begins at a position.
func (c *container) stands(ctx context.Context, name string, at int64, data []byte) (bool, error) {
	p, err := c.appendBlob(name).GetProperties(ctx, nil)
	if err != nil {
		return false, err
	}
	if *p.ContentLength != at+int64(len(data)) {
		return false, nil
	}
	b, err := c.tail(ctx, name, at, int64(len(data)))
	if err != nil {
		return false, err
	}
	return bytes.Equal(b, data), nil
}

// Cut leaves what is there: nothing is ever taken off an append blob. The entry that the ledger writes about it says that
// the bytes count for nothing.
func (c *container) Cut(context.Context, string, int64) error { return nil }

// Seal keeps a run that lost its lease, without having noticed, from adding to its file. What the storage does not let be
// sealed stays open; such a run then stops by its own clock.
func (c *container) Seal(ctx context.Context, name string) error {
	if err := c.held(); err != nil {
		return err
	}
	_, err := c.appendBlob(name).Seal(ctx, nil)
	if answered(err, "BlobIsSealed", bloberror.BlobImmutableDueToPolicy) {
		return nil
	}
	return storageError("seal "+name, err)
}
