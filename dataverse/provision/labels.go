package provision

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
)

// Text is what people read of a component, by the code of each language that it comes in (LCID).
type Text map[int]string

// English is the language of what comes in no other.
const English = 1033

// In is the text in a language, in English where it does not come in that.
func (t Text) In(code int) string {
	if text, ok := t[code]; ok {
		return text
	}
	return t[English]
}

// said is a text of gallra's in every language that it speaks.
func said(key string) Text {
	t := Text{}
	for _, lang := range words.All() {
		w := words.In("provision", lang)
		t[w.Code()] = w.T(key)
	}
	return t
}

// about fills in what a text is about, such as the plural of a table, in each language; where that has no word in a language it is
// said in the base language.
func (t Text) about(what Text, base int) Text {
	out := Text{}
	for code, text := range t {
		word := what[code]
		if word == "" {
			word = what[base]
		}
		out[code] = strings.Replace(text, "{0}", word, 1)
	}
	return out
}

// readLanguages reads the base language, without which labels are refused, and which others of gallra's are provisioned. Labels in
// a language that is not are refused as well.
func (r *provisioner) readLanguages(ctx context.Context) error {
	for row, err := range r.c.Rows(ctx, dataverse.Query{Set: "organizations", Select: []string{"languagecode"}}) {
		if err != nil {
			return fmt.Errorf("read the organisation's language: %w", err)
		}
		n, _ := row.Int("languagecode")
		r.lang = int(n)
	}
	if r.lang == 0 {
		r.lang = English
	}
	r.languages = []int{r.lang}
	var provisioned struct{ RetrieveProvisionedLanguages []int }
	if err := r.c.Read(ctx, "RetrieveProvisionedLanguages", &provisioned); err != nil {
		return fmt.Errorf("read which languages the environment has: %w", err)
	}
	slices.Sort(provisioned.RetrieveProvisionedLanguages)
	for _, code := range provisioned.RetrieveProvisionedLanguages {
		if _, spoken := words.OfCode(code); spoken && code != r.lang {
			r.languages = append(r.languages, code)
		}
	}
	return nil
}

// inEnglishAlone tells whether the environment has one language, in which everything says what it says from the first day on.
func (r *provisioner) inEnglishAlone() bool { return len(r.languages) == 1 && r.lang == English }

// localized is a label as definitions carry it.
type localized struct {
	LocalizedLabels []struct {
		Label        string
		LanguageCode int
	}
}

func (l localized) texts() Text {
	t := Text{}
	for _, x := range l.LocalizedLabels {
		t[x.LanguageCode] = x.Label
	}
	return t
}

