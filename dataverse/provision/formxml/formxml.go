// Package formxml puts a section onto a form, brings it up to date and takes it off again. A form is the XML that the column
// formxml of systemform holds; its schema is on the page "Form XML schema" of the model-driven apps.
//
// # Promises
//
// Every byte of a form that is not of the section stays as it is, and a section that is put on and taken off leaves the form
// byte for byte as it was (TestForeignBytesStay). What somebody has changed on the section stays: where it stands, what it is called,
// which controls it has, whether they are shown or locked.
package formxml

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// The classes of controls, by what a column holds. Page: none; these are what forms of every environment have.
const (
	TextControl  = "{4273EDBD-AC1D-40D3-9FB2-095C621B552D}"
	MemoControl  = "{E0DECE4B-6FC8-4A8F-A065-082708572369}"
	DateControl  = "{5B773807-9FB2-42DB-97C3-7A91EFF8ADFF}"
	YesNoControl = "{67FAC785-CD58-4F9F-ABB3-4B7DDC6ED5ED}"
	OwnerControl = "{270BD3DB-D9AF-4782-9025-509E298DEC0A}"
	GridControl  = "{E7A81278-8635-4D9E-8D4D-59480B391C5B}"
)

// Section is a part of a form under a heading of its own.
type Section struct {
	ID, Tab uuid.UUID // Tab is that of the tab which is made where a form has none that could take it
	Name    string
	Labels  map[int]string // by language (LCID)
	Cells   []Cell
}

// Cell shows a column in a section.
type Cell struct {
	ID       uuid.UUID
	Labels   map[int]string
	Column   string // logical name
	Class    string
	ReadOnly bool
}

// With is the form with the section: put at the end of the first part of the first tab that people see, or in a tab of its own where
// there is none that has room. Columns that the form shows already are not shown twice; a form that shows all of them stays as it is. On a
// form that has the section, cells are led to their columns and labels added in languages that are missing; nothing else changes.
func With(text string, s Section) (string, error) {
	root, err := tree(text)
	if err != nil {
		return "", err
	}
	if s.on(root) {
		return apply(text, slices.Concat(s.led(root, text), s.labelled(root))), nil
	}
	missing := s
	missing.Cells = slices.DeleteFunc(slices.Clone(s.Cells), func(c Cell) bool { return shown(root, c.Column) })
	if len(missing.Cells) == 0 {
		return text, nil
	}
	tabs := root.child("tabs")
	for _, tab := range tabs.named("tab") {
		if tab.attributes["visible"] == "false" {
			continue
		}
		for _, column := range tab.child("columns").named("column") {
			if sections := column.child("sections"); sections != nil && !sections.empty() {
				return apply(text, []change{{sections.shut, sections.shut, missing.write(root)}}), nil
			}
		}
	}
	if tabs == nil || tabs.empty() {
		return "", fmt.Errorf("%w: it has no tabs", ErrForm)
	}
	return apply(text, []change{{tabs.shut, tabs.shut, missing.tab(root)}}), nil
}

// Without is the form without the section. A cell that somebody has moved elsewhere goes as well; a section or tab in which somebody
// shows columns of their own keeps those.
func Without(text string, s Section) (string, error) {
	root, err := tree(text)
	if err != nil {
		return "", err
	}
	var gone []change
	section := root.byID(s.ID)
	whole := section != nil && section.find(func(e *element) bool {
		return e.name == "cell" && e.child("control") != nil && !slices.ContainsFunc(s.Cells, func(c Cell) bool { return e.is(c.ID) })
	}) == nil
	if whole {
		cut := section
		if tab := section.within("tab"); tab.is(s.Tab) && tab.find(func(e *element) bool { return e.name == "section" && e != section }) == nil {
			cut = tab
		}
		gone = append(gone, change{cut.start, cut.end, ""})
	}
	for _, c := range s.Cells {
		cell := root.byID(c.ID)
		if cell == nil || whole && cell.within("section") == section {
			continue
		}
		if row := cell.parent; row != nil && row.name == "row" && len(row.children) == 1 {
			cell = row
		}
		gone = append(gone, change{cell.start, cell.end, ""})
	}
	return apply(text, gone), nil
}

// on tells whether the form has the section or, where somebody has taken it apart, cells of it.
// Has tells whether the form has the section, or parts of it.
func Has(text string, s Section) bool {
	root, err := tree(text)
	return err == nil && s.on(root)
}

func (s Section) on(root *element) bool {
	return root.byID(s.ID) != nil || slices.ContainsFunc(s.Cells, func(c Cell) bool { return root.byID(c.ID) != nil })
}

// Shows tells whether people find a control for the column in some tab of the form that is not hidden.
func Shows(text, column string) bool {
	root, err := tree(text)
	return err == nil && shown(root, column)
}

func shown(root *element, column string) bool {
	return root.child("tabs").find(func(e *element) bool {
		return e.name == "control" && strings.EqualFold(e.attributes["datafieldname"], column) && !e.hidden()
	}) != nil
}

// hidden tells whether the element or one around it is not shown.
func (e *element) hidden() bool {
	for ; e != nil; e = e.parent {
		if e.attributes["visible"] == "false" {
			return true
		}
	}
	return false
}

