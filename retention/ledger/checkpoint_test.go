package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckpointSignature(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	stranger, _, _ := ed25519.GenerateKey(rand.Reader)
	l := begin(t, t.TempDir(), "one")
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.FixedZone("", 3600))
	signed, err := l.Checkpoint(now).Line(private)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := l.Checkpoint(now).Line(nil)
	if !strings.Contains(string(plain), `"at":"2026-11-24T08:30:00Z"`) {
		t.Errorf("the line is %s", plain)
	}
	tests := []struct {
		name string
		line string
		key  ed25519.PublicKey
		want error
	}{
		{"as printed", string(signed), public, nil},
		{"with blanks around it, as a mail leaves it", "\n  " + string(signed) + "\r\n", public, nil},
		{"with a mark before it, as an editor leaves it", "\ufeff" + string(signed), public, nil},
		{"another key", string(signed), stranger, ErrSignature},
		{"another number", strings.Replace(string(signed), `"seq":1`, `"seq":2`, 1), public, ErrSignature},
		{"another time", strings.Replace(string(signed), `08:30`, `08:31`, 1), public, ErrSignature},
		{"no signature", string(plain), public, ErrUnsigned},
		{"an empty signature", strings.Replace(string(plain), "}", `,"signature":""}`, 1), public, ErrUnsigned},
	}
	for _, tt := range tests {
		all, err := ReadCheckpoints(strings.NewReader(tt.line))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := all[0].Check(tt.key); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, bad := range []string{"", "\n", "hello", `{"kind":"proof"}`, string(plain[:40]), strings.Replace(string(plain), `"seq"`, `"note":"x","seq"`, 1),
		strings.Replace(string(signed), `"signature":"`, `"signature":"!`, 1), strings.TrimSpace(string(plain)) + string(plain),
		strings.Replace(string(signed), `"}`, `","at":"2026-01-01T00:00:00Z"}`, 1)} {
		if _, err := ReadCheckpoints(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken for a checkpoint", bad)
		}
	}
}

func TestKeys(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	block := func(kind string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	privatePEM := block("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(public)
	publicPEM := block("PUBLIC KEY", der, err)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	der, err = x509.MarshalPKCS8PrivateKey(other)
	otherPEM := block("PRIVATE KEY", der, err)
	if k, err := ReadPrivateKey(privatePEM); err != nil || !k.Equal(private) {
		t.Error(err)
	}
	if k, err := ReadPublicKey(publicPEM); err != nil || !k.Equal(public) {
		t.Error(err)
	}
	for _, bad := range [][]byte{nil, publicPEM, otherPEM, []byte("x"), bytes.ToLower(privatePEM)} {
		if _, err := ReadPrivateKey(bad); err == nil {
			t.Errorf("%q was taken for a key to sign with", bad)
		}
	}
	if _, err := ReadPublicKey(privatePEM); err == nil {
		t.Error("a private key was taken for a public one: it would have to lie where it should not")
	}
}

// TestCheckpointProvesWhatTheHeadCannot takes entries off the end of a ledger and mends the head, as somebody could who may
// write to the folder.
func TestCheckpointProvesWhatTheHeadCannot(t *testing.T) {
	build := func(t *testing.T) (dir, last string, mark Checkpoint, heads [][]byte) {
		dir = t.TempDir()
		head := func() {
			b, _ := os.ReadFile(filepath.Join(dir, headName))
			heads = append(heads, b)
		}
		l := begin(t, dir, "one")
		head()
		l.End(Done, nil)
		head()
		l = begin(t, dir, "two")
		head()
		l.End(Done, nil)
		return dir, filepath.Join(dir, l.name), l.Checkpoint(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), heads
	}
	filed := " at the end: entry 4 was the last when the checkpoint of 2026-11-24T09:00:00Z was filed"
	tests := []struct {
		name   string
		tamper func(t *testing.T, dir, last string, heads [][]byte)
		want   string
	}{
		{"untouched", func(*testing.T, string, string, [][]byte) {}, ""},
		{"grown since", func(t *testing.T, dir, _ string, _ [][]byte) { begin(t, dir, "three").End(Done, nil) }, ""},
		{"the last file removed", func(t *testing.T, dir, last string, heads [][]byte) {
			os.Remove(last)
			os.WriteFile(filepath.Join(dir, headName), heads[1], 0o600)
		}, "checkpoint: entries 3 to 4 are missing" + filed},
		{"the last line cut off", func(t *testing.T, dir, last string, heads [][]byte) {
			b, _ := os.ReadFile(last)
			os.WriteFile(last, b[:bytes.IndexByte(b, '\n')+1], 0o600)
			os.WriteFile(filepath.Join(dir, headName), heads[2], 0o600)
		}, "checkpoint: entry 4 is missing" + filed},
		{"all of it written anew", func(t *testing.T, dir, _ string, _ [][]byte) {
			all, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, name := range all {
				os.Remove(name)
			}
			for _, id := range []string{"forged", "again", "more"} {
				begin(t, dir, id).End(Done, nil)
			}
		}, "checkpoint: entry 4 is not the one of the checkpoint of 2026-11-24T09:00:00Z: it, or one before it, was replaced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, last, mark, heads := build(t)
			tt.tamper(t, dir, last, heads)
			if p := problems(t, dir); p != nil {
				t.Fatalf("without the checkpoint: %v", p)
			}
			proof, err := Verify(dir, mark)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(proof.Problems) > 0 {
				got = proof.Problems[0].String()
			}
			if got != tt.want || len(proof.Problems) > 1 {
				t.Errorf("with it: %v, want %q", proof.Problems, tt.want)
			}
		})
	}
}
