// Package container is an example of a test's own emulator in a container: start, wait until it is ready, stop. Tests in Go rather serve
// an emulator.Server in their own process.
package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// Docker is the command that starts the image of deploy/image --emulator, with {port} for a free port of this machine.
const Docker = "docker run --rm -p 127.0.0.1:{port}:8080 gallra-emulator"

// Emulator is one that runs.
type Emulator struct {
	URL, Token string
	process    *exec.Cmd
}

// Start runs a command such as [Docker] with more flags and returns when the emulator is ready.
func Start(ctx context.Context, command string, flags ...string) (*Emulator, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	words := append(strings.Fields(strings.ReplaceAll(command, "{port}", port)), flags...)
	e := &Emulator{URL: "http://" + address, Token: "emulator", process: exec.CommandContext(ctx, words[0], words[1:]...)}
	if err := e.process.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- e.process.Wait() }()
	for {
		if answer, err := http.Get(e.URL + "/emulator/health"); err == nil {
			_ = answer.Body.Close()
			return e, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("the emulator does not begin: %w", err)
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), e.Stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends it.
func (e *Emulator) Stop() error { return e.process.Process.Kill() }
