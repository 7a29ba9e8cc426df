package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module example.org/m\n\ngo 1.26\n",
		"main.go":         "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(lock()) }\n",
		"lock_linux.go":   "package main\n\nimport \"syscall\"\n\nfunc lock() int { return syscall.LOCK_EX }\n",
		"lock_windows.go": "package main\n\nimport \"syscall\"\n\nfunc lock() int { return syscall.LOCK_EX }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	if n, err := check(dir, "linux", "arm64", []string{"."}); err != nil || n < 20 {
		t.Errorf("%d packages, %v", n, err)
	}
	for system, want := range map[string]string{"windows": "LOCK_EX", "darwin": "undefined: lock"} {
		if _, err := check(dir, system, "amd64", []string{"."}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", system, err)
		}
	}
	if _, err := check(dir, "linux", "amd64", []string{"./nowhere"}); err == nil {
		t.Error("a package that is not there is right")
	}
}
