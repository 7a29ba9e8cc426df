package sample

import (
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestLoad(t *testing.T) {
	s := emulator.New(emulator.Options{})
	if err := Load(s); err != nil {
		t.Fatal(err)
	}
	_ = time.Now
}
