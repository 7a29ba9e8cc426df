package schema

import "strings"

// globalChoices are the global choices that every environment of sales and service has, with the columns that take their options
// from them. Reference: GlobalChoiceName in the tables' reference pages.
var globalChoices = []struct {
	name, label string
	columns     []string // table.column, or *.column for every table that has it
	options     []Option // where no table here has such a column
}{
	{"budgetstatus", "Budget Status", []string{"lead.budgetstatus", "opportunity.budgetstatus"}, nil},
	{"componentstate", "Component State", []string{"*.componentstate"}, nil},
	{"componenttype", "Component Type", []string{"solutioncomponent.componenttype"}, nil},
	{"connectionrole_category", "Category", []string{"connectionrole.category"}, nil},
	{"field_security_permission_type", "Field Security Permission Type", []string{"fieldpermission.cancreate", "fieldpermission.canread", "fieldpermission.canupdate"}, nil},
	{"incident_caseorigincode", "Case Origin", []string{"incident.caseorigincode"}, nil},
	{"initialcommunication", "Initial Communication", []string{"lead.initialcommunication", "opportunity.initialcommunication"}, nil},
	{"lead_salesstage", "Lead Sales Stage", []string{"lead.salesstage"}, nil},
	{"metric_goaltype", "Goal Type", nil, []Option{{Value: 0, Label: "Money"}, {Value: 1, Label: "Decimal"}, {Value: 2, Label: "Integer"}}},
	{"need", "Need", []string{"lead.need", "opportunity.need"}, nil},
	{"opportunity_salesstage", "Opportunity Sales Stage", []string{"opportunity.salesstage"}, nil},
	{"qooi_pricingerrorcode", "Pricing Error", []string{"*.pricingerrorcode"}, nil},
	{"recurrencerule_monthofyear", "Month Of Year", []string{"recurringappointmentmaster.monthofyear"}, nil},
	{"servicestage", "Service Stage", []string{"incident.servicestage"}, nil},
	{"socialactivity_postmessagetype", "Message Type", []string{"socialactivity.postmessagetype"}, nil},
	{"socialprofile_community", "Social Channel", []string{"*.community"}, nil},
	{"workflow_stage", "Workflow Stage", []string{"workflow.createstage", "workflow.updatestage", "workflow.deletestage"}, nil},
	{"purchaseprocess", "Purchase Process", []string{"lead.purchaseprocess", "opportunity.purchaseprocess"}, nil},
	{"purchasetimeframe", "Purchase Timeframe", []string{"lead.purchasetimeframe", "opportunity.purchasetimeframe"}, nil},
}

// activityTypes is the global choice of the kinds of activities. Page: activitypointer-activity-entity.
const activityTypes = "activitypointer_activitytypecode"

// addGlobalChoices makes the global choices of the platform.
func (s *Schema) addGlobalChoices() {
	for _, g := range globalChoices {
		o := &OptionSet{Name: g.name, Label: g.label, Options: g.options}
		for _, place := range g.columns {
			table, column, _ := strings.Cut(place, ".")
			names := []string{table}
			if table == "*" {
				names = s.TableNames()
			}
			for _, name := range names {
				if t := s.Tables[name]; t != nil && t.Column(column) != nil {
					c := t.Column(column)
					c.OptionSet, o.Options = g.name, c.Options
				}
			}
		}
		s.OptionSets[g.name] = o
	}
	kinds := &OptionSet{Name: activityTypes, Label: "Activity Type"}
	for _, name := range s.TableNames() {
		if t := s.Tables[name]; t.Activity && name != ActivityPointer {
			kinds.Options = append(kinds.Options, Option{Value: t.TypeCode, Label: t.Label})
		}
	}
	s.OptionSets[activityTypes] = kinds
}
