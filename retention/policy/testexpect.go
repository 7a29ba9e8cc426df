package policy

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/gallra/gallra/retention"
)

// TestExpect is what is expected of a row. What is not said is not looked at.
type TestExpect struct {
	Label string
	// Action is what is decided of a person, none for a row that is not judged, or what the purge of the persons who are due
	// does with the row: a [Fate].
	Action string
	// RetainUntil and PurgeOn are dates, open, or none.
	RetainUntil, PurgeOn string
	Ground               string // an id, manual-extension, or none
	Reason               string // a part of it
	// Ask is now where the run asks the person before their purge, waits where the purge is due and nobody has asked them in time, and
	// none otherwise.
	Ask string
	// Retained are columns and the values that they have after the purge; Erased are columns whose value is gone then.
	Retained map[string]any
	Erased   []string
	Pos      Pos
	At       map[string]Pos // of the single expectations; a column's is "retained column", or "erased column"
}

// TestLoss is a ground that a row has lost, and when.
type TestLoss struct {
	Label, Ground string
	On            retention.Date
	Pos           Pos
}

// testLosses reads which grounds the rows of a case have lost, and when rows have changed that grounds count from.
func (l *loader) testLosses(c *TestCase, lost, changed map[string]*testValues) {
	c.Lost, c.Changed = l.testDays(c, "lost", lost), l.testDays(c, "changed", changed)
}

