package metadata

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Component types of solutions. Reference: solutioncomponent.
const (
	componentTable        = 1
	componentColumn       = 2
	componentOptionSet    = 9
	componentRelationship = 10
	componentKey          = 14
	componentRole         = 20
	componentView         = 26

	componentChart         = 59
	componentForm          = 60
	componentWebResource   = 61
	componentSiteMap       = 62
	componentApp           = 80
	componentVariable      = 380
	componentVariableValue = 381
)

// change is one change of metadata under way.
type change struct {
	*definer
	call      *wire.Call
	solution  *store.Row // nil when none is named
	publisher *store.Row // of the solution
	done      []component
	address   string // of what was made
}

type component struct {
	kind int
	id   uuid.UUID
}

// changeMetadata runs fn on a copy of the schema inside a transaction, and puts what it made into the solution that the
// header names. Only one change of metadata runs at a time: CustomizationLockException. Every component's create,
// update and delete goes through here.
func (s *Service) changeMetadata(c *wire.Call, privilege string, fn func(*change) error) (*change, error) {
	ch := &change{call: c}
	return ch, c.Write(func(t *store.Tx) error {
		if err := access.CheckPrivilege(c, privilege); err != nil {
			return err
		}
		if err := s.lockCustomization("EntityCustomization"); err != nil {
			return err
		}
		return changeSchema(t, s.Engine, func(next *schema.Schema) error {
			ch.definer = &definer{engine: s.Engine, tx: t, schema: next, prefix: 10000}
			var err error
			if ch.solution, ch.publisher, err = FindSolution(t, c.Header.Get("MSCRM.SolutionUniqueName")); err != nil {
				return err
			}
			if ch.publisher != nil {
				pub := t.Schema.Tables["publisher"]
				ch.prefix, _ = ch.publisher.Get(pub.Column("customizationoptionvalueprefix").Index).(int64)
			}
			if err := fn(ch); err != nil {
				return err
			}
			for _, d := range ch.done {
				AddToSolution(t, c, ch.solution, d.kind, d.id)
			}
			return nil
		})
	})
}

// made notes a component for the solution that the header names.
func (ch *change) made(kind int, id uuid.UUID, address string) {
	ch.done = append(ch.done, component{kind, id})
	ch.address = ch.call.Base + "/" + address
}

// lockCustomization refuses what comes while a customization before still holds its lock (Options.CustomizationLock):
// a 429 that is no service protection limit. Message as reported of the service.
func (s *Service) lockCustomization(operation string) error {
	hold := s.Options.CustomizationLock
	if hold <= 0 || s.Loading.Load() {
		return nil
	}
	now := s.Clock.Now()
	s.customizing.Lock()
	defer s.customizing.Unlock()
	if now.Before(s.customizing.until) {
		return wire.NewError(http.StatusTooManyRequests, "0x80071151", "Microsoft.Crm.ObjectModel.CustomizationLockException: Cannot start the requested operation [%s] because there is another [%s] running at this moment. Use Solution History for more details. -- The solution installation or removal failed due to the installation or removal of another solution at the same time. Please try again later.", operation, s.customizing.operation)
	}
	s.customizing.operation, s.customizing.until = operation, now.Add(hold)
	return nil
}

