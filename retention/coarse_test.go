package retention

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

func TestCoarse(t *testing.T) {
	stockholm, _ := time.LoadLocation("Europe/Stockholm")
	for _, tt := range []struct {
		by, text string
		b        DateBehavior
		want     string
	}{
		{"year", "1987-05-14", DateOnly, "1987-01-01"},
		{"month", "1987-05-14", DateOnly, "1987-05-01"},
		{"quarter", "1987-06-30", DateOnly, "1987-04-01"},
		{"decade", "1987-05-14", DateOnly, "1980-01-01"},
		{"year", "2025-12-31T23:30:00Z", UserLocal, "2026-01-01T12:00:00Z"},
		{"year", "2025-12-31T23:30:00Z", TimeZoneIndependent, "2025-01-01T12:00:00Z"},
		{"decade", "1753-01-01", DateOnly, "1753-01-01"},
		{"year", "soon", DateOnly, ""},
	} {
		c, err := ParseCoarse(tt.by)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Date(tt.text, tt.b, stockholm); got != tt.want {
			t.Errorf("the %s of %s is %s, want %s", tt.by, tt.text, got, tt.want)
		}
	}
	if got := (Coarse{Step: 2}).Text(" 114 55 Stockholm"); got != "11" {
		t.Errorf("%q", got)
	}
	if got := (Coarse{Step: 10000}).Number(129_999); got != 120_000 {
		t.Errorf("%v", got)
	}
	for _, text := range []string{"", "0", "-1", "week", "2 letters"} {
		if c, err := ParseCoarse(text); err == nil {
			t.Errorf("%q is %s", text, c)
		}
	}
}

// What is coarse already stays as it is: a purge that goes on where another was cut writes the same.
func TestCoarseIsSettled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Coarse{Step: rapid.IntRange(1, 1000).Draw(t, "step"), Unit: rapid.SampledFrom([]string{"month", "quarter", "year", "decade"}).Draw(t, "unit")}
		text := rapid.String().Draw(t, "text")
		if once := c.Text(text); c.Text(once) != once {
			t.Fatalf("%q, then %q", once, c.Text(once))
		}
		v := float64(rapid.IntRange(-1_000_000, 1_000_000).Draw(t, "number"))
		if once := c.Number(v); c.Number(once) != once || once > v {
			t.Fatalf("%v becomes %v", v, once)
		}
		zone := time.FixedZone("", rapid.IntRange(-12, 11).Draw(t, "zone")*3600)
		b := rapid.SampledFrom([]DateBehavior{DateOnly, UserLocal, TimeZoneIndependent}).Draw(t, "behavior")
		once := c.Date(drawDate(t, "date").String(), b, zone)
		if again := c.Date(once, b, zone); again != once {
			t.Fatalf("%s, then %s", once, again)
		}
	})
}