func (e *element) is(id uuid.UUID) bool {
	if e == nil || id == uuid.Nil {
		return false
	}
	own, err := uuid.Parse(strings.Trim(e.attributes["id"], "{}"))
	return err == nil && own == id
}

func (e *element) byID(id uuid.UUID) *element {
	return e.find(func(e *element) bool { return e.is(id) })
}

// led leads cells to the columns that they are for now. A cell that somebody has taken off stays off.
func (s Section) led(root *element, text string) (out []change) {
	for _, c := range s.Cells {
		control := root.byID(c.ID).child("control")
		if control != nil && !strings.EqualFold(control.attributes["datafieldname"], c.Column) {
			out = append(out, change{control.start, control.end, c.control(root)})
		}
	}
	return out
}

// labelled adds the labels that the section and its cells lack in some language.
func (s Section) labelled(root *element) (out []change) {
	add := func(id uuid.UUID, labels map[int]string) {
		if e := root.byID(id); e != nil {
			out = append(out, e.labelled(labels)...)
		}
	}
	add(s.Tab, s.Labels)
	add(s.ID, s.Labels)
	for _, c := range s.Cells {
		add(c.ID, c.Labels)
	}
	return out
}

// Labelled is the text with labels in all languages on the elements with these ids, such as the tab of a dashboard. Labels that are
// there stay.
func Labelled(text string, labels map[uuid.UUID]map[int]string) (string, error) {
	root, err := tree(text)
	if err != nil {
		return "", err
	}
	var out []change
	for id, texts := range labels {
		if e := root.byID(id); e != nil {
			out = append(out, e.labelled(texts)...)
		}
	}
	return apply(text, out), nil
}

func (e *element) labelled(texts map[int]string) []change {
	have := map[string]bool{}
	list := e.child("labels")
	if list != nil {
		for _, l := range list.children {
			have[l.attributes["languagecode"]] = true
		}
	}
	lacking := maps.Clone(texts)
	maps.DeleteFunc(lacking, func(code int, _ string) bool { return have[strconv.Itoa(code)] })
	switch added := Labels(lacking); {
	case len(lacking) == 0:
		return nil
	case list == nil && !e.empty():
		return []change{{e.open, e.open, "<labels>" + added + "</labels>"}}
	case list == nil:
		return nil // an element without content shows nothing
	case list.empty():
		return []change{{list.start, list.end, "<labels>" + added + "</labels>"}}
	default:
		return []change{{list.shut, list.shut, added}}
	}
}

// Labels are label elements, by language.
func Labels(texts map[int]string) string {
	var b strings.Builder
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(&b, `<label description="%s" languagecode="%d"/>`, Escape(texts[code]), code)
	}
	return b.String()
}

// Escape is a text as it stands in XML.
func Escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// Braced is an id as forms write it.
func Braced(id uuid.UUID) string { return "{" + id.String() + "}" }

// tab is a tab with nothing but the section.
func (s Section) tab(root *element) string {
	return `<tab name="` + s.Name + `" id="` + Braced(s.Tab) + `" IsUserDefined="0" locklevel="0" showlabel="true" expanded="true"><labels>` + Labels(s.Labels) +
		`</labels><columns><column width="100%"><sections>` + s.write(root) + `</sections></column></columns></tab>`
}

func (s Section) write(root *element) string {
	var b strings.Builder
	b.WriteString(`<section name="` + s.Name + `" id="` + Braced(s.ID) + `" IsUserDefined="0" locklevel="0" showlabel="true" showbar="false" layout="varwidth" columns="1" ` +
		`labelwidth="115" celllabelalignment="Left" celllabelposition="Left"><labels>` + Labels(s.Labels) + `</labels><rows>`)
	for _, c := range s.Cells {
		b.WriteString(`<row><cell id="` + Braced(c.ID) + `" showlabel="true" locklevel="0"><labels>` + Labels(c.Labels) + `</labels>` + c.control(root) + `</cell></row>`)
	}
	return b.String() + `</rows></section>`
}

// control is the cell's control. Its id is its column's name unless another control of the form has that.
func (c Cell) control(root *element) string {
	id := c.Column
	for n := 1; root.find(func(e *element) bool { return e.name == "control" && strings.EqualFold(e.attributes["id"], id) }) != nil; n++ {
		id = c.Column + strconv.Itoa(n)
	}
	return `<control id="` + Escape(id) + `" classid="` + c.Class + `" datafieldname="` + Escape(c.Column) + `" disabled="` + strconv.FormatBool(c.ReadOnly) + `"/>`
}

// Form is a form that shows nothing but the sections, one under the other.
func Form(tab uuid.UUID, labels map[int]string, sections ...Section) string {
	root := &element{name: "form"}
	var b strings.Builder
	b.WriteString(`<form><tabs><tab name="` + sections[0].Name + `" id="` + Braced(tab) + `" IsUserDefined="0" locklevel="0" showlabel="true" expanded="true"><labels>` + Labels(labels) +
		`</labels><columns><column width="100%"><sections>`)
	for _, s := range sections {
		b.WriteString(s.write(root))
	}
	return b.String() + `</sections></column></columns></tab></tabs><DisplayConditions Order="99" FallbackForm="true"><Everyone/></DisplayConditions></form>`
}
