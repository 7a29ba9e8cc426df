package platform

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
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
func seedRules(add func(string, uuid.UUID, store.Fields), unit, owner store.Ref) {
	for table, label := range map[string]string{"account": "Accounts", "contact": "Contacts", "lead": "Leads"} {
		rule := store.Ref{Table: "duplicaterule", ID: schema.StableID("duplicaterule/" + table)}
		add(rule.Table, rule.ID, store.Fields{"name": label + " with the same e-mail address", "baseentityname": table, "matchingentityname": table, "ownerid": owner,
			"owninguser": owner, "owningbusinessunit": unit, "iscasesensitive": false, "excludeinactiverecords": false, "ismanaged": false, "statecode": int64(1), "statuscode": int64(2)})
		add("duplicaterulecondition", schema.StableID("duplicaterulecondition/"+table), store.Fields{"baseattributename": "emailaddress1", "matchingattributename": "emailaddress1",
			"operatorcode": int64(sameExactly), "ignoreblankvalues": true, "regardingobjectid": rule})
	}
}

// checkRule: a rule compares rows of two tables.
func (w *Writer) checkRule(t *schema.Table, before, r *store.Row) error {
	for _, name := range []string{"name", "baseentityname", "matchingentityname"} {
		if store.Text(t, r, name) == "" {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity 'duplicaterule'.", name)
		}
	}
	for _, name := range []string{"baseentityname", "matchingentityname"} {
		if of := w.Schema.Tables[store.Text(t, r, name)]; of == nil || of.Ownership != "UserOwned" {
			return wire.BadArgument("Duplicate detection is not supported for the entity '%s'.", store.Text(t, r, name))
		} else if before == nil && of.Shown["IsDuplicateDetectionEnabled"] == false {
			return wire.BadArgument("Duplicate detection is not enabled for the entity '%s'.", of.Name)
		}
	}
	return nil
}

// checkCondition: a condition compares columns that both tables have, with an operator that fits them.
func (w *Writer) checkCondition(t *schema.Table, r *store.Row) error {
	rules := w.Schema.Tables["duplicaterule"]
	rule := w.Data[rules.Name].Get(store.Lookup(t, r, "regardingobjectid").ID)
	if rule == nil {
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'regardingobjectid' is missing on the entity 'duplicaterulecondition'.")
	}
	op, set := store.Value(t, r, "operatorcode").(int64)
	if !set {
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'operatorcode' is missing on the entity 'duplicaterulecondition'.")
	}
	for column, of := range map[string]string{"baseattributename": "baseentityname", "matchingattributename": "matchingentityname"} {
		x := w.Schema.Tables[store.Text(rules, rule, of)]
		c := x.Column(store.Text(t, r, column))
		if c == nil {
			return wire.NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", x.Name, store.Text(t, r, column))
		}
		fits := false
		switch op {
		case sameExactly:
			fits = c.Kind != schema.KindPartyList && c.Kind != schema.KindImage && c.Kind != schema.KindFile && c.Kind != schema.KindVirtual
		case sameFirst, sameLast:
			fits = c.Kind == schema.KindString || c.Kind == schema.KindMemo
		case sameDay, sameMoment:
			fits = c.Kind == schema.KindDateTime
		case sameLabel, sameOption:
			fits = len(c.Options) > 0
		}
		if !fits {
			return wire.BadArgument("The rule condition cannot be created or updated because duplicate detection is not supported on the data type of the selected attribute.")
		}
	}
	if n, given := store.Value(t, r, "operatorparam").(int64); given != (op == sameFirst || op == sameLast) || given && n < 1 {
		return wire.BadArgument("The OperatorParam goes with the operators Same First Characters and Same Last Characters, and is greater than zero.")
	}
	return nil
}

