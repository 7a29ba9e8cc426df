package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/doctor"
)

// terminalOf is a real terminal of that width; its other end is not read.
func terminalOf(t *testing.T, width uint16) *os.File {
	t.Helper()
	_, f := terminalPair(t, width)
	return f
}

// terminalPair is a real terminal of that width, and what was written to it by the time that it is closed.
func terminalPair(t *testing.T, width uint16) (written func() string, f *os.File) {
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
	f, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal("no terminal: ", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func() string {
		text, _ := io.ReadAll(control) // it ends with an error where the other end is closed
		return strings.ReplaceAll(string(text), "\r\n", "\n")
	}, f
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

// A list keeps to the screen with names of any length and script, and its ids stay whole; so does text, which goes on below where it is
// too wide. Narrower than a table can be, and in a file, lines stay as they are.
func TestTextKeepsToTheScreen(t *testing.T) {
	t.Setenv("COLUMNS", "")
	t.Setenv("TERM", "xterm-256color")
	const id = "0053161a-71d2-4dae-a989-b0818a2f9226"
	sentence := "Nothing registered justifies keeping this person. The extension until 24 May 2027 does not count, because it has no reason"
	rows := [][]string{{"contact", id, "鈴木花子鈴木花子鈴木花子鈴木花子 山田太郎", "2027-01-30", sentence},
		{"contact", id, strings.Repeat("Donaudampfschiffahrts", 5)[:60], "2027-01-30", sentence}, {"lead", id, "Åsa 👩‍👩‍👧‍👦 Öberg", "2027-01-30", "Event ended"}}
	finding := doctor.Finding{Subject: "copies", Level: doctor.Note, Sentence: words.Say("doctor.connection", id, id, "9.2"), Remedy: words.Say("doctor.copies.do")}
	for _, tt := range []struct {
		size  uint16
		plain bool
		keeps bool
	}{{80, false, true}, {200, false, true}, {64, false, true}, {20, false, false}, {80, true, false}} {
		control, f := terminalPair(t, tt.size)
		a := &streams{out: f, plain: tt.plain}
		list := string(a.list(rows))
		w := a.lines()
		w.printf("  since the run of %s: %d lost their last ground, %s\n", "30 November 2026", 0, sentence)
		if w.err != nil {
			t.Fatal(w.err)
		}
		if err := a.tellFinding(finding); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		said := control()
		for what, text := range map[string]string{"list": list, "text": said} {
			if got := wide(text) <= int(tt.size); got != tt.keeps {
				t.Errorf("%d plain %v: the %s is %d wide:\n%s", tt.size, tt.plain, what, wide(text), text)
			}
			if strings.Count(text, id) < 2 {
				t.Errorf("%d: an id of the %s is broken:\n%s", tt.size, what, text)
			}
		}
		if flat := strings.Join(strings.Fields(said), " "); !strings.Contains(flat, sentence) || !strings.Contains(flat, "remedy: add them") {
			t.Errorf("%d: words are missing: %s", tt.size, said)
		}
	}
}
