package emulator

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// solution finds the solution with that unique name and its publisher; "" finds none, which is no error.
func (t *tx) solution(name string) (solution, publisher *row, err error) {
	if name == "" {
		return nil, nil, nil
	}
	tab := t.schema.tables["solution"]
	t.table("solution").scan(uuid.Nil, func(r *row) bool {
		if strings.EqualFold(tab.text(r, "uniquename"), name) {
			solution = r
		}
		return solution == nil
	})
	if solution == nil {
		return nil, nil, newFault(http.StatusBadRequest, "0x8004f002", "The solution unique name '%s' is not valid: there is no such solution.", name)
	}
	if managed, _ := tab.get(solution, "ismanaged").(bool); managed {
		return nil, nil, newFault(http.StatusBadRequest, "0x8004f026", "The solution '%s' is managed and takes no components.", name)
	}
	return solution, t.table("publisher").get(tab.ref(solution, "publisherid").ID), nil
}

// joinSolution puts a component into a solution unless it is there already. A column or key does not come alone: its
// table is not put in with it, as when a designer adds a single column.
func (t *tx) joinSolution(c *call, solution *row, kind int, id uuid.UUID) {
	if solution == nil {
		return
	}
	tab := t.schema.tables["solutioncomponent"]
	known := false
	t.table(tab.Name).scan(uuid.Nil, func(r *row) bool {
		known = tab.get(r, "objectid") == id && tab.ref(r, "solutionid").ID == solution.id
		return !known
	})
	if known {
		return
	}
	now := instant(c.engine.clock.now().Unix())
	t.place("solutioncomponent", uuid.New(), fields{"componenttype": int64(kind), "objectid": id, "solutionid": ref{"solution", solution.id},
		"rootcomponentbehavior": int64(0), "ismetadata": kind < componentRole, "createdon": now, "modifiedon": now,
		"createdby": ref{"systemuser", c.user}, "modifiedby": ref{"systemuser", c.user}})
}

