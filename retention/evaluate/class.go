package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/state"
)

// Classes tells of which class some persons are. Where all persons of a subject are alike it asks nothing.
func Classes(ctx context.Context, r dataverse.Reader, s *compile.Subject, ids []uuid.UUID) (of func(uuid.UUID) int, err error) {
	if len(s.Classes) == 0 {
		return func(uuid.UUID) int { return 0 }, nil
	}
	t := newPersonTable(*s, 0, 0, time.UTC, 0)
	for _, id := range ids {
		t.entries.add(entry{id: id})
	}
	t.sort()
	if err := t.classify(ctx, r, t.ids(), EvaluateOptions{}); err != nil {
		return nil, err
	}
	return func(id uuid.UUID) int {
		if at, ok := t.find(id); ok {
			return t.class(at)
		}
		return len(s.Classes) - 1
	}, nil
}

// classify finds out of which class everybody is: the first whose filter matches their row, by one query a class. With ids only
// these are asked about; nil: everybody. It comes after the persons were read and before anything is given to them.
func (t *personTable) classify(ctx context.Context, r dataverse.Reader, ids []uuid.UUID, o EvaluateOptions) error {
	n := len(t.subject.Classes)
	if n == 0 {
		return nil
	}
	t.classes = make([]uint8, t.entries.len())
	for i := range t.classes {
		t.classes[i] = uint8(n - 1)
	}
	// From behind: the first class that matches has the last word.
	for number, k := range slices.Backward(t.subject.Classes[:n-1]) {
		reads := []compile.Read{k.Members}
		if ids != nil {
			reads = nil
			for some := range slices.Chunk(ids, compile.MaxPersons) {
				terms := make([]string, len(some))
				for i, id := range some {
					terms[i] = t.subject.PrimaryID + " eq " + id.String()
				}
				read := k.Members
				read.Filter = compile.And(read.Filter, strings.Join(terms, " or "))
				reads = append(reads, read)
			}
		}
		for _, read := range reads {
			members := t.members(&k, read, uint8(number))
			if err := o.scan(ctx, r, members, []state.Keep{state.Plain}); err != nil {
				return fmt.Errorf("read the class %s of %s: %w", k.ID, t.subject.Table, err)
			}
		}
	}
	return nil
}

// members gives a class to the persons of a query.
func (t *personTable) members(k *compile.Class, read compile.Read, number uint8) dataverse.Selection {
	return selection("the class "+k.ID+" of "+t.subject.Table, read, []compile.Field{compile.Field(t.subject.PrimaryID)}, func(row []dataverse.Value) error {
		if id, ok := row[0].GUID(); ok {
			if at, ok := t.find(id); ok {
				t.classes[at] = number
			}
		}
		return nil
	})
}

// class is the number of a person's class.
func (t *personTable) class(at int32) int {
	if t.classes == nil {
		return 0
	}
	return int(t.classes[at])
}

// ofClass leaves those of some persons for whom a ground counts.
func (t *personTable) ofClass(persons []int32, ground int32) []int32 {
	if t.classes == nil {
		return persons
	}
	return slices.DeleteFunc(persons, func(at int32) bool { return !t.subject.Counts(ground, t.class(at)) })
}
