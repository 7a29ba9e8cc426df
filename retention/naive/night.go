package naive

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// Ledger is what nights before have left behind. The zero Ledger is a new one.
type Ledger struct {
	traces map[string]Trace
	stages map[string]Stage
	owners map[string]any // whose rows were before they were archived
	holds  map[string]bool
	lost   map[string]time.Time
	kept   map[string]map[string]bool // by row, the classes of those whose purges have kept it

	since, till map[string]time.Time            // by person and ground: the first run that found it where one before had not, and the last that found it
	lastRun     time.Time                       // the last night before
	changed     map[string]map[string]time.Time // by ground, what the audit history told of rows or persons
	read        map[string]time.Time            // by ground, up to when it was read
	asked       map[string]Word
}

// Night is what a run of that day does: the CRM as it is afterwards. The ledger learns of it.
func (p Policy) Night(t testing.TB, crm *CRM, today time.Time, l *Ledger) *CRM {
	t.Helper()
	if l.traces == nil {
		*l = Ledger{traces: map[string]Trace{}, stages: map[string]Stage{}, owners: map[string]any{}, holds: map[string]bool{}, lost: map[string]time.Time{},
			kept: map[string]map[string]bool{}, since: map[string]time.Time{}, till: map[string]time.Time{}, changed: map[string]map[string]time.Time{},
			read: map[string]time.Time{}, asked: map[string]Word{}}
	}
	n := &night{TB: t, Policy: p, crm: crm.copy(), today: today, ledger: l}
	n.readHistory()
	n.persons = p.judge(t, crm, today, Known{
		Trace:   func(_, id string) Trace { return l.traces[id] },
		Stage:   func(_, id string) Stage { return l.stages[id] },
		Held:    func(_, id, ground string) (bool, time.Time) { return l.holds[id+ground], l.lost[id+ground] },
		Runs:    func(_, id, ground string) Runs { return Runs{l.since[id+ground], l.till[id+ground]} },
		Changed: func(_, id, ground string) time.Time { return l.changed[ground][id] },
		Asked:   func(_, id string) Word { return l.asked[id] },
	})
	n.remember()
	for _, person := range n.persons {
		n.announce(person)
	}
	n.takeBack()
	for _, person := range n.persons {
		if person.Ask {
			n.put(person)
		}
	}
	for _, person := range n.persons {
		switch {
		case person.Action != "purge" || person.Unasked:
		case person.Coming != "":
			n.step(person)
		default:
			n.purge(person)
		}
	}
	n.endKept()
	n.endRows()
	return n.crm
}

// night is a run under way.
type night struct {
	testing.TB
	Policy
	crm     *CRM
	today   time.Time
	ledger  *Ledger
	persons []*person
	ended   []string // rows that purges had kept
}

func (crm *CRM) copy() *CRM {
	c := &CRM{Rows: map[string][]Row{}, ByID: map[string]Row{}, History: crm.History}
	for table, rows := range crm.Rows {
		for _, row := range rows {
			row = maps.Clone(row)
			c.Rows[table] = append(c.Rows[table], row)
			c.ByID[row.Text(Tables[table][1])] = row
		}
	}
	return c
}

func (crm *CRM) remove(table, id string) {
	delete(crm.ByID, id)
	crm.Rows[table] = slices.DeleteFunc(crm.Rows[table], func(row Row) bool { return row.Text(Tables[table][1]) == id })
}

// remember notes for whom grounds hold that go on after they were lost, and who has lost one.
func (n *night) remember() {
	for _, person := range n.persons {
		for _, s := range n.subjects {
			for _, g := range s.grounds {
				_, when := g.change()
				switch key := person.id + g["id"]; {
				case g["after"] != "lost" && when == "":
				case slices.Contains(person.holding, g["id"]):
					if !n.ledger.holds[key] && !n.ledger.lastRun.IsZero() {
						n.ledger.since[key] = n.today
					}
					n.ledger.holds[key], n.ledger.till[key] = true, n.today
					delete(n.ledger.lost, key)
				case n.ledger.holds[key]:
					n.ledger.holds[key] = false
					n.ledger.lost[key] = n.today
					delete(n.ledger.since, key)
				}
			}
		}
	}
	n.ledger.lastRun = n.today
}

