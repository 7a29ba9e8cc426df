package schema

// globalChoices are the global choices that every environment of sales and service has, with the columns that take their options
// from them. Reference: GlobalChoiceName in the tables' reference pages.
var globalChoices = []struct {
	name, label string
	columns     []string // table.column
	options     []Option // where no table here has such a column
}{
	{"budgetstatus", "Budget Status", []string{"lead.budgetstatus", "opportunity.budgetstatus"}, nil},
	{"incident_caseorigincode", "Case Origin", []string{"incident.caseorigincode"}, nil},
	{"initialcommunication", "Initial Communication", []string{"lead.initialcommunication", "opportunity.initialcommunication"}, nil},
	{"lead_salesstage", "Lead Sales Stage", []string{"lead.salesstage"}, nil},
	{"metric_goaltype", "Goal Type", nil, []Option{{Value: 0, Label: "Money"}, {Value: 1, Label: "Decimal"}, {Value: 2, Label: "Integer"}}},
	{"need", "Need", []string{"lead.need", "opportunity.need"}, nil},
	{"opportunity_salesstage", "Opportunity Sales Stage", []string{"opportunity.salesstage"}, nil},
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
			for name, t := range s.Tables {
				for _, c := range t.Columns {
					if name+"."+c.Name == place {
						c.OptionSet = g.name
						o.Options = c.Options
					}
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
