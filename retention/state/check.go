package state

import "context"

// Compared is what came of reading everything in full beside what is kept.
type Compared struct {
	Kept, Full string // the digests of the plans
}

// Differ tells that the plans were not the same.
func (c *Compared) Differ() bool { return c.Kept != c.Full }

// rounds is how often plans are made anew that are not the same: people write to the CRM while it is read, so that both are brought up
// to the same moment.
const rounds = 4

// Judge begins a night, has judge make a plan of what it reads, and keeps it. Once a week, or where a full read is asked for, it has
// a second plan made of a full read, and digest say of both what they are. Where they stay different, nothing is read from the folder any more,
// and the answer tells so. The last plan that was made is the one to go by: of the full read, where there was one. Compared is nil where
// nothing was compared.
func Judge(ctx context.Context, o Options, judge func(context.Context, *Night) error, digest func() (string, error)) (c *Compared, count Count, err error) {
	n, err := Open(ctx, o)
	if err != nil {
		return nil, Count{}, err
	}
	o = n.o
	if !o.Writes || !n.Due() {
		if o.Full {
			n = n.Whole()
		}
		if err := judge(ctx, n); err != nil {
			n.Drop()
			return nil, Count{}, err
		}
		n.Keep()
		return nil, n.Count(), nil
	}
	whole := n.Whole()
	n.o.Full = false
	if c, whole, err = compare(ctx, n, whole, judge, digest); err != nil {
		n.Drop()
		return nil, Count{}, err
	}
	if !c.Differ() {
		whole.Keep()
		return c, whole.Count(), nil
	}
	if err := o.switchOff(o.Client.Now()); err != nil {
		o.Log.Warn("that nights read in full from now on is not written down", "cause", err)
	}
	n.Drop()
	return c, whole.Count(), nil
}

// compare makes plans of both nights, until they are the same.
func compare(ctx context.Context, kept, whole *Night, judge func(context.Context, *Night) error, digest func() (string, error)) (*Compared, *Night, error) {
	for round := 1; ; round++ {
		c := &Compared{}
		for _, of := range []struct {
			night *Night
			is    *string
		}{{kept, &c.Kept}, {whole, &c.Full}} {
			err := judge(ctx, of.night)
			if err == nil {
				*of.is, err = digest()
			}
			if err != nil {
				return nil, whole, err
			}
		}
		if !c.Differ() || round == rounds {
			return c, whole, nil
		}
		kept.o.Log.Info("what was kept gives another plan than a full read: both are brought up to now", "round", round)
		var err error
		if kept, err = kept.Next(ctx); err != nil {
			return nil, whole, err
		}
		if whole, err = whole.Next(ctx); err != nil {
			return nil, whole, err
		}
		whole.o.Full = false // it was read in full, and is told what came since
	}
}
