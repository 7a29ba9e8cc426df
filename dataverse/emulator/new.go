package emulator

import (
	"time"
)

// New is a Dataverse with one organisation, its root business unit and an administrator, and no other rows.
func New(o Options) *Server {
	s := newServer(o)
	s.engine.store.now.Store(&snapshot{schema: baseSchema(), data: map[string]*rows{}, bin: map[string]*rows{}, retained: map[string]*rows{}})
	s.platform.seed()
	s.platform.seedBin()
	return s
}

// newServer is a server whose store holds nothing yet, no snapshot either.
func newServer(o Options) *Server {
	if o.Token == "" {
		o.Token = "emulator"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, bodyLimit: maxBody, stats: newStats(), faults: &faults{}, tokens: newTokens()}
	s.engine = &engine{
		options: o.behavior(), store: &store{}, clock: &clock{machine: o.Now}, meter: s.stats,
		organizationID: stableID("organization"), rootBusiness: stableID("businessunit"), administrator: stableID("administrator"),
	}
	s.limits = newLimiter(o.Limits, s.engine.clock.now, o.Now, o.Latency)
	s.metadata = &metadataService{engine: s.engine}
	s.platform = &platformService{engine: s.engine}
	s.messages = &messageService{platformService: s.platform}
	s.platform.rules = s.messages.rules()
	s.query = &queryService{engine: s.engine, file: s.messages.fileProperty}
	s.loads = &loadService{platformService: s.platform, metadata: s.metadata}
	s.routes = mergeRoutes(s.ownRoutes(), s.query.routes(), s.metadata.routes(), s.platform.routes(), s.messages.routes())
	s.control = s.controlTable()
	return s
}

// behavior is what the rooms below read of the options.
func (o Options) behavior() behavior {
	return behavior{
		AuditDelay:            o.AuditDelay,
		MetadataLag:           o.MetadataLag,
		CustomizationLock:     o.CustomizationLock,
		OrganizationType:      o.OrganizationType,
		ReadOnlyQuotes:        o.ReadOnlyQuotes,
		ClosedActivities:      o.ClosedActivities,
		TimeZone:              o.TimeZone,
		NullNegation:          o.NullNegation,
		TopBeforePageSize:     o.TopBeforePageSize,
		MaxExpand:             o.MaxExpand,
		MaxBatchURL:           o.MaxBatchURL,
		LinkAllByName:         o.LinkAllByName,
		MatchFirstOuter:       o.MatchFirstOuter,
		ApplyAllProperties:    o.ApplyAllProperties,
		ReferenceEmptiesBin:   o.ReferenceEmptiesBin,
		JobStep:               o.JobStep,
		RetainedQueries:       o.RetainedQueries,
		NoAddressRows:         o.NoAddressRows,
		DefinitionsNeedRights: o.DefinitionsNeedRights,
		DuplicateStatus:       o.DuplicateStatus,
		OnPrivilege:           o.OnPrivilege,
	}
}

// mergeRoutes puts the tables of routes together. No two of them may have the same pattern.
func mergeRoutes(tables ...map[string]handler) map[string]handler {
	all := map[string]handler{}
	for _, routes := range tables {
		for pattern, h := range routes {
			if all[pattern] != nil {
				panic("emulator: two handlers for " + pattern)
			}
			all[pattern] = h
		}
	}
	return all
}

// ownRoutes are the requests that are a matter of HTTP.
func (s *Server) ownRoutes() map[string]handler {
	return map[string]handler{
		"POST $batch": s.postBatch,
	}
}

// noRoute says why no handler serves the call.
func (s *Server) noRoute(c *call) *fault {
	return s.engine.notEmulated(c.path.route(c.method))
}

// Clone is another server that begins with what s holds now: rows, audit, recycle bin, long-term retention, definitions,
// and the time. It has options of its own. Tokens of users, fault rules, uploads that are under way, snapshots and
// statistics stay with s. No row is copied, so that a clone costs far less than an environment that is set up anew.
func (s *Server) Clone(o Options) *Server {
	c := newServer(o)
	c.engine.store.now.Store(s.engine.store.clone())
	c.engine.clock.set(s.engine.clock.now())
	return c
}
