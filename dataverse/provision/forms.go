package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision/formxml"
)

// FormSection is a section that provisioning puts on the main forms of a table.
type FormSection struct {
	Title       Text // what the section is called, and the form that is made where others cannot take it
	Description Text // of that form
	Cells       []FormCell
}

// FormCell is a column of a section.
type FormCell struct {
	// Role is what the column is for: the cell's id follows from it, so that the cell stays itself when another column takes over.
	Role     string
	Column   string // logical name of one of the table's columns
	ReadOnly bool
}

// manyForms is how many main forms in use are too many to put a section on each: the table then gets a form of its own, and theirs stay as
// they are. A table of Dynamics 365 Sales has two to five.
const manyForms = 12

var (
	sectionID = componentID("section")
	tabID     = componentID("section", "tab")
)

func cellID(role string) uuid.UUID { return componentID("section", "cell", role) }

// FormID is the id of a table's main form that provisioning makes.
func FormID(table string) uuid.UUID { return componentID("form", table) }

// formTable holds forms and dashboards.
const formTable = "systemform"

// mainForm is a main form of a table as it was last saved, published or not.
type mainForm struct {
	ID     uuid.UUID `json:"formid"`
	Name   string    `json:"name"`
	XML    string    `json:"formxml"`
	Active *int      `json:"formactivationstate"`
	Open   *struct {
		Value bool
	} `json:"iscustomizable"`
}

func (f mainForm) active() bool { return f.Active == nil || *f.Active == 1 }

// open tells whether the form may be changed. Those of managed solutions may, unless their publisher has forbidden it.
func (f mainForm) open() bool { return f.Open == nil || f.Open.Value }

// mainForms are a table's main forms by name, with what somebody has saved and not published yet: a change is made to that.
func mainForms(ctx context.Context, c *dataverse.Client, table string) ([]mainForm, error) {
	var answer struct {
		Value []mainForm `json:"value"`
	}
	path := "systemforms/Microsoft.Dynamics.CRM.RetrieveUnpublishedMultiple()?$select=formid,name,formxml,formactivationstate,iscustomizable&$filter=" +
		url.QueryEscape("objecttypecode eq "+quote(table)+" and type eq 2")
	if err := c.Do(ctx, dataverse.Operation{Method: http.MethodGet, Path: path, Header: http.Header{"Consistency": {"Strong"}}}, &answer); err != nil {
		return nil, fmt.Errorf("read the forms of %s: %w", table, err)
	}
	slices.SortFunc(answer.Value, func(a, b mainForm) int {
		return strings.Compare(a.Name+a.ID.String(), b.Name+b.ID.String())
	})
	return answer.Value, nil
}

// divide tells which forms of a table take the section, and whether the table needs a form of its own: when not every form that is in use
// can be changed, when there is none, and when there are many.
func divide(forms []mainForm, table string, section formxml.Section) (take []mainForm, own bool) {
	used := 0
	for _, f := range forms {
		switch {
		case f.ID == FormID(table) || !f.active():
			continue
		case f.open():
			take = append(take, f)
		}
		used++
	}
	own = len(take) < used || used == 0
	if used > manyForms { // those that have the section already are kept up to date
		take, own = slices.DeleteFunc(take, func(f mainForm) bool { return !formxml.Has(f.XML, section) }), true
	}
	return take, own
}

// FormError says that the service refuses a form, or that it cannot be edited. Everything else can be provisioned without forms.
type FormError struct{ Err error }

func (e *FormError) Error() string { return e.Err.Error() }
func (e *FormError) Unwrap() error { return e.Err }

func formError(err error) error {
	var refused *dataverse.Error
	switch {
	case err == nil, errors.Is(err, dataverse.ErrForbidden), errors.Is(err, dataverse.ErrCustomizing):
		return err
	case errors.As(err, &refused), errors.Is(err, formxml.ErrForm):
		return &FormError{err}
	}
	return err
}

