package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// Duplicate detection. Pages: duplicaterule-entities, manage-duplicate-detection-create-update, run-duplicate-detection.

// Operators of a rule's conditions. Page: reference/entities/duplicaterulecondition.
const (
	sameExactly  = 0
	sameFirst    = 1
	sameLast     = 2
	sameDay      = 3
	sameMoment   = 4
	sameLabel    = 5
	sameOption   = 6
	maxPublished = 5 // "you can publish a maximum of five duplicate detection rules per entity type at one time"
)

// activeStates are the states that count as active, where that is not 0 alone. Page: duplicaterule-entities.
var activeStates = map[string]map[int64]bool{
	"appointment": {0: true, 3: true}, "quote": {0: true, 1: true}, "salesorder": {0: true, 1: true, 4: true},
}

// seedRules are published rules that an environment has from the first day on: "default duplicate detection rules for
// accounts, contacts, and leads". Which ones no page says.
func seedRules(add func(string, uuid.UUID, fields), unit, owner ref) {
	for table, label := range map[string]string{"account": "Accounts", "contact": "Contacts", "lead": "Leads"} {
		rule := ref{"duplicaterule", stableID("duplicaterule/" + table)}
		add(rule.Table, rule.ID, fields{"name": label + " with the same e-mail address", "baseentityname": table, "matchingentityname": table, "ownerid": owner,
			"owninguser": owner, "owningbusinessunit": unit, "iscasesensitive": false, "excludeinactiverecords": false, "ismanaged": false, "statecode": int64(1), "statuscode": int64(2)})
		add("duplicaterulecondition", stableID("duplicaterulecondition/"+table), fields{"baseattributename": "emailaddress1", "matchingattributename": "emailaddress1",
			"operatorcode": int64(sameExactly), "ignoreblankvalues": true, "regardingobjectid": rule})
	}
}

