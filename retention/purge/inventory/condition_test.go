package inventory

import (
	"encoding/json"
	"testing"

	"github.com/gallra/gallra/dataverse"
)

func TestCondition(t *testing.T) {
	attr := func(kind string) *dataverse.Attribute { return &dataverse.Attribute{Type: kind, ForRead: true} }
	table := &dataverse.Table{LogicalName: "task", Attributes: map[string]*dataverse.Attribute{
		"subject": attr("String"), "empty": attr("String"), "statecode": attr("State"), "done": attr("Boolean"), "cost": attr("Money"), "tags": attr("MultiSelectPicklist"),
		"on":                {Type: "DateTime", ForRead: true, DateTimeBehavior: "DateOnly", Format: "DateOnly"},
		"at":                {Type: "DateTime", ForRead: true, DateTimeBehavior: "UserLocal", Format: "DateAndTime"},
		"secret":            {Type: "String", ForRead: true, Secured: true},
		"regardingobjectid": attr("Lookup"),
	}, ManyToOne: []dataverse.Relationship{
		{ReferencingAttribute: "regardingobjectid", ReferencingNav: "regardingobjectid_quote_task", Referenced: "quote"},
		{ReferencingAttribute: "regardingobjectid", ReferencingNav: "regardingobjectid_contact_task", Referenced: "contact"},
	}}
	for name, a := range table.Attributes {
		a.LogicalName = name
	}
	row := dataverse.Row{"subject": "Pay ÅKE", "statecode": json.Number("1"), "done": true, "cost": json.Number("12.50"), "tags": "1,2", "on": "2026-03-01", "at": "2026-03-01T22:30:00Z",
		"secret": "s", "_regardingobjectid_value": "00000000-0000-0000-0000-000000000001", "_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "contact"}
	for where, want := range map[string]Verdict{
		"":               Yes,
		"statecode eq 1": Yes, "statecode ne 1": no, "statecode gt 0 and statecode lt 2": Yes, "statecode in (0,1)": Yes, "statecode in (0,2)": no,
		"done eq true": Yes, "not (done eq true)": no, "cost eq 12.5": Yes, "cost ge 12.51": no,
		"subject eq 'pay åke'": Yes, "subject eq 'Pay Ake'": Cannot, "startswith(subject,'PAY')": Yes, "contains(subject,'x%')": Cannot,
		"empty eq null": Yes, "empty ne null": no, "empty eq 'a'": null, "not (empty eq 'a')": null, "empty ne 'a'": Cannot,
		"on eq 2026-03-01": Yes, "on lt 2026-03-01": no, "at gt 2026-03-01T22:00:00Z": Yes, "at ge 2026-03-01": Cannot,
		"tags eq '1'": Cannot, "secret eq 's'": Cannot, "nosuch eq 1": Cannot,
		"_regardingobjectid_value eq 00000000-0000-0000-0000-000000000001":    Yes,
		"regardingobjectid_quote_task/statecode eq 1":                         null, // it regards a contact
		"regardingobjectid_contact_task/statecode eq 1":                       Cannot,
		"Microsoft.Dynamics.CRM.LastXDays(PropertyName='at',PropertyValue=3)": Cannot,
		"statecode eq 0 and regardingobjectid_contact_task/statecode eq 1":    no,
		"statecode eq 1 or regardingobjectid_contact_task/statecode eq 1":     Yes,
		"statecode eq 1 and empty eq 'a'":                                     null,
		"empty eq 'a' or secret eq 's'":                                       Cannot,
	} {
		if got := NewCondition(table, where).Of(row); got != want {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
	}
}
