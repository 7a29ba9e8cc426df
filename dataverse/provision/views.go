package provision

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// View is a system view that provisioning makes.
type View struct {
	Name        string // in English, with %s for the table's plural: what the id is made of
	Title       Text   // what people read, with {0} for the plural
	Description Text
	Columns     []ViewColumn // after the primary name; those that the table lacks are left out
	OrderBy     string
	Filter      string // the FetchXML filter element
	Owned       bool   // a table whose rows nobody owns does not get it
}

// fits tells whether the table can have the view.
func (v View) fits(t *dataverse.Table) bool { return !v.Owned || t.Attributes["ownerid"] != nil }

// ViewColumn is a column of a view.
type ViewColumn struct {
	Name  string
	Else  []string // where the table lacks Name: the first of these that it has
	Width int
}

// named is the view's name on a table whose rows are called that.
func (v View) named(plural Text, lang int) string { return v.Title.about(plural, lang).In(lang) }

// viewStep is what the step is called that makes a view.
func (r *provisioner) viewStep(table string, v View, plural Text) string {
	return fmt.Sprintf("view %q of %s", v.named(plural, r.lang), table)
}

// id is the same for the same view of the same table, whatever the table is called in the organisation's language.
func (v View) id(table string) uuid.UUID { return componentID("view", table, v.Name) }

// view makes a view. One that gallra made and that shows columns of another mapping is brought up to date; changes that
// administrators have made to it otherwise stay.
func (r *provisioner) view(ctx context.Context, t TableProvision, v View) error {
	table, err := r.c.Table(ctx, t.Table)
	if err != nil || !v.fits(table) {
		return err
	}
	plural, err := r.plural(ctx, t.Table)
	if err != nil {
		return err
	}
	name := v.named(plural, r.lang)
	english := v.Title.about(plural, r.lang).In(English) // as a gallra called it that spoke nothing else
	var stale uuid.UUID
	there := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{
			Set: "savedqueries", Select: []string{"savedqueryid", "fetchxml"}, Strong: true,
			// By its id as well: the table may have had another name, in another language.
			Filter: "savedqueryid eq " + v.id(t.Table).String() + " or ((name eq " + quote(name) + " or name eq " + quote(english) + ") and returnedtypecode eq " + quote(t.Table) + ")",
		})
		if row == nil || err != nil {
			return false, err
		}
		id := row.ID("savedqueryid")
		switch {
		case shows(row.Text("fetchxml"), t.Columns, v):
			stale = uuid.UUID{}
			return true, nil
		case !r.own[id] && id != v.id(t.Table):
			return false, fmt.Errorf("exists with other columns, and somebody else made it: rename it")
		}
		stale = id
		return false, nil
	}
	_, err = r.ensureShown(ctx, r.viewStep(t.Table, v, plural), there, func(ctx context.Context) error {
		body := map[string]any{"name": name, "description": v.Description.In(r.lang), "fetchxml": v.fetch(table), "layoutxml": v.layout(table)}
		if stale != (uuid.UUID{}) {
			return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "savedqueries(" + stale.String() + ")", IfMatch: "*", Body: body, Repeatable: true}, nil)
		}
		body["savedqueryid"], body["returnedtypecode"], body["querytype"] = v.id(t.Table).String(), t.Table, 0
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "savedqueries", Header: r.inSolution(), Body: body}, nil)
	})
	return err
}

// shows tells whether a query names the columns by which a view chooses and sorts its rows.
func shows(fetch string, columns []Column, v View) bool {
	for _, c := range columns {
		name := `"` + c.LogicalName() + `"`
		if (strings.Contains(v.Filter, name) || v.OrderBy == c.LogicalName()) && !strings.Contains(strings.ReplaceAll(fetch, "'", `"`), name) {
			return false
		}
	}
	return true
}

// fetch and layout go together: each cell must be a fetched column, and the key must be fetched.
func (v View) fetch(t *dataverse.Table) string {
	var b strings.Builder
	b.WriteString(`<fetch version="1.0" output-format="xml-platform" mapping="logical" distinct="false"><entity name="` + t.LogicalName + `">`)
	b.WriteString(`<attribute name="` + t.PrimaryID + `"/>`)
	for _, col := range v.columns(t) {
		b.WriteString(`<attribute name="` + col.Name + `"/>`)
	}
	if v.OrderBy != "" {
		b.WriteString(`<order attribute="` + v.OrderBy + `" descending="false"/>`)
	}
	b.WriteString(v.Filter + `</entity></fetch>`)
	return b.String()
}

func (v View) layout(t *dataverse.Table) string {
	var b strings.Builder
	b.WriteString(`<grid name="resultset" object="` + strconv.Itoa(t.ObjectTypeCode) + `" jump="` + t.PrimaryName +
		`" select="1" preview="1" icon="1"><row name="result" id="` + t.PrimaryID + `">`)
	for _, col := range v.columns(t) {
		b.WriteString(`<cell name="` + col.Name + `" width="` + strconv.Itoa(col.Width) + `"/>`)
	}
	b.WriteString(`</row></grid>`)
	return b.String()
}

func (v View) columns(t *dataverse.Table) []ViewColumn {
	list := []ViewColumn{{Name: t.PrimaryName, Width: 200}}
	for _, col := range v.Columns {
		for _, name := range append([]string{col.Name}, col.Else...) {
			if t.Attributes[name] != nil {
				list = append(list, ViewColumn{Name: name, Width: col.Width})
				break
			}
		}
	}
	return list
}

// condition is a FetchXML condition.
func condition(column, operator, value string) string {
	s := `<condition attribute="` + column + `" operator="` + operator + `"`
	if value != "" {
		var b strings.Builder
		xml.EscapeText(&b, []byte(value)) // cannot fail on a Builder
		s += ` value="` + b.String() + `"`
	}
	return s + `/>`
}
