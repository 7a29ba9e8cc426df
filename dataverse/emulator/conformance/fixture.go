package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What a run with writes makes carries these names. The prefix is the suite's own: a customer has none of that name.
const (
	prefix       = "gconf"
	optionPrefix = 47110
	publisher    = "gallraconformance"
	solution     = "gallraconformance"
	itemTable    = prefix + "_item"
	groupTable   = prefix + "_group"
)

func rawNumber(text string) json.Number { return json.Number(text) }

func label(text string) map[string]any {
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []any{
		map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

// columnOf is the definition of a column, as create-update-column-definitions-using-web-api has it.
func columnOf(kind, name string, more map[string]any) map[string]any {
	body := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM." + kind + "AttributeMetadata", "SchemaName": prefix + "_" + name,
		"DisplayName": label(name), "Description": label("Made by a conformance run"), "RequiredLevel": map[string]any{"Value": "None"}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func tableOf(name, plural string) map[string]any {
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": name, "DisplayName": label("Conformance " + plural),
		"DisplayCollectionName": label("Conformance " + plural), "Description": label("Made by a conformance run, which removes it"),
		"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
		"Attributes": []any{columnOf("String", "name", map[string]any{"IsPrimaryName": true, "FormatName": map[string]any{"Value": "Text"}, "MaxLength": 100})}}
}

func options(kind string) map[string]any {
	var list []any
	for i, name := range []string{"One", "Two", "Three"} {
		list = append(list, map[string]any{"Value": optionPrefix*10000 + i, "Label": label(name)})
	}
	return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Options": list, "IsGlobal": false, "OptionSetType": kind}
}

// made is one thing of the fixture: what makes it, and what removes it if it does not go with another.
type made struct {
	name string
	step
	remove string
}

// definitions are what a run with writes defines, in order. Pages: web-api-metadata-operations-sample,
// create-update-entity-definitions-using-web-api, define-alternate-keys-entity.
func definitions() []made {
	body := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // of maps and texts that stand in this file
		}
		// A label in another language than the environment's own is refused.
		return strings.ReplaceAll(string(b), `"LanguageCode":1033`, `"LanguageCode":{language}`)
	}
	in := func(path string, v any) step {
		return send("POST", path, body(v), want{status: 204}, "MSCRM.SolutionUniqueName", solution)
	}
	of := func(table string) string { return "EntityDefinitions(LogicalName='" + table + "')" }
	all := []made{
		{"publisher " + publisher, send("POST", "publishers", body(map[string]any{"friendlyname": "gallra conformance run", "uniquename": publisher,
			"customizationprefix": prefix, "customizationoptionvalueprefix": optionPrefix}), want{status: 204}).saving("publisher", "key"), "publishers"},
		{"solution " + solution, send("POST", "solutions", body(map[string]any{"friendlyname": "gallra conformance run", "uniquename": solution, "version": "1.0.0.0",
			"publisherid@odata.bind": "publishers({publisher})"}), want{status: 204}), "solutions"},
		{"table " + groupTable, in("EntityDefinitions", tableOf(groupTable, "groups")), of(groupTable)},
		{"table " + itemTable, in("EntityDefinitions", tableOf(itemTable, "items")), of(itemTable)},
	}
	column := func(table string, c map[string]any) {
		all = append(all, made{"column " + c["SchemaName"].(string), in(of(table)+"/Attributes", c), ""})
	}
	text := func(length int) map[string]any {
		return map[string]any{"FormatName": map[string]any{"Value": "Text"}, "MaxLength": length}
	}
	moments := map[string]any{"Format": "DateAndTime", "DateTimeBehavior": map[string]any{"Value": "UserLocal"}}
	column(groupTable, columnOf("DateTime", "at", moments))
	column(itemTable, columnOf("String", "text", text(100)))
	column(itemTable, columnOf("String", "code", text(50)))
	column(itemTable, columnOf("Memo", "memo", map[string]any{"Format": "TextArea", "MaxLength": 2000}))
	column(itemTable, columnOf("Integer", "number", map[string]any{"Format": "None", "MinValue": -1000, "MaxValue": 2000000}))
	column(itemTable, columnOf("Decimal", "amount", map[string]any{"Precision": 2, "MinValue": -100000, "MaxValue": 100000}))
	column(itemTable, columnOf("Boolean", "flag", map[string]any{"DefaultValue": false, "OptionSet": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.BooleanOptionSetMetadata",
		"TrueOption": map[string]any{"Value": 1, "Label": label("Yes")}, "FalseOption": map[string]any{"Value": 0, "Label": label("No")}, "OptionSetType": "Boolean"}}))
	column(itemTable, columnOf("Picklist", "kind", map[string]any{"OptionSet": options("Picklist")}))
	column(itemTable, columnOf("MultiSelectPicklist", "kinds", map[string]any{"OptionSet": options("Picklist")}))
	column(itemTable, columnOf("DateTime", "day", map[string]any{"Format": "DateOnly", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}}))
	column(itemTable, columnOf("DateTime", "at", moments))
	return append(all,
		made{"lookup " + prefix + "_groupid", in("RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
			"SchemaName": prefix + "_group_items", "ReferencedEntity": groupTable, "ReferencedAttribute": groupTable + "id", "ReferencingEntity": itemTable,
			"CascadeConfiguration": map[string]any{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
			"Lookup":               columnOf("Lookup", "groupid", map[string]any{"AttributeType": "Lookup"})}), ""},
		made{"relationship " + prefix + "_item_group", in("RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
			"SchemaName": prefix + "_item_group", "IntersectEntityName": prefix + "_item_group", "Entity1LogicalName": itemTable, "Entity2LogicalName": groupTable}), ""},
		made{"key " + prefix + "_bycode", in(of(itemTable)+"/Keys", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata",
			"SchemaName": prefix + "_bycode", "DisplayName": label("By code"), "KeyAttributes": []string{prefix + "_code"}}), ""})
}

