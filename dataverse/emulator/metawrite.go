package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
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
)

// change is one change of metadata under way.
type change struct {
	*definer
	call      *call
	solution  *row // nil when none is named
	publisher *row // of the solution
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
func (s *metadataService) changeMetadata(c *call, privilege string, fn func(*change) error) (*change, error) {
	ch := &change{call: c}
	return ch, c.write(func(t *tx) error {
		if err := c.holds(privilege); err != nil {
			return err
		}
		if err := s.lockCustomization("EntityCustomization"); err != nil {
			return err
		}
		return t.changeSchema(s.engine, func(next *schema) error {
			ch.definer = &definer{engine: s.engine, tx: t, schema: next, prefix: 10000}
			var err error
			if ch.solution, ch.publisher, err = t.solution(c.header.Get("MSCRM.SolutionUniqueName")); err != nil {
				return err
			}
			if ch.publisher != nil {
				pub := t.schema.tables["publisher"]
				ch.prefix, _ = ch.publisher.get(pub.column("customizationoptionvalueprefix").index).(int64)
			}
			if err := fn(ch); err != nil {
				return err
			}
			for _, d := range ch.done {
				t.joinSolution(c, ch.solution, d.kind, d.id)
			}
			return nil
		})
	})
}

// made remembers a component that goes into the solution.
func (ch *change) made(kind int, id uuid.UUID, address string) {
	ch.done = append(ch.done, component{kind, id})
	ch.address = ch.call.base + "/" + address
}

// lockCustomization refuses what comes while a customization before still holds its lock (Options.CustomizationLock):
// a 429 that is no service protection limit. Message as reported of the service.
func (s *metadataService) lockCustomization(operation string) error {
	hold := s.options.CustomizationLock
	if hold <= 0 {
		return nil
	}
	now := s.clock.now()
	s.customizing.Lock()
	defer s.customizing.Unlock()
	if now.Before(s.customizing.until) {
		return newFault(http.StatusTooManyRequests, "0x80071151", "Microsoft.Crm.ObjectModel.CustomizationLockException: Cannot start the requested operation [%s] because there is another [%s] running at this moment. Use Solution History for more details. -- The solution installation or removal failed due to the installation or removal of another solution at the same time. Please try again later.", operation, s.customizing.operation)
	}
	s.customizing.operation, s.customizing.until = operation, now.Add(hold)
	return nil
}

// postEntityDefinitions makes tables, columns and keys.
func (s *metadataService) postEntityDefinitions(c *call) (*answer, error) {
	p := c.path.segments
	var define func(*change, *table, map[string]any) error
	privilege := "prvCreateAttribute"
	switch {
	case len(p) == 1 && !p[0].hasKey:
		privilege, define = "prvCreateEntity", (*change).defineTable
	case len(p) == 2 && p[0].hasKey && p[1].name == "Attributes" && !p[1].hasKey:
		define = (*change).defineColumn
	case len(p) == 2 && p[0].hasKey && p[1].name == "Keys" && !p[1].hasKey:
		privilege, define = "prvWriteEntity", (*change).defineKey
	default:
		return nil, wrongMethod()
	}
	ch, err := s.changeMetadata(c, privilege, func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		var t *table
		if p[0].hasKey {
			if t, err = ch.schema.tableByKey(p[0].key); err != nil {
				return err
			}
		}
		return define(ch, t, body)
	})
	if err != nil {
		return nil, err
	}
	return noContent().set("OData-EntityId", ch.address).set("Location", ch.address), nil
}

// patchDefinitions refuses: a definition is replaced whole, by PUT.
func (s *metadataService) patchDefinitions(*call) (*answer, error) { return nil, wrongMethod() }

func wrongMethod() *fault {
	return newFault(http.StatusMethodNotAllowed, "0x80060888", "The requested resource does not support this http method.")
}

// defineColumn makes a column.
func (ch *change) defineColumn(t *table, body map[string]any) error {
	c, err := ch.column(body)
	if err != nil {
		return err
	}
	switch c.Type {
	case "Lookup":
		return badArgument("A lookup is created with its relationship: POST RelationshipDefinitions.")
	case "State", "Status", "Uniqueidentifier", "EntityName":
		return badArgument("A column of the type %s cannot be created.", c.Type)
	}
	if err := ch.newColumn(t, c); err != nil {
		return err
	}
	ch.made(componentColumn, c.metadataID, "EntityDefinitions("+keyOf(ch.call.path.segments[0])+")/Attributes("+c.metadataID.String()+")")
	return nil
}

