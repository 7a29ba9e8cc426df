package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminalOf is a real terminal of that width; its other end is not read.
func terminalOf(t *testing.T, width uint16) *os.File {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal("no terminal: ", err)
	}
	t.Cleanup(func() { _ = control.Close() })
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(control.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: 40})
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal("no terminal: ", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// A terminal gets as much as it can show: its width is kept, COLUMNS wins over it, and styles come only where they are
// wanted.
func TestTableOnATerminal(t *testing.T) {
	rows := [][]string{row(1), row(2)}
	for _, tt := range []struct {
		name   string
		size   uint16
		env    map[string]string
		plain  bool
		width  int // what the table keeps to; 0: it is as wide as its text
		styled bool
	}{
		{"narrow", 60, nil, false, 60, true},
		{"wide enough", 200, nil, false, 200, true},
		{"COLUMNS wins", 200, map[string]string{"COLUMNS": "70"}, false, 70, true},
		{"too narrow for a table", 20, nil, false, 0, true},
		{"no colour", 60, map[string]string{"NO_COLOR": "1"}, false, 60, false},
		{"a dumb terminal", 60, map[string]string{"TERM": "dumb"}, false, 0, false},
		{"asked for plain", 60, nil, true, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"COLUMNS", "NO_COLOR"} {
				t.Setenv(name, "")
			}
			t.Setenv("TERM", "xterm-256color")
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			a := &streams{out: terminalOf(t, tt.size), plain: tt.plain}
			text := string(a.table([]string{"rows", "ground", "why"}, rows))
			if got := strings.Contains(text, "\x1b["); got != tt.styled {
				t.Errorf("styles: %v in %q", got, text)
			}
			if w := wide(text); tt.width > 0 && w > tt.width || tt.width == 0 && w < 90 {
				t.Errorf("%d wide, the screen has %d", w, tt.width)
			}
			flat := strings.Join(strings.Fields(strings.NewReplacer("\x1b[1m", "", "\x1b[m", "", "\x1b[0m", "").Replace(text)), " ")
			if !strings.Contains(flat, "1000") || !strings.Contains(flat, "length,") {
				t.Errorf("something is missing in %q", text)
			}
			if strings.ContainsAny(text, "│─┌┐└┘├┤┬┴┼|") {
				t.Errorf("a frame in %q", text)
			}
		})
	}
}
