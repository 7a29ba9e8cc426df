package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// fullDisk stores half of what is appended, and fails.
type fullDisk struct{ Storage }

func (d fullDisk) Append(ctx context.Context, name string, at int64, data []byte) error {
	if err := d.Storage.Append(ctx, name, at, data[:len(data)/2]); err != nil {
		return err
	}
	return errors.New("no space left on device")
}
