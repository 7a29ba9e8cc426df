// Command image builds the container image without a container engine: an OCI layout in a folder, for linux on amd64 and
// arm64, with one layer that holds the static binary, its licences, an account that is not root and an empty /tmp. The
// same source and the same Go give the same digest.
//
//	go run ./deploy/image --out dist/image                             # the layout, and its digest
//	go run ./deploy/image --out dist/image --push registry.example/gallra:1.2.0
//	go run ./deploy/image --emulator --out dist/emulator               # serves the fake Dataverse on port 8080
//
// A push signs in as docker login has left it (~/.docker/config.json) or as the credential helpers there say.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/gallra/gallra/deploy/build"
)

func main() {
	o := options{targets: []build.Target{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}}}
	flag.StringVar(&o.root, "source", ".", "the module's folder")
	flag.StringVar(&o.out, "out", "dist/image", "the folder of the OCI layout; one that is there is replaced")
	flag.StringVar(&o.version, "version", "", "what the image is called in its labels; left out: what git calls the source")
	flag.StringVar(&o.push, "push", "", "push it here as well, such as registry.example/gallra:1.2.0")
	flag.BoolVar(&o.emulator, "emulator", false, "an image that serves the emulator on port 8080")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "image: it takes no arguments, only flags: %s\n", flag.Arg(0))
		os.Exit(2)
	}
	digest, err := write(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

type options struct {
	root, out, version, push string
	targets                  []build.Target
	emulator                 bool
}

// write builds the image, writes its layout, reads it back whole and pushes it if that is asked for.
func write(ctx context.Context, o options) (v1.Hash, error) {
	var none v1.Hash
	at, err := build.Time(ctx, o.root)
	if err != nil {
		return none, err
	}
	if o.version == "" {
		if o.version, err = build.Version(ctx, o.root); err != nil {
			return none, err
		}
	}
	var binaries []binary
	for _, t := range o.targets {
		b, err := compile(ctx, o, t)
		if err != nil {
			return none, err
		}
		binaries = append(binaries, b)
	}
	index, err := newIndex(o, at, binaries)
	if err != nil {
		return none, err
	}
	if err := replaceLayout(o.out, index); err != nil {
		return none, err
	}
	if err := check(o.out); err != nil {
		return none, fmt.Errorf("the layout that was written is not whole: %w", err)
	}
	if o.push != "" {
		if err := push(ctx, o.push, index); err != nil {
			return none, err
		}
	}
	return index.Digest()
}

// replaceLayout writes the layout. A folder that holds something else is left alone.
func replaceLayout(dir string, index v1.ImageIndex) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if len(entries) > 0 {
		if _, err := layout.FromPath(dir); err != nil {
			return fmt.Errorf("%s is there and is no image layout: name another folder with --out", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	// The layout's own index names the image's index, so that a tool that reads the layout finds one image.
	path, err := layout.Write(dir, emptyIndex())
	if err != nil {
		return err
	}
	return path.AppendIndex(index)
}

// check reads the layout back and holds every digest and size in it against the bytes.
func check(dir string) error {
	path, err := layout.FromPath(dir)
	if err != nil {
		return err
	}
	index, err := path.ImageIndex()
	if err != nil {
		return err
	}
	return validate.Index(index)
}

func push(ctx context.Context, to string, index v1.ImageIndex) error {
	ref, err := name.ParseReference(to)
	if err != nil {
		return fmt.Errorf("--push: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push to %s: %w", ref.Context().RegistryStr(), err)
	}
	return nil
}