// fixture is what a run with writes has made, for its removal.
type fixture struct {
	client  *client
	vars    vars
	tried   []made // what was asked for and needs a removal of its own
	unknown bool   // a request went out whose answer never came: it may yet be carried out
	made    bool   // everything stands
}

// fails is why the fixture could not be made, so that no case of its rows could run.
type fails struct {
	what string
	a    *answer
}

func (f fails) Error() string {
	return fmt.Sprintf("%s could not be made: %d %s", f.what, f.a.status, codeOf(f.a))
}

// leftovers finds what an earlier run left, by the names that only this suite gives.
func leftovers(ctx context.Context, c *client) ([]string, error) {
	var found []string
	for _, q := range []struct{ what, path, name string }{
		{"table", "EntityDefinitions?$select=LogicalName&$filter=LogicalName eq '" + itemTable + "' or LogicalName eq '" + groupTable + "'", "LogicalName"},
		{"solution", "solutions?$select=uniquename&$filter=uniquename eq '" + solution + "'", "uniquename"},
		{"publisher", "publishers?$select=uniquename&$filter=uniquename eq '" + publisher + "' or customizationprefix eq '" + prefix + "'", "uniquename"},
	} {
		a, err := c.do(ctx, request{method: http.MethodGet, path: q.path, header: map[string]string{"Consistency": "Strong"}})
		if err != nil {
			return nil, err
		}
		rows, there := at(a.body, "value>*>"+q.name)
		if a.status != http.StatusOK || !there {
			return nil, fails{"a look for an earlier run's " + q.what, a}
		}
		for _, name := range rows {
			if name != publisher && q.what == "publisher" {
				name = "of another, with the prefix " + prefix
			}
			found = append(found, fmt.Sprint(q.what, " ", name))
		}
	}
	return found, nil
}

// build makes definitions and rows.
func (f *fixture) build(ctx context.Context, now time.Time) error {
	for _, m := range definitions() {
		if m.remove != "" {
			f.tried = append(f.tried, m)
		}
		err := f.create(ctx, m.name, m.step)
		if refused, is := err.(fails); is && refused.a.status < http.StatusInternalServerError && m.remove != "" {
			f.tried = f.tried[:len(f.tried)-1] // it was not made, so that what has its name is another's
		}
		if err != nil {
			return err
		}
	}
	for _, table := range []struct{ name, variable string }{{itemTable, "items"}, {groupTable, "groups"}} {
		a, err := f.client.do(ctx, request{method: http.MethodGet, path: "EntityDefinitions(LogicalName='" + table.name + "')?$select=EntitySetName", header: map[string]string{"Consistency": "Strong"}})
		if err != nil {
			return err
		}
		set, _ := at(a.body, "EntitySetName")
		if len(set) != 1 || !strings.HasPrefix(fmt.Sprint(set[0]), prefix) {
			return fails{"the set of " + table.name, a}
		}
		f.vars[table.variable] = set[0].(string)
	}
	if err := f.keyActive(ctx); err != nil {
		return err
	}
	for _, m := range moments {
		row, err := json.Marshal(map[string]any{groupTable + "id": f.vars[m.name], prefix + "_name": m.name, prefix + "_at": m.at(now).UTC().Format(time.RFC3339)})
		if err != nil {
			return err
		}
		if err := f.create(ctx, "row "+m.name, send("POST", "{groups}", string(row), want{status: 204})); err != nil {
			return err
		}
	}
	for _, i := range items {
		row, err := json.Marshal(i.body(f.vars[i.key]))
		if err != nil {
			return err
		}
		if err := f.create(ctx, "row "+i.name, send("POST", "{items}", string(row), want{status: 204})); err != nil {
			return err
		}
	}
	for _, link := range [][2]string{{"a", "now"}, {"a", "d-1"}, {"b", "now"}} {
		body := `{"@odata.id":"` + f.client.target.URL + apiPath + `{groups}({` + link[1] + `})"}`
		if err := f.create(ctx, "a link", send("POST", "{items}({"+link[0]+"})/"+prefix+"_item_group/$ref", body, want{status: 204})); err != nil {
			return err
		}
	}
	f.made = true
	return nil
}

