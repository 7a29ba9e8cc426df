package naive

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// endKept ends the rows that purges have kept and whose own period is over. The rule is asked again by its filter, without its link.
func (n *night) endKept() {
	for _, table := range tables {
		for _, row := range slices.Clone(n.crm.Rows[table]) {
			id := row.Text(Tables[table][1])
			var by []rule
			for class := range n.ledger.kept[id] {
				if end, over := n.end(class, table, row); over {
					by = append(by, end)
				} else {
					by = nil
					break
				}
			}
			if len(by) > 0 && !n.stops(table, row, false) && (by[0].Ground["then"] != "anonymize" || filled(row, by[0])) {
				n.finish(table, row, by[0], by[0].Ground["then"])
				n.ended = append(n.ended, id)
			}
		}
	}
}

// end is the rule by which a row was kept, if its period is over.
func (n *night) end(class, table string, row Row) (rule, bool) {
	for _, r := range n.related(class) {
		if r.Ground["table"] == table && (r.Ground["do"] == "keep" || r.Ground["do"] == "anonymize") && n.crm.matches(n, row, r.Ground["where"]) {
			return r, r.Ground["then"] != "" && n.over(row, r)
		}
	}
	return rule{}, false
}

// related are the rules of a class of contacts for related rows.
func (n *night) related(id string) []rule {
	for _, k := range n.subjects[0].classes {
		if k.id == id {
			return k.related
		}
	}
	return n.subjects[0].related
}

// over tells whether a row's period is over; a row without its date stays.
func (n *night) over(row Row, r rule) bool {
	on, known := n.date(n, n.crm, row, r.Ground["after"]+r.Ground["until"])
	return known && !n.Policy.kept(n, on, r.Ground).After(n.today)
}

// endRows ends the rows whose own period is over, whoever they belong to: of the rules of a table the first that matches decides.
func (n *night) endRows() {
	for i, r := range n.rows {
		table := r.Ground["table"]
		for _, row := range slices.Clone(n.crm.Rows[table]) {
			if slices.Contains(n.ended, row.Text(Tables[table][1])) {
				continue // one rule a night
			}
			if n.rowRule(table, row) == i && n.over(row, r) && !n.stops(table, row, r.Ground["evenIf"] == "justified") && !n.keptByRule(table, row) {
				n.finish(table, row, r, r.Ground["do"])
			}
		}
	}
}

// rowRule is the place of the rule of `rows` that decides of a row, -1 if none does.
func (n *night) rowRule(table string, row Row) int {
	return slices.IndexFunc(n.rows, func(r rule) bool { return r.Ground["table"] == table && n.crm.matches(n, row, r.Ground["where"]) })
}

// finish ends a row, unless something that its delete would take along has to stay.
func (n *night) finish(table string, row Row, r rule, do string) {
	if do == "anonymize" {
		n.erase(row, r)
		return
	}
	id := row.Text(Tables[table][1])
	for _, note := range n.crm.Rows["annotation"] {
		if note.lookup("objectid") != id {
			continue
		}
		if i := n.rowRule("annotation", note); i >= 0 && !n.over(note, n.rows[i]) || n.keptByRule("annotation", note) {
			return
		}
	}
	n.delete(table, id)
}

// filled tells whether something stands in the columns that a rule erases: a row that was emptied is not due again.
func filled(row Row, r rule) bool {
	return slices.ContainsFunc(r.erase, func(column string) bool { return row[column] != nil })
}

// stops tells whether somebody on a row, or on what it is part of, is under a legal hold, or justified. Somebody between two stages is
// not: nothing justifies them.
func (n *night) stops(table string, row Row, evenIfJustified bool) bool {
	on := n.on(table, row, true)
	return slices.ContainsFunc(n.persons, func(p *person) bool {
		return slices.Contains(on, p.id) && n.crm.ByID[p.id] != nil && n.crm.ByID[p.id]["gallra_anonymizedon"] == nil &&
			(p.row["gallra_legalhold"] == true || !evenIfJustified && (p.ended.After(n.today) || p.Action == "hold"))
	})
}

// keptByRule tells whether a related rule keeps a row, whoever it belongs to: one that keeps some rows of the table, or has an end that
// has not come.
func (n *night) keptByRule(table string, row Row) bool {
	rules := n.subjects[0].related
	for _, k := range n.subjects[0].classes {
		rules = append(slices.Clone(rules), k.related...)
	}
	return slices.ContainsFunc(rules, func(r rule) bool {
		if r.Ground["table"] != table || r.Ground["do"] != "keep" && r.Ground["do"] != "anonymize" || !n.crm.matches(n, row, r.Ground["where"]) {
			return false
		}
		if r.Ground["then"] != "" {
			return !n.over(row, r)
		}
		return r.Ground["do"] == "keep" && r.Ground["where"] != ""
	})
}

// coarse keeps a part of some columns: the first day of a month, quarter, year or decade, the first letters of a text.
func (n *night) coarse(row Row, columns map[string]string) {
	for column, to := range columns {
		text := row.Text(column)
		if text == "" {
			continue
		}
		if letters, err := strconv.Atoi(to); err == nil {
			all := []rune(strings.TrimSpace(text))
			row[column] = strings.TrimSpace(string(all[:min(letters, len(all))]))
			continue
		}
		day := n.day(n, column, text)
		year, month := day.Year(), int(day.Month())
		switch to {
		case "quarter":
			month = []int{1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10}[month-1]
		case "year":
			month = 1
		case "decade":
			year, month = year/10*10, 1
		}
		row[column] = time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
}