// checkRule: a rule compares rows of two tables.
func (w *writer) checkRule(t *table, r *row) error {
	for _, name := range []string{"name", "baseentityname", "matchingentityname"} {
		if t.text(r, name) == "" {
			return newFault(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity 'duplicaterule'.", name)
		}
	}
	for _, name := range []string{"baseentityname", "matchingentityname"} {
		if of := w.schema.tables[t.text(r, name)]; of == nil || of.Ownership != "UserOwned" {
			return badArgument("Duplicate detection is not supported for the entity '%s'.", t.text(r, name))
		}
	}
	return nil
}

// checkCondition: a condition compares columns that both tables have, with an operator that fits them.
func (w *writer) checkCondition(t *table, r *row) error {
	rules := w.schema.tables["duplicaterule"]
	rule := w.data[rules.Name].get(t.ref(r, "regardingobjectid").ID)
	if rule == nil {
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'regardingobjectid' is missing on the entity 'duplicaterulecondition'.")
	}
	op, set := t.get(r, "operatorcode").(int64)
	if !set {
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'operatorcode' is missing on the entity 'duplicaterulecondition'.")
	}
	for column, of := range map[string]string{"baseattributename": "baseentityname", "matchingattributename": "matchingentityname"} {
		x := w.schema.tables[rules.text(rule, of)]
		c := x.column(t.text(r, column))
		if c == nil {
			return newFault(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", x.Name, t.text(r, column))
		}
		fits := false
		switch op {
		case sameExactly:
			fits = c.kind != kindPartyList && c.kind != kindImage && c.kind != kindFile && c.kind != kindVirtual
		case sameFirst, sameLast:
			fits = c.kind == kindString || c.kind == kindMemo
		case sameDay, sameMoment:
			fits = c.kind == kindDateTime
		case sameLabel, sameOption:
			fits = len(c.Options) > 0
		}
		if !fits {
			return badArgument("The rule condition cannot be created or updated because duplicate detection is not supported on the data type of the selected attribute.")
		}
	}
	if n, given := t.get(r, "operatorparam").(int64); given != (op == sameFirst || op == sameLast) || given && n < 1 {
		return badArgument("The OperatorParam goes with the operators Same First Characters and Same Last Characters, and is greater than zero.")
	}
	return nil
}

// publishRule is PublishDuplicateRule. It is an asynchronous operation of the service; here the job is over at once.
func (s *platformService) publishRule(c *call) (*answer, error) {
	job := uuid.New()
	err := s.moveRule(c, func(w *writer, t *table, r *row) error {
		if t.int(r, "statecode") == 1 {
			return badArgument("The duplicate detection rule is already published.")
		}
		base := t.text(r, "baseentityname")
		published := 0
		for _, x := range w.publishedRules() {
			if t.text(x, "baseentityname") == base {
				published++
			}
		}
		if published >= maxPublished {
			return badArgument("The maximum number of published duplicate detection rules of the entity '%s' is %d.", base, maxPublished)
		}
		if len(w.conditions(r)) == 0 {
			return badArgument("A duplicate detection rule without conditions cannot be published.")
		}
		a := w.schema.tables["asyncoperation"]
		v := values{a.idColumn().index: job}
		v.setText(a, "name", t.text(r, "name"))
		v.set(a, "operationtype", int64(7))
		v.set(a, "statecode", int64(3))
		v.set(a, "statuscode", int64(30))
		v.set(a, "completedon", w.now)
		v.set(a, "ownerid", ref{"systemuser", w.user})
		w.platformRow(a, v)
		return w.publish(t, r, 1, 2)
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.PublishDuplicateRuleResponse", "JobId": job}), nil
}

func (s *platformService) unpublishRule(c *call) (*answer, error) {
	return noContent(), s.moveRule(c, func(w *writer, t *table, r *row) error {
		if t.int(r, "statecode") == 0 {
			return badArgument("The duplicate detection rule is not published.")
		}
		return w.publish(t, r, 0, 0)
	})
}

func (w *writer) publish(t *table, r *row, state, status int64) error {
	v := values{}
	v.set(t, "statecode", state)
	v.set(t, "statuscode", status)
	_, err := w.save(t, r, v)
	return err
}

// moveRule reads the rule that an action is about.
func (s *platformService) moveRule(c *call, fn func(*writer, *table, *row) error) error {
	return s.change(c, func(w *writer) error {
		body, err := c.decode()
		if err != nil {
			return err
		}
		text, given := body["DuplicateRuleId"].(string)
		if !given {
			return missingArgument("DuplicateRuleId", c.path.segments[0].name)
		}
		id, err := uuid.Parse(text)
		if err != nil {
			return badArgument("The DuplicateRuleId is not an id.")
		}
		t := w.schema.tables["duplicaterule"]
		r := w.data[t.Name].get(id)
		if r == nil {
			return noRow(t.Name, id.String())
		}
		if err := w.allow("Write", t, r); err != nil {
			return err
		}
		return fn(w, t, r)
	})
}

// publishedRules are the rules in force.
func (s *snapshot) publishedRules() []*row {
	t := s.schema.tables["duplicaterule"]
	var out []*row
	s.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if t.int(r, "statecode") == 1 {
			out = append(out, r)
		}
		return true
	})
	return out
}

// ruleCondition is a condition of a rule, with the columns that it compares.
type ruleCondition struct {
	base, matching *column
	op, length     int64
	ignoreBlank    bool
	sensitive      bool
}

func (s *snapshot) conditions(rule *row) []ruleCondition {
	t, rules := s.schema.tables["duplicaterulecondition"], s.schema.tables["duplicaterule"]
	base, matching := s.schema.tables[rules.text(rule, "baseentityname")], s.schema.tables[rules.text(rule, "matchingentityname")]
	var out []ruleCondition
	s.data[t.Name].pointing(t.column("regardingobjectid").index, rule.id, func(r *row) bool {
		c := ruleCondition{op: t.int(r, "operatorcode"), length: t.int(r, "operatorparam")}
		if base != nil && matching != nil {
			c.base, c.matching = base.column(t.text(r, "baseattributename")), matching.column(t.text(r, "matchingattributename"))
		}
		c.ignoreBlank, _ = t.get(r, "ignoreblankvalues").(bool)
		c.sensitive, _ = rules.get(rule, "iscasesensitive").(bool)
		out = append(out, c)
		return true
	})
	if len(out) == 1 {
		out[0].ignoreBlank = true // "For a duplicate detection rule with one condition, if you set the attribute value to false, it is treated by the system as a true value."
	}
	return out
}

// code is what a condition compares of a row, "" for no value.
func (c *ruleCondition) code(of *column, r *row) string {
	v := r.get(of.index)
	switch v := v.(type) {
	case nil:
		return ""
	case ref:
		return v.ID.String()
	case instant:
		if c.op == sameDay {
			return fmt.Sprint(dayIn(v))
		}
	case int64:
		if o := of.option(int(v)); o != nil && c.op == sameLabel {
			return o.Label
		}
	case string:
		text := strings.TrimSpace(v)
		if !c.sensitive {
			text = strings.ToLower(text)
		}
		letters := []rune(text)
		n := min(int(c.length), len(letters))
		switch c.op {
		case sameFirst:
			return string(letters[:n])
		case sameLast:
			return string(letters[len(letters)-n:])
		}
		return text
	}
	return fmt.Sprint(v)
}

// duplicates calls fn for the rows of another table, or of any, that a published rule calls duplicates of r, once for each
// rule, until fn returns false.
func (s *snapshot) duplicates(t *table, r *row, of string, fn func(*row) bool) {
	rules := s.schema.tables["duplicaterule"]
	org := s.schema.tables["organization"]
	s.data[org.Name].scan(uuid.Nil, func(o *row) bool {
		if on, set := org.get(o, "isduplicatedetectionenabled").(bool); set && !on {
			fn = nil
		}
		return true
	})
	if fn == nil {
		return
	}
	for _, rule := range s.publishedRules() {
		if matching := rules.text(rule, "matchingentityname"); rules.text(rule, "baseentityname") != t.Name || of != "" && of != matching {
			continue
		}
		if !s.duplicatesBy(rule, t, r, fn) {
			return
		}
	}
}

func (s *snapshot) duplicatesBy(rule *row, t *table, r *row, fn func(*row) bool) bool {
	rules := s.schema.tables["duplicaterule"]
	matching := s.schema.tables[rules.text(rule, "matchingentityname")]
	list := s.conditions(rule)
	codes := make([]string, len(list))
	for i := range list {
		c := &list[i]
		if c.base == nil || c.matching == nil { // the column has gone since
			return true
		}
		if codes[i] = c.code(c.base, r); codes[i] == "" && c.ignoreBlank {
			return true
		}
	}
	activeOnly, _ := rules.get(rule, "excludeinactiverecords").(bool)
	going := true
	s.data[matching.Name].scan(uuid.Nil, func(x *row) bool {
		if matching == t && x.id == r.id || activeOnly && !active(matching, x) {
			return true
		}
		for i := range list {
			if list[i].code(list[i].matching, x) != codes[i] {
				return true
			}
		}
		going = fn(x)
		return going
	})
	return going
}

func active(t *table, r *row) bool {
	state := t.int(r, "statecode")
	if states := activeStates[t.Name]; states != nil {
		return states[state]
	}
	return state == 0
}

// refuseDuplicate is what MSCRM.SuppressDuplicateDetection: false asks for.
func (w *writer) refuseDuplicate(t *table, r *row) error {
	if !w.detecting {
		return nil
	}
	found := false
	w.duplicates(t, r, "", func(*row) bool {
		found = true
		return false
	})
	if !found {
		return nil
	}
	status := http.StatusPreconditionFailed
	if w.engine.options.DuplicateStatus != 0 {
		status = w.engine.options.DuplicateStatus
	}
	return newFault(status, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.")
}

// retrieveDuplicates is RetrieveDuplicates: the duplicates of a row, or of one that is not there yet. Page:
// run-duplicate-detection.
func (s *platformService) retrieveDuplicates(c *call) (*answer, error) {
	args, err := c.arguments(c.path.segments[0])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"BusinessEntity", "MatchingEntityName"} {
		if args[name] == "" || args[name] == "null" {
			return nil, missingArgument(name, "RetrieveDuplicates")
		}
	}
	name, err := textArgument(args["MatchingEntityName"])
	if err != nil {
		return nil, err
	}
	e := newEnv(c)
	e.slot()
	of := e.snap.schema.tables[name]
	if of == nil {
		return nil, badArgument("The entity with a name = '%s' was not found.", name)
	}
	t, r, err := s.businessEntity(c, e, args["BusinessEntity"])
	if err != nil {
		return nil, err
	}
	skip, count := 0, maxRows
	if text := args["PagingInfo"]; text != "" && text != "null" {
		page, err := objectArgument(text)
		if err != nil {
			return nil, err
		}
		number, err := intMember(page, "PageNumber", 1)
		if err != nil {
			return nil, err
		}
		if count, err = intMember(page, "Count", maxRows); err != nil {
			return nil, err
		}
		if number < 1 || count < 1 || count > maxRows {
			return nil, badArgument("The PagingInfo is not valid.")
		}
		skip = (number - 1) * count
	}
	sh, err := newCompiler(e).shape("", "", of)
	if err != nil {
		return nil, err
	}
	from := e.source(of)
	w := newEncoder(c, e)
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, c.base+"/$metadata#"+of.Set)
	w.key("value")
	w.text("[")
	seen, n := map[uuid.UUID]bool{}, 0
	e.snap.duplicates(t, r, of.Name, func(x *row) bool {
		if x = from.pass(x); x == nil || seen[x.id] {
			return true
		}
		seen[x.id] = true
		if n++; n > skip {
			if n > skip+1 {
				w.text(",")
			}
			w.row(sh, x, listed)
		}
		return n < skip+count
	})
	w.text("]}")
	c.readRows(max(n-skip, 0))
	return &answer{status: http.StatusOK, body: w.b}, e.finished()
}

// businessEntity is the row that a parameter names, or one made of the values in it.
func (s *platformService) businessEntity(c *call, e *env, text string) (*table, *row, error) {
	m, err := objectArgument(text)
	if err != nil {
		return nil, nil, err
	}
	name, _ := m["@odata.type"].(string)
	t := e.snap.schema.tables[strings.TrimPrefix(strings.TrimPrefix(name, "#"), crmNamespace)]
	if t == nil || m["@odata.id"] != nil || m[t.ID] != nil {
		to, _, err := e.snap.entityArgument(m)
		if err != nil {
			return nil, nil, err
		}
		t = e.snap.schema.tables[to.Table]
		if err := c.allowed("Read", t, nil); err != nil {
			return nil, nil, err
		}
		r := e.source(t).get(e, to.ID)
		if r == nil {
			return nil, nil, noRow(t.Name, to.ID.String())
		}
		return t, r, nil
	}
	var r *row
	err = s.change(c, func(w *writer) error {
		in, err := w.readBody(t, m, true)
		if err == nil {
			r = (&row{}).with(in.values, 0)
		}
		return err
	})
	return t, r, err
}
