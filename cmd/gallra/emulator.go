package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/scenario"
)

// emulatorFlag is a flag that sets a key of the scenario. The flags are the keys of its file.
type emulatorFlag struct {
	text  string
	kind  string
	given func(text string) error
}

func (f *emulatorFlag) String() string { return f.text }
func (f *emulatorFlag) Type() string   { return f.kind }

// Set checks what is given at once, so that a wrong flag is named as such.
func (f *emulatorFlag) Set(text string) error {
	f.text = text
	return f.given(text)
}

func newEmulator(a *app) *cobra.Command {
	var file string
	var given [][2]string // what the flags say, over what the file says
	c := &cobra.Command{
		Use:   "emulator",
		Short: "Serve a fake Dataverse for tests and trials",
		Long: `Serves an in-memory Dataverse with the Web API of the real one. The first line on standard output is JSON with its
address and token; then it serves until it is stopped. Its control plane (clock, load, hooks, faults, snapshots, search)
lies under /emulator/. docs/emulator-howto.md begins with examples, docs/emulator.md says what is covered.

--file reads a YAML file with the same keys as the flags have names, and with tables, rows, hooks and faults. Flags win.

EXIT STATUS: 0 stopped, 1 failed, 2 wrong usage.`,
		Example: `  gallra emulator --data sample
  gallra emulator --snapshot crm.gallra
  gallra emulator --data generate --contacts 20000 --leads 10000 --seed 7 --listen 127.0.0.1:8080
  gallra emulator --file emulator.yaml --audit-delay 30s --organization Contoso`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := scenario.New()
			if file != "" {
				if err := s.Read(file); err != nil {
					return &usageError{err.Error(), "docs/emulator-howto.md shows a file"}
				}
			}
			for _, one := range given {
				if err := s.Set(one[0], one[1]); err != nil {
					return &usageError{"--" + err.Error(), ""}
				}
			}
			return a.runEmulator(cmd.Context(), s)
		},
	}
	f := c.Flags()
	f.StringVar(&file, "file", "", "a YAML file with options, tables, rows, hooks and faults")
	begins, trial := scenario.New(), scenario.New()
	add := func(name, kind, otherwise, usage string) {
		flag := &emulatorFlag{text: otherwise, kind: kind, given: func(text string) error {
			given = append(given, [2]string{name, text})
			return trial.Set(name, text)
		}}
		f.Var(flag, name, usage)
		if kind == "bool" && name != "limits" { // --limits takes on or off, as a word of its own
			f.Lookup(name).NoOptDefVal = "true"
		}
	}
	add("listen", "string", begins.Listen, "address to listen on; port 0 takes a free one")
	add("data", "string", begins.Data, "sample, generate or none")
	add("snapshot", "string", "", "a file of gallra snapshot: its tables, and its rows if it holds any")
	add("contacts", "int", fmt.Sprint(begins.Contacts), "contacts to generate")
	add("leads", "int", fmt.Sprint(begins.Leads), "leads to generate")
	add("seed", "uint", fmt.Sprint(begins.Seed), "seed of the generated data")
	for _, o := range emulator.Settings() {
		kind := map[string]string{"true or false": "bool", "number": "int", "duration": "duration"}[o.Kind]
		if kind == "" {
			kind = "string"
		}
		usage := o.Help
		if o.Values != nil {
			usage += ": " + strings.Join(o.Values, ", ")
		}
		add(o.Name, kind, "", usage)
	}
	return c
}

func (a *streams) runEmulator(ctx context.Context, s *scenario.Scenario) error {
	server, err := s.Server()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	hs := &http.Server{Handler: server, ReadHeaderTimeout: 30 * time.Second}
	if err := json.NewEncoder(a.out).Encode(map[string]string{"url": "http://" + listener.Addr().String(), "token": s.Options.Token}); err != nil {
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
