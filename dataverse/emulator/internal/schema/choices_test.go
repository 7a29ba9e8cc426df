package schema

import "testing"

// choiceColumns calls fn for every column of the embedded schema that holds one of several options.
func choiceColumns(fn func(*Table, *Column)) {
	s := BaseSchema()
	for _, name := range s.TableNames() {
		for _, c := range s.Tables[name].Columns {
			switch c.Kind {
			case KindPicklist, KindState, KindStatus, KindMultiSelect:
				fn(s.Tables[name], c)
			}
		}
	}
}

// TestOptionsOfTheSchema holds every choice of the schema against what an option is (entity-attribute-metadata): a
// number of its own with a label, of a status with the state that it belongs to.
func TestOptionsOfTheSchema(t *testing.T) {
	choiceColumns(func(tab *Table, c *Column) {
		at := tab.Name + "." + c.Name
		if len(c.Options) == 0 {
			t.Errorf("%s has no options", at)
		}
		seen := map[int]bool{}
		for _, o := range c.Options {
			if seen[o.Value] || o.Label == "" {
				t.Errorf("%s: %d is there twice, or has no label", at, o.Value)
			}
			seen[o.Value] = true
			if c.Kind == KindStatus && (o.State == nil || tab.Column("statecode").Option(*o.State) == nil) {
				t.Errorf("%s: %d belongs to no state", at, o.Value)
			}
		}
	})
	for column, want := range map[[2]string]map[int]string{
		{"msevtmgt_eventteammember", "msevtmgt_role"}:                 {100000000: "Venue management", 100000009: "Equipment management"},
		{"msdynmkt_purpose", "msdynmkt_type"}:                         {534120000: "Commercial Communication"},
		{"msdynmkt_contactpointconsent3", "msdynmkt_value"}:           {534120000: "Not Set"},
		{"quotedetail", "quotecreationmethod"}:                        {776160000: "Unknown", 776160001: "Revision"},
		{"salesorderdetail", "msdyn_linetype"}:                        {690970001: "Field Service Line"},
		{"msdyncrm_marketingemail", "msdyncrm_email_contentlanguage"}: {1053: "Swedish (Sweden)"},
	} {
		c := BaseSchema().Tables[column[0]].Column(column[1])
		for value, label := range want {
			if o := c.Option(value); o == nil || o.Label != label {
				t.Errorf("%s: %d is %v, want %s", column, value, o, label)
			}
		}
	}
}