// readHistory reads what the audit history has since it was read last, a week of it again.
func (n *night) readHistory() {
	for _, s := range n.subjects {
		for _, g := range s.grounds {
			if _, when := g.change(); when == "" {
				continue
			}
			id, from := g["id"], time.Time{}
			if read := n.ledger.read[id]; !read.IsZero() {
				from = read.AddDate(0, 0, -7)
			}
			if n.ledger.changed[id] == nil {
				n.ledger.changed[id] = map[string]time.Time{}
			}
			for who, on := range n.history(n, n.crm, g, from) {
				n.ledger.changed[id][who] = latest(n.ledger.changed[id][who], on)
			}
			n.ledger.read[id] = n.today
		}
	}
}

// taskOf is the text by which a task says whom it is about.
func taskOf(id string) string { return "contact " + id }

// put has somebody asked: a task that says until when.
func (n *night) put(person *person) {
	on := person.announced
	n.ledger.asked[person.id] = Word{PurgeOn: on, On: n.today}
	task := Row{"activityid": "asked " + person.id + n.today.String(), "category": "gallra", "subcategory": taskOf(person.id), "scheduledend": words(on), "statecode": 0.0}
	n.crm.Rows["task"] = append(n.crm.Rows["task"], task)
	n.crm.ByID[task.Text("activityid")] = task
}

// takeBack takes back the words to those whose purge does not come on that date any more: the open tasks go. One that was completed
// stays until the person goes, and asks nobody any more.
func (n *night) takeBack() {
	for _, person := range n.persons {
		word, asked := n.ledger.asked[person.id]
		if !asked || word.PurgeOn.Equal(n.ledger.traces[person.id].PurgeOn) {
			continue
		}
		delete(n.ledger.asked, person.id)
		for _, task := range slices.Clone(n.crm.Rows["task"]) {
			if task.Text("subcategory") == taskOf(person.id) && task["statecode"] == 0.0 {
				n.crm.remove("task", task.Text("activityid"))
			}
		}
	}
}

// announce writes a person's dates, and gives back the row of somebody who was archived and is justified again.
func (n *night) announce(person *person) {
	row, l := n.crm.ByID[person.id], n.ledger
	if person.Returned {
		delete(l.stages, person.id)
		if owner, archived := l.owners[person.id]; archived {
			row["statecode"], row["_ownerid_value"] = 0.0, owner
			delete(l.owners, person.id)
		}
	}
	day := func(text string) (time.Time, any) {
		if text == "" {
			return time.Time{}, nil
		}
		return n.day(n, "", text), text
	}
	switch person.Action {
	case "hold":
		trace := l.traces[person.id]
		trace.Held = true
		l.traces[person.id] = trace
	case "purge":
	default:
		on, onRow := day(person.PurgeOn)
		noticed, noticedOnRow := day(person.NoticedOn)
		l.traces[person.id] = Trace{PurgeOn: on, NoticedOn: noticed}
		row["gallra_purgescheduledon"], row["gallra_purgenoticedon"] = onRow, noticedOnRow
	}
}

// step carries out the stage that has come. The next one is announced by itself.
func (n *night) step(person *person) {
	row, l := n.crm.ByID[person.id], n.ledger
	stage := l.stages[person.id]
	rule := person.class.stages[stage.Done]
	switch person.Coming {
	case "archive":
		l.owners[person.id] = row["_ownerid_value"]
		row["statecode"], row["_ownerid_value"] = 1.0, "the team "+rule.Ground["team"]
	case "reduce":
		for _, column := range rule.erase {
			row[column] = nil
		}
		n.coarse(row, rule.coarsen)
		n.reduceRows(person, rule, stage.Done)
	}
	if stage.Done == 0 {
		if stage.Base = person.ended; stage.Base.IsZero() { // nothing ever justified them
			stage.Base = n.day(n, "", person.NoticedOn)
		}
	}
	stage.Done++
	l.stages[person.id] = stage
	delete(l.traces, person.id)
	row["gallra_purgescheduledon"], row["gallra_purgenoticedon"] = nil, nil
}

