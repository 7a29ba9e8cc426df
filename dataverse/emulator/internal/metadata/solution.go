package metadata

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// FindSolution finds the solution with that unique name and its publisher; "" finds none, which is no error.
func FindSolution(t *store.Tx, name string) (solution, publisher *store.Row, err error) {
	if name == "" {
		return nil, nil, nil
	}
	tab := t.Schema.Tables["solution"]
	t.Rows("solution").Scan(uuid.Nil, func(r *store.Row) bool {
		if strings.EqualFold(store.Text(tab, r, "uniquename"), name) {
			solution = r
		}
		return solution == nil
	})
	if solution == nil {
		return nil, nil, wire.NewError(http.StatusBadRequest, "0x8004f002", "The solution unique name '%s' is not valid: there is no such solution.", name)
	}
	if managed, _ := store.Value(tab, solution, "ismanaged").(bool); managed {
		return nil, nil, wire.NewError(http.StatusBadRequest, "0x8004f026", "The solution '%s' is managed and takes no components.", name)
	}
	return solution, t.Rows("publisher").Get(store.Lookup(tab, solution, "publisherid").ID), nil
}

// AddToSolution puts a component into a solution unless it is there already. A column or key does not come alone: its
// table is not put in with it, as when a designer adds a single column.
func AddToSolution(t *store.Tx, c *wire.Call, solution *store.Row, kind int, id uuid.UUID) {
	if solution == nil {
		return
	}
	tab := t.Schema.Tables["solutioncomponent"]
	known := false
	t.Rows(tab.Name).Scan(uuid.Nil, func(r *store.Row) bool {
		known = store.Value(tab, r, "objectid") == id && store.Lookup(tab, r, "solutionid").ID == solution.ID
		return !known
	})
	if known {
		return
	}
	now := store.Instant(c.Engine.Clock.Now().Unix())
	t.Place("solutioncomponent", uuid.New(), store.Fields{"componenttype": int64(kind), "objectid": id, "solutionid": store.Ref{Table: "solution", ID: solution.ID},
		"rootcomponentbehavior": int64(0), "ismetadata": kind < componentRole, "createdon": now, "modifiedon": now,
		"createdby": store.Ref{Table: "systemuser", ID: c.User}, "modifiedby": store.Ref{Table: "systemuser", ID: c.User}})
}

