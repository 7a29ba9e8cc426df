package naive

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// finding is a row that justifies somebody: by id, or by a value in some columns.
type finding struct {
	ids     []string
	value   string
	columns []string
	until   time.Time
	row     string // of a ground that counts from a change of the row: which one
	ignored bool   // there, where nobody knows when the row changed: it means nothing
}

func (f finding) leadsTo(p *person) bool {
	if slices.Contains(f.ids, p.id) {
		return true
	}
	for _, c := range f.columns {
		text := p.row.Text(c)
		if text == "" {
			text = p.row.lookup(c)
		}
		if same(text) != "" && same(text) == same(f.value) {
			return true
		}
	}
	return false
}

// same is a value as far as it matters for being the same: case and surrounding blanks aside.
func same(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// found are the rows of a ground that justify somebody.
func (p Policy) found(t testing.TB, crm *CRM, s subject, g Ground) []finding {
	t.Helper()
	if g["view"] != "" || g["fetchXml"] != "" {
		return p.handWritten(t, crm, g)
	}
	var out []finding
	table := g["table"]
	if table == "" {
		table = s.table
	}
	for _, row := range crm.Rows[table] {
		if !crm.matches(t, row, g["where"]) {
			continue
		}
		f := finding{until: forever}
		column := g["after"] + g["until"]
		change, when := g.change()
		if column == "lost" || when == "ends" {
			column = ""
		}
		if when == "counts" {
			f.row = row.Text(Tables[table][1])
		}
		missing := g["missingDate"]
		instead := ""
		if missing != "" && missing != "keep" && missing != "ignore" {
			instead, missing = missing, ""
		}
		if missing == "" {
			missing = "keep"
			if g["table"] == "" && g["where"] == "" {
				missing = "ignore" // the ground is about those who have the date
			}
		}
		if column != "" {
			day, known := time.Time{}, false
			if change == "" {
				day, known = p.date(t, crm, row, column)
			}
			if !known && instead != "" {
				day, known = p.date(t, crm, row, instead)
			}
			switch year, isYear := crm.value(row, column).(float64); {
			case isYear:
				f.until = plus(t, time.Date(int(year)+1, 1, 1, 0, 0, 0, 0, time.UTC), g["keep"])
			case known:
				f.until = p.kept(t, day, g)
			case missing == "ignore" && f.row != "":
				f.ignored = true
			case missing == "ignore":
				continue
			}
			if period, after, _ := strings.Cut(g["atMost"], " after "); period != "" {
				if after == "" {
					after = "createdon"
				}
				if day, known := p.date(t, crm, row, after); known && plus(t, day, period).Before(f.until) {
					f.until = plus(t, day, period)
				}
			}
		}
		left, right, byValue := strings.Cut(g["link"], "=")
		switch {
		case g["table"] == "":
			f.ids = []string{row.Text(s.key)}
		case g["party"] != "":
			wanted := map[string]float64{"from": 1, "to": 2, "cc": 3, "bcc": 4, "required-attendee": 5, "optional-attendee": 6}[g["party"]]
			for _, line := range crm.Rows["activityparty"] {
				if line.lookup("activityid") == row.Text("activityid") && (g["party"] == "any" || line["participationtypemask"] == wanted) {
					f.ids = append(f.ids, line.lookup("partyid"))
				}
			}
		case byValue:
			f.value, _ = crm.value(row, strings.TrimSpace(left)).(string)
			for c := range strings.SplitSeq(right, ",") {
				f.columns = append(f.columns, strings.TrimSpace(c))
			}
		default:
			id, _ := crm.value(row, g["link"]).(string)
			f.ids = []string{id}
		}
		out = append(out, f)
	}
	return out
}

// handWritten says again what the views and FetchXML files of the tests' policies say.
func (p Policy) handWritten(t testing.TB, crm *CRM, g Ground) []finding {
	var out []finding
	switch g["view"] + g["fetchXml"] {
	case "Contacts to keep":
		for _, c := range crm.Rows["contact"] {
			if account := crm.ByID[c.lookup("parentcustomerid")]; c["statecode"] == 0.0 && c["preferredcontactmethodcode"] == 2.0 && account.Text("accountid") != "" && account["statecode"] == 0.0 {
				out = append(out, finding{ids: []string{c.Text("contactid")}, until: forever})
			}
		}
	case "fetch/deals.xml":
		for _, o := range crm.Rows["opportunity"] {
			if o["statecode"] == 0.0 {
				continue
			}
			f := finding{ids: []string{o.lookup("parentcontactid")}, until: forever}
			if closed := o.Text("actualclosedate"); closed != "" {
				f.until = plus(t, p.day(t, "actualclosedate", closed), g["keep"])
			}
			out = append(out, f)
		}
	case "fetch/customers.xml":
		for _, l := range crm.Rows["lead"] {
			if account := crm.ByID[l.lookup("customerid")]; account.Text("accountid") != "" && account["customertypecode"] == 3.0 {
				out = append(out, finding{ids: []string{l.Text("leadid")}, until: forever})
			}
		}
	default:
		t.Fatalf("nobody has written down what %v means", g)
	}
	return out
}
