package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/gallra/gallra/deploy/build"
)

const root = "../.."

// here builds for the machine that tests: under chroot only that runs.
func here(out string) options {
	return options{root: root, out: out, version: "1.2.3", targets: []build.Target{{OS: "linux", Arch: runtime.GOARCH}}}
}

// imageOf reads the only image of a layout.
func imageOf(t *testing.T, dir string) v1.Image {
	t.Helper()
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	return first(t, index, 2)
}

// first goes down depth indexes to the first image.
func first(t *testing.T, index v1.ImageIndex, depth int) v1.Image {
	t.Helper()
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 1 {
		t.Fatalf("%d entries in an index, want 1", len(m.Manifests))
	}
	if depth > 1 {
		inner, err := index.ImageIndex(m.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		return first(t, inner, depth-1)
	}
	image, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// unpack writes the image's files below dir, as a container runtime would.
func unpack(t *testing.T, image v1.Image, dir string) (names []string) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want 1", len(layers))
	}
	text, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	for r := tar.NewReader(text); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		to := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(to, 0o700)
		} else {
			var f *os.File
			if f, err = os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
				_, err = io.Copy(f, r)
				err = errors.Join(err, f.Close())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(to, h.Uid, h.Gid); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(to, h.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "image")
	digest, err := write(t.Context(), here(dir))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("the same source gives the same digest, over a layout that is there", func(t *testing.T) {
		again, err := write(t.Context(), here(dir))
		if err != nil {
			t.Fatal(err)
		}
		if again != digest {
			t.Errorf("digest %s, then %s", digest, again)
		}
	})
	t.Run("a folder with something else in it is left alone", func(t *testing.T) {
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, "letter.txt"), []byte("dear"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := replaceLayout(other, emptyIndex()); err == nil {
			t.Error("no error")
		}
		if _, err := os.Stat(filepath.Join(other, "letter.txt")); err != nil {
			t.Error(err)
		}
	})
	t.Run("a layout that was damaged is found out", func(t *testing.T) {
		damaged := t.TempDir()
		if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		blobs, err := filepath.Glob(filepath.Join(damaged, "blobs/sha256/*"))
		if err != nil || len(blobs) == 0 {
			t.Fatal(blobs, err)
		}
		slices.SortFunc(blobs, func(a, b string) int { return int(size(t, b) - size(t, a)) })
		f, err := os.OpenFile(blobs[0], os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("x"), size(t, blobs[0])/2); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), check(damaged)); err == nil {
			t.Error("no error")
		}
	})

	image := imageOf(t, dir)
	t.Run("it is not root's, and starting it purges nobody", func(t *testing.T) {
		c, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if c.Config.User != "65532:65532" || c.OS != "linux" || c.Architecture != runtime.GOARCH {
			t.Errorf("user %q, platform %s/%s", c.Config.User, c.OS, c.Architecture)
		}
		if want := []string{"/gallra"}; !slices.Equal(c.Config.Entrypoint, want) || len(c.Config.Cmd) > 0 {
			t.Errorf("starts %q %q", c.Config.Entrypoint, c.Config.Cmd)
		}
		if c.Config.Labels["org.opencontainers.image.version"] != "1.2.3" {
			t.Errorf("labels %v", c.Config.Labels)
		}
	})
	t.Run("that of the emulator serves it, and takes more flags", func(t *testing.T) {
		o := here("")
		o.emulator = true
		c := configured(image, o, time.Unix(0, 0), o.targets[0])
		if got := c.Config.Entrypoint; !slices.Equal(got, []string{"/gallra", "emulator", "--listen", "0.0.0.0:8080"}) || len(c.Config.ExposedPorts) != 1 || len(c.Config.Cmd) > 0 {
			t.Errorf("starts %q %q, ports %v", got, c.Config.Cmd, c.Config.ExposedPorts)
		}
		serveInside(t, image, c.Config.Entrypoint)
	})
	t.Run("its layer runs under chroot as a user who is not root", func(t *testing.T) { runInside(t, image) })
	t.Run("what a registry gives back is the same", func(t *testing.T) { pushAndPull(t, dir, digest) })
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	i, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return i.Size()
}

// runInside runs the image's program in a system that has nothing else, as the image's user. Both take root's rights; without
// them it runs where it was unpacked.
func runInside(t *testing.T, image v1.Image) {
	// Every folder above has to be open to a stranger: t.TempDir's are, its own parent as well.
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unpack(t, image, dir)
	inside := func(args ...string) (string, error) {
		c := exec.Command("/gallra", args...)
		c.Dir = "/home/gallra"
		c.Env = []string{"PATH=/", "HOME=/home/gallra"}
		if os.Geteuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		} else {
			c.Path, c.Dir = filepath.Join(dir, c.Path), filepath.Join(dir, c.Dir)
			c.Env = []string{"PATH=/", "HOME=" + c.Dir}
		}
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := inside("--version"); err != nil || !strings.Contains(out, "1.2.3") {
		t.Fatalf("--version: %v\n%s", err, out)
	}
	// The whole life cycle, on loopback: it needs the time zones and writes its ledger, and nothing else of a system.
	if out, err := inside("demo"); err != nil || !strings.Contains(out, "hash chain is whole") {
		t.Errorf("demo: %v\n%s", err, out)
	}
}

// serveInside starts the image as its entry point says and waits until its emulator is ready.
func serveInside(t *testing.T, image v1.Image, entry []string) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unpack(t, image, dir)
	args := slices.Concat(entry[1:], []string{"--listen", "127.0.0.1:0"}) // a port that is free: the last one wins
	c := exec.Command(entry[0], args...)
	c.Dir, c.Env = "/home/gallra", []string{"PATH=/", "HOME=/home/gallra"}
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	} else {
		c.Path, c.Dir = filepath.Join(dir, entry[0]), dir
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	var at struct{ URL string }
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(at.URL + "/emulator/health")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"ready"`) {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func pushAndPull(t *testing.T, dir string, digest v1.Hash) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/gallra:1.2.3"
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	index, err := outer.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), ref, index); err != nil {
		t.Fatal(err)
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	back, err := remote.Index(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := back.Digest(); err != nil || got != digest {
		t.Errorf("digest %v, %v; want %v", got, err, digest)
	}
	if err := validate.Index(back); err != nil {
		t.Error(err)
	}
}
