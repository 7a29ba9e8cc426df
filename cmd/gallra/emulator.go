package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// emulatorOptions are the flags of gallra emulator.
type emulatorOptions struct {
	listen          string
	data            string
	contacts, leads int
	seed            uint64
	latency         time.Duration
	token           string
	limits          string
}

func (o *emulatorOptions) check() error {
	switch o.data {
	case "", "none", "sample", "generate":
	default:
		return &usageError{fmt.Sprintf("--data: %q is neither sample, generate nor none", o.data), ""}
	}
	if o.contacts < 0 || o.leads < 0 {
		return &usageError{"--contacts and --leads must not be negative", ""}
	}
	if o.limits != "on" && o.limits != "off" {
		return &usageError{fmt.Sprintf("--limits: %q is neither on nor off", o.limits), ""}
	}
	if o.token == "" {
		return &usageError{"--token must not be empty", ""}
	}
	return nil
}

func newEmulator(a *app) *cobra.Command {
	o := emulatorOptions{}
	c := &cobra.Command{
		Use:   "emulator",
		Short: "Serve a fake Dataverse for tests and trials",
		Long: `Serves an in-memory Dataverse with the Web API of the real one. The first line on standard output is JSON with its
address and token; then it serves until it is stopped. Its control plane (clock, faults, snapshots, search) lies under
/emulator/ and is described in docs/emulator.md.

EXIT STATUS: 0 stopped, 1 failed, 2 wrong usage.`,
		Example: `  gallra emulator --data sample
  gallra emulator --data generate --contacts 20000 --leads 10000 --seed 7 --listen 127.0.0.1:8080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.runEmulator(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.data, "data", "none", "sample, generate or none")
	f.IntVar(&o.contacts, "contacts", 1000, "contacts to generate")
	f.IntVar(&o.leads, "leads", 500, "leads to generate")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the generated data")
	f.DurationVar(&o.latency, "latency", 0, "added to every answer")
	f.StringVar(&o.limits, "limits", "off", "service protection limits: on or off")
	f.StringVar(&o.token, "token", "emulator", "bearer token of the administrator")
	return c
}

func (a *streams) runEmulator(ctx context.Context, o emulatorOptions) error {
	server := emulator.New(emulator.Options{
		Token: o.token, Latency: o.latency, Limits: emulator.Limits{On: o.limits == "on"},
	})
	switch o.data {
	case "sample":
		if err := sample.Load(server); err != nil {
			return err
		}
	case "generate":
		if err := server.Generate(emulator.Generated{Contacts: o.contacts, Leads: o.leads, Seed: o.seed}); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	hs := &http.Server{Handler: server, ReadHeaderTimeout: 30 * time.Second}
	if err := json.NewEncoder(a.out).Encode(map[string]string{"url": "http://" + listener.Addr().String(), "token": o.token}); err != nil {
		return err
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if hs.Shutdown(grace) != nil {
			_ = hs.Close() // somebody still waits for an answer: they will not get it
		}
	}()
	if err := hs.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil // being stopped is how it ends
}
