package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Checkpoint is where a ledger stood at a moment, in one line that is filed where whoever can reach the ledger cannot.
// [Verify] proves by it that the ledger still contains all that it contained then.
type Checkpoint struct {
	Kind         string    `json:"kind"` // checkpoint
	Seq          uint64    `json:"seq"`
	Hash         string    `json:"hash"`
	At           time.Time `json:"at"`
	Organization uuid.UUID `json:"organization,omitzero"` // that of the last run

	signed    []byte // what the signature is over
	signature []byte
}

// checkpointName stands for a checkpoint where problems are told.
const checkpointName = "checkpoint"

// signatureFor keeps a signature of ours from being one of something else.
const signatureFor = "gallra ledger checkpoint 1\n"

// ErrSignature says that a checkpoint is not signed by the key that it is held against.
var ErrSignature = errors.New("the checkpoint's signature does not match the key: it was changed, or another key signed it")

// ErrUnsigned says that a checkpoint has no signature.
var ErrUnsigned = errors.New("the checkpoint has no signature")

// Checkpoint is where the ledger stands now.
func (l *Ledger) Checkpoint(now time.Time) Checkpoint {
	c := Checkpoint{Kind: "checkpoint", Seq: l.Seq(), Hash: l.Head(), At: now.UTC().Truncate(time.Second)}
	if n := len(l.state.runs); n > 0 {
		c.Organization = l.state.runs[n-1].Organization
	}
	return c
}

// Holds tells whether the ledger contains what it contained at the checkpoint. The end of a run is known; elsewhere the
// entries are read.
func (l *Ledger) Holds(ctx context.Context, c Checkpoint) (bool, error) {
	switch {
	case c.Seq > l.Seq():
		return false, nil
	case c.Seq == l.Seq():
		return c.Hash == l.Head(), nil
	}
	if hash, ok := l.state.ends[c.Seq]; ok {
		return hash == c.Hash, nil
	}
	for r, err := range l.Records(ctx) {
		switch {
		case err != nil:
			return false, err
		case r.Seq == c.Seq+1:
			return r.Prev == c.Hash, nil
		}
	}
	return false, nil
}

// Line is the checkpoint as a line, signed if there is a key.
func (c Checkpoint) Line(key ed25519.PrivateKey) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	if key != nil {
		signature := ed25519.Sign(key, append([]byte(signatureFor), body...))
		body = append(body[:len(body)-1], `,"signature":"`+base64.StdEncoding.EncodeToString(signature)+`"}`...)
	}
	return append(body, '\n'), nil
}

// ReadCheckpoints reads checkpoints, one a line. A file may hold those of many nights.
func ReadCheckpoints(r io.Reader) ([]Checkpoint, error) {
	var all []Checkpoint
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line := in.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // which editors of Windows put first
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		c, err := readCheckpoint(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is no checkpoint: %w", n, err)
		}
		all = append(all, c)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no checkpoint in it")
	}
	return all, nil
}

func readCheckpoint(line []byte) (Checkpoint, error) {
	var l struct {
		Checkpoint
		Signature string `json:"signature"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&l) != nil || d.More() {
		return Checkpoint{}, errors.New("it has another form")
	}
	c := l.Checkpoint
	if c.Kind != "checkpoint" || len(c.Hash) != len(genesis) || strings.Trim(c.Hash, "0123456789abcdef") != "" {
		return Checkpoint{}, errors.New("it names no entry")
	}
	if l.Signature == "" {
		return c, nil
	}
	// The signature is over the text as it was printed, so that nobody has to know how to print it again.
	i := bytes.LastIndex(line, []byte(`,"signature":"`))
	signature, err := base64.StdEncoding.DecodeString(l.Signature)
	if i < 0 || err != nil || string(line[i:]) != `,"signature":"`+l.Signature+`"}` {
		return Checkpoint{}, errors.New("its signature has another form")
	}
	c.signed = append(bytes.Clone(line[:i]), '}')
	c.signature = signature
	return c, nil
}

// Signed tells whether the checkpoint carries a signature, whosever it is.
func (c Checkpoint) Signed() bool { return c.signature != nil }

// Check proves who signed the checkpoint. It fails with [ErrUnsigned] or [ErrSignature].
func (c Checkpoint) Check(key ed25519.PublicKey) error {
	switch {
	case c.signature == nil:
		return ErrUnsigned
	case !ed25519.Verify(key, append([]byte(signatureFor), c.signed...), c.signature):
		return ErrSignature
	}
	return nil
}

// ReadPrivateKey reads an Ed25519 key as `openssl genpkey -algorithm ed25519` writes it.
func ReadPrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it is no PEM file with a private key in PKCS#8")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key in it cannot be read")
	}
	k, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the key in it is not an Ed25519 key")
	}
	return k, nil
}

// ReadPublicKey reads an Ed25519 key as `openssl pkey -pubout` writes it.
func ReadPublicKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is no PEM file with a public key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the public key in it cannot be read")
	}
	k, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key in it is not an Ed25519 key")
	}
	return k, nil
}
