package emulator

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// choiceColumns calls fn for every column of the embedded schema that holds one of several options.
func choiceColumns(fn func(*schema.Table, *schema.Column)) {
	s := schema.BaseSchema()
	for _, name := range s.TableNames() {
		for _, c := range s.Tables[name].Columns {
			switch c.Kind {
			case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindMultiSelect:
				fn(s.Tables[name], c)
			}
		}
	}
}

// TestOptionsAreTakenAndShown: every option can be written, shows its label (webapi/query/select-columns), and stands
// in the definition of its column (webapi/query-metadata-web-api); what is no option is refused with
// PicklistValueOutOfRange (web-service-error-codes).
func TestOptionsAreTakenAndShown(t *testing.T) {
	w := newWorld(t, Options{})
	e := &query.Env{Snap: w.s.engine.Store.View()}
	choiceColumns(func(tab *schema.Table, c *schema.Column) {
		top := 0
		for _, o := range c.Options {
			top = max(top, o.Value)
			var body, stored any = json.Number(strconv.Itoa(o.Value)), int64(o.Value)
			if c.Kind == schema.KindMultiSelect {
				body, stored = strconv.Itoa(o.Value), strconv.Itoa(o.Value)
			}
			if v, err := wire.ParseValue(tab, c, body); err != nil || v != stored {
				t.Errorf("%s.%s: %d is read as %v, %v", tab.Name, c.Name, o.Value, v, err)
			}
			if got, want := string(e.AppendFormatted(nil, tab, nil, c, stored)), string(query.AppendEscaped(nil, o.Label)); got != want {
				t.Errorf("%s.%s: %d shows as %q, want %q", tab.Name, c.Name, o.Value, got, want)
			}
		}
		if _, err := wire.ParseValue(tab, c, json.Number(strconv.Itoa(top+1))); err == nil {
			t.Errorf("%s.%s takes %d", tab.Name, c.Name, top+1)
		}
	})
	for _, kind := range []string{"Picklist", "Status", "State", "MultiSelectPicklist"} {
		for _, name := range []string{"msevtmgt_eventteammember", "msdyncrm_segment", "msdynmkt_purpose", "quotedetail", "contact", "lead"} {
			w.optionsOfColumns(name, kind)
		}
	}
}

// optionsOfColumns holds the definitions of a table's choices against the schema.
func (w *world) optionsOfColumns(table, kind string) {
	w.t.Helper()
	r := w.get("EntityDefinitions(LogicalName='" + table + "')/Attributes/Microsoft.Dynamics.CRM." + kind + "AttributeMetadata?$select=LogicalName&$expand=OptionSet")
	list, _ := r.body["value"].([]any)
	for _, x := range list {
		attribute := x.(map[string]any)
		c := schema.BaseSchema().Tables[table].Column(attribute["LogicalName"].(string))
		var got, want []string
		set, _ := attribute["OptionSet"].(map[string]any)
		options, _ := set["Options"].([]any)
		for _, o := range options {
			o := o.(map[string]any)
			shown := o["Label"].(map[string]any)["UserLocalizedLabel"].(map[string]any)["Label"].(string)
			got = append(got, o["Value"].(json.Number).String()+" "+shown)
		}
		for _, o := range c.Options {
			want = append(want, strconv.Itoa(o.Value)+" "+o.Label)
		}
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			w.t.Errorf("the definition of %s.%s (-schema +definition):\n%s", table, c.Name, d)
		}
	}
	if r.status != 200 {
		w.t.Errorf("%s: %d %s", table, r.status, r.text)
	}
}

// TestBehaviorIsWhatTheOptionsSay: every field of behavior is that of the options.
func TestBehaviorIsWhatTheOptionsSay(t *testing.T) {
	var o Options
	from := reflect.ValueOf(&o).Elem()
	fields := reflect.TypeFor[store.Behavior]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if field.Type.Kind() == reflect.Func {
			continue
		}
		v := from.FieldByName(field.Name)
		before := v.Interface()
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.String:
			v.SetString("x")
		case reflect.Pointer:
			v.Set(reflect.ValueOf(time.UTC))
		case reflect.Uint8:
			v.SetUint(1)
		default:
			v.SetInt(1)
		}
		got := reflect.ValueOf(o.behavior()).FieldByName(field.Name).Interface()
		if got == before || got != v.Interface() {
			t.Errorf("%s: %v, the options say %v", field.Name, got, v.Interface())
		}
	}
}
