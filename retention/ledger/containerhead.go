package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

// headEvery is how many times the head is set for each time that it is written. A head may lag behind: it proves that
// nothing up to it is missing. Every write is a block, and a blob takes 50,000.
const headEvery = 50

// headBlob is the head in a blob that is added to: its last line counts.
type headBlob struct {
	number int // of the blob: head.json, head-2.json, …; zero: not known yet
	size   int64
	sets   int
	kept   []byte // set and not yet written
}

func headBlobName(number int) string {
	if number <= 1 {
		return headName
	}
	return fmt.Sprintf("head-%d.json", number)
}

// Head reads the last line of the last head that there is.
func (c *container) Head(ctx context.Context) ([]byte, error) {
	heads, err := c.heads(ctx)
	if err != nil {
		return nil, err
	}
	for _, number := range slices.Backward(heads) {
		line, _, err := c.lastLine(ctx, headBlobName(number))
		if answered(err, bloberror.BlobNotFound) {
			continue
		}
		if err != nil {
			return nil, storageError("read "+headBlobName(number), err)
		}
		if line != nil {
			return line, nil
		}
		// Empty: a run was killed between making it and adding to it. The one before counts.
	}
	return nil, nil
}

// heads are the numbers of the heads that there are, in order.
func (c *container) heads(ctx context.Context) ([]int, error) {
	var heads []int
	err := c.blobs(ctx, c.prefix+"head", func(name string, _ int64) {
		if name == headName {
			heads = append(heads, 1)
			return
		}
		text := strings.TrimSuffix(strings.TrimPrefix(name, "head-"), ".json")
		if n, err := strconv.Atoi(text); err == nil && n > 1 && name == headBlobName(n) {
			heads = append(heads, n)
		}
	})
	slices.Sort(heads)
	return heads, err
}

// lastHead is the number of the last head, 0 if there is none.
func (c *container) lastHead(ctx context.Context) (int, error) {
	heads, err := c.heads(ctx)
	if len(heads) == 0 {
		return 0, err
	}
	return heads[len(heads)-1], err
}

// SetHead writes the first head that a run sets, every fiftieth, and the last when the lock is given back.
func (c *container) SetHead(ctx context.Context, data []byte) error {
	if err := c.held(); err != nil {
		return err
	}
	c.head.kept = data
	c.head.sets++
	if c.head.sets%headEvery != 1 {
		return nil
	}
	return c.writeHead(ctx)
}

func (c *container) writeHead(ctx context.Context) error {
	h := &c.head
	if h.kept == nil {
		return nil
	}
	if h.number == 0 {
		number, err := c.lastHead(ctx)
		if err != nil {
			return err
		}
		if err := c.openHead(ctx, max(number, 1)); err != nil {
			return err
		}
	}
	err := c.Append(ctx, headBlobName(h.number), h.size, h.kept)
	if errors.Is(err, ErrFull) {
		if err = c.openHead(ctx, h.number+1); err == nil {
			err = c.Append(ctx, headBlobName(h.number), h.size, h.kept)
		}
	}
	if err != nil {
		return err
	}
	h.size += int64(len(h.kept))
	h.kept = nil
	return nil
}

// openHead makes a head's blob, or finds out how long it is.
func (c *container) openHead(ctx context.Context, number int) error {
	name := headBlobName(number)
	h := headBlob{number: number, sets: c.head.sets, kept: c.head.kept}
	c.blocks[name] = 0
	before, err := c.create(ctx, name)
	if err != nil {
		return err
	}
	if before {
		p, err := c.appendBlob(name).GetProperties(ctx, nil)
		if err != nil {
			return storageError("look at "+name, err)
		}
		h.size = *p.ContentLength
		if p.BlobCommittedBlockCount != nil {
			c.blocks[name] = int(*p.BlobCommittedBlockCount)
		}
	}
	c.head = h
	return nil
}
