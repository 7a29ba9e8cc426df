package emulator_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// The document as a generator reads it.
type (
	edmx struct {
		Schema struct {
			Types      []edmType `xml:"EntityType"`
			Complex    []edmType `xml:"ComplexType"`
			Enums      []named   `xml:"EnumType"`
			Functions  []edmCall `xml:"Function"`
			Actions    []edmCall `xml:"Action"`
			Namespace  string    `xml:",attr"`
			Containers []struct {
				Sets []struct {
					named
					EntityType string `xml:",attr"`
					Bindings   []struct {
						Path   string `xml:",attr"`
						Target string `xml:",attr"`
					} `xml:"NavigationPropertyBinding"`
				} `xml:"EntitySet"`
				Actions   []named `xml:"ActionImport"`
				Functions []named `xml:"FunctionImport"`
			} `xml:"EntityContainer"`
		} `xml:"DataServices>Schema"`
	}
	named struct {
		Name string `xml:",attr"`
	}
	edmType struct {
		named
		BaseType string  `xml:",attr"`
		Abstract bool    `xml:",attr"`
		Key      []named `xml:"Key>PropertyRef"`
		Props    []struct {
			named
			Type string `xml:",attr"`
		} `xml:"Property"`
		Navs []edmNav `xml:"NavigationProperty"`
	}
	edmNav struct {
		named
		Type, Partner string `xml:",attr"`
		Constraint    []struct {
			Property, ReferencedProperty string `xml:",attr"`
		} `xml:"ReferentialConstraint"`
	}
	edmCall struct {
		named
		Params []struct {
			named
			Type string `xml:",attr"`
		} `xml:"Parameter"`
		Return *struct {
			Type string `xml:",attr"`
		} `xml:"ReturnType"`
	}
)

func bare(typ string) (name string, collection bool) {
	if inner, found := strings.CutPrefix(typ, "Collection("); found {
		return strings.TrimSuffix(inner, ")"), true
	}
	return typ, false
}