// publishRule is PublishDuplicateRule. It is an asynchronous operation of the service; here the job is over at once.
func (s *Service) publishRule(c *wire.Call) (*wire.Answer, error) {
	job := uuid.New()
	err := s.moveRule(c, func(w *Writer, t *schema.Table, r *store.Row) error {
		if store.Int(t, r, "statecode") == 1 {
			return wire.BadArgument("The duplicate detection rule is already published.")
		}
		base := store.Text(t, r, "baseentityname")
		published := 0
		for _, x := range publishedRules(&w.Tx.Snapshot) {
			if store.Text(t, x, "baseentityname") == base {
				published++
			}
		}
		if published >= maxPublished {
			return wire.BadArgument("The maximum number of published duplicate detection rules of the entity '%s' is %d.", base, maxPublished)
		}
		if len(ruleConditions(&w.Tx.Snapshot, r)) == 0 {
			return wire.BadArgument("A duplicate detection rule without conditions cannot be published.")
		}
		a := w.Schema.Tables["asyncoperation"]
		v := store.Values{a.IDColumn().Index: job}
		v.SetText(a, "name", store.Text(t, r, "name"))
		v.Set(a, "operationtype", int64(7))
		v.Set(a, "statecode", int64(3))
		v.Set(a, "statuscode", int64(30))
		v.Set(a, "completedon", w.Now)
		v.Set(a, "ownerid", store.Ref{Table: "systemuser", ID: w.User})
		w.PutPlatformRow(a, v)
		return w.publish(t, r, 1, 2)
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.PublishDuplicateRuleResponse", "JobId": job}), nil
}

func (s *Service) unpublishRule(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.moveRule(c, func(w *Writer, t *schema.Table, r *store.Row) error {
		if store.Int(t, r, "statecode") == 0 {
			return wire.BadArgument("The duplicate detection rule is not published.")
		}
		return w.publish(t, r, 0, 0)
	})
}

func (w *Writer) publish(t *schema.Table, r *store.Row, state, status int64) error {
	v := store.Values{}
	v.Set(t, "statecode", state)
	v.Set(t, "statuscode", status)
	_, err := w.Save(t, r, v)
	return err
}

// moveRule reads the rule that an action is about.
func (s *Service) moveRule(c *wire.Call, fn func(*Writer, *schema.Table, *store.Row) error) error {
	return s.Change(c, func(w *Writer) error {
		body, err := c.Decode()
		if err != nil {
			return err
		}
		text, given := body["DuplicateRuleId"].(string)
		if !given {
			return wire.MissingArgument("DuplicateRuleId", c.Path.Segments[0].Name)
		}
		id, err := uuid.Parse(text)
		if err != nil {
			return wire.BadArgument("The DuplicateRuleId is not an id.")
		}
		t := w.Schema.Tables["duplicaterule"]
		r := w.Data[t.Name].Get(id)
		if r == nil {
			return wire.NoRow(t.Name, id.String())
		}
		if err := w.CheckRight("Write", t, r); err != nil {
			return err
		}
		return fn(w, t, r)
	})
}

// publishedRules are the rules in force.
func publishedRules(s *store.Snapshot) []*store.Row {
	t := s.Schema.Tables["duplicaterule"]
	var out []*store.Row
	s.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Int(t, r, "statecode") == 1 {
			out = append(out, r)
		}
		return true
	})
	return out
}

// ruleCondition is a condition of a rule, with the columns that it compares.
type ruleCondition struct {
	base, matching *schema.Column
	op, length     int64
	ignoreBlank    bool
	sensitive      bool
}

