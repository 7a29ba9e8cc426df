package evaluate

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// oddDates are the persons whose rows of a ground have a date that is none, or is no help. A person stands in it once a row.
type oddDates struct {
	far     []int32 // further ahead than retention.FarAhead
	endless []int32 // of the year 9999, which counts as no date
	unread  []int32 // cannot be read
}

func (o *oddDates) note(trigger, far retention.Date, persons []int32) {
	switch {
	case trigger == unreadable:
		o.unread = append(o.unread, persons...)
	case trigger.Endless():
		o.endless = append(o.endless, persons...)
	case far != 0 && trigger > far:
		o.far = append(o.far, persons...)
	}
}

func (o *oddDates) add(more oddDates) {
	o.far = append(o.far, more.far...)
	o.endless = append(o.endless, more.endless...)
	o.unread = append(o.unread, more.unread...)
}

// OddDates are the persons, by id, to whom rows lead with a date that is told: one far ahead, one that counts as none, or one that
// cannot be read.
type OddDates struct{ Far, Endless, Unreadable []uuid.UUID }

func (t *personTable) oddDates(ground int) OddDates {
	o := t.odd[ground]
	return OddDates{t.sorted(o.far), t.sorted(o.endless), t.sorted(o.unread)}
}

// sorted are the ids of some persons, each once.
func (t *personTable) sorted(persons []int32) []uuid.UUID {
	ids := make([]uuid.UUID, len(persons))
	for i, at := range persons {
		ids[i] = t.entries.at(int(at)).id
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// unread tells whether a date about the person could not be read: in their own row, or in a row of a ground.
func (t *personTable) unread(at int32) bool {
	return t.unreadable[at]
}

// markUnread notes whom the dates that could not be read are about. Nobody knows how long these keep them.
func (t *personTable) markUnread() {
	for _, o := range t.odd {
		for _, at := range o.unread {
			t.unreadable[at] = true
		}
	}
}
