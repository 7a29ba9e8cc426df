package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// session is a connection to the environment that the settings name: who we are there, what day it is there.
type session struct {
	client   *dataverse.Client
	identity dataverse.Identity
	org      dataverse.Organization
}

// connect signs in and asks the environment who it is. Every verb that touches an environment begins here, so that a
// wrong address or a missing right is told in one place and in one way.
func (a *app) connect(ctx context.Context) (*session, error) {
	s := a.settings
	if err := s.NeedURL(); err != nil {
		return nil, err
	}
	credential, err := a.credential()
	if err != nil {
		return nil, err
	}
	client, err := dataverse.New(dataverse.Options{
		URL: s.URL, Credential: credential, Logger: a.log, MaxConcurrency: s.Concurrency, Observe: a.told.Transport,
		Definitions: a.definitions, Labels: a.labels,
		UserAgent: fmt.Sprintf("gallra/%s (%s)", version, runtime.GOOS),
	})
	if err != nil {
		return nil, &config.Error{Message: err.Error()}
	}
	identity, err := client.WhoAmI(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.URL, err)
	}
	folder := a.cacheDir()
	var version dataverse.DefinitionsVersion
	var group errgroup.Group
	group.Go(func() error {
		if folder != "" {
			version = client.DefinitionsVersion(ctx, identity.UserID)
		}
		return nil
	})
	org, err := client.Organization(ctx)
	_ = group.Wait() // it fails never
	if err != nil {
		return nil, fmt.Errorf("ask %s what it is: %w", s.URL, err)
	}
	client.RememberDefinitions(folder, identity, org, version)
	a.reads = append(a.reads, client)
	if err := client.ClockErr(); err != nil {
		return nil, fmt.Errorf("ask %s what day it is: %w", s.URL, err)
	}
	return &session{client: client, identity: identity, org: org}, nil
}

// stateDir is where a person's sign-in is remembered, empty where the machine has no such place.
func stateDir() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "gallra")
}

// cacheDir is where definitions are remembered, empty where they are not.
func (a *app) cacheDir() string {
	switch a.settings.Cache {
	case "none":
		return ""
	case "":
	default:
		return a.settings.Cache
	}
	home := a.env("HOME")
	switch own := a.env("XDG_CACHE_HOME"); {
	case runtime.GOOS == "windows":
		home = a.env("LocalAppData")
	case runtime.GOOS == "darwin":
		home = filepath.Join(home, "Library", "Caches")
	case filepath.IsAbs(own):
		home = own
	case home != "":
		home = filepath.Join(home, ".cache")
	}
	if !filepath.IsAbs(home) {
		return ""
	}
	return filepath.Join(home, "gallra")
}

// remember keeps the definitions that the verb has read for the next one. Where that fails, the next one reads them again.
func (a *app) remember() {
	for _, client := range a.reads {
		if err := client.SaveDefinitions(); err != nil {
			a.log.Debug("definitions are not remembered", "cause", err)
		}
		client.Close()
	}
	a.reads = nil // cobra keeps the flags of each command that was ever made, these lead to a, and a client holds all definitions
}

// loadPolicy reads the policy file.
func (a *app) loadPolicy() (*policy.Policy, error) {
	if err := a.settings.NeedPolicy(); err != nil {
		return nil, err
	}
	return readPolicy(a.settings.Policy)
}

// readPolicy reads a policy file; one that cannot be read is a mistake in how the command was called.
func readPolicy(path string) (*policy.Policy, error) {
	p, err := policy.Load(path)
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		return nil, &usageError{err.Error(), "name the file of a policy"}
	}
	return p, err
}

// today is the service's calendar date in the policy's time zone: what the machine's clock says does not matter.
func (s *session) today(p *policy.Policy) retention.Date {
	return retention.DateOf(s.client.Now(), p.TimeZone)
}

// open connects and holds the policy against the environment.
func (a *app) open(ctx context.Context) (*session, *compile.Policy, error) {
	return a.openBy(ctx, compile.Check)
}

// openBy is open with a check of the verb's own.
func (a *app) openBy(ctx context.Context, check func(context.Context, *policy.Policy, dataverse.Reader) (*compile.Policy, error)) (*session, *compile.Policy, error) {
	policy, err := a.loadPolicy()
	if err != nil {
		return nil, nil, err
	}
	s, err := a.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	checked, err := check(ctx, policy, s.client)
	if err != nil {
		return nil, nil, err
	}
	if err := s.client.ClockErr(); err != nil {
		return nil, nil, fmt.Errorf("ask what day it is: %w", err)
	}
	return s, checked, nil
}

// warnBlind says what the signed-in user does not see of what the policy judges by. A verb that only looks goes on with that:
// what it shows may be wrong.
func (a *app) warnBlind(ctx context.Context, s *session, c *compile.Policy) (warned bool, err error) {
	_, err = c.Prove(ctx, s.client)
	var blind *compile.BlindError
	if !errors.As(err, &blind) {
		return false, err
	}
	fmt.Fprintf(a.errs, "gallra: warning: what is shown may be wrong, and a run would be refused: %s\nhint: %s\n", neutral(blind.Error()), neutral(blind.Hint()))
	return true, nil
}

// sighted is warnBlind for what is only shown; what is written needs the proof.
func (a *app) sighted(ctx context.Context, s *session, c *compile.Policy, apply bool) error {
	if !apply {
		_, err := a.warnBlind(ctx, s, c)
		return err
	}
	_, err := c.Prove(ctx, s.client)
	return err
}
