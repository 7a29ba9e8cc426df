package ledger

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// decoded is a line that was read.
type decoded struct {
	record Record
	hash   string
	size   int64 // its line end included
	err    error
}

// decodedChunk is a chunk with its lines.
type decodedChunk struct {
	chunk
	lines []decoded
}

func (c *decodedChunk) decode() {
	var d decoder
	c.lines = make([]decoded, 0, bytes.Count(c.text, []byte{'\n'}))
	for text := c.text; len(text) > 0; {
		var line []byte
		line, text = cutLine(text)
		x := decoded{size: int64(len(line)) + 1}
		x.record, x.hash, x.err = d.decode(line)
		c.lines = append(c.lines, x)
		if x.err != nil {
			break // nothing behind it is looked at
		}
	}
	c.text = nil
}

// chain is where a reader stands in the chain.
type chain struct {
	seq  uint64
	hash string
	tail tail
}

// through reads the files of a ledger, and hands each entry on that follows the one before it.
func (c *chain) through(ctx context.Context, storage Storage, files []File, each func(r Record, hash string) error) error {
	open := func(ctx context.Context, name string) (io.ReadCloser, error) { return storage.Read(ctx, name) }
	produce := func(ctx context.Context, yield func(*decodedChunk) bool) error {
		err := chunks(ctx, open, files, func(x chunk) bool { return yield(&decodedChunk{chunk: x}) })
		if err != nil {
			err = fmt.Errorf("ledger: %w", err)
		}
		return err
	}
	var whole int64 // of the file
	return inOrder(ctx, produce, (*decodedChunk).decode, func(x *decodedChunk) error {
		name := files[x.file].Name
		for i := range x.lines {
			d := &x.lines[i]
			switch {
			case d.err != nil:
				return fmt.Errorf("ledger: %s line %d: %v: %w", name, x.line+i, d.err, ErrBroken)
			case d.record.Seq != c.seq+1 || d.record.Prev != c.hash:
				return fmt.Errorf("ledger: %s line %d does not follow the line before it: %w", name, x.line+i, ErrBroken)
			case !c.tail.covers(d.record):
				return fmt.Errorf("ledger: the file before %s ends within a line: %w", name, ErrBroken)
			}
			c.seq, c.hash = d.record.Seq, d.hash
			if err := each(d.record, d.hash); err != nil {
				return err
			}
			whole += d.size
		}
		if !x.ends {
			return nil
		}
		if x.torn > 0 && c.tail.file > 0 {
			return fmt.Errorf("ledger: %s ends within a line: %w", files[c.tail.file-1].Name, ErrBroken)
		}
		if x.torn > 0 {
			c.tail = tail{file: x.file + 1, whole: whole, torn: x.torn}
		}
		whole = 0
		return nil
	})
}
