package provision

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision/formxml"
)

// ExportSolution is what [Client.Provision] would make, as the files of an unpacked solution (SolutionPackager, pac solution
// unpack), by their paths. The ids are those that provisioning gives, so that an environment may be provisioned in the one
// way and kept up to date in the other. Columns that are mapped are somebody else's and not in it.
func ExportSolution(ctx context.Context, c *dataverse.Client, p Provisioning) (map[string][]byte, error) {
	r := &provisioner{c: c, p: p}
	if err := r.readLanguages(ctx); err != nil {
		return nil, err
	}
	// Views name columns that may not be there yet: here they are all taken for granted.
	e := &exporter{p: p, lang: r.lang, languages: r.languages, files: map[string][]byte{}}
	for _, t := range p.Tables {
		table, err := c.Table(ctx, t.Table)
		if err != nil {
			return nil, err
		}
		plural, err := r.plural(ctx, t.Table)
		if err != nil {
			return nil, err
		}
		e.table(withColumns(table, t.Columns), t, plural)
		e.shown(r, withColumns(table, t.Columns), t, plural)
	}
	if p.Role.Name != "" {
		e.role()
	}
	e.manifest()
	return e.files, nil
}

// withColumns is a copy of the table that has the columns.
func withColumns(t *dataverse.Table, columns []Column) *dataverse.Table {
	out := *t
	out.Attributes = map[string]*dataverse.Attribute{}
	for name, a := range t.Attributes {
		out.Attributes[name] = a
	}
	for _, c := range columns {
		if out.Attributes[c.LogicalName()] == nil {
			out.Attributes[c.LogicalName()] = &dataverse.Attribute{LogicalName: c.LogicalName(), SchemaName: c.SchemaName}
		}
	}
	return &out
}

type exporter struct {
	p    Provisioning
	lang int
	// languages are those that everything is said in, the base language first.
	languages []int
	tables    []*dataverse.Table
	files     map[string][]byte

	dashboards []uuid.UUID
}

// node is an element of the files. Order matters to the packager's schema, so that a map would not do.
type node struct {
	name     string
	attrs    []string // name, value, …
	text     string
	children []node
	raw      string // XML as it is, such as a view's FetchXML
}

func (n node) write(b *bytes.Buffer, indent string) {
	b.WriteString(indent + "<" + n.name)
	for i := 0; i+1 < len(n.attrs); i += 2 {
		b.WriteString(" " + n.attrs[i] + `="`)
		_ = xml.EscapeText(b, []byte(n.attrs[i+1])) // a buffer takes everything
		b.WriteString(`"`)
	}
	switch {
	case n.raw != "":
		b.WriteString(">" + n.raw + "</" + n.name + ">\n")
	case len(n.children) > 0:
		b.WriteString(">\n")
		for _, c := range n.children {
			c.write(b, indent+"  ")
		}
		b.WriteString(indent + "</" + n.name + ">\n")
	case n.text != "":
		b.WriteString(">")
		_ = xml.EscapeText(b, []byte(n.text))
		b.WriteString("</" + n.name + ">\n")
	default:
		b.WriteString(" />\n")
	}
}

func (e *exporter) file(name string, root node) {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	root.write(&b, "")
	e.files[name] = b.Bytes()
}

func el(name string, children ...node) node { return node{name: name, children: children} }
func leaf(name, text string) node           { return node{name: name, text: text} }
func leaves(pairs ...string) []node {
	var out []node
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, leaf(pairs[i], pairs[i+1]))
	}
	return out
}

const xsi = "http://www.w3.org/2001/XMLSchema-instance"

// said is a text in each language, in the element that each kind of component wraps it in.
func (e *exporter) said(list, item string, text Text) node {
	var all []node
	for _, code := range e.languages {
		all = append(all, node{name: item, attrs: []string{"description", text.In(code), "languagecode", fmt.Sprint(code)}})
	}
	return el(list, all...)
}

// named is a name that is the same in every language: it is said in the base language.
func (e *exporter) named(list, item, name string) node {
	return el(list, node{name: item, attrs: []string{"description", name, "languagecode", fmt.Sprint(e.lang)}})
}

