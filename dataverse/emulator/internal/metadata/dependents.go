package metadata

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// dependent is a component that needs a column.
type dependent struct {
	kind int
	id   uuid.UUID
}

// dependentsOf are the views, charts and forms that need a column. What the platform has given the table with itself needs none that can be
// deleted. Page: dependency-tracking-solution-components.
func dependentsOf(sn *store.Snapshot, table, column string) (out []dependent) {
	scan := func(name string, kind int, uses func(text func(column string) string, r *store.Row) bool) {
		tab := sn.Schema.Tables[name]
		if tab == nil {
			return
		}
		sn.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			if uses(func(column string) string { return store.Text(tab, r, column) }, r) {
				out = append(out, dependent{kind, r.ID})
			}
			return true
		})
	}
	fetches := func(text string) bool {
		f, err := fetchxml.Parse([]byte(text))
		return err == nil && fetchUses(f, table, column)
	}
	scan("savedquery", componentView, func(text func(string) string, r *store.Row) bool {
		return fetches(text("fetchxml")) && !givenByPlatform(sn.Schema.Tables["savedquery"], r)
	})
	scan("savedqueryvisualization", componentChart, func(text func(string) string, _ *store.Row) bool {
		_, fetch, found := strings.Cut(text("datadescription"), "<fetchcollection>")
		fetch, _, closed := strings.Cut(fetch, "</fetchcollection>")
		return found && closed && fetches(strings.TrimSpace(fetch))
	})
	scan("systemform", componentForm, func(text func(string) string, _ *store.Row) bool {
		return text("objecttypecode") == table && formUses(text("formxml"), column)
	})
	return out
}

// formUses tells whether a form has a control for a column.
func formUses(form, column string) bool {
	d := xml.NewDecoder(strings.NewReader(form))
	for {
		tok, err := d.Token()
		if err == io.EOF || err != nil {
			return false
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "control" {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local == "datafieldname" && strings.EqualFold(a.Value, column) {
				return true
			}
		}
	}
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