func (f *fixture) create(ctx context.Context, what string, s step) error {
	var a *answer
	for range 12 { // a web server may not know a table yet that was just made
		var err error
		if a, err = f.client.do(ctx, f.vars.request(s.request)); err != nil {
			if _, is := err.(unsure); is {
				f.unknown = true
			}
			return err
		}
		if a.status != http.StatusNotFound {
			break
		}
		if err := f.client.wait(ctx, 5*time.Second); err != nil {
			return err
		}
	}
	if a.status != s.want.status {
		return fails{what, a}
	}
	for name := range s.save {
		f.vars[name] = keyOf(a.header)
	}
	return nil
}

// keyActive waits until the key can be used: the service makes its index in a job.
func (f *fixture) keyActive(ctx context.Context) error {
	for range 60 {
		a, err := f.client.do(ctx, request{method: http.MethodGet, path: "EntityDefinitions(LogicalName='" + itemTable + "')/Keys?$select=SchemaName,EntityKeyIndexStatus"})
		if err != nil {
			return err
		}
		status, _ := at(a.body, "value>0>EntityKeyIndexStatus")
		if len(status) == 1 && status[0] == "Active" {
			return nil
		}
		if a.status != http.StatusOK || len(status) == 1 && status[0] == "Failed" {
			return fails{"the index of a key", a}
		}
		if err := f.client.wait(ctx, 5*time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("the index of a key is not active after five minutes")
}

// remove removes what was asked for, last first, and names what is still there. The rows go with their tables.
func (f *fixture) remove(ctx context.Context) (left []string) {
	looks := 1
	if f.unknown {
		looks = 5 // a table that nobody waits for any more may come into being after a first look
	}
	for look := range looks {
		if look > 0 {
			if err := f.client.wait(ctx, 30*time.Second); err != nil {
				break
			}
		}
		left = nil
		for _, m := range slices.Backward(f.tried) {
			if err := removeOne(ctx, f.client, m); err != nil {
				left = append(left, fmt.Sprintf("%s (%v)", m.name, err))
			}
		}
	}
	return left
}

// everything is what can be left of a run, for the removal of what an earlier one left.
func everything() []made {
	return slices.DeleteFunc(definitions(), func(m made) bool { return m.remove == "" })
}

// removeOne removes a thing. One that is not there is no error.
func removeOne(ctx context.Context, c *client, m made) error {
	paths := []string{m.remove}
	if m.remove == "publishers" || m.remove == "solutions" {
		paths = nil
		key := strings.TrimSuffix(m.remove, "s") + "id"
		_, name, _ := strings.Cut(m.name, " ")
		path := m.remove + "?$select=" + key + "&$filter=uniquename eq '" + name + "'"
		a, err := c.do(ctx, request{method: http.MethodGet, path: path})
		if err != nil {
			if a, err = c.do(ctx, request{method: http.MethodGet, path: path}); err != nil {
				return err
			}
		}
		ids, there := at(a.body, "value>*>"+key)
		if a.status != http.StatusOK || !there {
			return fmt.Errorf("not found out: %d %s", a.status, codeOf(a))
		}
		for _, id := range ids {
			paths = append(paths, m.remove+"("+url.PathEscape(fmt.Sprint(id))+")")
		}
	}
	for _, path := range paths {
		if err := deleteOne(ctx, c, path); err != nil {
			return err
		}
	}
	return nil
}

// deleteOne asks again where the answer is lost or the service failed: 404 then says that it was done.
func deleteOne(ctx context.Context, c *client, path string) error {
	var last error
	for try := range 4 {
		if try > 0 {
			if err := c.wait(ctx, 10*time.Second); err != nil {
				return err
			}
		}
		a, err := c.do(ctx, request{method: http.MethodDelete, path: path})
		switch {
		case err != nil:
			last = err
		case a.status == http.StatusNoContent || a.status == http.StatusNotFound:
			return nil
		case a.status < http.StatusInternalServerError:
			return fmt.Errorf("%d %s", a.status, codeOf(a))
		default:
			last = fmt.Errorf("%d %s", a.status, codeOf(a))
		}
	}
	return last
}