// reduceRows does with a person's rows what the rules of a stage say, of the tables that they name alone. What they keep waits for the
// purge. Whoever of the same class has the stage behind them, and is not justified again, does not keep a row that it ends.
func (n *night) reduceRows(who *person, stage rule, done int) {
	for _, table := range tables {
		for _, row := range slices.Clone(n.crm.Rows[table]) {
			if !slices.Contains(n.on(table, row, false), who.id) {
				continue
			}
			rule, found := n.first(stage.related, table, row)
			switch {
			case !found:
			case rule.Ground["do"] == "anonymize" || rule.Ground["do"] == "delete":
				needed := slices.DeleteFunc(n.sharing(table, row, who.id), func(p *person) bool {
					return p.class.id == who.class.id && !p.ended.After(n.today) && p.Action != "hold" && n.ledger.stages[p.id].Done > done
				})
				if rule.Ground["do"] == "anonymize" {
					if !spares(needed, rule) {
						n.erase(row, rule)
					}
					continue
				}
				if len(needed) > 0 {
					n.takeOff(table, row, who.id)
					continue
				}
				for _, note := range n.crm.Rows["annotation"] {
					if r, found := n.first(stage.related, "annotation", note); note.lookup("objectid") == row.Text(Tables[table][1]) && found && r.Ground["do"] == "keep" {
						note["_objectid_value"] = nil
					}
				}
				n.delete(table, row.Text(Tables[table][1]))
			}
		}
	}
}

// takeOff takes a person off an activity that stays for others.
func (n *night) takeOff(table string, row Row, id string) {
	for _, line := range slices.Clone(n.crm.Rows["activityparty"]) {
		if table == "phonecall" && line.lookup("activityid") == row.Text("activityid") && line.lookup("partyid") == id {
			n.crm.remove("activityparty", line.Text("activitypartyid"))
		}
	}
}

// tables are those whose rows belong to persons, in the tests.
var tables = []string{"phonecall", "annotation", "salesorder"}

// Personal are the columns of contacts by which the tests see whether a row was anonymised.
var Personal = []string{"firstname", "lastname", "emailaddress1", "jobtitle", "description", "birthdate", "address1_postalcode", "address1_country"}

// binding are lookups that may not be empty: whoever a row that stays points at by one is anonymised in place.
var binding = map[string]string{"salesorder": "customerid"}

// purge deletes or anonymises a person, and does with their rows what the first rule says that matches each.
func (n *night) purge(person *person) {
	id, do := person.id, person.class.purge
	for _, table := range tables {
		for _, row := range slices.Clone(n.crm.Rows[table]) {
			if !slices.Contains(n.on(table, row, false), id) {
				continue
			}
			rowID := row.Text(Tables[table][1])
			rule, found := n.first(person.class.related, table, row)
			if !found { // business that no rule names
				if binding[table] != "" {
					do = "anonymize"
				}
				continue
			}
			switch rule.Ground["do"] {
			case "delete":
				if len(n.sharing(table, row, id)) == 0 {
					for _, note := range n.spared(person, rowID) { // it loses its link
						note["_objectid_value"] = nil
					}
					n.delete(table, rowID)
				}
				continue
			case "anonymize":
				if !spares(n.sharing(table, row, id), rule) {
					n.erase(row, rule)
				}
			}
			n.keep(person, rowID)
			n.spared(person, rowID)
			if binding[table] != "" {
				do = "anonymize"
			}
		}
	}
	delete(n.ledger.traces, id)
	delete(n.ledger.stages, id)
	delete(n.ledger.asked, id)
	for _, task := range slices.Clone(n.crm.Rows["task"]) {
		if task.Text("subcategory") == taskOf(id) {
			n.crm.remove("task", task.Text("activityid"))
		}
	}
	if do == "delete" {
		n.crm.remove("contact", id)
		for _, row := range n.crm.Rows["activityparty"] {
			if row.lookup("partyid") == id {
				row["_partyid_value"] = nil
			}
		}
		for _, row := range n.crm.Rows["annotation"] {
			if row.lookup("objectid") == id {
				row["_objectid_value"] = nil
			}
		}
		return
	}
	row := n.crm.ByID[id]
	coarse := Row{}
	maps.Copy(coarse, row)
	n.coarse(coarse, person.class.coarsen)
	for _, column := range Personal {
		if _, kept := person.class.coarsen[column]; kept {
			row[column] = coarse[column]
		} else if !slices.Contains(person.class.retain, column) {
			row[column] = nil
		}
	}
	row["gallra_anonymizedon"] = n.today.Format(time.DateOnly)
	row["gallra_purgescheduledon"], row["gallra_purgenoticedon"] = nil, nil
}

