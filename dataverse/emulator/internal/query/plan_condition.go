package query

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// Compiler turns conditions into predicates, once a query; what depends on the caller or the clock is settled here.
type Compiler struct {
	env   *Env
	nulls store.NullNegation
	home  int // the slot of the table whose rows a filter is to find
}

// NewCompiler makes a compiler for the query of an env.
func NewCompiler(e *Env) *Compiler { return &Compiler{env: e, nulls: e.Engine.Options.NullNegation} }

// unknownOperator is a condition that no operator of the pages names.
func unknownOperator(name string) *wire.Error {
	return wire.NewError(400, "0x80041120", "The condition operator '%s' is not supported.", name)
}

func wrongOperator(x operand, name string) *wire.Error {
	return wire.BadArgument("The condition operator '%s' cannot be used with the attribute '%s'.", name, x.name())
}

func wrongValue(x operand, name string) *wire.Error {
	return wire.BadArgument("The value of the condition operator '%s' does not fit the attribute '%s'.", name, x.name())
}

func (x operand) name() string {
	if x.col == nil {
		return ""
	}
	return x.col.Name
}

// comparisons are the operators that odata and FetchXML share.
var comparisons = map[string]odata.Op{"eq": odata.Eq, "ne": odata.Ne, "neq": odata.Ne, "gt": odata.Gt, "ge": odata.Ge, "lt": odata.Lt, "le": odata.Le}

// condition compiles an operator in FetchXML's spelling, which the query functions of the Web API map to one to one.
func (q *Compiler) condition(x operand, operator string, values []string) (predicate, *accessPath, error) {
	if op, ok := comparisons[operator]; ok {
		if len(values) != 1 {
			return nil, nil, wire.BadArgument("The condition operator '%s' requires one value.", operator)
		}
		c, ok := q.value(x, values[0])
		if !ok {
			return nil, nil, wrongValue(x, operator)
		}
		return x.compare(op, c, q.nulls), q.pathOf(x, op, c), nil
	}
	switch operator {
	case "null":
		return x.isNull(), nil, nil
	case "not-null":
		return x.isNotNull(), nil, nil
	case "in", "not-in":
		list, err := q.constants(x, operator, values)
		if err != nil {
			return nil, nil, err
		}
		if operator == "in" {
			return x.oneOf(list), q.pathTo(x, list), nil
		}
		return negated(q.nulls, x.oneOf(list)), nil, nil
	case "between", "not-between":
		list, err := q.constants(x, operator, values)
		if err != nil {
			return nil, nil, err
		}
		if len(list) != 2 || x.class == classText || x.class == classGUID || x.class == classBool {
			return nil, nil, wrongOperator(x, operator)
		}
		p := allOf([]predicate{x.compare(odata.Ge, list[0], q.nulls), x.compare(odata.Le, list[1], q.nulls)})
		if operator == "not-between" {
			p = negated(q.nulls, p)
		}
		return p, nil, nil
	case "like", "not-like", "begins-with", "not-begin-with", "ends-with", "not-end-with":
		p, err := q.textCondition(x, operator, values)
		return p, nil, err
	case "contain-values", "not-contain-values":
		p, err := q.choicesCondition(x, operator, values)
		return p, nil, err
	}
	if p, ok, err := q.dateCondition(x, operator, values); ok {
		return p, nil, err
	}
	if p, ok, err := q.userCondition(x, operator); ok {
		return p, nil, err
	}
	if p, ok, err := q.hierarchyCondition(x, operator, values); ok {
		return p, nil, err
	}
	return nil, nil, unknownOperator(operator)
}

// value reads a constant; a table may be given by its number where its name is stored.
func (q *Compiler) value(x operand, text string) (constant, bool) {
	if x.col != nil && x.col.Kind == schema.KindState { // by its name: statecode eq 'Won' (use-fetchxml-aggregation and its sample)
		for _, o := range x.col.Options {
			if strings.EqualFold(o.Label, text) {
				text = strconv.Itoa(o.Value)
				break
			}
		}
	}
	if x.col != nil && x.col.Kind == schema.KindEntityName {
		if code, err := strconv.Atoi(text); err == nil {
			for _, t := range q.env.Snap.Schema.Tables {
				if t.TypeCode == code {
					text = t.Name
				}
			}
		}
	}
	return x.constant(text)
}

func (q *Compiler) constants(x operand, operator string, values []string) ([]constant, error) {
	if len(values) == 0 {
		return nil, wire.BadArgument("The condition operator '%s' requires values.", operator)
	}
	list := make([]constant, 0, len(values))
	for _, v := range values {
		if x.class == classText && len(v) > maxInText {
			return nil, wire.BadArgument("A value of the condition operator '%s' is longer than %d characters.", operator, maxInText)
		}
		c, ok := q.value(x, v)
		if !ok {
			return nil, wrongValue(x, operator)
		}
		list = append(list, c)
	}
	return list, nil
}

// maxInText is the longest text that in takes (fetchxml/reference/operators).
const maxInText = 850

func (q *Compiler) textCondition(x operand, operator string, values []string) (predicate, error) {
	if x.class != classText {
		return nil, wrongOperator(x, operator)
	}
	if len(values) != 1 {
		return nil, wire.BadArgument("The condition operator '%s' requires one value.", operator)
	}
	text := values[0]
	switch operator {
	case "begins-with", "not-begin-with":
		text += "%"
	case "ends-with", "not-end-with":
		text = "%" + text
	}
	p := x.like(store.ParsePattern(text))
	if strings.HasPrefix(operator, "not-") {
		p = negated(q.nulls, p)
	}
	return p, nil
}

// choicesCondition tells whether a column of several choices holds one of the values.
func (q *Compiler) choicesCondition(x operand, operator string, values []string) (predicate, error) {
	if x.col == nil || x.col.Kind != schema.KindMultiSelect {
		return nil, wrongOperator(x, operator)
	}
	want := map[string]bool{}
	for _, v := range values {
		if _, err := strconv.Atoi(v); err != nil {
			return nil, wrongValue(x, operator)
		}
		want[v] = true
	}
	if len(want) == 0 {
		return nil, wire.BadArgument("The condition operator '%s' requires values.", operator)
	}
	p := predicate(func(e *Env) truth {
		s, ok := x.text(e)
		if !ok {
			return unknown
		}
		for v := range strings.SplitSeq(s, ",") {
			if want[strings.TrimSpace(v)] {
				return yes
			}
		}
		return no
	})
	if operator == "not-contain-values" {
		p = negated(q.nulls, p)
	}
	return p, nil
}

// userCondition compiles the operators about the caller; false if the operator is none of them.
func (q *Compiler) userCondition(x operand, operator string) (predicate, bool, error) {
	e := q.env
	var ids []uuid.UUID
	negative := false
	switch operator {
	case "eq-userid":
		ids = []uuid.UUID{e.User}
	case "ne-userid":
		ids, negative = []uuid.UUID{e.User}, true
	case "eq-businessid":
		ids = []uuid.UUID{e.business()}
	case "ne-businessid":
		ids, negative = []uuid.UUID{e.business()}, true
	case "eq-userteams":
		ids = e.teams(e.User)
	case "eq-useroruserteams":
		ids = append(e.teams(e.User), e.User)
	case "eq-useroruserhierarchy":
		ids = e.subordinates()
	case "eq-useroruserhierarchyandteams":
		for _, u := range e.subordinates() {
			ids = append(append(ids, u), e.teams(u)...)
		}
	case "eq-userlanguage":
		if x.class != classNumber {
			return nil, true, wrongOperator(x, operator)
		}
		return x.compare(odata.Eq, constant{num: userLanguage}, q.nulls), true, nil
	default:
		return nil, false, nil
	}
	if x.class != classGUID {
		return nil, true, wrongOperator(x, operator)
	}
	list := make([]constant, len(ids))
	for i, id := range ids {
		list[i].guid = id
	}
	p := x.oneOf(list)
	if negative {
		p = x.compare(odata.Ne, list[0], q.nulls)
	}
	return p, true, nil
}

// userLanguage is the LCID of every user: English.
const userLanguage = 1033

// business is the caller's business unit.
func (e *Env) business() uuid.UUID {
	if t := e.Snap.Schema.Tables["systemuser"]; t != nil {
		if r := e.liveRows(t).Get(e, e.User); r != nil {
			if b, ok := r.Get(t.ByName["businessunitid"].Index).(store.Ref); ok {
				return b.ID
			}
		}
	}
	return e.Engine.RootBusiness
}

// teams are the teams that a user is a member of.
func (e *Env) teams(user uuid.UUID) []uuid.UUID {
	t := e.Snap.Schema.Tables["teammembership"]
	if t == nil {
		return nil
	}
	var ids []uuid.UUID
	team := t.ByName["teamid"].Index
	e.liveRows(t).pointing(e, t.ByName["systemuserid"].Index, user, func(r *store.Row) bool {
		if id, ok := store.TargetID(r.Get(team)); ok {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// subordinates are the caller and everybody below, as deep as the organisation says
// (Organization.MaxDepthForHierarchicalSecurityModel).
func (e *Env) subordinates() []uuid.UUID {
	t := e.Snap.Schema.Tables["systemuser"]
	if t == nil || t.ByName["parentsystemuserid"] == nil {
		return []uuid.UUID{e.User}
	}
	return append(e.below(t, t.ByName["parentsystemuserid"].Index, e.User), e.User)
}