// addSolutionComponent puts what exists already into a solution. Reference: AddSolutionComponent.
func (s *Service) addSolutionComponent(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(textOf(body, "ComponentId"))
	kind := wholeNumber(body["ComponentType"], 0)
	if err != nil || kind <= 0 || textOf(body, "SolutionUniqueName") == "" {
		return nil, wire.BadArgument("ComponentId, ComponentType or SolutionUniqueName is missing.")
	}
	if err := access.CheckPrivilege(c, "prvWriteSolution"); err != nil {
		return nil, err
	}
	var added uuid.UUID
	err = c.Write(func(t *store.Tx) error {
		solution, _, err := FindSolution(t, textOf(body, "SolutionUniqueName"))
		if err != nil {
			return err
		}
		if !hasComponent(t.Schema, kind, id) && !hasRowComponent(t, kind, id) {
			return wire.NewError(http.StatusBadRequest, "0x80040217", "A component of the type %d with Id = %s does not exist.", kind, id)
		}
		AddToSolution(t, c, solution, kind, id)
		tab := t.Schema.Tables["solutioncomponent"]
		t.Rows(tab.Name).Scan(uuid.Nil, func(r *store.Row) bool {
			if store.Value(tab, r, "objectid") == id && store.Lookup(tab, r, "solutionid").ID == solution.ID {
				added = r.ID
			}
			return added == uuid.Nil
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.AddSolutionComponentResponse", "id": added.String()}), nil
}

// removeSolutionComponent takes a component out of a solution, by its own id or by that of its row of solutioncomponent; it
// stays in the environment. Reference: RemoveSolutionComponent.
func (s *Service) removeSolutionComponent(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	named, _ := body["SolutionComponent"].(map[string]any)
	id, err := uuid.Parse(textOf(named, "solutioncomponentid"))
	kind := wholeNumber(body["ComponentType"], 0)
	if err != nil || kind <= 0 || textOf(body, "SolutionUniqueName") == "" {
		return nil, wire.BadArgument("SolutionComponent, ComponentType or SolutionUniqueName is missing.")
	}
	if err := access.CheckPrivilege(c, "prvWriteSolution"); err != nil {
		return nil, err
	}
	var removed uuid.UUID
	err = c.Write(func(t *store.Tx) error {
		solution, _, err := FindSolution(t, textOf(body, "SolutionUniqueName"))
		if err != nil {
			return err
		}
		tab := t.Schema.Tables["solutioncomponent"]
		t.Rows(tab.Name).Scan(uuid.Nil, func(r *store.Row) bool {
			if (r.ID == id || store.Value(tab, r, "objectid") == id) && store.Int(tab, r, "componenttype") == int64(kind) && store.Lookup(tab, r, "solutionid").ID == solution.ID {
				removed = r.ID
			}
			return removed == uuid.Nil
		})
		if removed == uuid.Nil {
			return wire.NewError(http.StatusBadRequest, "0x80040217", "The solution '%s' has no component of the type %d with Id = %s.", textOf(body, "SolutionUniqueName"), kind, id)
		}
		t.Remove(tab, removed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.RemoveSolutionComponentResponse", "id": removed.String()}), nil
}

// hasComponent tells whether there is a component of metadata with that id.
func hasComponent(s *schema.Schema, kind int, id uuid.UUID) bool {
	switch kind {
	case componentTable:
		for _, t := range s.Tables {
			if TableID(t) == id {
				return true
			}
		}
	case componentColumn:
		for _, t := range s.Tables {
			if slices.ContainsFunc(t.Columns, func(c *schema.Column) bool { return columnID(c, t) == id }) {
				return true
			}
		}
	case componentRelationship:
		return slices.ContainsFunc(s.Relations, func(r *schema.Relationship) bool { return relationshipID(r) == id }) ||
			slices.ContainsFunc(s.ManyToMany, func(m *schema.ManyToMany) bool { return manyToManyID(m) == id })
	case componentOptionSet:
		for _, o := range s.OptionSets {
			if optionSetID(o) == id {
				return true
			}
		}
	}
	return false
}

// RowComponents are the tables whose rows are components.
var RowComponents = map[string]int{"role": componentRole, "savedquery": componentView, "systemform": componentForm, "webresource": componentWebResource, "sitemap": componentSiteMap,
	"savedqueryvisualization": componentChart, "appmodule": componentApp, "environmentvariabledefinition": componentVariable, "environmentvariablevalue": componentVariableValue}

func hasRowComponent(t *store.Tx, kind int, id uuid.UUID) bool {
	for name, k := range RowComponents {
		if k == kind && t.Rows(name).Get(id) != nil {
			return true
		}
	}
	return false
}

// dependenciesForDelete tells what keeps a column from being deleted: keys, views, charts and forms. Reference:
// RetrieveDependenciesForDelete, dependency.
func (s *Service) dependenciesForDelete(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(args["ObjectId"])
	if err != nil {
		return nil, wire.BadQuery("The parameter 'ObjectId' of RetrieveDependenciesForDelete is not a Guid.")
	}
	if args["ComponentType"] != strconv.Itoa(componentColumn) {
		return nil, wire.NotEmulated(s.Engine, "RetrieveDependenciesForDelete of the component type "+args["ComponentType"])
	}
	sn := c.View()
	list := []any{}
	depends := func(kind int, on uuid.UUID) {
		list = append(list, map[string]any{"@odata.type": "#" + wire.CRMNamespace + "dependency", "dependencyid": uuid.NewString(), "dependencytype": 2,
			"requiredcomponenttype": componentColumn, "requiredcomponentobjectid": id.String(),
			"dependentcomponenttype": kind, "dependentcomponentobjectid": on.String()})
	}
	for _, t := range sn.Schema.Tables {
		for _, col := range t.Columns {
			if columnID(col, t) != id {
				continue
			}
			for _, k := range t.Keys {
				if slices.Contains(k.Columns, col.Name) {
					depends(componentKey, keyID(k, t))
				}
			}
			for _, d := range dependentsOf(sn, t.Name, col.Name) {
				depends(d.kind, d.id)
			}
		}
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#dependencies", "value": list}), nil
}

// publishXML publishes changes. The emulator's are in force at once, so it checks only that the request names what exists. Pages: publish-request-schema, publish-customizations.
func (s *Service) publishXML(c *wire.Call) (*wire.Answer, error) {
	if err := access.CheckPrivilege(c, "prvPublishCustomization"); err != nil {
		return nil, err
	}
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	text, isText := body["ParameterXml"].(string)
	if !isText {
		return nil, wire.BadPayload("", "The parameter 'ParameterXml' is missing.")
	}
	if err := s.lockCustomization("Publish"); err != nil {
		return nil, err
	}
	if err := checkPublish(c.View().Schema, text); err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// publishAllXML publishes everything.
func (s *Service) publishAllXML(c *wire.Call) (*wire.Answer, error) {
	if err := access.CheckPrivilege(c, "prvPublishCustomization"); err != nil {
		return nil, err
	}
	if err := s.lockCustomization("PublishAll"); err != nil {
		return nil, err
	}
	return wire.NoContent(), nil
}

// publishSections are what a publish request can hold, with the element of each entry.
var publishSections = map[string]string{"entities": "entity", "ribbons": "ribbon", "dashboards": "dashboard", "optionsets": "optionset",
	"sitemaps": "sitemap", "webresources": "webresource", "nodes": "node", "securityroles": "securityrole", "settings": "settings", "workflows": "workflow"}

func checkPublish(s *schema.Schema, text string) error {
	bad := func(why string) error {
		return wire.NewError(http.StatusBadRequest, "0x80044203", "The publish request is not valid: %s.", why)
	}
	d := xml.NewDecoder(strings.NewReader(text))
	var path []string
	var content strings.Builder
	roots := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return bad("it is not XML")
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			switch len(path) {
			case 0:
				roots++
				if name != "importexportxml" || roots > 1 {
					return bad("the root element is importexportxml")
				}
			case 1:
				if publishSections[name] == "" {
					return bad("unknown element " + name)
				}
			case 2:
				if publishSections[path[1]] != name {
					return bad("unknown element " + name)
				}
			default:
				return bad("unknown element " + name)
			}
			path = append(path, name)
			content.Reset()
		case xml.CharData:
			content.Write(tok)
		case xml.EndElement:
			if len(path) == 3 {
				name := strings.ToLower(strings.TrimSpace(content.String()))
				switch path[2] {
				case "entity":
					if s.Tables[name] == nil {
						return wire.NoTable(http.StatusBadRequest, "0x80060888", name)
					}
				case "optionset":
					if s.OptionSets[name] == nil {
						return wire.NewError(http.StatusBadRequest, "0x80040217", "Could not find an optionset with name '%s'.", name)
					}
				}
			}
			path = path[:len(path)-1]
		}
	}
	if roots == 0 {
		return bad("it is empty")
	}
	return nil
}
