package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gallra/gallra/deploy/build"
)

// user is who the container runs as: nobody that the host knows.
const user = "65532"

// binary is the command for one platform, with the licences of what it was linked of.
type binary struct {
	target           build.Target
	program, notices []byte
	licence          []byte
}

func compile(ctx context.Context, o options, t build.Target) (binary, error) {
	work, err := os.MkdirTemp("", "gallra-image-")
	if err != nil {
		return binary{}, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	file := filepath.Join(work, "gallra")
	if err := build.Binary(ctx, o.root, o.version, t, file); err != nil {
		return binary{}, err
	}
	_, modules, err := build.Modules(o.root, file)
	if err != nil {
		return binary{}, err
	}
	b := binary{target: t}
	if b.notices, err = build.Notices(modules); err != nil {
		return binary{}, err
	}
	if b.licence, err = os.ReadFile(filepath.Join(o.root, "LICENSE")); err != nil {
		return binary{}, err
	}
	b.program, err = os.ReadFile(file)
	return b, err
}

func emptyIndex() v1.ImageIndex { return mutate.IndexMediaType(empty.Index, types.OCIImageIndex) }

// newIndex puts an image a binary into one index.
func newIndex(o options, at time.Time, binaries []binary) (v1.ImageIndex, error) {
	index := emptyIndex()
	for _, b := range binaries {
		image, err := newImage(o, at, b)
		if err != nil {
			return nil, err
		}
		platform := v1.Platform{OS: b.target.OS, Architecture: b.target.Arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return index, nil
}

func newImage(o options, at time.Time, b binary) (v1.Image, error) {
	text, err := files(at, b)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: at}, CreatedBy: "go run ./deploy/image"}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, configured(image, o, at, b.target))
}

// configured is what the platform is told about the image. Without arguments it prints its help, or serves the emulator: nothing is
// purged by starting it.
func configured(image v1.Image, o options, at time.Time, t build.Target) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil {
		panic(err) // of an image in memory there is one
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Created = t.OS, t.Arch, v1.Time{Time: at}
	c.Config = v1.Config{
		User:       user + ":" + user,
		WorkingDir: "/home/gallra",
		Env:        []string{"PATH=/", "HOME=/home/gallra", "GALLRA_LOG_FORMAT=json"},
		Entrypoint: []string{"/gallra"},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "gallra",
			"org.opencontainers.image.description": "Erases the personal data that nothing justifies keeping from Dynamics 365 Sales",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.source":      "https://github.com/gallra/gallra",
			"org.opencontainers.image.version":     o.version,
			"org.opencontainers.image.created":     at.Format(time.RFC3339),
		},
	}
	if o.emulator {
		c.Config.Entrypoint = []string{"/gallra", "emulator", "--listen", "0.0.0.0:8080"}
		c.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
		c.Config.Labels["org.opencontainers.image.title"] = "gallra-emulator"
		c.Config.Labels["org.opencontainers.image.description"] = "A fake Dataverse for tests"
	}
	return c
}

// files is the layer: everything that the image holds.
func files(at time.Time, b binary) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	folder := func(name string, mode int64, owner int) error {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: owner, Gid: owner, ModTime: at, Format: tar.FormatUSTAR})
	}
	file := func(name string, mode int64, text []byte) error {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text)), ModTime: at, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		_, err := w.Write(text)
		return err
	}
	const uid = 65532
	for _, step := range []func() error{
		func() error { return file("gallra", 0o755, b.program) },
		func() error { return folder("etc", 0o755, 0) },
		func() error {
			return file("etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\ngallra:x:"+user+":"+user+":gallra:/home/gallra:/sbin/nologin\n"))
		},
		func() error { return file("etc/group", 0o644, []byte("root:x:0:\ngallra:x:"+user+":\n")) },
		func() error { return folder("home", 0o755, 0) },
		func() error { return folder("home/gallra", 0o750, uid) },
		func() error { return file("LICENSE", 0o644, b.licence) },
		func() error { return file("THIRD-PARTY-NOTICES.txt", 0o644, b.notices) },
		func() error { return folder("tmp", 0o1777, 0) },
		w.Close,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
