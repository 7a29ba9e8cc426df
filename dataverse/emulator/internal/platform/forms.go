package platform

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// formParents are the elements of a form's XML and where each may stand. Page: form-xml-schema.
var formParents = map[string]string{
	"form": "", "tabs": "form", "tab": "tabs", "labels": "tab section cell control", "label": "labels", "columns": "tab", "column": "columns", "sections": "column", "section": "sections",
	"rows": "section", "row": "rows", "cell": "row", "control": "cell", "header": "form", "footer": "form",
}

// freeElements are those whose content is not looked into.
var freeElements = map[string]bool{"parameters": true, "events": true, "formLibraries": true, "controlDescriptions": true, "DisplayConditions": true, "ancestor": true, "hiddencontrols": true,
	"externaldependencies": true, "clientresources": true, "Navigation": true, "internaljscriptfile": true, "formparameters": true, "RibbonDiffXml": true, "data": true, "tabheader": true, "tabfooter": true}

func badForm(why string) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x8004f658", "The form XML is not valid: %s.", why)
}

// checkForm: a form belongs to a table, a dashboard to none; its XML has the elements of the schema in their places, ids that
// are unique, and controls of columns that the table has. A form whose publisher has forbidden it is not changed. Pages: systemform
// (reference), form-xml-schema, create-dashboard, customize-entity-forms.
func (w *Writer) checkForm(t *schema.Table, before, r *store.Row) error {
	kind := store.Int(t, r, "type")
	dashboard := kind == 0
	of := w.Schema.Tables[store.Text(t, r, "objecttypecode")]
	switch {
	case kind == 10 || kind == 13 || kind == 103: // interactive and contextual dashboards, Power BI: made of parts that the emulator does not have
		return wire.NotEmulated(w.Engine, "dashboards of the type "+t.Column("type").Option(int(kind)).Label)
	case store.Text(t, r, "name") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'systemform'.")
	case of == nil && !(dashboard && (store.Text(t, r, "objecttypecode") == "" || store.Text(t, r, "objecttypecode") == "none")):
		return wire.NoTable(http.StatusBadRequest, "0x80060888", store.Text(t, r, "objecttypecode"))
	case store.Text(t, r, "formxml") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'formxml' is missing on the entity 'systemform'.")
	case before != nil && store.Int(t, before, "type") != kind:
		return wire.BadArgument("The type of a form cannot be changed.")
	case kind != 2 && store.Value(t, r, "formactivationstate") == any(int64(0)):
		return wire.BadArgument("Only forms of type main can be deactivated.")
	}
	if err := w.customizable(t, before, "Update"); err != nil {
		return err
	}
	if dashboard {
		return w.checkDashboard(store.Text(t, r, "formxml"))
	}
	return checkFormXML(of, store.Text(t, r, "formxml"), true)
}

// customizable refuses to change or delete a component whose managed property says so. The message is the service's; page: troubleshoot,
// "You cannot complete this action for this component because of the configuration of its managed properties".
func (w *Writer) customizable(t *schema.Table, before *store.Row, operation string) error {
	if before == nil || store.Value(t, before, "iscustomizable") != any(false) {
		return nil
	}
	return wire.NewError(http.StatusBadRequest, "0x8004f026", "The evaluation of the current component(name=%s, id=%s) in the current operation (%s) failed during managed property evaluation of condition: "+
		"Managed Property Name: iscustomizableanddeletable; Component Name: %s; Attribute Name: iscustomizable;", t.SchemaName, before.ID, operation, t.SchemaName)
}

// checkFormXML checks the elements of a form. Those of a dashboard need no ids: the page's own has none.
func checkFormXML(of *schema.Table, text string, needsIDs bool) error {
	d := xml.NewDecoder(strings.NewReader(text))
	var path []string
	ids := map[string]bool{}
	free, roots := 0, 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return badForm("it is not XML")
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if free > 0 || freeElements[name] {
				free++
				continue
			}
			parents, known := formParents[name]
			within := ""
			if len(path) > 0 {
				within = path[len(path)-1]
			} else {
				roots++
			}
			switch {
			case !known:
				return badForm("the element '" + name + "' is unknown")
			case parents != within && !strings.Contains(" "+parents+" header footer ", " "+within+" ") || within == "" && name != "form":
				return badForm("the element '" + name + "' cannot stand within '" + within + "'")
			}
			if err := checkFormElement(of, tok, ids, needsIDs); err != nil {
				return err
			}
			path = append(path, name)
		case xml.EndElement:
			if free > 0 {
				free--
				continue
			}
			path = path[:len(path)-1]
		}
	}
	if roots != 1 {
		return badForm("it has one root, form")
	}
	return nil
}

// truths are the attributes that are true or false, and percent what the width of a column is. Page: form-xml-schema.
var (
	truths  = []string{"showlabel", "showbar", "visible", "disabled", "expanded", "verticallayout", "availableforphone", "collapsible", "auto", "userspacer", "isunbound", "isrequired"}
	percent = regexp.MustCompile(`^(100|[0-9]{1,2})%$`)
)

func checkFormElement(of *schema.Table, e xml.StartElement, ids map[string]bool, needsIDs bool) error {
	at := map[string]string{}
	for _, a := range e.Attr {
		at[a.Name.Local] = a.Value
		if slices.Contains(truths, a.Name.Local) && a.Value != "true" && a.Value != "false" && a.Value != "0" && a.Value != "1" {
			return badForm("the attribute '" + a.Name.Local + "' is '" + a.Value + "', and true or false is expected")
		}
	}
	switch e.Name.Local {
	case "tab", "section", "cell":
		id := at["id"]
		if id == "" && !needsIDs {
			return nil
		}
		if id == "" {
			return badForm("the attribute 'id' of an element '" + e.Name.Local + "' is missing")
		}
		if _, err := uuid.Parse(strings.Trim(id, "{}")); err != nil { // forms that the designer makes have some without braces
			return badForm("the id '" + id + "' is no Guid")
		}
		if ids[strings.ToLower(id)] {
			return badForm("the id '" + id + "' stands in it twice")
		}
		ids[strings.ToLower(id)] = true
	case "column":
		if !percent.MatchString(at["width"]) {
			return badForm("the width '" + at["width"] + "' of a column is no percentage")
		}
	case "label":
		if n, err := strconv.Atoi(at["languagecode"]); err != nil || n <= 0 {
			return badForm("the attribute 'languagecode' of an element 'label' is '" + at["languagecode"] + "'")
		}
	case "control":
		id := at["id"]
		if id == "" {
			return badForm("the attribute 'id' of an element 'control' is missing")
		}
		if _, err := uuid.Parse(strings.Trim(at["classid"], "{}")); at["classid"] != "" && err != nil {
			return badForm("the class '" + at["classid"] + "' of the control '" + id + "' is no Guid")
		}
		if ids["control "+strings.ToLower(id)] {
			return badForm("the control '" + id + "' stands in it twice")
		}
		ids["control "+strings.ToLower(id)] = true
		if column := at["datafieldname"]; column != "" && of != nil && of.Column(column) == nil {
			return wire.NewError(http.StatusBadRequest, "0x8004f659", "The form XML is not valid: the attribute '%s' of a control does not exist on the entity '%s'.", column, of.Name)
		}
	}
	return nil
}