// labelJSON is a text in the environment's languages, as definitions carry it.
func (r *provisioner) labelJSON(t Text) map[string]any {
	list := []any{}
	for _, code := range r.languages {
		list = append(list, map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": t.In(code), "LanguageCode": code})
	}
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": list}
}

// lacks tells whether a text has to be said in some language: where it is missing, and where it stands in the English of a gallra
// that spoke nothing else. What an administrator has written stays.
func (r *provisioner) lacks(have, want Text, english ...string) bool {
	return slices.ContainsFunc(r.languages, func(code int) bool { return foreign(have, want, code, english) })
}

func foreign(have, want Text, code int, english []string) bool {
	text := have[code]
	return text == "" || code != English && text != want.In(code) && (text == want[English] || slices.Contains(english, text))
}

// completed is a text with what it lacks.
func (r *provisioner) completed(have, want Text, english ...string) Text {
	out := maps.Clone(have)
	for _, code := range r.languages {
		if foreign(have, want, code, english) {
			out[code] = want.In(code)
		}
	}
	return out
}

// labels makes the table's columns, views, charts, form and dashboard say what they are in every language of the environment that gallra speaks.
func (r *provisioner) labels(ctx context.Context, t TableProvision) error {
	if r.inEnglishAlone() {
		return nil
	}
	var missing []func(context.Context) error
	there := func(ctx context.Context) (bool, error) {
		columns, err := r.columnsLacking(ctx, t)
		if err != nil {
			return false, err
		}
		rows, all, err := r.rowsLacking(ctx, t)
		missing = append(columns, rows...)
		return len(missing) == 0 && all, err
	}
	_, err := r.ensureShown(ctx, "names in "+r.spoken()+" of "+t.Table, there, func(ctx context.Context) error {
		for _, say := range missing {
			if err := say(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// spoken names the languages for people.
func (r *provisioner) spoken() string {
	var names []string
	for _, code := range r.languages {
		if lang, ok := words.OfCode(code); ok {
			names = append(names, words.In("provision", lang).T("name"))
		}
	}
	if len(names) == 0 {
		return "English"
	}
	return strings.Join(names, ", ")
}

// strong reads what has just been written, past the service's caches.
func (r *provisioner) strong(ctx context.Context, path string, out any) error {
	return r.c.Do(ctx, dataverse.Operation{Method: http.MethodGet, Path: path, Header: http.Header{"Consistency": {"Strong"}}}, out)
}

// columnsLacking are the columns that do not say what they are in some language; those that are not there yet say it when they are
// made.
func (r *provisioner) columnsLacking(ctx context.Context, t TableProvision) (list []func(context.Context) error, err error) {
	byName := map[string]Column{}
	var terms []string
	for _, c := range t.Columns {
		if !c.Mapped {
			byName[c.LogicalName()] = c
			terms = append(terms, "LogicalName eq "+quote(c.LogicalName()))
		}
	}
	if len(terms) == 0 {
		return nil, nil
	}
	var answer struct {
		Value []struct {
			LogicalName              string
			DisplayName, Description localized
		}
	}
	at := "EntityDefinitions(LogicalName='" + t.Table + "')/Attributes"
	query := "$filter=" + url.QueryEscape(strings.Join(terms, " or "))
	if err := r.strong(ctx, at+"?$select=LogicalName,DisplayName,Description&"+query, &answer); err != nil {
		return nil, fmt.Errorf("read what the columns of %s are called: %w", t.Table, err)
	}
	for _, a := range answer.Value {
		c := byName[a.LogicalName]
		name, text := a.DisplayName.texts(), a.Description.texts()
		if r.lacks(name, c.DisplayName) || r.lacks(text, c.Description) {
			list = append(list, func(ctx context.Context) error {
				return r.rename(ctx, at+"(LogicalName='"+c.LogicalName()+"')", c, r.completed(name, c.DisplayName), r.completed(text, c.Description))
			})
		}
		if c.Kind != YesNoColumn {
			continue
		}
		options, err := r.optionsLacking(ctx, t.Table, c)
		if err != nil {
			return nil, err
		}
		list = append(list, options...)
	}
	return list, nil
}

// metadataType is the type of a column's definition.
func (c Column) metadataType() string {
	return "Microsoft.Dynamics.CRM." + map[ColumnKind]string{DateColumn: "DateTime", TextColumn: "String", YesNoColumn: "Boolean"}[c.Kind] + "AttributeMetadata"
}

// rename gives a column its names. A definition is replaced whole, so it is read whole first.
func (r *provisioner) rename(ctx context.Context, path string, c Column, name, text Text) error {
	definition := map[string]any{}
	if err := r.strong(ctx, path+"/"+c.metadataType(), &definition); err != nil {
		return err
	}
	maps.DeleteFunc(definition, func(key string, _ any) bool { return strings.HasPrefix(key, "@odata.") })
	definition["@odata.type"] = c.metadataType()
	definition["DisplayName"], definition["Description"] = labels(name), labels(text)
	h := r.inSolution()
	h.Set("MSCRM.MergeLabels", "true")
	return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPut, Path: path, Body: definition, Header: h, Repeatable: true}, nil)
}

// labels is a text in all languages that it comes in, as definitions carry it.
func labels(t Text) map[string]any {
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": localizedList(t)}
}

func localizedList(t Text) []any {
	list := []any{}
	for _, code := range slices.Sorted(maps.Keys(t)) {
		list = append(list, map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": t[code], "LanguageCode": code})
	}
	return list
}

// optionsLacking are the two options of a column that do not say what they mean in some language.
func (r *provisioner) optionsLacking(ctx context.Context, table string, c Column) (list []func(context.Context) error, err error) {
	var answer struct {
		OptionSet struct {
			TrueOption, FalseOption struct{ Label localized }
		}
	}
	path := "EntityDefinitions(LogicalName='" + table + "')/Attributes(LogicalName='" + c.LogicalName() + "')/" + c.metadataType() + "?$select=LogicalName&$expand=OptionSet"
	if err := r.strong(ctx, path, &answer); err != nil {
		return nil, fmt.Errorf("read the options of %s: %w", c.LogicalName(), err)
	}
	for value, o := range []struct{ have, want Text }{{answer.OptionSet.FalseOption.Label.texts(), said("no")}, {answer.OptionSet.TrueOption.Label.texts(), said("yes")}} {
		if !r.lacks(o.have, o.want) {
			continue
		}
		list = append(list, func(ctx context.Context) error {
			return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "UpdateOptionValue", Repeatable: true, Body: map[string]any{
				"EntityLogicalName": table, "AttributeLogicalName": c.LogicalName(), "Value": value, "Label": labels(r.completed(o.have, o.want)),
				"MergeLabels": true, "SolutionUniqueName": r.p.Solution.UniqueName}}, nil)
		})
	}
	return list, nil
}

// shown is a row that people see by its name: a view, a chart, a form or a dashboard.
type shown struct {
	table, key string // of the row
	id         uuid.UUID
	step       string // what the step is called that makes it; empty: it need not be there
	name, text Text
	english    []string // what it was called when gallra spoke nothing else
}

// shownOf are the rows that people see of a table.
func (r *provisioner) shownOf(ctx context.Context, t TableProvision) (list []shown, err error) {
	table, err := r.c.Table(ctx, t.Table)
	if err != nil {
		return nil, err
	}
	plural, err := r.plural(ctx, t.Table)
	if err != nil {
		return nil, err
	}
	for _, v := range t.Views {
		if !v.fits(table) {
			continue
		}
		x := shown{"savedquery", "savedqueryid", v.id(t.Table), r.viewStep(t.Table, v, plural), v.Title.about(plural, r.lang), v.Description, nil}
		for _, word := range plural {
			x.english = append(x.english, strings.Replace(v.Title[English], "{0}", word, 1))
		}
		list = append(list, x)
	}
	for _, c := range t.Charts {
		title := c.Title.about(plural, r.lang)
		list = append(list, shown{"savedqueryvisualization", "savedqueryvisualizationid", c.id(t.Table), chartStep(title.In(r.lang), t.Table), title, c.Description, nil})
	}
	if len(t.Section.Cells) > 0 {
		list = append(list, shown{"systemform", "formid", FormID(t.Table), "", t.Section.Title, t.Section.Description, nil})
	}
	for _, d := range t.Dashboards {
		title := d.Title.about(plural, r.lang)
		list = append(list, shown{"systemform", "formid", d.id(t.Table), dashboardStep(title.In(r.lang)), title, d.Description, nil})
	}
	return list, nil
}

// rowsLacking are the views, charts, forms and dashboards that do not say what they show in some language, and whether all are there.
func (r *provisioner) rowsLacking(ctx context.Context, t TableProvision) (list []func(context.Context) error, all bool, err error) {
	rows, err := r.shownOf(ctx, t)
	if err != nil {
		return nil, false, err
	}
	all = true
	for _, s := range rows {
		row, err := r.unpublished(ctx, sets[s.table], s.key, s.id, s.key)
		if err != nil {
			return nil, false, err
		}
		if row == nil { // there is none, or it is somebody else's of the same name
			all = all && (s.step == "" || slices.ContainsFunc(r.steps, func(x Step) bool { return x.Done && x.What == s.step }))
			continue
		}
		for _, x := range []struct {
			column  string
			want    Text
			english []string
		}{{"name", s.name, s.english}, {"description", s.text, nil}} {
			have, err := r.rowTexts(ctx, s, x.column)
			if err != nil {
				return nil, false, err
			}
			if r.lacks(have, x.want, x.english...) {
				list = append(list, func(ctx context.Context) error {
					return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "SetLocLabels", Repeatable: true, Body: map[string]any{
						"EntityMoniker": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + s.table, s.key: s.id.String()},
						"AttributeName": x.column, "Labels": localizedList(r.completed(have, x.want, x.english...))}}, nil)
				})
			}
		}
	}
	return list, all, nil
}

