package provision_test

import (
	"os"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

func TestMain(m *testing.M) {
	emulatortest.Roomy()
	os.Exit(m.Run())
}