// forms puts the section on the main forms of a table.
func (r *provisioner) forms(ctx context.Context, t TableProvision) error {
	if len(t.Section.Cells) == 0 {
		return nil
	}
	table, err := r.c.Table(ctx, t.Table)
	if err != nil {
		return err
	}
	section := r.section(table, t)
	all, err := mainForms(ctx, r.c, t.Table)
	if err != nil {
		return err
	}
	take, own := divide(all, t.Table, section)
	for _, f := range take {
		if err := r.sectionOn(ctx, t, f, all, section); err != nil {
			return err
		}
	}
	if !own {
		return nil
	}
	form, exists := r.ownForm(t, section, table), false
	there := r.looked(t.Table, FormID(t.Table), all, func(f *mainForm) (bool, error) {
		if exists = f != nil; !exists {
			return false, nil
		}
		form, err = formxml.With(f.XML, section)
		return form == f.XML, err
	})
	_, err = r.ensureShown(ctx, fmt.Sprintf("form %q of %s", t.Section.Title.In(r.lang), t.Table), there, func(ctx context.Context) error {
		path := "systemforms(" + FormID(t.Table).String() + ")"
		if exists {
			return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: path, IfMatch: "*", Body: map[string]any{"formxml": form}, Repeatable: true}, nil)
		}
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "systemforms", Header: r.inSolution(), Body: map[string]any{
			"formid": FormID(t.Table).String(), "name": t.Section.Title.In(r.lang), "description": t.Section.Description.In(r.lang),
			"objecttypecode": t.Table, "type": 2, "formactivationstate": 1, "formxml": form}}, nil)
	})
	return formError(err)
}

// sectionOn puts the section on one form, or brings it up to date there. The form is not put into the solution: it is somebody else's.
func (r *provisioner) sectionOn(ctx context.Context, t TableProvision, f mainForm, all []mainForm, section formxml.Section) error {
	var wanted string
	there := r.looked(t.Table, f.ID, all, func(now *mainForm) (_ bool, err error) {
		if now == nil { // deleted meanwhile
			return true, nil
		}
		wanted, err = formxml.With(now.XML, section)
		return wanted == now.XML, err
	})
	_, err := r.ensureShown(ctx, sectionStep(t.Section.Title.In(r.lang), f.Name, t.Table), there, func(ctx context.Context) error {
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "systemforms(" + f.ID.String() + ")", IfMatch: "*", Body: map[string]any{"formxml": wanted}, Repeatable: true}, nil)
	})
	return formError(err)
}

// looked is how a form is looked at: first as it was just read, then as it is.
func (r *provisioner) looked(table string, id uuid.UUID, all []mainForm, there func(*mainForm) (bool, error)) func(context.Context) (bool, error) {
	return func(ctx context.Context) (_ bool, err error) {
		if all == nil {
			if all, err = mainForms(ctx, r.c, table); err != nil {
				return false, err
			}
		}
		i := slices.IndexFunc(all, func(f mainForm) bool { return f.ID == id })
		var found *mainForm
		if i >= 0 {
			found = &all[i]
		}
		all = nil
		return there(found)
	}
}

func sectionStep(section, form, table string) string {
	return fmt.Sprintf("section %q on form %q of %s", section, form, table)
}

// section is the section as forms write it.
func (r *provisioner) section(table *dataverse.Table, t TableProvision) formxml.Section {
	s := formxml.Section{ID: sectionID, Tab: tabID, Name: "gallra_retention", Labels: r.labelTexts(t.Section.Title)}
	for _, cell := range t.Section.Cells {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.LogicalName() == cell.Column })
		if i < 0 {
			continue
		}
		x := formxml.Cell{ID: cellID(cell.Role), Column: cell.Column, ReadOnly: cell.ReadOnly, Labels: r.labelTexts(t.Columns[i].DisplayName)}
		a := table.Attributes[cell.Column]
		if a != nil && t.Columns[i].Mapped { // it is called what it is called there, which is known in one language
			x.Labels = map[int]string{r.lang: a.DisplayName}
		}
		switch {
		case a != nil && a.Type == "Memo":
			x.Class = formxml.MemoControl
		case t.Columns[i].Kind == DateColumn:
			x.Class = formxml.DateControl
		case t.Columns[i].Kind == YesNoColumn:
			x.Class = formxml.YesNoControl
		default:
			x.Class = formxml.TextControl
		}
		s.Cells = append(s.Cells, x)
	}
	return s
}