// sets are the entity sets of the tables whose rows people see by their names.
var sets = map[string]string{"savedquery": "savedqueries", "savedqueryvisualization": "savedqueryvisualizations", "systemform": "systemforms"}

// rowTexts are what a row's column says, by language.
func (r *provisioner) rowTexts(ctx context.Context, s shown, column string) (Text, error) {
	var answer struct{ Label localized }
	moniker := url.QueryEscape("{'@odata.id':'" + sets[s.table] + "(" + s.id.String() + ")'}")
	path := "RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1=" + moniker + "&@p2='" + column + "'&@p3=true"
	if err := r.strong(ctx, path, &answer); err != nil {
		return nil, fmt.Errorf("read what a %s is called: %w", s.table, err)
	}
	return answer.Label.texts(), nil
}

// plural is what many rows of a table are called, by language; where the environment has but one it is what the user reads.
func (r *provisioner) plural(ctx context.Context, name string) (Text, error) {
	t, err := r.c.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	shown := t.DisplayCollectionName
	if shown == "" {
		shown = t.DisplayName
	}
	if len(r.languages) == 1 {
		return Text{r.lang: shown}, nil
	}
	if text, ok := r.plurals[name]; ok {
		return text, nil
	}
	text, err := Plural(ctx, r.c, name)
	if err != nil {
		return nil, err
	}
	if text[r.lang] == "" {
		text[r.lang] = shown
	}
	if r.plurals == nil {
		r.plurals = map[string]Text{}
	}
	r.plurals[name] = text
	return text, nil
}

// Plural is what many rows of a table are called, in each language of the environment.
func Plural(ctx context.Context, c dataverse.Reader, table string) (Text, error) {
	var answer struct{ DisplayCollectionName localized }
	if err := c.Read(ctx, "EntityDefinitions(LogicalName='"+table+"')?$select=DisplayCollectionName", &answer); err != nil {
		return nil, fmt.Errorf("read what rows of %s are called: %w", table, err)
	}
	return answer.DisplayCollectionName.texts(), nil
}