// spared are the notes on a row that a rule for notes keeps.
func (n *night) spared(person *person, on string) (notes []Row) {
	for _, note := range n.crm.Rows["annotation"] {
		if r, found := n.first(person.class.related, "annotation", note); note.lookup("objectid") == on && found && r.Ground["do"] == "keep" {
			n.keep(person, note.Text("annotationid"))
			notes = append(notes, note)
		}
	}
	return notes
}

// keep notes that a purge has left a row in place by a rule.
func (n *night) keep(person *person, id string) {
	if n.ledger.kept[id] == nil {
		n.ledger.kept[id] = map[string]bool{}
	}
	n.ledger.kept[id][person.class.id] = true
}

// first is the first rule that matches a row. Rows of business are matched by those alone that name their table.
func (n *night) first(rules []rule, table string, row Row) (rule, bool) {
	for _, r := range rules {
		if r.Ground["table"] != table && (r.Ground["table"] != "*" || table == "salesorder") {
			continue
		}
		if n.crm.matches(n, row, r.Ground["where"]) {
			return r, true
		}
	}
	return rule{}, false
}

// sharing are those on a row besides somebody who are still justified, or between two stages.
func (n *night) sharing(table string, row Row, by string) (all []*person) {
	on := n.on(table, row, false)
	for _, p := range n.persons {
		if p.id != by && (p.Action != "purge" || p.Unasked) && (p.until.After(n.today) || p.Action == "hold") && slices.Contains(on, p.id) {
			all = append(all, p)
		}
	}
	return all
}

// spares tells whether those who share a row keep it from losing columns: anybody, or, as the rule may say, who is held alone.
func spares(sharing []*person, r rule) bool {
	return slices.ContainsFunc(sharing, func(p *person) bool { return p.Action == "hold" || r.Ground["evenIf"] != "justified" })
}

// delete deletes a row, and the notes on it.
func (n *night) delete(table, id string) {
	n.crm.remove(table, id)
	for _, note := range slices.Clone(n.crm.Rows["annotation"]) {
		if note.lookup("objectid") == id {
			n.crm.remove("annotation", note.Text("annotationid"))
		}
	}
}

// erase empties the columns of a row that a rule names.
func (n *night) erase(row Row, r rule) {
	for _, column := range r.erase {
		row[column] = nil
	}
}

// on are the ids of whom a row is about: the parties of an activity, what a note is on, who has bought. With further, also who is on
// what the row is part of.
func (n *night) on(table string, row Row, further bool) (ids []string) {
	switch table {
	case "phonecall":
		for _, line := range n.crm.Rows["activityparty"] {
			if line.lookup("activityid") == row.Text("activityid") && line.lookup("partyid") != "" {
				ids = append(ids, line.lookup("partyid"))
			}
		}
	case "annotation":
		ids = append(ids, row.lookup("objectid"))
		if call := n.crm.ByID[row.lookup("objectid")]; further && call.Text("activityid") != "" {
			ids = append(ids, n.on("phonecall", call, true)...)
		}
	case "salesorder":
		ids = append(ids, row.lookup("customerid"))
	}
	return ids
}
