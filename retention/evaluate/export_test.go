package evaluate

import (
	"context"
	"fmt"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
)

// SetWaitingRows lets so many rows wait for their persons, and gives back how many there were.
func SetWaitingRows(n int64) (before int64) {
	before, waitingRows = waitingRows, n
	return before
}

// FoldBenchmark folds a ground's rows that stand in memory already.
type FoldBenchmark struct {
	f    *folding
	rows [][]dataverse.Value
}

// NewFoldBenchmark reads the persons and, once, the rows of a ground.
func NewFoldBenchmark(ctx context.Context, r dataverse.Reader, c *compile.Policy, ground string) (*FoldBenchmark, error) {
	e := newEvaluation(c, retention.NewDate(2026, 11, 24))
	t := e.tables[0]
	if err := t.read(ctx, r, []compile.Read{t.subject.Persons}, EvaluateOptions{}); err != nil {
		return nil, err
	}
	close(t.ready)
	for i := range t.subject.Grounds {
		g := &t.subject.Grounds[i]
		if g.ID != ground {
			continue
		}
		keep := &keeping{Reader: r}
		only := &shared{read: g.All()}
		only.begin(newFolding(ctx, t, g, g.All(), c.Policy.TimeZone, newRoom(0), EvaluateOptions{}))
		if err := only.fold(ctx, keep, EvaluateOptions{}); err != nil {
			return nil, err
		}
		f := &folding{t: t, g: g, ctx: ctx, zone: c.Policy.TimeZone, ids: 1, date: 1, instead: -1, bound: -1, row: -1, known: true}
		if g.Date == nil {
			f.date = -1
		}
		return &FoldBenchmark{f: f, rows: keep.rows}, nil
	}
	return nil, fmt.Errorf("no ground %s", ground)
}

// Page folds the rows again.
func (b *FoldBenchmark) Page() error {
	for _, row := range b.rows {
		if err := b.f.take(row); err != nil {
			return err
		}
	}
	return nil
}

// Rows is how many rows a page has.
func (b *FoldBenchmark) Rows() int { return len(b.rows) }

// keeping keeps the rows of a scan. The page stays as it is, since it is the only one.
type keeping struct {
	dataverse.Reader
	rows [][]dataverse.Value
}

func (k *keeping) Scan(ctx context.Context, q dataverse.Query, cols []string, fn func([]dataverse.Value) error) error {
	return k.Reader.Scan(ctx, q, cols, func(row []dataverse.Value) error {
		k.rows = append(k.rows, append([]dataverse.Value(nil), row...))
		return fn(row)
	})
}

// FilledEvaluation is an evaluation that found these persons in the policy's first subject.
func FilledEvaluation(c *compile.Policy, today retention.Date, persons []retention.Person) *Evaluation {
	e := newEvaluation(c, today)
	table := e.tables[0]
	for i, p := range persons {
		table.entries.add(entry{id: p.ID, until: p.Until, trigger: p.Trigger, ground: int16(p.Ground), purgeOn: p.PurgeOn, noticedOn: p.NoticedOn})
		if !p.ExtendedUntil.IsZero() {
			table.byHand[int32(i)] = extended{until: p.ExtendedUntil, reason: p.ExtendReason}
		}
	}
	return e
}
