package take_test

import (
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/internal/crmtest"
	"github.com/gallra/gallra/retention/compile"
)

func connect(t *testing.T, server *emulator.Server) *dataverse.Client {
	t.Helper()
	return crmtest.Connect(t, server, crmtest.Token)
}

// model is the model policy, held against the environment.
func model(t *testing.T, c *dataverse.Client) *compile.Policy {
	t.Helper()
	return crmtest.Compiled(t, c, crmtest.Load(t, gallra.ModelPolicy))
}
