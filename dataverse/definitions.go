package dataverse

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// Definitions keep what clients have made of the definitions of tables, by the text of the service's answers. Clients
// that share them, even of several environments, take the same text apart once. They save no request: a client knows
// nothing older than it would without. The zero value is ready to use, and safe for concurrent use.
type Definitions struct {
	mu        sync.Mutex
	tables    map[[sha256.Size]byte]*Table
	parts     int // of all tables
	addresses map[[sha256.Size]byte]map[string][]AddressColumn
}

// mostParts and mostAddresses bound what is kept: definitions change for as long as a process lives.
const (
	mostParts     = 200_000 // columns and relationships of tables, some 80 MB
	mostAddresses = 64      // some kilobytes each
)

// addressesIn are the columns of addresses that an answer tells of. d may be nil: nothing is kept then.
func (d *Definitions) addressesIn(body []byte) (map[string][]AddressColumn, error) {
	text, err := entityMetadata(body)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return addressColumns(text)
	}
	key := sha256.Sum256(text)
	d.mu.Lock()
	known := d.addresses[key]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	out, err := addressColumns(text)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.addresses == nil || len(d.addresses) >= mostAddresses {
		d.addresses = map[[sha256.Size]byte]map[string][]AddressColumn{}
	}
	d.addresses[key] = out
	return out, nil
}

// table is what is kept for these answers, or what build makes of them. d may be nil: nothing is kept then.
func (d *Definitions) table(root string, results []Result, build func() (*Table, error)) (*Table, error) {
	if d == nil {
		return build()
	}
	key, ok := definitionKey(root, results)
	if !ok {
		return build()
	}
	d.mu.Lock()
	known := d.tables[key]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	t, err := build()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tables == nil || d.parts >= mostParts {
		d.tables, d.parts = map[[sha256.Size]byte]*Table{}, 0
	}
	if d.tables[key] == nil {
		d.parts += len(t.Attributes) + len(t.OneToMany) + len(t.ManyToOne) + len(t.ManyToMany)
	}
	d.tables[key] = t
	return t, nil
}

// definitionKey is a digest of the answers, without the environment's address at the beginning of each: the same
// definitions of another environment are the same.
func definitionKey(root string, results []Result) (key [sha256.Size]byte, ok bool) {
	h := sha256.New()
	address := []byte(`{"@odata.context":"` + root)
	for _, r := range results {
		if len(r.Bodies) != 1 {
			return key, false
		}
		body := bytes.TrimPrefix(r.Bodies[0], address)
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(body)))
		h.Write(size[:])
		h.Write(body)
	}
	return [sha256.Size]byte(h.Sum(nil)), true
}