func (e *exporter) table(t *dataverse.Table, p TableProvision, plural Text) {
	e.tables = append(e.tables, t)
	folder := "Entities/" + t.SchemaName + "/"
	var attributes []node
	for _, c := range p.Columns {
		if !c.Mapped {
			attributes = append(attributes, e.attribute(t, c))
		}
	}
	name := node{name: "Name", attrs: []string{"LocalizedName", t.DisplayName, "OriginalName", t.DisplayName}, text: t.SchemaName}
	e.file(folder+"Entity.xml", node{name: "Entity", attrs: []string{"xmlns:xsi", xsi}, children: []node{
		name, el("EntityInfo", node{name: "entity", attrs: []string{"Name", t.SchemaName, "unmodified", "1"},
			children: []node{el("attributes", attributes...)}}),
	}})
	for _, v := range p.Views {
		if !v.fits(t) {
			continue
		}
		id := "{" + v.id(t.LogicalName).String() + "}"
		view := el("savedquery", leaves("IsCustomizable", "1", "CanBeDeleted", "1", "isquickfindquery", "0", "isprivate", "0", "isdefault", "0", "savedqueryid", id)...)
		view.children = append(view.children,
			node{name: "layoutxml", raw: v.layout(t)}, leaf("querytype", "0"), node{name: "fetchxml", raw: v.fetch(t)},
			leaf("IntroducedVersion", e.p.Solution.Version),
			e.said("LocalizedNames", "LocalizedName", v.Title.about(plural, e.lang)), e.said("Descriptions", "Description", v.Description))
		e.file(folder+"SavedQueries/"+id+".xml", node{name: "savedqueries", attrs: []string{"xmlns:xsi", xsi}, children: []node{view}})
	}
}

// shown are the charts, the form and the dashboards of a table. Somebody else's forms are not in the solution, not with the section
// either: whoever imported it would have those of this environment in place of their own.
func (e *exporter) shown(r *provisioner, t *dataverse.Table, p TableProvision, plural Text) {
	folder := "Entities/" + t.SchemaName + "/"
	for _, c := range p.Charts {
		id := formxml.Braced(c.id(t.LogicalName))
		e.file(folder+"Visualizations/"+id+".xml", node{name: "visualization", attrs: []string{"xmlns:xsi", xsi}, children: []node{
			leaf("savedqueryvisualizationid", id), {name: "datadescription", raw: c.data(t)}, {name: "presentationdescription", raw: presentation},
			leaf("isdefault", "0"), e.said("LocalizedNames", "LocalizedName", c.Title.about(plural, e.lang)), e.said("Descriptions", "Description", c.Description),
			leaf("IsCustomizable", "1"), leaf("IntroducedVersion", e.p.Solution.Version), leaf("CanBeDeleted", "1")}})
	}
	if len(p.Section.Cells) > 0 {
		id := formxml.Braced(FormID(t.LogicalName))
		form := el("systemform", leaves("formid", id, "IntroducedVersion", e.p.Solution.Version, "FormPresentation", "1", "FormActivationState", "1")...)
		form.children = append(form.children, inside(r.ownForm(p, r.section(t, p), t)), leaf("IsCustomizable", "1"), leaf("CanBeDeleted", "1"),
			e.said("LocalizedNames", "LocalizedName", p.Section.Title), e.said("Descriptions", "Description", p.Section.Description))
		e.file(folder+"FormXml/main/"+id+".xml", node{name: "forms", attrs: []string{"xmlns:xsi", xsi}, children: []node{form}})
	}
	for _, d := range p.Dashboards {
		id := d.id(t.LogicalName)
		e.dashboards = append(e.dashboards, id)
		e.file("Dashboards/"+formxml.Braced(id)+".xml", node{name: "Dashboard", attrs: []string{"xmlns:xsi", xsi}, children: []node{
			e.said("LocalizedNames", "LocalizedName", d.Title.about(plural, e.lang)), e.said("Descriptions", "Description", d.Description),
			leaf("FormId", formxml.Braced(id)), leaf("IsCustomizable", "1"), leaf("IsDefault", "0"),
			el("FormXml", node{name: "forms", attrs: []string{"type", "dashboard"}, children: []node{inside(d.layout(t, d.texts(t, plural, e.lang, r.labelTexts)))}}),
			leaf("IntroducedVersion", e.p.Solution.Version), leaf("IsTabletEnabled", "0")}})
	}
}

// inside is a form as an element of a file.
func inside(form string) node {
	return node{name: "form", raw: strings.TrimSuffix(strings.TrimPrefix(form, "<form>"), "</form>")}
}