// addSolutionComponent puts what exists already into a solution. Reference: AddSolutionComponent.
func (s *metadataService) addSolutionComponent(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(textOf(body, "ComponentId"))
	kind := wholeNumber(body["ComponentType"], 0)
	if err != nil || kind <= 0 || textOf(body, "SolutionUniqueName") == "" {
		return nil, badArgument("ComponentId, ComponentType or SolutionUniqueName is missing.")
	}
	if err := c.holds("prvWriteSolution"); err != nil {
		return nil, err
	}
	var added uuid.UUID
	err = c.write(func(t *tx) error {
		solution, _, err := t.solution(textOf(body, "SolutionUniqueName"))
		if err != nil {
			return err
		}
		if !t.schema.hasComponent(kind, id) && !t.hasRowComponent(kind, id) {
			return newFault(http.StatusBadRequest, "0x80040217", "A component of the type %d with Id = %s does not exist.", kind, id)
		}
		t.joinSolution(c, solution, kind, id)
		tab := t.schema.tables["solutioncomponent"]
		t.table(tab.Name).scan(uuid.Nil, func(r *row) bool {
			if tab.get(r, "objectid") == id && tab.ref(r, "solutionid").ID == solution.id {
				added = r.id
			}
			return added == uuid.Nil
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.AddSolutionComponentResponse", "id": added.String()}), nil
}

// hasComponent tells whether there is a component of metadata with that id.
func (s *schema) hasComponent(kind int, id uuid.UUID) bool {
	switch kind {
	case componentTable:
		for _, t := range s.tables {
			if t.metaID() == id {
				return true
			}
		}
	case componentColumn:
		for _, t := range s.tables {
			if slices.ContainsFunc(t.Columns, func(c *column) bool { return c.metaID(t) == id }) {
				return true
			}
		}
	case componentRelationship:
		return slices.ContainsFunc(s.relations, func(r *relationship) bool { return r.metaID() == id }) ||
			slices.ContainsFunc(s.many, func(m *manyToMany) bool { return m.metaID() == id })
	case componentOptionSet:
		for _, o := range s.optionSets {
			if o.metaID() == id {
				return true
			}
		}
	}
	return false
}

// rowComponents are the tables whose rows are components.
var rowComponents = map[string]int{"role": componentRole, "savedquery": componentView}

func (t *tx) hasRowComponent(kind int, id uuid.UUID) bool {
	for name, k := range rowComponents {
		if k == kind && t.table(name).get(id) != nil {
			return true
		}
	}
	return false
}

// viewsWith are the views that need a column.
func (sn *snapshot) viewsWith(table, column string) []uuid.UUID {
	var out []uuid.UUID
	tab := sn.schema.tables["savedquery"]
	sn.table(tab.Name).scan(uuid.Nil, func(r *row) bool {
		f, err := fetchxml.Parse([]byte(tab.text(r, "fetchxml")))
		if err == nil && fetchUses(f, table, column) {
			out = append(out, r.id)
		}
		return true
	})
	return out
}

// dependenciesForDelete tells what keeps a column from being deleted: keys and views. Reference:
// RetrieveDependenciesForDelete, dependency.
func (s *metadataService) dependenciesForDelete(c *call) (*answer, error) {
	args, err := c.arguments(c.path.segments[0])
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(args["ObjectId"])
	if err != nil {
		return nil, badQuery("The parameter 'ObjectId' of RetrieveDependenciesForDelete is not a Guid.")
	}
	if args["ComponentType"] != strconv.Itoa(componentColumn) {
		return nil, s.notEmulated("RetrieveDependenciesForDelete of the component type " + args["ComponentType"])
	}
	sn := c.view()
	list := []any{}
	depends := func(kind int, on uuid.UUID) {
		list = append(list, map[string]any{"@odata.type": "#" + crmNamespace + "dependency", "dependencyid": uuid.NewString(), "dependencytype": 2,
			"requiredcomponenttype": componentColumn, "requiredcomponentobjectid": id.String(),
			"dependentcomponenttype": kind, "dependentcomponentobjectid": on.String()})
	}
	for _, t := range sn.schema.tables {
		for _, col := range t.Columns {
			if col.metaID(t) != id {
				continue
			}
			for _, k := range t.keys {
				if slices.Contains(k.Columns, col.Name) {
					depends(componentKey, k.metaID(t))
				}
			}
			for _, view := range sn.viewsWith(t.Name, col.Name) {
				depends(componentView, view)
			}
		}
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#dependencies", "value": list}), nil
}

// fetchUses tells whether a query names a column of a table.
func fetchUses(f *fetchxml.Fetch, table, column string) bool {
	found := false
	var body func(entity string, b *fetchxml.Body)
	body = func(entity string, b *fetchxml.Body) {
		if entity == table {
			for _, a := range b.Attributes {
				found = found || a.Name == column
			}
			for _, o := range b.Orders {
				found = found || o.Attribute == column
			}
		}
		var filters func(list []fetchxml.Filter)
		filters = func(list []fetchxml.Filter) {
			for i := range list {
				for _, c := range list[i].Conditions {
					found = found || entity == table && c.Attribute == column
				}
				filters(list[i].Filters)
				for j := range list[i].Links {
					body(list[i].Links[j].Name, &list[i].Links[j].Body)
				}
			}
		}
		filters(b.Filters)
		for i := range b.Links {
			l := &b.Links[i]
			found = found || l.Name == table && l.From == column || entity == table && l.To == column
			body(l.Name, &l.Body)
		}
	}
	body(f.Entity.Name, &f.Entity.Body)
	return found
}

// viewsOf counts the views of a table.
func (t *tx) viewsOf(table string) int {
	n := 0
	tab := t.schema.tables["savedquery"]
	t.table(tab.Name).scan(uuid.Nil, func(r *row) bool {
		if tab.text(r, "returnedtypecode") == table {
			n++
		}
		return true
	})
	return n
}

// publishXML takes what was changed into use. Definitions and rows of the emulator are in use at once; what it checks is
// that the request names what exists. Pages: publish-request-schema, publish-customizations.
func (s *metadataService) publishXML(c *call) (*answer, error) {
	if err := c.holds("prvPublishCustomization"); err != nil {
		return nil, err
	}
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	text, isText := body["ParameterXml"].(string)
	if !isText {
		return nil, payloadFault("", "The parameter 'ParameterXml' is missing.")
	}
	if err := s.lockCustomization("Publish"); err != nil {
		return nil, err
	}
	if err := checkPublish(c.view().schema, text); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// publishAllXML publishes everything.
func (s *metadataService) publishAllXML(c *call) (*answer, error) {
	if err := c.holds("prvPublishCustomization"); err != nil {
		return nil, err
	}
	if err := s.lockCustomization("PublishAll"); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// publishSections are what a publish request can hold, with the element of each entry.
var publishSections = map[string]string{"entities": "entity", "ribbons": "ribbon", "dashboards": "dashboard", "optionsets": "optionset",
	"sitemaps": "sitemap", "webresources": "webresource", "nodes": "node", "securityroles": "securityrole", "settings": "settings", "workflows": "workflow"}

func checkPublish(s *schema, text string) error {
	bad := func(why string) error {
		return newFault(http.StatusBadRequest, "0x80044203", "The publish request is not valid: %s.", why)
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
					if s.tables[name] == nil {
						return newFault(http.StatusBadRequest, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
					}
				case "optionset":
					if s.optionSets[name] == nil {
						return newFault(http.StatusBadRequest, "0x80040217", "Could not find an optionset with name '%s'.", name)
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
