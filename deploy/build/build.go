// Package build makes the binaries that are given away: static, without a trace of the machine they were built on, and
// the same bytes again from the same source and the same Go. The release and the image share it.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Command is the package that is built.
const Command = "./cmd/gallra"

// Target is what a binary runs on.
type Target struct{ OS, Arch string }

func (t Target) String() string { return t.OS + "/" + t.Arch }

// Targets are the platforms of a release.
var Targets = []Target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// Binary builds the command for a target into file. root is the module's folder.
func Binary(ctx context.Context, root, version string, t Target, file string) error {
	return Program(ctx, root, Command, version, t, file)
}

// Program builds a command of the module as Binary does.
func Program(ctx context.Context, root, command, version string, t Target, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", file, command)
	c.Dir = root
	// GOFLAGS, GOAMD64 and the like of whoever builds must not end in the bytes.
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOOS="+t.OS, "GOARCH="+t.Arch)
	var told bytes.Buffer
	c.Stderr = &told
	if err := c.Run(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", t, err, strings.TrimSpace(told.String()))
	}
	return nil
}

// Version is what the source is called: its tag, or the newest tag with the commits since and the commit's id, or the
// commit's id where there is no tag. Changes that are not committed show as -dirty.
func Version(ctx context.Context, root string) (string, error) {
	text, err := git(ctx, root, "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(text, "v"), nil
}

// Time is the time that everything built is stamped with: SOURCE_DATE_EPOCH (seconds since 1970), else the commit's.
func Time(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = git(ctx, root, "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, err
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: it takes seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...)
	out, err := c.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("git %s: %s", args[0], bytes.TrimSpace(exit.Stderr))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return string(bytes.TrimSpace(out)), nil
}