// keyOf repeats the key of a path in the address of what was made under it.
func keyOf(s segment) string { return s.key }

// newColumn adds a checked column to a table.
func (ch *change) newColumn(t *table, c *column) error {
	if err := ch.checkName(c.SchemaName, ch.publisher); err != nil {
		return err
	}
	if t.Intersect || t.Ownership == "None" {
		return newFault(http.StatusBadRequest, "0x8004f026", "The evaluation of the current component(name=Entity, id=%s) in the current operation (Create) failed during managed property evaluation of condition: 'Managed Property Name: cancreateattributes; Component Type: Entity.'", t.metaID())
	}
	if t.anyColumn(c.Name) != nil {
		return newFault(http.StatusBadRequest, "0x80047013", "An attribute with the specified name %s already exists for entity %s.", c.Name, t.Name)
	}
	c.custom = true
	labels, description := c.labels, c.description
	c.defined = madeNow(ch.now())
	c.labels, c.description = labels, description
	ch.schema.edit(t.Name).add(c)
	switch c.Type {
	case "Money":
		ch.addBase(t, c)
	case "File":
		ch.addFileName(t, c)
	case "Image":
		ch.addImageParts(t, c)
	}
	t2 := ch.schema.tables[t.Name]
	for _, i := range t2.indexed {
		if i == c.index {
			ch.indexLater(t.Name)
		}
	}
	return nil
}

// addBase makes the column that holds a Money column's amount in the base currency.
func (ch *change) addBase(t *table, c *column) {
	ch.schema.edit(t.Name).add(&column{Name: c.Name + "_base", SchemaName: c.SchemaName + "_Base", Label: c.Label + " (Base)", Type: "Money",
		Min: c.Min, Max: c.Max, Precision: c.Precision, NoCreate: true, NoUpdate: true, CalculationOf: c.Name, custom: true, audit: true, defined: madeNow(ch.now())})
}

// addFileName makes the column that holds a file's name, and the relationship to the table's files. Page:
// file-column-data.
func (ch *change) addFileName(t *table, c *column) {
	ch.schema.edit(t.Name).add(&column{Name: c.Name + "_name", SchemaName: c.SchemaName + "_Name", Label: c.Label, Type: "String", Format: "Text",
		MaxLength: 200, NoCreate: true, NoUpdate: true, custom: true, audit: true, defined: madeNow(ch.now())})
	files := ch.schema.tables["fileattachment"]
	if !slices.Contains(files.column("objectid").Targets, t.Name) {
		ch.mayPoint(files.Name, "objectid", t, "_FileAttachments", "Cascade")
	}
}

// addImageParts makes the columns that go with an image. Page: image-column-data.
func (ch *change) addImageParts(t *table, c *column) {
	for _, part := range []struct{ suffix, typ string }{{"Id", "Uniqueidentifier"}, {"_Timestamp", "BigInt"}, {"_URL", "String"}} {
		made := &column{Name: c.Name + strings.ToLower(part.suffix), SchemaName: c.SchemaName + part.suffix, Label: c.Label, Type: part.typ,
			NoCreate: true, NoUpdate: true, custom: true, audit: true, defined: madeNow(ch.now())}
		if part.typ != "Uniqueidentifier" {
			made.AttributeOf = c.Name
		}
		if part.typ == "String" {
			made.Format, made.MaxLength = "Url", 200
		}
		ch.schema.edit(t.Name).add(made)
	}
}

func (ch *change) now() time.Time { return ch.engine.clock.now() }

// putEntityDefinitions replaces a table's or a column's definition whole; there is no PATCH. Languages that are not sent
// are dropped unless MSCRM.MergeLabels says otherwise. Pages: create-update-column-definitions-using-web-api,
// create-update-entity-definitions-using-web-api.
func (s *metadataService) putEntityDefinitions(c *call) (*answer, error) {
	p := c.path.segments
	isTable := len(p) == 1 && p[0].hasKey
	isColumn := len(p) == 2 && p[0].hasKey && p[1].name == "Attributes" && p[1].hasKey
	if !isTable && !isColumn {
		return nil, wrongMethod()
	}
	privilege := "prvWriteAttribute"
	if isTable {
		privilege = "prvWriteEntity"
	}
	ch, err := s.changeMetadata(c, privilege, func(ch *change) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		t, err := ch.schema.tableByKey(p[0].key)
		if err != nil {
			return err
		}
		if isTable {
			return ch.replaceTable(t, body)
		}
		old, err := t.columnByKey(p[1].key)
		if err != nil {
			return err
		}
		return ch.replaceColumn(t, old, body)
	})
	if err != nil {
		return nil, err
	}
	return noContent().set("OData-EntityId", ch.address), nil
}