// postEntityDefinitions makes tables, columns and keys.
func (s *Service) postEntityDefinitions(c *wire.Call) (*wire.Answer, error) {
	p := c.Path.Segments
	var define func(*change, *schema.Table, map[string]any) error
	privilege := "prvCreateAttribute"
	switch {
	case len(p) == 1 && !p[0].HasKey:
		privilege, define = "prvCreateEntity", (*change).defineTable
	case len(p) == 2 && p[0].HasKey && p[1].Name == "Attributes" && !p[1].HasKey:
		define = (*change).defineColumn
	case len(p) == 2 && p[0].HasKey && p[1].Name == "Keys" && !p[1].HasKey:
		privilege, define = "prvWriteEntity", (*change).defineKey
	default:
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, privilege, func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		var t *schema.Table
		if p[0].HasKey {
			if t, err = tableByKey(ch.schema, p[0].Key); err != nil {
				return err
			}
		}
		return define(ch, t, body)
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent().SetHeader("OData-EntityId", ch.address).SetHeader("Location", ch.address), nil
}

// patchDefinitions refuses: a definition is replaced whole, by PUT.
func (s *Service) patchDefinitions(*wire.Call) (*wire.Answer, error) {
	return nil, wrongMethod()
}

func wrongMethod() *wire.Error {
	return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The requested resource does not support this http method.")
}

func (ch *change) now() time.Time { return ch.engine.Clock.Now() }

// putEntityDefinitions replaces a table's or a column's definition whole; there is no PATCH. Languages that are not sent
// are dropped unless MSCRM.MergeLabels says otherwise. Pages: create-update-column-definitions-using-web-api,
// create-update-entity-definitions-using-web-api.
func (s *Service) putEntityDefinitions(c *wire.Call) (*wire.Answer, error) {
	p := c.Path.Segments
	isTable := len(p) == 1 && p[0].HasKey
	isColumn := len(p) == 2 && p[0].HasKey && p[1].Name == "Attributes" && p[1].HasKey
	if !isTable && !isColumn {
		return nil, wrongMethod()
	}
	privilege := "prvWriteAttribute"
	if isTable {
		privilege = "prvWriteEntity"
	}
	ch, err := s.changeMetadata(c, privilege, func(ch *change) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		t, err := tableByKey(ch.schema, p[0].Key)
		if err != nil {
			return err
		}
		if isTable {
			return ch.replaceTable(t, body)
		}
		old, err := columnByKey(t, p[1].Key)
		if err != nil {
			return err
		}
		return ch.replaceColumn(t, old, body)
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent().SetHeader("OData-EntityId", ch.address), nil
}

// columnByKey finds a column by LogicalName='x' or MetadataId.
func columnByKey(t *schema.Table, key string) (*schema.Column, error) {
	if name, found := cutKey(key, "LogicalName"); found {
		if c := t.Column(strings.ToLower(name)); c != nil {
			return c, nil
		}
		return nil, wire.NewError(http.StatusNotFound, "0x80040217", "Could not find Attribute with LogicalName = '%s'.", name)
	}
	id, ok := (wire.Segment{Key: key}).ID()
	if !ok {
		return nil, wire.BadQuery("The key '%s' is not valid for Attributes.", key)
	}
	for _, c := range t.Columns {
		if columnID(c, t) == id {
			return c, nil
		}
	}
	return nil, wire.NewError(http.StatusNotFound, "0x80040217", "Could not find Attribute with MetadataId = '%s'.", id)
}

func (ch *change) replaceColumn(t *schema.Table, old *schema.Column, body map[string]any) error {
	if textOf(body, "SchemaName") == "" {
		body["SchemaName"] = old.SchemaName
	}
	ch.old = old
	c, err := ch.column(body)
	if err != nil {
		return err
	}
	isLookup := c.Type == "Lookup" && old.Kind == schema.KindLookup
	if c.Type != old.Type && !isLookup || !strings.EqualFold(c.SchemaName, old.SchemaName) {
		return wire.BadArgument("The type and the name of the column '%s' cannot be changed.", old.Name)
	}
	if n := textOf(body, "LogicalName"); n != "" && n != old.Name {
		return wire.BadArgument("The type and the name of the column '%s' cannot be changed.", old.Name)
	}
	if old.Required == "SystemRequired" {
		c.Required = old.Required
	}
	if c.Secured && (uses(t, old.Name) || old.Name == t.ID || old.Logical) {
		return wire.NewError(http.StatusBadRequest, "0x80060896", "The column '%s' cannot be secured.", old.Name)
	}
	switch {
	case old.Kind != schema.KindDateTime || c.Behavior == old.Behavior:
	case old.Behavior != "UserLocal" || !old.Custom:
		return wire.BadArgument("The behavior of the column '%s' cannot be changed any more.", old.Name)
	}
	merge := strings.EqualFold(ch.call.Header.Get("MSCRM.MergeLabels"), "true")
	next := *old
	next.Label, next.Labels = merged(merge, old.Label, old.Labels, c.Label, c.Labels)
	_, next.Description = merged(merge, "", old.Description, "", c.Description)
	next.Required, next.Audit, next.Secured = c.Required, c.Audit, c.Secured
	next.Format, next.Behavior, next.MaxLength, next.Default = c.Format, c.Behavior, c.MaxLength, c.Default
	next.Min, next.Max, next.Precision = c.Min, c.Max, c.Precision
	next.AutoNumber, next.Thumbnail = c.AutoNumber, c.Thumbnail
	if next.Primary = c.Primary; next.Primary {
		ch.onePrimaryImage(t.Name, old.Name)
	}
	if old.Kind == schema.KindLookup || old.Kind == schema.KindPartyList {
		next.Format, next.Default = old.Format, old.Default
	}
	if old.Kind == schema.KindStatus {
		if next.Options, err = transitions(old.Options, body); err != nil {
			return err
		}
	}
	if old.MetadataID == uuid.Nil {
		next.MetadataID = columnID(old, t)
	}
	replaceInTable(editTable(ch.schema, t.Name), &next)
	ch.made(componentColumn, next.MetadataID, "EntityDefinitions("+keyOf(ch.call.Path.Segments[0])+")/Attributes("+next.MetadataID.String()+")")
	return nil
}

// merged are labels after an update: with merge the languages that were not sent stay.
func merged(merge bool, oldText string, old map[int]string, text string, sent map[int]string) (string, map[int]string) {
	if !merge {
		return text, sent
	}
	out := map[int]string{}
	for l, s := range old {
		out[l] = s
	}
	for l, s := range sent {
		out[l] = s
	}
	if text == "" {
		text = oldText
	}
	if len(out) == 0 {
		out = nil
	}
	return text, out
}

// uses tells whether an alternate key holds the column.
func uses(t *schema.Table, column string) bool {
	return slices.ContainsFunc(t.Keys, func(k *schema.AlternateKey) bool { return slices.Contains(k.Columns, column) })
}

func (ch *change) replaceTable(t *schema.Table, body map[string]any) error {
	if _, err := metaBody(body, "EntityMetadata"); err != nil {
		return err
	}
	if err := ch.standardOnly(body); err != nil {
		return err
	}
	if err := takes(ch.engine, "EntityMetadata", body); err != nil {
		return err
	}
	if n := textOf(body, "LogicalName"); n != "" && n != t.Name {
		return wire.BadArgument("The name of the table '%s' cannot be changed.", t.Name)
	}
	text, others := labelTexts(body["DisplayName"])
	if text == "" && len(others) == 0 {
		return wire.BadArgument("The DisplayName of the table '%s' is missing.", t.Name)
	}
	merge := strings.EqualFold(ch.call.Header.Get("MSCRM.MergeLabels"), "true")
	next := editTable(ch.schema, t.Name)
	next.Label, next.Labels = merged(merge, t.Label, t.Labels, text, others)
	_, next.Description = merged(merge, "", t.Description, "", allTexts(body["Description"]))
	if plural, _ := labelTexts(body["DisplayCollectionName"]); plural != "" {
		next.Plural = plural
	}
	next.Audited = boolOf(valueOf(body, "IsAuditEnabled"), false)
	if next.Tracked = boolOf(body["ChangeTrackingEnabled"], t.Tracked); t.Tracked && !next.Tracked {
		return wire.BadArgument("Change tracking cannot be disabled for entity %s once it has been enabled.", t.Name)
	}
	next.Unguarded = !boolOf(body["IsOptimisticConcurrencyEnabled"], !t.Unguarded)
	if next.Transitions = boolOf(body["EnforceStateTransitions"], t.Transitions); next.Transitions && !t.Custom && t.Name != "incident" {
		return wire.BadArgument("The table '%s' does not support state transitions.", t.Name) // of cases and custom tables only: define-custom-state-model-transitions
	}
	next.Shown = shownBy(t.Shown, body)
	if next.Shown["IsDuplicateDetectionEnabled"] == false {
		UnpublishRules(ch.tx, next.Name)
	}
	had := metaTable(ch.schema, t).props
	for _, name := range lasting {
		if on(had[name]) && body[name] != nil && !on(body[name]) {
			return wire.BadArgument("%s cannot be disabled for entity %s once it has been enabled.", name, t.Name)
		}
	}
	if !on(had["IsActivityParty"]) && on(body["IsActivityParty"]) {
		ch.takesPart(next)
	}
	if !on(had["HasFeedback"]) && on(body["HasFeedback"]) {
		ch.isRated(next)
	}
	ch.regards(next, !on(had["HasNotes"]) && on(body["HasNotes"]), !on(had["HasActivities"]) && on(body["HasActivities"]))
	id := TableID(next)
	ch.made(componentTable, id, "EntityDefinitions("+id.String()+")")
	return nil
}

// deleteEntityDefinitions deletes custom tables, columns and keys.
func (s *Service) deleteEntityDefinitions(c *wire.Call) (*wire.Answer, error) {
	p := c.Path.Segments
	if !p[0].HasKey || len(p) == 2 && !p[1].HasKey || len(p) > 2 {
		return nil, wrongMethod()
	}
	privilege := "prvDeleteAttribute"
	if len(p) == 1 {
		privilege = "prvDeleteEntity"
	}
	_, err := s.changeMetadata(c, privilege, func(ch *change) error {
		t, err := tableByKey(ch.schema, p[0].Key)
		if err != nil {
			return err
		}
		switch {
		case len(p) == 1:
			return ch.deleteTable(t)
		case p[1].Name == "Attributes":
			col, err := columnByKey(t, p[1].Key)
			if err != nil {
				return err
			}
			return ch.deleteColumn(t, col)
		case p[1].Name == "Keys":
			return ch.deleteKey(t, p[1])
		default:
			return wire.NoSegment(p[1].Name)
		}
	})
	if err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// notCustom refuses to delete what the platform made.
func notCustom(what, name string) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x8004f026", "The evaluation of the current component(name=%s, id=%s) in the current operation (Delete) failed during managed property evaluation of condition: 'The component is managed or part of the system.'", what, name)
}

// InUse refuses to delete what another component needs.
func InUse(what, name string, by int) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x8004f01f", "The %s(%s) component cannot be deleted because it is referenced by %d other components. For a list of referenced components, use the RetrieveDependenciesForDeleteRequest.", what, name, by)
}

func (ch *change) deleteColumn(t *schema.Table, c *schema.Column) error {
	if !c.Custom || c.Name == t.ID || c.Name == t.PrimaryName {
		return notCustom("Attribute", columnID(c, t).String())
	}
	by := 0
	for _, k := range t.Keys {
		if slices.Contains(k.Columns, c.Name) {
			by++
		}
	}
	by += len(dependentsOf(&ch.tx.Snapshot, t.Name, c.Name))
	if by > 0 {
		return InUse("Attribute", columnID(c, t).String(), by)
	}
	for _, r := range slices.Clone(t.Outgoing) {
		if r.Attribute == c.Name {
			dropRelation(ch.schema, r)
		}
	}
	ch.dropColumn(t.Name, c.Name)
	switch c.Type {
	case "Money":
		ch.dropColumn(t.Name, c.Name+"_base")
	case "File":
		ch.dropColumn(t.Name, c.Name+"_name")
		dropFiles(ch.tx, t.Name, c.Name)
	case "Image":
		for _, suffix := range []string{"id", "_timestamp", "_url"} {
			ch.dropColumn(t.Name, c.Name+suffix)
		}
	}
	return nil
}

func (ch *change) dropColumn(table, name string) {
	edited := editTable(ch.schema, table)
	if c := edited.Column(name); c != nil {
		dropColumn(ch.tx, ch.schema, edited, c)
	}
}

func (ch *change) deleteTable(t *schema.Table) error {
	if !t.Custom {
		return notCustom("Entity", TableID(t).String())
	}
	by := 0
	for _, r := range t.Incoming {
		if r.Referencing != t.Name && !r.Custom {
			continue
		}
		if r.Referencing != t.Name {
			by++
		}
	}
	if by > 0 {
		return InUse("Entity", TableID(t).String(), by)
	}
	ch.dropRowsAbout(t)
	dropLooks(ch.tx, t.Name)
	for _, m := range slices.Clone(ch.schema.ManyToMany) {
		if m.Table1 == t.Name || m.Table2 == t.Name {
			dropManyToMany(ch.schema, m)
			ch.tx.Replace(store.Live, m.Intersect, nil)
		}
	}
	for _, r := range slices.Clone(ch.schema.Relations) {
		if r.Referencing == t.Name || r.Referenced == t.Name {
			dropRelation(ch.schema, r)
		}
	}
	dropTable(ch.schema, t.Name)
	for _, content := range store.Contents {
		ch.tx.Replace(content, t.Name, nil)
	}
	return nil
}