// labelTexts is a text in the languages of the environment.
func (r *provisioner) labelTexts(t Text) map[int]string {
	out := map[int]string{}
	for _, code := range r.languages {
		out[code] = t.In(code)
	}
	return out
}

// ownForm is the form of a table whose others cannot take the section: whose row it is, and the section.
func (r *provisioner) ownForm(t TableProvision, section formxml.Section, table *dataverse.Table) string {
	who := formxml.Section{ID: componentID("form", "who"), Name: "gallra_who", Labels: section.Labels}
	for _, name := range []string{table.PrimaryName, "ownerid"} {
		a := table.Attributes[name]
		if a == nil {
			continue
		}
		class := formxml.TextControl
		if name == "ownerid" {
			class = formxml.OwnerControl
		}
		who.Cells = append(who.Cells, formxml.Cell{ID: componentID("form", "who", name), Column: name, Class: class, Labels: map[int]string{r.lang: a.DisplayName},
			ReadOnly: name != "ownerid" && !a.ForUpdate})
	}
	return formxml.Form(componentID("form", t.Table, "tab"), section.Labels, who, section)
}

// OnForms tells on how many of the main forms that are in use people find the columns of an extension, and how many are in use.
func OnForms(ctx context.Context, c *dataverse.Client, table string, columns ...string) (found, used int, err error) {
	all, err := mainForms(ctx, c, table)
	for _, f := range all {
		if !f.active() {
			continue
		}
		used++
		if !slices.ContainsFunc(columns, func(name string) bool { return !formxml.Shows(f.XML, name) }) {
			found++
		}
	}
	return found, used, err
}

// formRemovals are the sections that strangers' forms of these tables have.
func formRemovals(ctx context.Context, c *dataverse.Client, tables map[string]bool) (list []Removal, err error) {
	section := formxml.Section{ID: sectionID, Tab: tabID}
	for _, cell := range (OwnColumns{}).section().Cells {
		section.Cells = append(section.Cells, formxml.Cell{ID: cellID(cell.Role)})
	}
	if _, err := c.Table(ctx, formTable); errors.Is(err, dataverse.ErrNoTable) {
		return nil, nil
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		all, err := mainForms(ctx, c, table)
		if err != nil {
			return nil, err
		}
		for _, f := range all {
			if f.ID == FormID(table) {
				continue
			}
			if without, err := formxml.Without(f.XML, section); err != nil || without == f.XML {
				continue
			}
			list = append(list, Removal{What: "section on form " + fmt.Sprintf("%q of %s", f.Name, table), table: table, undo: func(ctx context.Context) error {
				return takeOff(ctx, c, table, f.ID, section)
			}})
		}
	}
	return list, nil
}

// takeOff takes the section off the form as it stands now.
func takeOff(ctx context.Context, c *dataverse.Client, table string, form uuid.UUID, section formxml.Section) error {
	all, err := mainForms(ctx, c, table)
	i := slices.IndexFunc(all, func(f mainForm) bool { return f.ID == form })
	if err != nil || i < 0 {
		return err
	}
	without, err := formxml.Without(all[i].XML, section)
	if err != nil || without == all[i].XML {
		return err
	}
	return c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "systemforms(" + form.String() + ")", IfMatch: "*", Body: map[string]any{"formxml": without}, Repeatable: true}, nil)
}