// attribute is a column. The words and numbers are those that exported solutions have: Behavior 2 is DateOnly.
func (e *exporter) attribute(t *dataverse.Table, c Column) node {
	kind, ime := "", "inactive"
	var own []node
	switch c.Kind {
	case DateColumn:
		kind = "datetime"
		own = leaves("Format", "date", "CanChangeDateTimeBehavior", "0", "Behavior", "2")
	case TextColumn:
		kind, ime = "nvarchar", "auto"
		own = leaves("Format", "text", "MaxLength", fmt.Sprint(c.MaxLength), "Length", fmt.Sprint(2*c.MaxLength))
	case YesNoColumn:
		kind = "bit"
		option := func(value string, text Text) node {
			return node{name: "option", attrs: []string{"value", value, "IsHidden", "0"}, children: []node{e.said("labels", "label", text)}}
		}
		set := node{name: "optionset", attrs: []string{"Name", t.LogicalName + "_" + c.LogicalName()}}
		set.children = append(leaves("OptionSetType", "bit", "IntroducedVersion", e.p.Solution.Version, "IsCustomizable", "1"),
			e.said("displaynames", "displayname", c.DisplayName), e.said("Descriptions", "Description", c.Description),
			el("options", option("1", said("yes")), option("0", said("no"))))
		own = append(leaves("AppDefaultValue", "0"), set)
	}
	n := node{name: "attribute", attrs: []string{"PhysicalName", c.SchemaName}}
	n.children = slices.Concat(leaves("Type", kind, "Name", c.LogicalName(), "LogicalName", c.LogicalName(), "RequiredLevel", "none",
		"DisplayMask", "ValidForAdvancedFind|ValidForForm|ValidForGrid", "ImeMode", ime,
		"ValidForUpdateApi", "1", "ValidForReadApi", "1", "ValidForCreateApi", "1", "IsCustomField", "1", "IsAuditEnabled", "1", "IsSecured", "0",
		"IntroducedVersion", e.p.Solution.Version, "IsCustomizable", "1", "IsRenameable", "1", "CanModifySearchSettings", "1",
		"CanModifyRequirementLevelSettings", "1", "CanModifyAdditionalSettings", "1", "SourceType", "0", "IsGlobalFilterEnabled", "0",
		"IsSortableEnabled", "0", "CanModifyGlobalFilterSettings", "1", "CanModifyIsSortableSettings", "1", "IsDataSourceSecret", "0",
		"IsSearchable", "0", "IsFilterable", "0", "IsRetrievable", "0", "IsLocalizable", "0"),
		own, []node{e.said("displaynames", "displayname", c.DisplayName), e.said("Descriptions", "Description", c.Description)})
	return n
}

func (e *exporter) role() {
	var rights []node
	list := slices.Clone(e.p.Role.Privileges)
	slices.SortFunc(list, func(a, b dataverse.Privilege) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range list {
		rights = append(rights, node{name: "RolePrivilege", attrs: []string{"name", p.Name, "level", p.Depth.String()}})
	}
	e.file("Roles/"+e.p.Role.Name+".xml", node{name: "Role",
		attrs:    []string{"xmlns:xsi", xsi, "id", "{" + e.p.Role.ID.String() + "}", "name", e.p.Role.Name, "isinherited", "1"},
		children: []node{leaf("IsCustomizable", "1"), el("RolePrivileges", rights...)}})
}

// manifest lists what is in the solution. Behavior 2 is a table of which only the named parts are in it.
func (e *exporter) manifest() {
	root := []string{"version", "9.2.0.0", "SolutionPackageVersion", "9.2", "languagecode", fmt.Sprint(e.lang), "generatedBy", "CrmLive", "xmlns:xsi", xsi}
	var roots []node
	for _, t := range e.tables {
		roots = append(roots, node{name: "RootComponent", attrs: []string{"type", "1", "schemaName", t.LogicalName, "behavior", "2"}})
	}
	if e.p.Role.Name != "" {
		roots = append(roots, node{name: "RootComponent", attrs: []string{"type", "20", "id", "{" + e.p.Role.ID.String() + "}", "behavior", "0"}})
	}
	for _, id := range e.dashboards {
		roots = append(roots, node{name: "RootComponent", attrs: []string{"type", "60", "id", formxml.Braced(id), "behavior", "0"}})
	}
	s, p := e.p.Solution, e.p.Publisher
	e.file("Other/Solution.xml", node{name: "ImportExportXml", attrs: root, children: []node{el("SolutionManifest",
		leaf("UniqueName", s.UniqueName), e.named("LocalizedNames", "LocalizedName", s.Name), el("Descriptions"), leaf("Version", s.Version), leaf("Managed", "0"),
		el("Publisher", leaf("UniqueName", p.UniqueName), e.named("LocalizedNames", "LocalizedName", p.Name), e.named("Descriptions", "Description", p.Name),
			node{name: "EMailAddress", attrs: []string{"xsi:nil", "true"}}, node{name: "SupportingWebsiteUrl", attrs: []string{"xsi:nil", "true"}},
			leaf("CustomizationPrefix", p.Prefix), leaf("CustomizationOptionValuePrefix", fmt.Sprint(p.OptionPrefix)), el("Addresses")),
		el("RootComponents", roots...), el("MissingDependencies"),
	)}})
	var sections []node
	for _, name := range strings.Fields("Entities Roles Workflows FieldSecurityProfiles Templates EntityMaps EntityRelationships OrganizationSettings optionsets Dashboards CustomControls EntityDataProviders") {
		sections = append(sections, el(name))
	}
	var languages []node
	for _, code := range e.languages {
		languages = append(languages, leaf("Language", fmt.Sprint(code)))
	}
	sections = append(sections, el("Languages", languages...))
	e.file("Other/Customizations.xml", node{name: "ImportExportXml", attrs: []string{"xmlns:xsi", xsi}, children: sections})
}
