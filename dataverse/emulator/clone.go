package emulator

import (
	"maps"
	"slices"
)

// Clone is another server that begins with what s holds now: rows, audit, recycle bin, long-term retention, definitions,
// and the time. It has options of its own. Tokens of users, fault rules, uploads that are under way, snapshots and
// statistics stay with s. No row is copied, so that a clone costs far less than an environment that is set up anew.
func (s *Server) Clone(o Options) *Server {
	c := newServer(o)
	c.store.now.Store(s.store.clone())
	c.clock.set(s.clock.now())
	return c
}

// clone is the newest snapshot for another store. The two have rows in common, which nobody changes, but no trees, which
// the writer of each copies before it writes, and no forms, which it looks into.
func (s *store) clone() *snapshot {
	s.writer.Lock()
	defer s.writer.Unlock()
	c := *s.now.Load()
	for _, content := range []*map[string]*rows{&c.data, &c.bin, &c.retained} {
		*content = maps.Clone(*content)
		for name, r := range *content {
			own := r.copy()
			own.forms = r.forms.clone()
			(*content)[name] = own
		}
	}
	if c.late != nil {
		c.late = &late{c.late.tree.Copy()}
	}
	return &c
}

func (s *forms) clone() *forms {
	c := &forms{byColumns: make(map[string][]*form, len(s.byColumns)), count: s.count}
	for key, list := range s.byColumns {
		c.byColumns[key] = slices.Clone(list)
	}
	return c
}