// columnByKey finds a column by LogicalName='x' or MetadataId.
func (t *table) columnByKey(key string) (*column, error) {
	if name, found := cutKey(key, "LogicalName"); found {
		if c := t.column(strings.ToLower(name)); c != nil {
			return c, nil
		}
		return nil, newFault(http.StatusNotFound, "0x80040217", "Could not find Attribute with LogicalName = '%s'.", name)
	}
	id, ok := (segment{key: key}).id()
	if !ok {
		return nil, badQuery("The key '%s' is not valid for Attributes.", key)
	}
	for _, c := range t.Columns {
		if c.metaID(t) == id {
			return c, nil
		}
	}
	return nil, newFault(http.StatusNotFound, "0x80040217", "Could not find Attribute with MetadataId = '%s'.", id)
}

func (ch *change) replaceColumn(t *table, old *column, body map[string]any) error {
	if textOf(body, "SchemaName") == "" {
		body["SchemaName"] = old.SchemaName
	}
	ch.old = old
	c, err := ch.column(body)
	if err != nil {
		return err
	}
	isLookup := c.Type == "Lookup" && old.kind == kindLookup
	if c.Type != old.Type && !isLookup || !strings.EqualFold(c.SchemaName, old.SchemaName) {
		return badArgument("The type and the name of the column '%s' cannot be changed.", old.Name)
	}
	if n := textOf(body, "LogicalName"); n != "" && n != old.Name {
		return badArgument("The type and the name of the column '%s' cannot be changed.", old.Name)
	}
	if old.Required == "SystemRequired" {
		c.Required = old.Required
	}
	if c.secured && (t.uses(old.Name) || old.Name == t.ID || old.Logical) {
		return newFault(http.StatusBadRequest, "0x80060896", "The column '%s' cannot be secured.", old.Name)
	}
	switch {
	case old.kind != kindDateTime || c.Behavior == old.Behavior:
	case old.Behavior != "UserLocal" || !old.custom:
		return badArgument("The behavior of the column '%s' cannot be changed any more.", old.Name)
	}
	merge := strings.EqualFold(ch.call.header.Get("MSCRM.MergeLabels"), "true")
	next := *old
	next.Label, next.labels = merged(merge, old.Label, old.labels, c.Label, c.labels)
	_, next.description = merged(merge, "", old.description, "", c.description)
	next.Required, next.audit, next.secured = c.Required, c.audit, c.secured
	next.Format, next.Behavior, next.MaxLength, next.Default = c.Format, c.Behavior, c.MaxLength, c.Default
	next.Min, next.Max, next.Precision = c.Min, c.Max, c.Precision
	if old.kind == kindLookup || old.kind == kindPartyList {
		next.Format, next.Default = old.Format, old.Default
	}
	if old.metadataID == uuid.Nil {
		next.metadataID = old.metaID(t)
	}
	ch.schema.edit(t.Name).replace(&next)
	ch.made(componentColumn, next.metadataID, "EntityDefinitions("+keyOf(ch.call.path.segments[0])+")/Attributes("+next.metadataID.String()+")")
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
func (t *table) uses(column string) bool {
	return slices.ContainsFunc(t.keys, func(k *alternateKey) bool { return slices.Contains(k.Columns, column) })
}

func (ch *change) replaceTable(t *table, body map[string]any) error {
	if _, err := metaBody(body, "EntityMetadata"); err != nil {
		return err
	}
	if n := textOf(body, "LogicalName"); n != "" && n != t.Name {
		return badArgument("The name of the table '%s' cannot be changed.", t.Name)
	}
	text, others := texts(body["DisplayName"])
	if text == "" && len(others) == 0 {
		return badArgument("The DisplayName of the table '%s' is missing.", t.Name)
	}
	merge := strings.EqualFold(ch.call.header.Get("MSCRM.MergeLabels"), "true")
	next := ch.schema.edit(t.Name)
	next.Label, next.labels = merged(merge, t.Label, t.labels, text, others)
	_, next.description = merged(merge, "", t.description, "", allTexts(body["Description"]))
	if plural, _ := texts(body["DisplayCollectionName"]); plural != "" {
		next.plural = plural
	}
	next.audited = boolOf(valueOf(body, "IsAuditEnabled"), false)
	if next.tracked = boolOf(body["ChangeTrackingEnabled"], t.tracked); t.tracked && !next.tracked {
		return badArgument("Change tracking cannot be disabled for entity %s once it has been enabled.", t.Name)
	}
	id := next.metaID()
	ch.made(componentTable, id, "EntityDefinitions("+id.String()+")")
	return nil
}

// deleteEntityDefinitions takes away custom tables, columns and keys.
func (s *metadataService) deleteEntityDefinitions(c *call) (*answer, error) {
	p := c.path.segments
	if !p[0].hasKey || len(p) == 2 && !p[1].hasKey || len(p) > 2 {
		return nil, wrongMethod()
	}
	privilege := "prvDeleteAttribute"
	if len(p) == 1 {
		privilege = "prvDeleteEntity"
	}
	_, err := s.changeMetadata(c, privilege, func(ch *change) error {
		t, err := ch.schema.tableByKey(p[0].key)
		if err != nil {
			return err
		}
		switch {
		case len(p) == 1:
			return ch.deleteTable(t)
		case p[1].name == "Attributes":
			col, err := t.columnByKey(p[1].key)
			if err != nil {
				return err
			}
			return ch.deleteColumn(t, col)
		case p[1].name == "Keys":
			return ch.deleteKey(t, p[1])
		default:
			return noSegment(p[1].name)
		}
	})
	if err != nil {
		return nil, err
	}
	return noContent(), nil
}

// notCustom refuses to delete what the platform made.
func notCustom(what, name string) *fault {
	return newFault(http.StatusBadRequest, "0x8004f026", "The evaluation of the current component(name=%s, id=%s) in the current operation (Delete) failed during managed property evaluation of condition: 'The component is managed or part of the system.'", what, name)
}

// inUse refuses to delete what another component needs.
func inUse(what, name string, by int) *fault {
	return newFault(http.StatusBadRequest, "0x8004f01f", "The %s(%s) component cannot be deleted because it is referenced by %d other components. For a list of referenced components, use the RetrieveDependenciesForDeleteRequest.", what, name, by)
}

func (ch *change) deleteColumn(t *table, c *column) error {
	if !c.custom || c.Name == t.ID || c.Name == t.PrimaryName {
		return notCustom("Attribute", c.metaID(t).String())
	}
	by := 0
	for _, k := range t.keys {
		if slices.Contains(k.Columns, c.Name) {
			by++
		}
	}
	by += len(ch.tx.viewsWith(t.Name, c.Name))
	if by > 0 {
		return inUse("Attribute", c.metaID(t).String(), by)
	}
	for _, r := range slices.Clone(t.parents) {
		if r.Attribute == c.Name {
			ch.schema.dropRelation(r)
		}
	}
	ch.dropColumn(t.Name, c.Name)
	switch c.Type {
	case "Money":
		ch.dropColumn(t.Name, c.Name+"_base")
	case "File":
		ch.dropColumn(t.Name, c.Name+"_name")
		ch.tx.dropFiles(t.Name, c.Name)
	case "Image":
		for _, suffix := range []string{"id", "_timestamp", "_url"} {
			ch.dropColumn(t.Name, c.Name+suffix)
		}
	}
	return nil
}

func (ch *change) dropColumn(table, name string) {
	edited := ch.schema.edit(table)
	if c := edited.column(name); c != nil {
		ch.tx.dropColumn(ch.schema, edited, c)
	}
}

func (ch *change) deleteTable(t *table) error {
	if !t.custom {
		return notCustom("Entity", t.metaID().String())
	}
	by := ch.tx.viewsOf(t.Name)
	for _, r := range t.childs {
		if r.Referencing != t.Name && !r.custom {
			continue
		}
		if r.Referencing != t.Name {
			by++
		}
	}
	if by > 0 {
		return inUse("Entity", t.metaID().String(), by)
	}
	for _, m := range slices.Clone(ch.schema.many) {
		if m.Table1 == t.Name || m.Table2 == t.Name {
			ch.schema.dropManyToMany(m)
			delete(ch.tx.data, m.Intersect)
		}
	}
	for _, r := range slices.Clone(ch.schema.relations) {
		if r.Referencing == t.Name || r.Referenced == t.Name {
			ch.schema.dropRelation(r)
		}
	}
	ch.schema.dropTable(t.Name)
	delete(ch.tx.data, t.Name)
	delete(ch.tx.bin, t.Name)
	delete(ch.tx.retained, t.Name)
	return nil
}
