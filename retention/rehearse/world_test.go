package rehearse_test

import (
	"os"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/internal/crmtest"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/take"
)

func TestMain(m *testing.M) {
	emulatortest.Roomy()
	os.Exit(m.Run())
}

// own are the rules for the company's own tables.
const own = `
      - {table: vend_talk, link: 'vend_email = emailaddress1', do: delete}
      - {table: vend_card, link: vend_contactid, do: keep, why: Cards are numbered}
`

// snap takes all rows.
func snap(t *testing.T, c *dataverse.Client, p *policy.Policy, o take.Options) string {
	t.Helper()
	o.Policy, o.Rows = crmtest.Compiled(t, c, p), crmtest.Rows(t, "all")
	path, _ := crmtest.Taken(t, c, o)
	return path
}
