package generate

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Generated says how much data to make.
type Generated struct {
	Contacts, Leads int
	Seed            uint64
}

// Generate adds the CRM of a company; see [Server.Generate].
func Generate(s *load.Service, what Generated) error {
	if err := s.Metadata.AddColumns("nord", metadata.CompanyColumns()...); err != nil {
		return err
	}
	return s.Fill(func(l *load.Loader) error {
		now := s.Clock.Now()
		g := &generator{
			Loader: l, r: rand.New(rand.NewPCG(what.Seed, 0x67616c6c7261)),
			today: now.Truncate(24 * time.Hour), boxed: map[int]any{}, dates: map[int]any{}, pooled: map[string]any{}, staff: map[any]staffParty{}, userIDs: map[uuid.UUID]any{},
		}
		g.Trusted = true
		g.people(what)
		return nil
	})
}

// generator makes rows in bulk. What it makes is known to fit: nothing is checked.
type generator struct {
	*load.Loader
	r      *rand.Rand
	today  time.Time      // midnight
	boxed  map[int]any    // instants by days ago, shared by all rows of a day
	dates  map[int]any    // the same for dates
	pooled map[string]any // texts that many rows hold

	users, events       []any // references
	leaders             []leader
	purpose, newsletter any
	superuser           any
	persons             int
	userIDs             map[uuid.UUID]any  // of the users, boxed once
	staff               map[any]staffParty // how the users stand in activities
}

// newID is the next id: random by the seed, with the marks of a version 4.
func (g *generator) newID() (id uuid.UUID) {
	binary.LittleEndian.PutUint64(id[:8], g.r.Uint64())
	binary.LittleEndian.PutUint64(id[8:], g.r.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// cells are a row's columns by name.
type cells map[string]any

// put makes a row and is the reference to it.
func (g *generator) put(table string, created int, c cells) any {
	return g.putAs(table, g.newID(), created, c)
}

func (g *generator) putAs(table string, id uuid.UUID, created int, c cells) any {
	t := g.Schema.Tables[table]
	v := make(store.Values, len(c)+8)
	for name, x := range c {
		v.Set(t, name, x)
	}
	v.SetDefault(t, "createdon", g.instant(created))
	v.SetDefault(t, "modifiedon", v.After(t, nil, "createdon"))
	g.Writer.SetNumbers(t, id, v)
	g.Writer.Compute(t, nil, v)
	g.share(v, c)
	var self any = store.Ref{Table: t.Name, ID: id}
	g.Addresses(t, id, self, v, func(load.AddressSlot) uuid.UUID { return g.newID() })
	g.AddWithBase(g.Base(t), t, id, v)
	return self
}

// share makes equal values one allocation where they are known to stand in many columns or rows: an owner and what
// mirrors the owner, a customer and what mirrors the customer, the numbers of options.
func (g *generator) share(v store.Values, c cells) {
	for i, x := range v {
		switch x := x.(type) {
		case store.Ref:
			if one, ok := g.Refs[x]; ok {
				v[i] = one
				continue
			}
			for _, said := range c {
				if said == any(x) {
					v[i] = said
					break
				}
			}
		case uuid.UUID:
			if one, ok := g.userIDs[x]; ok {
				v[i] = one
			}
		case int64:
			if x > 255 {
				v[i] = g.whole(int(x))
			}
		}
	}
}

// instant is nine o'clock of the day so many days ago.
func (g *generator) instant(ago int) any {
	if v, ok := g.boxed[ago]; ok {
		return v
	}
	var v any = store.Instant(g.today.AddDate(0, 0, -ago).Unix() + 9*3600)
	g.boxed[ago] = v
	return v
}

// date is the calendar day so many days ago.
func (g *generator) date(ago int) any {
	if v, ok := g.dates[ago]; ok {
		return v
	}
	var v any = store.Day(g.today.AddDate(0, 0, -ago).Unix() / 86400)
	g.dates[ago] = v
	return v
}

// text is s, shared.
func (g *generator) text(s string) any {
	if v, ok := g.pooled[s]; ok {
		return v
	}
	var v any = s
	g.pooled[s] = v
	return v
}

func (g *generator) whole(n int) any {
	key := "\x00" + strconv.Itoa(n)
	if v, ok := g.pooled[key]; ok {
		return v
	}
	var v any = int64(n)
	g.pooled[key] = v
	return v
}

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

// chance tells whether something happens that happens to so many of a hundred.
func (g *generator) chance(percent float64) bool { return g.r.Float64()*100 < percent }

// days is a number of days from low on, below high.
func (g *generator) days(low, high int) int { return low + g.r.IntN(high-low) }

const year = 365
