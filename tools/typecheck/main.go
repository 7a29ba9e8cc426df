// Command typecheck says whether a program compiles for other systems than this one, without compiling it: the types of everything that it
// is made of are checked from source, of the module's own packages also what functions do. That takes seconds; to compile a program of
// eight hundred packages once more takes minutes.
//
//	go run ./tools/typecheck darwin/arm64,windows/amd64 ./cmd/gallra
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck SYSTEM/ARCHITECTURE,… packages")
		os.Exit(2)
	}
	failed := false
	for target := range strings.SplitSeq(os.Args[1], ",") {
		system, architecture, ok := strings.Cut(target, "/")
		if !ok {
			fmt.Fprintf(os.Stderr, "typecheck: %q is no system with an architecture, as windows/amd64 is\n", target)
			os.Exit(2)
		}
		n, err := check(".", system, architecture, os.Args[2:])
		if err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", target, err)
			continue
		}
		fmt.Printf("%s: the types of %d packages are right\n", target, n)
	}
	if failed {
		os.Exit(1)
	}
}

// listed is a package as go list tells of it.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	ImportMap  map[string]string
	Module     *struct {
		Main      bool
		GoVersion string
	}
	Error *struct{ Err string }
}

// check says how many packages the patterns are made of on a system, and what is wrong with them.
func check(dir, system, architecture string, patterns []string) (int, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module,Error"}, patterns...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, err
	}
	known := map[string]*types.Package{"unsafe": types.Unsafe}
	files := token.NewFileSet()
	var wrong []error
	list := json.NewDecoder(out)
	for { // a package comes after those that it imports
		var p listed
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		if p.Error != nil {
			wrong = append(wrong, errors.New(p.Error.Err))
			continue
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		made, err := typed(files, p, known, types.SizesFor("gc", architecture))
		if err != nil {
			wrong = append(wrong, err)
		}
		known[p.ImportPath] = made
	}
	if err := cmd.Wait(); err != nil {
		return 0, err
	}
	return len(known), errors.Join(wrong...)
}

// typed is a package with its types.
func typed(files *token.FileSet, p listed, known map[string]*types.Package, sizes types.Sizes) (*types.Package, error) {
	own := p.Module != nil && p.Module.Main
	var wrong []error
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		parsed = append(parsed, f)
	}
	config := types.Config{IgnoreFuncBodies: !own, Sizes: sizes, Error: func(err error) { wrong = append(wrong, err) }, Importer: importer(func(path string) (*types.Package, error) {
		if mapped := p.ImportMap[path]; mapped != "" {
			path = mapped
		}
		if known[path] == nil {
			return nil, fmt.Errorf("%s imports %s, which is not there", p.ImportPath, path)
		}
		return known[path], nil
	})}
	if p.Module != nil && p.Module.GoVersion != "" {
		config.GoVersion = "go" + p.Module.GoVersion
	}
	made, _ := config.Check(p.ImportPath, files, parsed, nil) // Error has been told of everything
	return made, errors.Join(wrong...)
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }
