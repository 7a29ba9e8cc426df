package policytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// verdict is what a case came to: the plan and, where somebody wants to know, the purge.
type verdict struct {
	world   *world
	records []policy.TestRecord
	plan    *plan.Plan
	after   *aftermath
	// idle is set where nobody is due and nothing is expected of a person that says why: rows then stand for no reason.
	idle bool
}

const nobodyDue = "nobody is due on that day: give a person a purge date that has come, noticed as long before as the policy says, or say what you expect of the person"

// judge holds an expectation against what came of the case.
func (v *verdict) judge(x policy.TestExpect) policy.Problems {
	record := recordOf(v.records, x.Label)
	subject := v.world.policy.Subject(record.Table) != nil
	fate := ofFate(x, subject)
	if !fate {
		if failures := v.decision(x, record); len(failures) > 0 {
			return failures
		}
	}
	if v.after == nil || !x.OfPurge(subject) && x.Action != string(retention.Purge) {
		return nil
	}
	return v.fate(x, record, fate)
}

// ofFate tells whether the action is what a purge does with a row of the table, and no decision about a person.
func ofFate(x policy.TestExpect, subject bool) bool {
	switch policy.Fate(x.Action) {
	case policy.FateDelete, policy.FateAnonymize, policy.FateArchive, policy.FateRestore, policy.FateFree, policy.FateLeave:
		return true
	case policy.FateKeep:
		return !subject
	}
	return false
}

func (v *verdict) failure(x policy.TestExpect, key, message, hint string) policy.Problem {
	at, ok := x.At[key]
	if !ok {
		at = x.Pos
	}
	return v.world.file.Problem(at, x.Label+": "+message, hint)
}

// decision holds an expectation against the plan.
func (v *verdict) decision(x policy.TestExpect, record policy.TestRecord) policy.Problems {
	var failures policy.Problems
	j := slices.IndexFunc(v.plan.Decisions, func(d plan.Planned) bool { return d.Person.ID == record.ID })
	if j < 0 {
		if x.Action != "none" {
			failures = append(failures, v.failure(x, "", fmt.Sprintf("want %s, and the row is not judged", x.Action),
				"its table is no subject of the policy, or it is anonymised"))
		}
		return failures
	}
	d := &v.plan.Decisions[j]
	check := func(key, want, got string, same bool) {
		if want != "" && !same {
			failures = append(failures, v.failure(x, key, fmt.Sprintf("want %s %s, got %s", key, want, got), "why: "+d.Reason()))
		}
	}
	check("action", x.Action, string(d.Action), x.Action == string(d.Action))
	until, on, ground := dateWord(d.Until), dateWord(d.PurgeOn), d.GroundID()
	if ground == "" {
		ground = "none"
	}
	check("retainUntil", x.RetainUntil, until, x.RetainUntil == until)
	check("purgeOn", x.PurgeOn, on, x.PurgeOn == on)
	check("ground", x.Ground, ground, x.Ground == ground)
	ask := "none"
	switch {
	case d.Ask && !d.Unasked:
		ask = "now"
	case d.Unasked:
		ask = "waits"
	}
	check("ask", x.Ask, ask, x.Ask == ask)
	check("reason", x.Reason, d.Reason(), strings.Contains(strings.ToLower(d.Reason()), strings.ToLower(x.Reason)))
	return failures
}

// fate holds an expectation against what stands after the purge.
func (v *verdict) fate(x policy.TestExpect, record policy.TestRecord, action bool) policy.Problems {
	row := v.after.rows[x.Label]
	fate, seen := row.fate()
	switch {
	case x.Action == string(retention.Purge) && x.Ask != "waits" && v.after.outcomes[record.ID].Status != ledger.Done:
		return policy.Problems{v.failure(x, "action", "want action purge, and the purge left the row", v.why(seen))}
	case action && !comesTrue(policy.Fate(x.Action), fate):
		return policy.Problems{v.failure(x, "action", fmt.Sprintf("want action %s, got %s", x.Action, fate), v.why(seen))}
	case action && v.idle:
		return policy.Problems{v.failure(x, "action", fmt.Sprintf("want action %s, and nothing goes in this case", x.Action), v.why(seen))}
	}
	if fate == policy.FateDelete && len(x.Retained)+len(x.Erased) > 0 {
		return policy.Problems{v.failure(x, "action", "the row is gone, and columns of it are expected", "")}
	}
	var failures policy.Problems
	for _, column := range slices.Sorted(maps.Keys(x.Retained)) {
		if want, got := x.Retained[column], row.value(column, row.is); !same(want, got) {
			failures = append(failures, v.failure(x, "retained "+column, fmt.Sprintf("want `%s` %s, got %s", column, v.word(want), v.word(got)), ""))
		}
	}
	for _, column := range x.Erased {
		was, is := row.value(column, row.was), row.value(column, row.is)
		switch text, _ := is.(string); {
		case was == nil:
			failures = append(failures, v.failure(x, "erased "+column, fmt.Sprintf("`%s` is empty before the purge as well", column), "give it a value in the row"))
		case is != nil && (!environment.IsPlaceholder(text, row.ID, row.table.Attributes[column].MaxLength) || same(was, is)):
			failures = append(failures, v.failure(x, "erased "+column, fmt.Sprintf("want `%s` erased, got %s", column, v.word(is)), ""))
		}
	}
	return failures
}

// comesTrue tells whether a row's fate is the one expected. A row that is kept may have lost its link.
func comesTrue(want, got policy.Fate) bool {
	switch want {
	case policy.FateKeep:
		return got == policy.FateKeep || got == policy.FateFree
	case policy.FateLeave:
		return got == policy.FateKeep
	}
	return want == got
}

// why is what a row's fate is seen by, and why somebody was not purged.
func (v *verdict) why(seen string) string {
	why := []string{seen}
	if v.after.stop != nil {
		why = append(why, "the run stopped: "+v.after.stop.Error())
	}
	for _, r := range v.records {
		if o, tried := v.after.outcomes[r.ID]; tried && o.Status != ledger.Done {
			why = append(why, fmt.Sprintf("`%s` was not purged (%s)", r.Label, o.Code))
		}
	}
	if len(why) == 1 && len(v.after.outcomes) == 0 {
		why = append(why, v.notDue()...)
	}
	return strings.Join(why, "; ")
}

// notDue says why nobody was purged: those who have a purge date are not due all the same, or nobody has one.
func (v *verdict) notDue() []string {
	var why []string
	for _, r := range v.records {
		i := slices.IndexFunc(v.plan.Decisions, func(d plan.Planned) bool { return d.Person.ID == r.ID })
		if s := v.world.policy.Subject(r.Table); i >= 0 && s != nil && r.Values[s.Columns.PurgeScheduledOn] != nil && v.plan.Decisions[i].Action != retention.Purge {
			d := &v.plan.Decisions[i]
			why = append(why, fmt.Sprintf("`%s` is not due, but %s: %s", r.Label, d.Action, d.Reason()))
		}
	}
	if len(why) == 0 {
		why = append(why, nobodyDue)
	}
	return why
}

// value is a column's value in a row.
func (c change) value(column string, row dataverse.Row) any {
	if a := c.table.Attributes[column]; a != nil && isLookup(a) {
		return row["_"+column+"_value"]
	}
	return row[column]
}

// same compares a value of the test file with one of the service.
func same(want, got any) bool {
	switch w := want.(type) {
	case nil:
		return got == nil
	case policy.TestRef:
		return fmt.Sprint(got) == w.ID.String()
	case string:
		text, _ := got.(string)
		one, err := time.Parse(time.RFC3339, w)
		other, bad := time.Parse(time.RFC3339, text)
		return w == text || err == nil && bad == nil && one.Equal(other)
	case int64, float64:
		n, ok := got.(json.Number)
		if !ok {
			return false
		}
		a, err := n.Float64()
		b, bad := json.Number(fmt.Sprint(w)).Float64()
		return err == nil && bad == nil && a == b
	}
	return want == got
}

// word is a value as people write it.
func (v *verdict) word(value any) string {
	if value == nil {
		return "nothing"
	}
	id := fmt.Sprint(value)
	if ref, ok := value.(policy.TestRef); ok {
		id = ref.ID.String()
	}
	for _, r := range v.records {
		if r.ID.String() == id {
			return r.Label
		}
	}
	return id
}

func dateWord(d retention.Date) string {
	if d.IsZero() {
		return "none"
	}
	return d.String()
}
