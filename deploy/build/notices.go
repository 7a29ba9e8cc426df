package build

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Module is a library that stands in a binary.
type Module struct {
	Path, Version, Sum string
	Dir                string // where its source lies
}

// Modules lists what a binary was linked of, by path, as the binary itself says. root is the module's folder.
func Modules(root, binary string) (goVersion string, all []Module, err error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", nil, err
	}
	dirs, err := moduleDirs(root)
	if err != nil {
		return "", nil, err
	}
	for _, d := range info.Deps {
		d = replaced(d)
		m := Module{Path: d.Path, Version: d.Version, Sum: d.Sum, Dir: dirs[d.Path]}
		if m.Dir == "" {
			return "", nil, fmt.Errorf("the source of %s is not in the module cache: go mod download brings it", d.Path)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return info.GoVersion, all, nil
}

func replaced(d *debug.Module) *debug.Module {
	if d.Replace != nil {
		return d.Replace
	}
	return d
}

func moduleDirs(root string) (map[string]string, error) {
	c := exec.Command("go", "list", "-m", "-json=Path,Dir", "all")
	c.Dir = root
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	dirs := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return dirs, nil
		case err != nil:
			return nil, err
		}
		dirs[m.Path] = m.Dir
	}
}

// Notices are the licences of all modules, whole, as they ask to be given along with the binary.
func Notices(modules []Module) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("gallra contains the following software, under the licences that stand below each.\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "\n%s\n%s %s\n%s\n", strings.Repeat("=", 100), m.Path, m.Version, strings.Repeat("=", 100))
		texts, err := licences(m.Dir)
		if err != nil {
			return nil, err
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("%s has no licence file", m.Path)
		}
		for _, text := range texts {
			b.WriteString("\n")
			b.Write(bytes.TrimSpace(text))
			b.WriteString("\n")
		}
	}
	return b.Bytes(), nil
}

// licences reads the files of a module that bear its terms. A module in a folder of a repository may have them above.
func licences(dir string) ([][]byte, error) {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		var texts [][]byte
		for _, e := range entries {
			if !isLicence(e) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
		if len(texts) > 0 {
			return texts, nil
		}
		parent := filepath.Dir(dir)
		if !strings.Contains(filepath.Base(parent), "@") && !strings.Contains(filepath.ToSlash(parent), "@") {
			return nil, nil
		}
		dir = parent
	}
}

func isLicence(e fs.DirEntry) bool {
	if e.IsDir() {
		return false
	}
	name := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".txt"), ".md"))
	for _, known := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS", "UNLICENSE"} {
		if name == known || strings.HasPrefix(name, known+"-") || strings.HasPrefix(name, known+".") {
			return true
		}
	}
	return false
}

var errNoModules = errors.New("the binary names no modules: was it built by go build?")
