package emulator

import (
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/load"
	"github.com/gallra/gallra/dataverse/emulator/internal/messages"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/tokens"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// New is a Dataverse with one organisation, its root business unit and an administrator, and no other rows.
func New(o Options) *Server {
	s := newServer(o)
	s.engine.Store.Now.Store(&store.Snapshot{Schema: schema.BaseSchema(), Data: map[string]*store.Rows{}, Bin: map[string]*store.Rows{}, Retained: map[string]*store.Rows{}})
	s.platform.Seed()
	s.platform.SeedBin()
	s.ProvisionLanguages(o.Languages...)
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
	if o.Organization == "" {
		o.Organization = "Emulator"
	}
	if o.OrganizationID == uuid.Nil {
		o.OrganizationID = schema.StableID("organization")
	}
	if o.UniqueName == "" {
		o.UniqueName = "org" + o.OrganizationID.String()[:8]
	}
	s := &Server{options: o, bodyLimit: wire.MaxBody, stats: newStats(), faults: &faults{}, tokens: tokens.New()}
	s.engine = &store.Engine{
		Options: o.behavior(), Store: &store.Store{}, Clock: &store.Clock{Machine: o.Now}, Meter: s.stats,
		OrganizationID: o.OrganizationID, RootBusiness: schema.StableID("businessunit"), Administrator: schema.StableID("administrator"),
		Definitions: time.Now().UnixMicro(),
	}
	s.limits = newLimiter(o.Limits, s.engine.Clock.Now, o.Now, o.Latency)
	s.metadata = &metadata.Service{Engine: s.engine}
	s.hooks = &hooks.Hooks{Engine: s.engine, Remote: o.WebhookRemote, Timeout: o.WebhookTimeout}
	s.platform = &platform.Service{Engine: s.engine, Hooks: s.hooks}
	s.hooks.Failed = s.platform.HookFailed
	s.messages = &messages.Service{Service: s.platform}
	s.platform.Rules = s.messages.Rules()
	s.query = &query.Service{Engine: s.engine, File: s.messages.FileProperty}
	s.loads = &load.Service{Service: s.platform, Metadata: s.metadata}
	s.routes = mergeRoutes(s.ownRoutes(), s.query.Routes(), s.metadata.Routes(), s.platform.Routes(), s.messages.Routes())
	s.control = s.controlTable()
	return s
}

// behavior is the part of the options that the packages below read.
func (o Options) behavior() store.Behavior {
	return store.Behavior{
		AuditDelay:            o.AuditDelay,
		AuditChangesOnly:      o.AuditChangesOnly,
		MetadataLag:           o.MetadataLag,
		CustomizationLock:     o.CustomizationLock,
		OrganizationType:      o.OrganizationType,
		Organization:          o.Organization,
		UniqueName:            o.UniqueName,
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
		OwnersNeedRoles:       o.OwnersNeedRoles,
		DuplicateStatus:       o.DuplicateStatus,
		NewerSegmentCode:      o.NewerSegmentCode,
		NamesNeedPublisher:    o.NamesNeedPublisher,
		DatesNeedZone:         o.DatesNeedZone,
		OnPrivilege:           o.OnPrivilege,
	}
}

// mergeRoutes puts the tables of routes together. No two of them may have the same pattern.
func mergeRoutes(tables ...map[string]wire.Handler) map[string]wire.Handler {
	all := map[string]wire.Handler{}
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
func (s *Server) ownRoutes() map[string]wire.Handler {
	return map[string]wire.Handler{
		"POST $batch": s.postBatch,
	}
}

// Clone is another server that begins with what s holds now: rows, audit, recycle bin, long-term retention, definitions,
// the organisation, and the time. It has options of its own. Tokens of users, fault rules, uploads that are under way, snapshots and
// statistics stay with s. No row is copied, so that a clone costs far less than an environment that is set up anew.
func (s *Server) Clone(o Options) *Server {
	o.Organization, o.UniqueName, o.OrganizationID = s.options.Organization, s.options.UniqueName, s.options.OrganizationID
	c := newServer(o)
	c.engine.Store.Now.Store(s.engine.Store.Clone())
	c.engine.Clock.Set(s.engine.Clock.Now())
	c.ProvisionLanguages(o.Languages...)
	return c
}