// Page: web-api-service-documents. What the document says must hold together: OData CSDL 4.0, chapters 6 to 13.
func TestMetadataDocument(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	r := o.get("$metadata")
	if ct := r.header.Get("Content-Type"); ct != "application/xml" {
		t.Error(ct)
	}
	var doc edmx
	if err := xml.Unmarshal([]byte(r.text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema.Namespace != "Microsoft.Dynamics.CRM" || len(doc.Schema.Containers) != 1 {
		t.Fatal(doc.Schema.Namespace)
	}
	entities, known := map[string]edmType{}, map[string]bool{}
	declare := func(kind, name string) {
		if known["mscrm."+name] {
			t.Errorf("%s %s is declared twice", kind, name)
		}
		known["mscrm."+name] = true
	}
	for _, x := range doc.Schema.Types {
		declare("EntityType", x.Name)
		entities["mscrm."+x.Name] = x
	}
	for _, x := range doc.Schema.Complex {
		declare("ComplexType", x.Name)
	}
	for _, x := range doc.Schema.Enums {
		declare("EnumType", x.Name)
	}
	resolves := func(where, typ string) {
		name, _ := bare(typ)
		if !strings.HasPrefix(name, "Edm.") && !known[name] {
			t.Errorf("%s: the type %s is not declared", where, name)
		}
	}
	// chain calls fn for a type and its base types.
	chain := func(name string, fn func(edmType)) {
		for name != "" {
			x, found := entities[name]
			if !found {
				t.Fatalf("no type %s", name)
			}
			fn(x)
			name = x.BaseType
		}
	}
	key := func(name string) string {
		k := ""
		chain(name, func(x edmType) {
			if len(x.Key) == 1 {
				k = x.Key[0].Name
			}
		})
		return k
	}
	nav := func(name, of string) *edmNav {
		var out *edmNav
		chain(name, func(x edmType) {
			for i := range x.Navs {
				if x.Navs[i].Name == of && out == nil {
					out = &x.Navs[i]
				}
			}
		})
		return out
	}
	for full, x := range entities {
		members := map[string]bool{}
		chain(full, func(x edmType) {
			for _, p := range x.Props {
				if members[p.Name] {
					t.Errorf("%s has %s twice", full, p.Name)
				}
				members[p.Name] = true
				resolves(full+"."+p.Name, p.Type)
			}
			for _, n := range x.Navs {
				if members[n.Name] {
					t.Errorf("%s has %s twice", full, n.Name)
				}
				members[n.Name] = true
			}
		})
		if !x.Abstract && full != "mscrm.expando" && (key(full) == "" || !members[key(full)]) {
			t.Errorf("%s has no key", full)
		}
		for _, n := range x.Navs {
			target, many := bare(n.Type)
			resolves(full+"."+n.Name, n.Type)
			if n.Partner != "" {
				back := nav(target, n.Partner)
				if back == nil {
					t.Errorf("%s.%s: its partner %s is not on %s", full, n.Name, n.Partner, target)
				} else if to, _ := bare(back.Type); to != full {
					t.Errorf("%s.%s: its partner leads to %s", full, n.Name, to)
				}
			}
			for _, c := range n.Constraint {
				// Users and teams share the key of owners; a lookup to one of them names their own id. Page: web-api-navigation-properties.
				own := c.ReferencedProperty == strings.TrimPrefix(target, "mscrm.")+"id" && key(target) == "ownerid"
				if many || !members[c.Property] || c.ReferencedProperty != key(target) && !own {
					t.Errorf("%s.%s: constraint %+v, key of %s is %s", full, n.Name, c, target, key(target))
				}
			}
		}
	}
	sets := map[string]string{}
	for _, s := range doc.Schema.Containers[0].Sets {
		sets[s.Name] = s.EntityType
		resolves(s.Name, s.EntityType)
	}
	for _, s := range doc.Schema.Containers[0].Sets {
		for _, b := range s.Bindings {
			n := nav(s.EntityType, b.Path)
			if n == nil || sets[b.Target] == "" {
				t.Errorf("%s: binding %+v", s.Name, b)
			} else if target, _ := bare(n.Type); sets[b.Target] != target {
				t.Errorf("%s: %s leads to %s, which is not %s", s.Name, b.Path, target, sets[b.Target])
			}
		}
	}
	calls := map[string]bool{}
	for _, c := range append(doc.Schema.Functions, doc.Schema.Actions...) {
		calls[c.Name] = true
		for _, p := range c.Params {
			resolves(c.Name, p.Type)
		}
		if c.Return != nil {
			resolves(c.Name, c.Return.Type)
		}
	}
	for _, name := range emulator.New(emulator.Options{}).Operations() {
		if !calls[name] {
			t.Errorf("%s is answered but not declared", name)
		}
		delete(calls, name)
	}
	for name := range calls {
		t.Errorf("%s is declared but not answered", name)
	}

	// What a generator makes of a table. Page: web-api-entitytypes.
	contact := entities["mscrm.contact"]
	find := func(name string) string {
		for _, p := range contact.Props {
			if p.Name == name {
				return p.Type
			}
		}
		return ""
	}
	for name, want := range map[string]string{"contactid": "Edm.Guid", "fullname": "Edm.String", "birthdate": "Edm.Date", "createdon": "Edm.DateTimeOffset", "donotemail": "Edm.Boolean",
		"creditlimit": "Edm.Decimal", "_parentcustomerid_value": "Edm.Guid", "statecode": "Edm.Int32", "createdbyname": "", "parentcustomerid": ""} {
		if got := find(name); got != want {
			t.Errorf("contact.%s is %q, want %q", name, got, want)
		}
	}
	n := nav("mscrm.contact", "parentcustomerid_account")
	if n == nil || n.Type != "mscrm.account" || n.Partner != "contact_customer_accounts" || fmt.Sprint(n.Constraint) != "[{_parentcustomerid_value accountid}]" {
		t.Errorf("parentcustomerid_account: %+v", n)
	}
	if entities["mscrm.email"].BaseType != "mscrm.activitypointer" || entities["mscrm.systemuser"].BaseType != "mscrm.principal" {
		t.Error("base types")
	}

	// A change of metadata shows.
	o.must("POST", contactColumns, define("String", "new_Fresh", map[string]any{"MaxLength": 10}))
	if !strings.Contains(o.get("$metadata").text, `Name="new_fresh"`) {
		t.Error("a new column is not in $metadata")
	}
}

func TestServiceDocument(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	r := o.get("")
	var contacts map[string]any
	for _, s := range r.list() {
		if s["name"] == "contacts" {
			contacts = s
		}
	}
	if !strings.HasSuffix(r.at("@odata.context").(string), "/api/data/v9.2/$metadata") || contacts["kind"] != "EntitySet" || contacts["url"] != "contacts" {
		t.Error(r.text[:200])
	}
}
