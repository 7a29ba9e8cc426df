package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/deploy/build"
)

func TestRelease(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	target := build.Target{OS: runtime.GOOS, Arch: runtime.GOARCH}
	o := options{root: "../..", version: "1.2.3", command: build.Command, targets: []build.Target{target}, out: t.TempDir()}
	sums := released(t, o)

	base := fmt.Sprintf("gallra_1.2.3_%s_%s", target.OS, target.Arch)
	for line := range strings.Lines(sums) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := os.ReadFile(filepath.Join(o.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != sum {
			t.Errorf("%s: sum %s, SHA256SUMS says %s", name, got, sum)
		}
	}
	if runtime.GOOS == "windows" {
		return // the archive is read below as tar
	}
	members := untar(t, filepath.Join(o.out, base+".tar.gz"))
	info, err := buildinfo.Read(bytes.NewReader(members["gallra"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "0" || strings.HasPrefix(s.Key, "vcs.") {
			t.Errorf("%s=%s", s.Key, s.Value)
		}
	}
	wd, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(members["gallra"], []byte(wd)) {
		t.Error("the binary names the folder that it was built in")
	}

	parts := components(t, filepath.Join(o.out, base+".cdx.json"))
	notices := string(members["THIRD-PARTY-NOTICES.txt"])
	for _, d := range info.Deps {
		if parts[d.Path] != d.Version {
			t.Errorf("the list of parts has %s %q, the binary %s", d.Path, parts[d.Path], d.Version)
		}
		if !strings.Contains(notices, "\n"+d.Path+" "+d.Version+"\n") {
			t.Errorf("no licence of %s", d.Path)
		}
	}
	if len(parts) != len(info.Deps)+1 || parts["std"] != info.GoVersion {
		t.Errorf("%d parts, the binary has %d and the standard library %s", len(parts), len(info.Deps), info.GoVersion)
	}
}

// released are the sums of a release.
func released(t *testing.T, o options) string {
	t.Helper()
	if err := release(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReleasedTwice builds two releases of a small command: they are the same bytes.
func TestReleasedTwice(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	o := options{root: "../..", version: "1.2.3", command: "./deploy/release", targets: []build.Target{{OS: runtime.GOOS, Arch: runtime.GOARCH}}}
	var sums []string
	for _, dir := range []string{t.TempDir(), t.TempDir()} {
		o.out = dir
		sums = append(sums, released(t, o))
	}
	if sums[0] != sums[1] || strings.Count(sums[0], "\n") != 2 {
		t.Errorf("built twice:\n%s\n%s", sums[0], sums[1])
	}
}

func untar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		if members[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func components(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != "CycloneDX" {
		t.Errorf("format %q", bom.BOMFormat)
	}
	parts := map[string]string{}
	for _, c := range bom.Components {
		parts[c.Name] = c.Version
	}
	return parts
}

func TestZip(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	members := []member{{"gallra.exe", 0o755, []byte("program")}, {"LICENSE", 0o644, []byte("terms")}}
	var last []byte
	for range 2 {
		name, err := writeArchive(filepath.Join(t.TempDir(), "gallra"), true, at, members)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && !bytes.Equal(last, text) {
			t.Error("the same members, other bytes")
		}
		last = text
	}
	r, err := zip.NewReader(bytes.NewReader(last), int64(len(last)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.File {
		if f.Name != members[i].name || f.Mode().Perm() != os.FileMode(members[i].mode) || !f.Modified.Equal(at) {
			t.Errorf("%s %v %v", f.Name, f.Mode(), f.Modified)
		}
	}
}

func TestChoose(t *testing.T) {
	got, err := choose("windows/amd64, linux/arm64")
	if err != nil || len(got) != 2 || got[0].String() != "windows/amd64" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := choose("plan9/amd64"); err == nil {
		t.Error("no error")
	}
}
