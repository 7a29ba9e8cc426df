package dataverse

import (
	"context"
	"errors"
)

var errPending = errors.New("pending")

// Step is a thing that provisioning makes.
type Step struct {
	What    string
	Present bool // was there before
	Done    bool // stands now
}

// Provisioning is what an environment should hold.
type Provisioning struct {
	Tables     []string // logical names of the subject tables
	Privileges []Privilege
}

// Provision creates what is missing.
func (c *Client) Provision(ctx context.Context, p Provisioning, dryRun bool, report func(Step)) ([]Step, error) {
	return nil, errPending
}
