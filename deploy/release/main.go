// Command release builds what a release is made of: an archive a platform with the static binary, the licence and the
// licences of everything in it, a list of parts (CycloneDX) for each, and SHA256SUMS over all. The same source and the
// same Go give the same bytes.
//
//	go run ./deploy/release --out dist
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gallra/gallra/deploy/build"
)

func main() {
	o := options{command: build.Command, targets: build.Targets}
	flag.StringVar(&o.root, "source", ".", "the module's folder")
	flag.StringVar(&o.out, "out", "dist", "the folder that the files go to; it is made if it is not there")
	flag.StringVar(&o.version, "version", "", "what the release is called; left out: what git calls the source")
	only := flag.String("only", "", "build for these platforms only, such as linux/amd64,windows/amd64")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "release: it takes no arguments, only flags: %s\n", flag.Arg(0))
		os.Exit(2)
	}
	if *only != "" {
		chosen, err := choose(*only)
		if err != nil {
			fmt.Fprintln(os.Stderr, "release:", err)
			os.Exit(2)
		}
		o.targets = chosen
	}
	if err := release(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func choose(list string) (chosen []build.Target, err error) {
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(build.Targets, func(t build.Target) bool { return t.String() == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("--only: there is no platform %q; there are %v", name, build.Targets)
		}
		chosen = append(chosen, build.Targets[i])
	}
	return chosen, nil
}

type options struct {
	root, out, version, command string
	targets                     []build.Target
}

// release writes all files of a release and prints their sums.
func release(ctx context.Context, o options) error {
	at, err := build.Time(ctx, o.root)
	if err != nil {
		return err
	}
	if o.version == "" {
		if o.version, err = build.Version(ctx, o.root); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(o.root, "LICENSE"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "gallra-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()

	var files []string
	for _, t := range o.targets {
		name := fmt.Sprintf("gallra_%s_%s_%s", o.version, t.OS, t.Arch)
		binary := filepath.Join(work, name)
		if err := build.Program(ctx, o.root, o.command, o.version, t, binary); err != nil {
			return err
		}
		goVersion, modules, err := build.Modules(o.root, binary)
		if err != nil {
			return err
		}
		notices, err := build.Notices(modules)
		if err != nil {
			return err
		}
		parts, err := build.SBOM(o.version, goVersion, t, at, modules)
		if err != nil {
			return err
		}
		program, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		called := "gallra"
		if t.OS == "windows" {
			called += ".exe"
		}
		archive, err := writeArchive(filepath.Join(o.out, name), t.OS == "windows", at, []member{
			{called, 0o755, program}, {"LICENSE", 0o644, licence}, {"THIRD-PARTY-NOTICES.txt", 0o644, notices},
		})
		if err != nil {
			return err
		}
		list := filepath.Join(o.out, name+".cdx.json")
		if err := os.WriteFile(list, parts, 0o644); err != nil {
			return err
		}
		files = append(files, archive, list)
	}
	return writeSums(filepath.Join(o.out, "SHA256SUMS"), files)
}