// testDays reads days by row and ground.
func (l *loader) testDays(c *TestCase, key string, lost map[string]*testValues) (out []TestLoss) {
	for label, grounds := range lost {
		if c.Rows[label] == nil {
			l.problem(grounds.Pos, fmt.Sprintf("the case has no row `%s`", label), DidYouMean(label, slices.Sorted(maps.Keys(c.Rows))))
		}
		for ground, v := range grounds.Values {
			at := grounds.At[ground].Pos
			text, _ := v.(string)
			on, err := retention.ParseDate(text)
			if err != nil {
				l.problem(at, fmt.Sprintf("`%s` was %s on a day: %v", ground, key, err), "such as "+key+": {anna: {primary-contact: 2026-10-01}}")
			}
			out = append(out, TestLoss{label, ground, on, at})
		}
	}
	slices.SortFunc(out, func(a, b TestLoss) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return out
}

// TestAsked is the day on which a row's person was asked before their purge.
type TestAsked struct {
	Label string
	On    retention.Date
}

// testAsked reads when the persons of a case were asked.
func (l *loader) testAsked(c *TestCase, asked *testValues) {
	for _, label := range slices.Sorted(maps.Keys(asked.Values)) {
		at := asked.At[label].Pos
		if c.Rows[label] == nil {
			l.problem(at, fmt.Sprintf("the case has no row `%s`", label), DidYouMean(label, slices.Sorted(maps.Keys(c.Rows))))
		}
		text, _ := asked.Values[label].(string)
		on, err := retention.ParseDate(text)
		if err != nil {
			l.problem(at, fmt.Sprintf("`%s` was asked on a day: %v", label, err), "such as asked: {anna: 2026-10-25}")
		}
		c.Asked = append(c.Asked, TestAsked{label, on})
	}
}

// Fate is what a purge does with a row.
type Fate string

// The fates.
const (
	FateDelete    Fate = "delete"    // it is gone
	FateAnonymize Fate = "anonymize" // it stands, and columns of it were emptied
	FateRestore   Fate = "restore"   // it was archived, and is active and its owner's again
	FateArchive   Fate = "archive"   // it stands with all that it says, inactive and another's
	FateKeep      Fate = "keep"      // it stands with all that it says, whether or not it lost its link
	FateFree      Fate = "free"      // it is kept, and has lost its link to somebody or something that went
	FateLeave     Fate = "leave"     // nothing of it changed
)

// OfPurge tells whether only a purge shows if the expectation of a row of the table comes true.
func (x *TestExpect) OfPurge(subject bool) bool {
	switch Fate(x.Action) {
	case FateDelete, FateAnonymize, FateArchive, FateRestore, FateFree, FateLeave:
		return true
	case FateKeep:
		return !subject || len(x.Retained)+len(x.Erased) > 0
	}
	return len(x.Retained)+len(x.Erased) > 0
}

type fileExpect struct {
	placed      `yaml:"-"`
	Action      string     `yaml:"action" jsonschema:"required,enum=keep,enum=schedule,enum=move,enum=clear,enum=wait,enum=hold,enum=purge,enum=none,enum=delete,enum=anonymize,enum=archive,enum=restore,enum=free,enum=leave"`
	RetainUntil string     `yaml:"retainUntil"`
	PurgeOn     string     `yaml:"purgeOn"`
	Ground      string     `yaml:"ground"`
	Reason      string     `yaml:"reason"`
	Ask         string     `yaml:"ask" jsonschema:"enum=now,enum=waits,enum=none"`
	Retained    testValues `yaml:"retained"`
	Erased      []string   `yaml:"erased"`
}

func (fileExpect) kind() string { return "an expectation" }

// testExpect is an action alone, or a mapping.
type testExpect struct {
	placed
	fileExpect
}

func (e *testExpect) places() *placed { return &e.placed }

// testValues are columns and their values.
type testValues struct {
	placed
	Values map[string]any
}

// readNode reads columns and their values.
func (v *testValues) readNode(r *strictReader, key string, n ast.Node) {
	v.placed = placed{Pos: r.pos(n), At: map[string]Place{}}
	v.Values = r.columns("`"+key+"`", &v.placed, n, true)
}

// readNode reads an expectation.
func (e *testExpect) readNode(r *strictReader, key string, n ast.Node) {
	e.placed = placed{Pos: r.pos(n), At: map[string]Place{}}
	if n = r.resolve(n); n == nil {
		return
	}
	if _, ok := pairs(n); ok {
		r.value(key, n, reflect.ValueOf(&e.fileExpect).Elem(), "")
		return
	}
	field, _ := reflect.TypeFor[fileExpect]().FieldByName("Action")
	at := r.value("action", n, reflect.ValueOf(&e.Action).Elem(), field.Tag.Get("jsonschema"))
	e.fileExpect.At = map[string]Place{"action": at}
}

// testExpect checks an expectation of a case whose rows are known.
func (l *loader) testExpect(c *TestCase, label string, e *testExpect) TestExpect {
	x := TestExpect{Label: label, Action: e.Action, RetainUntil: e.RetainUntil, PurgeOn: e.PurgeOn, Ground: e.Ground, Reason: e.Reason, Ask: e.Ask,
		Retained: e.Retained.Values, Erased: e.Erased, Pos: e.placed.Pos, At: map[string]Pos{}}
	for key, p := range e.fileExpect.At {
		x.At[key] = p.Pos
	}
	for column, p := range e.Retained.At {
		x.At["retained "+column] = p.Pos
	}
	for i, column := range e.Erased {
		x.At["erased "+column] = e.fileExpect.At["erased"].Item(i)
		if _, both := x.Retained[column]; both {
			l.problem(x.At["erased "+column], fmt.Sprintf("`%s` cannot be retained and erased", column), "")
		}
	}
	if c.Rows[label] == nil {
		l.problem(x.Pos, fmt.Sprintf("the case has no row `%s`", label), DidYouMean(label, slices.Sorted(maps.Keys(c.Rows))))
	}
	for key, text := range map[string]string{"retainUntil": e.RetainUntil, "purgeOn": e.PurgeOn} {
		if _, err := retention.ParseDate(text); err != nil && text != "" && text != "none" && (text != "open" || key == "purgeOn") {
			l.problem(x.At[key], fmt.Sprintf("`%s`: %v", key, err), "or none, where there is no date")
		}
	}
	for _, key := range []string{"retained", "erased"} {
		if e.fileExpect.has(key) && Fate(e.Action) == FateDelete {
			l.problem(x.At[key], fmt.Sprintf("`%s` is of a row that stands", key), "a row that is deleted has no columns")
		}
	}
	return x
}
