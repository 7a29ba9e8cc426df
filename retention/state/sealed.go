package state

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// A sealed file is its first line, a salt, and its text in pieces, each sealed by AES-256-GCM with a key of the file's own. The
// nonce of a piece is its number, and tells whether it is the last: a piece cannot be left out, moved or cut off. What the file
// is goes into the seal as well, so that one file does not pass for another.
const (
	sealedMagic = "gallra state 1\n"
	saltSize    = 32
	pieceSize   = 64 << 10
	sealSize    = 16
)

// KeySize is how long a key is, in bytes.
const KeySize = 32

func aead(key, salt []byte) (cipher.AEAD, error) {
	own, err := hkdf.Key(sha256.New, key, salt, "gallra state: seal", KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// hashKey is the key of the hashes that stand for texts: always the same for an organisation, so that nights can be compared.
func hashKey(key []byte, organization string) ([]byte, error) {
	return hkdf.Key(sha256.New, key, []byte(organization), "gallra state: texts", KeySize)
}

func pieceNonce(number uint64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:11], number)
	if last {
		nonce[11] = 1
	}
	return nonce
}

// sealer writes a sealed file.
type sealer struct {
	out    *bufio.Writer
	file   *os.File
	aead   cipher.AEAD
	is     []byte // what the file is
	piece  []byte
	sealed []byte
	number uint64
	salt   string
}

// seal begins a sealed file; its mode is that of a file which the user alone may read.
func seal(f *os.File, key []byte, is string) (*sealer, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // it never fails
	a, err := aead(key, salt)
	if err != nil {
		return nil, err
	}
	s := &sealer{out: bufio.NewWriterSize(f, pieceSize), file: f, aead: a, is: []byte(is), piece: make([]byte, 0, pieceSize), salt: hex.EncodeToString(salt)}
	s.out.WriteString(sealedMagic)
	_, err = s.out.Write(salt)
	return s, err
}

func (s *sealer) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if len(s.piece) == pieceSize {
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		some := b[:min(len(b), pieceSize-len(s.piece))]
		s.piece = append(s.piece, some...)
		b, n = b[len(some):], n+len(some)
	}
	return n, nil
}

func (s *sealer) flush(last bool) error {
	s.sealed = s.aead.Seal(s.sealed[:0], pieceNonce(s.number, last), s.piece, s.is)
	s.number++
	s.piece = s.piece[:0]
	_, err := s.out.Write(s.sealed)
	return err
}

// Close writes the last piece. The file is then on the disk.
func (s *sealer) Close() error {
	return errors.Join(s.flush(true), s.out.Flush(), s.file.Sync(), s.file.Close())
}

// unsealer reads a sealed file.
type unsealer struct {
	in     *bufio.Reader
	aead   cipher.AEAD
	is     []byte
	sealed []byte
	piece  []byte
	number uint64
	last   bool
	salt   string
}

// openAlone opens a file that is one, and no link or pipe.
func openAlone(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errDamaged
	}
	return os.Open(path)
}

// unseal reads a sealed file.
func unseal(f io.Reader, key []byte, is string) (*unsealer, error) {
	u := &unsealer{in: bufio.NewReaderSize(f, pieceSize+sealSize+1), is: []byte(is), sealed: make([]byte, pieceSize+sealSize)}
	head := make([]byte, len(sealedMagic)+saltSize)
	if _, err := io.ReadFull(u.in, head); err != nil || string(head[:len(sealedMagic)]) != sealedMagic {
		return nil, errDamaged
	}
	u.salt = hex.EncodeToString(head[len(sealedMagic):])
	var err error
	u.aead, err = aead(key, head[len(sealedMagic):])
	return u, err
}

func (u *unsealer) Read(b []byte) (int, error) {
	for len(u.piece) == 0 {
		if u.last {
			return 0, io.EOF
		}
		n, err := io.ReadFull(u.in, u.sealed)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, errDamaged
		}
		if _, err := u.in.Peek(1); err != nil {
			u.last = true
		}
		if u.piece, err = u.aead.Open(u.sealed[:0], pieceNonce(u.number, u.last), u.sealed[:n], u.is); err != nil {
			return 0, errDamaged
		}
		u.number++
	}
	n := copy(b, u.piece)
	u.piece = u.piece[n:]
	return n, nil
}
