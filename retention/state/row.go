package state

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// What a kept value is. The numbers stand in files.
const (
	keptNull byte = iota
	keptFalse
	keptTrue
	keptID
	keptHash
	keptNumber  // a whole number, as a varint
	keptDay     // 2026-11-24, as days
	keptInstant // 2026-11-24T08:00:00Z, as seconds
	keptVersion // W/"1146626", as its number
	keptSome    // a text that is not empty
	keptBlank   // a text of blanks
	keptText    // another form of a date
)

// hashSize is how much of a hash is kept: two different texts meet in none of 10^24 CRMs of a million persons.
const hashSize = 16

// errOdd says that a value has no form in which it may be kept.
var errOdd = errors.New("a column holds another kind of value than its definition says")

// keeper makes of rows what is kept of them.
type keeper struct {
	keeps []Keep
	same  func([]byte) []byte
	mac   hash.Hash
	sum   []byte
}

func newKeeper(r Reading, key []byte) *keeper {
	return &keeper{keeps: r.Keeps, same: r.Same, mac: hmac.New(sha256.New, key)}
}

// row appends what is kept of a row; values are those of the reading's columns.
func (k *keeper) row(buf []byte, id uuid.UUID, values []dataverse.Value) ([]byte, error) {
	buf = append(buf, id[:]...)
	for i, v := range values {
		var err error
		if buf, err = k.value(buf, v, k.keeps[i]); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

func (k *keeper) value(buf []byte, v dataverse.Value, keep Keep) ([]byte, error) {
	truth, isBool := v.Bool()
	switch {
	case v.Null():
		return append(buf, keptNull), nil
	case isBool && truth:
		return append(buf, keptTrue), nil
	case isBool:
		return append(buf, keptFalse), nil
	case keep == Joined && v.IsText():
		text := k.same(v.Text())
		if len(text) == 0 {
			return append(buf, keptNull), nil
		}
		k.mac.Reset()
		k.mac.Write(text)
		k.sum = k.mac.Sum(k.sum[:0])
		return append(append(buf, keptHash), k.sum[:hashSize]...), nil
	case keep == Some && v.IsText():
		if len(bytes.TrimSpace(v.Text())) == 0 {
			return append(buf, keptBlank), nil
		}
		return append(buf, keptSome), nil
	case v.IsText():
		return plainText(buf, v)
	}
	n, whole := v.Int()
	if !whole || strconv.FormatInt(n, 10) != string(v.Text()) {
		return nil, errOdd
	}
	return binary.AppendVarint(append(buf, keptNumber), n), nil
}

// plainText keeps a text whose form says that it names nobody.
func plainText(buf []byte, v dataverse.Value) ([]byte, error) {
	text := v.Text()
	if id, ok := v.GUID(); ok && id.String() == string(bytes.ToLower(text)) {
		return append(append(buf, keptID), id[:]...), nil
	}
	if rest, ok := bytes.CutPrefix(text, []byte(`W/"`)); ok {
		if number, ok := bytes.CutSuffix(rest, []byte(`"`)); ok {
			if n, err := strconv.ParseUint(string(number), 10, 64); err == nil && strconv.FormatUint(n, 10) == string(number) {
				return binary.AppendUvarint(append(buf, keptVersion), n), nil
			}
		}
	}
	if at, ok := v.Time(); ok {
		switch {
		case at.Format(time.DateOnly) == string(text):
			return binary.AppendVarint(append(buf, keptDay), at.Unix()/86400), nil
		case at.Format(time.RFC3339) == string(text):
			return binary.AppendVarint(append(buf, keptInstant), at.Unix()), nil
		}
	}
	// A date in another form than the service writes: what is made of it is the evaluation's affair.
	if len(text) < 10 || len(text) > 40 || text[4] != '-' || text[7] != '-' || len(bytes.Trim(text, "0123456789-+.:TZ")) > 0 {
		return nil, errOdd
	}
	return append(append(buf, keptText, byte(len(text))), text...), nil
}

// opener makes values of what is kept. They are good until the next row.
type opener struct {
	values []dataverse.Value
	text   []byte
}

// errDamaged says that a file is not what was kept.
var errDamaged = errors.New("what was kept cannot be read")

// row takes a row apart into values of so many columns.
func (o *opener) row(b []byte, columns int) (id uuid.UUID, values []dataverse.Value, err error) {
	if len(b) < len(id) {
		return id, nil, errDamaged
	}
	b = b[copy(id[:], b):]
	if o.values == nil {
		o.values = make([]dataverse.Value, columns)
	}
	o.text = o.text[:0]
	for i := range columns {
		if b, err = o.value(b, &o.values[i]); err != nil {
			return id, nil, err
		}
	}
	if len(b) > 0 {
		return id, nil, errDamaged
	}
	return id, o.values, nil
}

// as hands out what fn appends. Growing moves the text, but values that were made before keep the old one alive.
func (o *opener) as(fn func([]byte) []byte) []byte {
	from := len(o.text)
	o.text = fn(o.text)
	return o.text[from:len(o.text):len(o.text)]
}

func (o *opener) value(b []byte, v *dataverse.Value) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, errDamaged
	}
	kind, b := b[0], b[1:]
	take := func(n int) (taken []byte) {
		if n > len(b) {
			err = errDamaged
			return nil
		}
		taken, b = b[:n], b[n:]
		return taken
	}
	number := func() int64 {
		n, size := binary.Varint(b)
		if size <= 0 {
			err = errDamaged
			return 0
		}
		b = b[size:]
		return n
	}
	text := func(fn func([]byte) []byte) { *v = dataverse.NewText(o.as(fn)) }
	switch kind {
	case keptNull:
		*v = dataverse.Value{}
	case keptFalse, keptTrue:
		*v = dataverse.NewBool(kind == keptTrue)
	case keptID:
		var id uuid.UUID
		copy(id[:], take(len(id)))
		text(func(buf []byte) []byte {
			var printed [36]byte
			encodeID(&printed, id)
			return append(buf, printed[:]...)
		})
	case keptHash:
		sum := take(hashSize)
		text(func(buf []byte) []byte { return hex.AppendEncode(buf, sum) })
	case keptNumber:
		n := number()
		*v = dataverse.NewNumber(o.as(func(buf []byte) []byte { return strconv.AppendInt(buf, n, 10) }))
	case keptDay:
		at := time.Unix(number()*86400, 0).UTC()
		text(func(buf []byte) []byte { return at.AppendFormat(buf, time.DateOnly) })
	case keptInstant:
		at := time.Unix(number(), 0).UTC()
		text(func(buf []byte) []byte { return at.AppendFormat(buf, time.RFC3339) })
	case keptVersion:
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errDamaged
		}
		b = b[size:]
		text(func(buf []byte) []byte { return append(strconv.AppendUint(append(buf, `W/"`...), n, 10), '"') })
	case keptSome:
		text(func(buf []byte) []byte { return append(buf, '*') })
	case keptBlank:
		text(func(buf []byte) []byte { return append(buf, ' ') })
	case keptText:
		size := take(1)
		if err != nil {
			return nil, err
		}
		raw := take(int(size[0]))
		text(func(buf []byte) []byte { return append(buf, raw...) })
	default:
		return nil, errDamaged
	}
	return b, err
}

// encodeID prints an id as the service does.
func encodeID(to *[36]byte, id uuid.UUID) {
	hex.Encode(to[:8], id[:4])
	hex.Encode(to[9:13], id[4:6])
	hex.Encode(to[14:18], id[6:8])
	hex.Encode(to[19:23], id[8:10])
	hex.Encode(to[24:], id[10:])
	to[8], to[13], to[18], to[23] = '-', '-', '-', '-'
}
