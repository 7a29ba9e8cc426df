package purge

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
	for where, want := range map[string]verdict{
		"":               yes,
		"statecode eq 1": yes, "statecode ne 1": no, "statecode gt 0 and statecode lt 2": yes, "statecode in (0,1)": yes, "statecode in (0,2)": no,
		"done eq true": yes, "not (done eq true)": no, "cost eq 12.5": yes, "cost ge 12.51": no,
		"subject eq 'pay åke'": yes, "subject eq 'Pay Ake'": cannot, "startswith(subject,'PAY')": yes, "contains(subject,'x%')": cannot,
		"empty eq null": yes, "empty ne null": no, "empty eq 'a'": null, "not (empty eq 'a')": null, "empty ne 'a'": cannot,
		"on eq 2026-03-01": yes, "on lt 2026-03-01": no, "at gt 2026-03-01T22:00:00Z": yes, "at ge 2026-03-01": cannot,
		"tags eq '1'": cannot, "secret eq 's'": cannot, "nosuch eq 1": cannot,
		"_regardingobjectid_value eq 00000000-0000-0000-0000-000000000001":    yes,
		"regardingobjectid_quote_task/statecode eq 1":                         null, // it regards a contact
		"regardingobjectid_contact_task/statecode eq 1":                       cannot,
		"Microsoft.Dynamics.CRM.LastXDays(PropertyName='at',PropertyValue=3)": cannot,
		"statecode eq 0 and regardingobjectid_contact_task/statecode eq 1":    no,
		"statecode eq 1 or regardingobjectid_contact_task/statecode eq 1":     yes,
		"statecode eq 1 and empty eq 'a'":                                     null,
		"empty eq 'a' or secret eq 's'":                                       cannot,
	} {
		if got := newCondition(table, where).of(row); got != want {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
	}
}