func ruleConditions(s *store.Snapshot, rule *store.Row) []ruleCondition {
	t, rules := s.Schema.Tables["duplicaterulecondition"], s.Schema.Tables["duplicaterule"]
	base, matching := s.Schema.Tables[store.Text(rules, rule, "baseentityname")], s.Schema.Tables[store.Text(rules, rule, "matchingentityname")]
	var out []ruleCondition
	s.Data[t.Name].Pointing(t.Column("regardingobjectid").Index, rule.ID, func(r *store.Row) bool {
		c := ruleCondition{op: store.Int(t, r, "operatorcode"), length: store.Int(t, r, "operatorparam")}
		if base != nil && matching != nil {
			c.base, c.matching = base.Column(store.Text(t, r, "baseattributename")), matching.Column(store.Text(t, r, "matchingattributename"))
		}
		c.ignoreBlank, _ = store.Value(t, r, "ignoreblankvalues").(bool)
		c.sensitive, _ = store.Value(rules, rule, "iscasesensitive").(bool)
		out = append(out, c)
		return true
	})
	if len(out) == 1 {
		out[0].ignoreBlank = true // "For a duplicate detection rule with one condition, if you set the attribute value to false, it is treated by the system as a true value."
	}
	return out
}

// code is what a condition compares of a row, "" for no value.
func (c *ruleCondition) code(of *schema.Column, r *store.Row) string {
	v := r.Get(of.Index)
	switch v := v.(type) {
	case nil:
		return ""
	case store.Ref:
		return v.ID.String()
	case store.Instant:
		if c.op == sameDay {
			return fmt.Sprint(store.DayOf(v))
		}
	case int64:
		if o := of.Option(int(v)); o != nil && c.op == sameLabel {
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
func duplicates(s *store.Snapshot, t *schema.Table, r *store.Row, of string, fn func(*store.Row) bool) {
	rules := s.Schema.Tables["duplicaterule"]
	if !detects(s, "isduplicatedetectionenabled") {
		return
	}
	for _, rule := range publishedRules(s) {
		if matching := store.Text(rules, rule, "matchingentityname"); store.Text(rules, rule, "baseentityname") != t.Name || of != "" && of != matching {
			continue
		}
		if !duplicatesBy(s, rule, t, r, fn) {
			return
		}
	}
}

// detects tells whether a switch of the organisation lets duplicates be found. One that nobody has set does. Page:
// enable-disable-duplicate-detection.
func detects(s *store.Snapshot, column string) bool {
	org, on := s.Schema.Tables["organization"], true
	s.Data[org.Name].Scan(uuid.Nil, func(o *store.Row) bool {
		set, given := store.Value(org, o, column).(bool)
		on = on && (set || !given)
		return true
	})
	return on
}

// followSwitch unpublishes every rule when the organisation's switch is turned off. Page: enable-disable-duplicate-detection.
func (w *Writer) followSwitch(t *schema.Table, before, after *store.Row) {
	if was, is := store.Value(t, before, "isduplicatedetectionenabled"), store.Value(t, after, "isduplicatedetectionenabled"); is == false && was != false {
		metadata.UnpublishRules(w.Tx, "")
	}
}

func duplicatesBy(s *store.Snapshot, rule *store.Row, t *schema.Table, r *store.Row, fn func(*store.Row) bool) bool {
	rules := s.Schema.Tables["duplicaterule"]
	matching := s.Schema.Tables[store.Text(rules, rule, "matchingentityname")]
	list := ruleConditions(s, rule)
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
	activeOnly, _ := store.Value(rules, rule, "excludeinactiverecords").(bool)
	going := true
	s.Data[matching.Name].Scan(uuid.Nil, func(x *store.Row) bool {
		if matching == t && x.ID == r.ID || activeOnly && !isActive(matching, x) {
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

func isActive(t *schema.Table, r *store.Row) bool {
	state := store.Int(t, r, "statecode")
	if states := activeStates[t.Name]; states != nil {
		return states[state]
	}
	return state == 0
}

// refuseDuplicate is what MSCRM.SuppressDuplicateDetection: false asks for.
func (w *Writer) refuseDuplicate(t *schema.Table, r *store.Row) error {
	if !w.detecting || !detects(&w.Tx.Snapshot, "isduplicatedetectionenabledforonlinecreateupdate") {
		return nil
	}
	found := false
	duplicates(&w.Tx.Snapshot, t, r, "", func(*store.Row) bool {
		found = true
		return false
	})
	if !found {
		return nil
	}
	status := http.StatusPreconditionFailed
	if w.Engine.Options.DuplicateStatus != 0 {
		status = w.Engine.Options.DuplicateStatus
	}
	return wire.NewError(status, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.")
}

// retrieveDuplicates is RetrieveDuplicates: the duplicates of a row, or of one that is not there yet. Page:
// run-duplicate-detection.
func (s *Service) retrieveDuplicates(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"BusinessEntity", "MatchingEntityName"} {
		if args[name] == "" || args[name] == "null" {
			return nil, wire.MissingArgument(name, "RetrieveDuplicates")
		}
	}
	name, err := wire.TextArgument(args["MatchingEntityName"])
	if err != nil {
		return nil, err
	}
	e := query.NewEnv(c)
	e.Slot()
	of := e.Snap.Schema.Tables[name]
	if of == nil {
		return nil, wire.BadArgument("The entity with a name = '%s' was not found.", name)
	}
	t, r, err := s.businessEntity(c, e, args["BusinessEntity"])
	if err != nil {
		return nil, err
	}
	skip, count := 0, query.MaxRows
	if text := args["PagingInfo"]; text != "" && text != "null" {
		page, err := wire.ObjectArgument(text)
		if err != nil {
			return nil, err
		}
		number, err := wire.IntMember(page, "PageNumber", 1)
		if err != nil {
			return nil, err
		}
		if count, err = wire.IntMember(page, "Count", query.MaxRows); err != nil {
			return nil, err
		}
		if number < 1 || count < 1 || count > query.MaxRows {
			return nil, wire.BadArgument("The PagingInfo is not valid.")
		}
		skip = (number - 1) * count
	}
	sh, err := query.NewCompiler(e).Shape("", "", of)
	if err != nil {
		return nil, err
	}
	from := e.Source(of)
	w := query.NewEncoder(c, e)
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = query.AppendJSON(w.Buf, c.Base+"/$metadata#"+of.Set)
	w.Key("value")
	w.Text("[")
	seen, n := map[uuid.UUID]bool{}, 0
	duplicates(e.Snap, t, r, of.Name, func(x *store.Row) bool {
		if x = from.Visible(x); x == nil || seen[x.ID] {
			return true
		}
		seen[x.ID] = true
		if n++; n > skip {
			if n > skip+1 {
				w.Text(",")
			}
			w.Row(sh, x, query.Listed)
		}
		return n < skip+count
	})
	w.Text("]}")
	c.CountRead(max(n-skip, 0))
	return &wire.Answer{Status: http.StatusOK, Body: w.Buf}, e.Err()
}

// businessEntity is the row that a parameter names, or one made of the values in it.
func (s *Service) businessEntity(c *wire.Call, e *query.Env, text string) (*schema.Table, *store.Row, error) {
	m, err := wire.ObjectArgument(text)
	if err != nil {
		return nil, nil, err
	}
	name, _ := m["@odata.type"].(string)
	t := e.Snap.Schema.Tables[strings.TrimPrefix(strings.TrimPrefix(name, "#"), wire.CRMNamespace)]
	if t == nil || m["@odata.id"] != nil || m[t.ID] != nil {
		to, _, err := wire.EntityArgument(e.Snap, m)
		if err != nil {
			return nil, nil, err
		}
		t = e.Snap.Schema.Tables[to.Table]
		if err := access.CheckRight(c, "Read", t, nil); err != nil {
			return nil, nil, err
		}
		r := e.Source(t).Get(e, to.ID)
		if r == nil {
			return nil, nil, wire.NoRow(t.Name, to.ID.String())
		}
		return t, r, nil
	}
	var r *store.Row
	err = s.Change(c, func(w *Writer) error {
		in, err := w.ReadBody(t, m, true)
		if err == nil {
			r = (&store.Row{}).With(in.Values, 0)
		}
		return err
	})
	return t, r, err
}
