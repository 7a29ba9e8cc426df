package query

import (
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// sqlQuery is a SELECT as it was written.
type sqlQuery struct {
	distinct    bool
	top         int // -1: none
	columns     []sqlColumn
	from        sqlTable
	joins       []sqlJoin
	where       *sqlCondition
	groups      []sqlName
	orders      []sqlOrder
	skip, fetch int // of OFFSET and FETCH NEXT; -1: none
}

type sqlTable struct{ name, alias string }

type sqlJoin struct {
	sqlTable
	outer       bool
	left, right sqlName
}

// sqlName is a column, with the alias of its table where it has one.
type sqlName struct{ table, column string }

type sqlColumn struct {
	sqlName
	function string // count, sum, avg, min, max; "" is none
	distinct bool
	alias    string
}

type sqlOrder struct {
	sqlName
	descending bool
}

// sqlCondition is one comparison, or several held together by and or or.
type sqlCondition struct {
	name     sqlName
	operator fetchxml.Operator
	values   []string
	valueOf  *sqlName
	or       bool
	parts    []*sqlCondition
}

// sqlParser reads the subset of SQL that the Web API takes.
type sqlParser struct {
	tokens []sqlToken
	at     int
}

// sqlToken is a word, a text or a sign.
type sqlToken struct {
	text   string
	quoted bool // a text between apostrophes
	name   bool // a name between brackets or double quotes, which is no keyword
}

func sqlError(format string, args ...any) *wire.Error {
	return wire.BadQuery("The query of the parameter sql is not supported: "+format, args...)
}

// parseSQL reads a SELECT. What the service refuses is refused by name.
func parseSQL(text string) (*sqlQuery, error) {
	tokens, err := sqlTokens(text)
	if err != nil {
		return nil, err
	}
	p := &sqlParser{tokens: tokens}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, p.unexpected()
	}
	return q, nil
}

func sqlTokens(s string) ([]sqlToken, error) {
	var out []sqlToken
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' && strings.TrimSpace(s[i+1:]) == "":
			i++
		case c == '\'' || (c == 'N' || c == 'n') && i+1 < len(s) && s[i+1] == '\'':
			if c != '\'' {
				i++
			}
			var b strings.Builder
			for i++; ; i++ {
				if i >= len(s) {
					return nil, sqlError("a text has no end")
				}
				if s[i] == '\'' {
					if i+1 < len(s) && s[i+1] == '\'' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(s[i])
			}
			i++
			out = append(out, sqlToken{text: b.String(), quoted: true})
		case c == '[' || c == '"':
			end := strings.IndexByte(s[i+1:], map[byte]byte{'[': ']', '"': '"'}[c])
			if end < 0 {
				return nil, sqlError("a name has no end")
			}
			out = append(out, sqlToken{text: s[i+1 : i+1+end], name: true})
			i += end + 2
		case isSQLWord(c) || c == '-' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			start := i
			number := c >= '0' && c <= '9' || c == '-'
			for i++; i < len(s) && (isSQLWord(s[i]) || number && s[i] == '.'); i++ {
			}
			out = append(out, sqlToken{text: s[start:i]})
		default:
			n := 1
			if i+1 < len(s) && strings.Contains("<= >= <> != ", s[i:i+2]+" ") {
				n = 2
			}
			if n == 1 && !strings.ContainsRune("=<>(),.*", rune(c)) {
				return nil, sqlError("the character '%c'", c)
			}
			out = append(out, sqlToken{text: s[i : i+n]})
			i += n
		}
	}
	return out, nil
}

func isSQLWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *sqlParser) done() bool { return p.at >= len(p.tokens) }

// is tells whether the next token is one of the keywords or signs.
func (p *sqlParser) is(words ...string) bool {
	if p.done() || p.tokens[p.at].quoted || p.tokens[p.at].name {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(p.tokens[p.at].text, w) {
			return true
		}
	}
	return false
}

// take reads the keywords or signs if they come next, all of them or none.
func (p *sqlParser) take(words ...string) bool {
	start := p.at
	for _, w := range words {
		if !p.is(w) {
			p.at = start
			return false
		}
		p.at++
	}
	return true
}

func (p *sqlParser) unexpected() error {
	if p.done() {
		return sqlError("it ends too early")
	}
	return sqlError("'%s' is not part of what the parameter takes", p.tokens[p.at].text)
}

func (p *sqlParser) need(words ...string) error {
	if !p.take(words...) {
		return p.unexpected()
	}
	return nil
}

// sqlKeywords end a name that has no AS.
var sqlKeywords = []string{"select", "distinct", "top", "from", "as", "inner", "left", "right", "full", "cross", "outer", "join", "on", "where", "group", "order", "by", "having",
	"union", "offset", "fetch", "and", "or", "not", "in", "is", "null", "like", "between", "asc", "desc", "rows", "row", "only", "next", "exists", "case"}

func (p *sqlParser) word() (string, error) {
	if p.done() || p.tokens[p.at].quoted || !p.tokens[p.at].name && (p.is(sqlKeywords...) || !isSQLWord(p.tokens[p.at].text[0])) {
		return "", p.unexpected()
	}
	p.at++
	return strings.ToLower(p.tokens[p.at-1].text), nil
}

func (p *sqlParser) number() (int, error) {
	if !p.done() {
		if n, err := strconv.Atoi(p.tokens[p.at].text); err == nil && n >= 0 {
			p.at++
			return n, nil
		}
	}
	return 0, p.unexpected()
}

// list reads what is separated by commas.
func (p *sqlParser) list(read func() error) error {
	for {
		if err := read(); err != nil {
			return err
		}
		if !p.take(",") {
			return nil
		}
	}
}

func (p *sqlParser) query() (*sqlQuery, error) {
	q := &sqlQuery{top: -1, skip: -1, fetch: -1}
	if err := p.need("select"); err != nil {
		return nil, err
	}
	q.distinct = p.take("distinct")
	if p.take("top") {
		inside := p.take("(")
		n, err := p.number()
		if err != nil {
			return nil, err
		}
		if inside {
			if err := p.need(")"); err != nil {
				return nil, err
			}
		}
		if q.top = n; n > MaxRows {
			return nil, sqlError("TOP takes 0 to %d", MaxRows)
		}
	}
	if p.is("*") {
		return nil, sqlError("SELECT *; name the columns")
	}
	if err := p.list(func() error { return p.column(q) }); err != nil {
		return nil, err
	}
	if err := p.need("from"); err != nil {
		return nil, err
	}
	var err error
	if q.from, err = p.table(); err != nil {
		return nil, err
	}
	if err := p.joins(q); err != nil {
		return nil, err
	}
	if p.take("where") {
		if q.where, err = p.either(); err != nil {
			return nil, err
		}
	}
	return q, p.tail(q)
}

// tail reads what comes after the conditions.
func (p *sqlParser) tail(q *sqlQuery) error {
	if p.take("group", "by") {
		err := p.list(func() error {
			n, err := p.columnName()
			q.groups = append(q.groups, n)
			return err
		})
		if err != nil {
			return err
		}
	}
	if p.is("having") {
		return sqlError("HAVING")
	}
	if p.take("order", "by") {
		err := p.list(func() error {
			n, err := p.columnName()
			down := p.take("desc")
			if !down {
				p.take("asc")
			}
			q.orders = append(q.orders, sqlOrder{n, down})
			return err
		})
		if err != nil {
			return err
		}
	}
	if p.take("offset") {
		n, err := p.number()
		if err != nil {
			return err
		}
		q.skip = n
		if !p.take("rows") && !p.take("row") {
			return p.unexpected()
		}
		if p.take("fetch") {
			if !p.take("next") && !p.take("first") {
				return p.unexpected()
			}
			if q.fetch, err = p.number(); err != nil {
				return err
			}
			if !p.take("rows", "only") && !p.take("row", "only") {
				return p.unexpected()
			}
		}
	}
	if p.is("union") {
		return sqlError("UNION")
	}
	return nil
}

// sqlFunctions are the functions over the rows of a group.
var sqlFunctions = []string{"count", "sum", "avg", "min", "max"}

func (p *sqlParser) column(q *sqlQuery) error {
	var c sqlColumn
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1].text == "(" && !p.tokens[p.at+1].quoted {
		if !p.is(sqlFunctions...) {
			return sqlError("the function %s", strings.ToUpper(p.tokens[p.at].text))
		}
		c.function = strings.ToLower(p.tokens[p.at].text)
		p.at += 2
		if c.function == "count" && p.take("*") {
			c.column = "*"
		} else {
			c.distinct = p.take("distinct")
			n, err := p.columnName()
			if err != nil {
				return err
			}
			c.sqlName = n
		}
		if err := p.need(")"); err != nil {
			return err
		}
	} else {
		n, err := p.columnName()
		if err != nil {
			return err
		}
		c.sqlName = n
	}
	if p.take("as") || !p.done() && !p.is(",", "from") {
		name, err := p.word()
		if err != nil {
			return err
		}
		c.alias = name
	}
	q.columns = append(q.columns, c)
	return nil
}

func (p *sqlParser) columnName() (sqlName, error) {
	first, err := p.word()
	if err != nil {
		return sqlName{}, err
	}
	if !p.take(".") {
		return sqlName{"", first}, nil
	}
	second, err := p.word()
	return sqlName{first, second}, err
}

func (p *sqlParser) table() (sqlTable, error) {
	if p.is("(") {
		return sqlTable{}, sqlError("a query within the query")
	}
	name, err := p.word()
	if err != nil {
		return sqlTable{}, err
	}
	if p.take(".") { // the schema, dbo
		if name, err = p.word(); err != nil {
			return sqlTable{}, err
		}
	}
	t := sqlTable{name, name}
	if p.take("as") || !p.done() && !p.is(sqlKeywords...) && !p.is(",", ")") {
		t.alias, err = p.word()
	}
	return t, err
}

func (p *sqlParser) joins(q *sqlQuery) error {
	for {
		j := sqlJoin{}
		switch {
		case p.take("inner", "join"), p.take("join"):
		case p.take("left", "outer", "join"), p.take("left", "join"):
			j.outer = true
		case p.is("right", "full", "cross"):
			return sqlError("%s JOIN", strings.ToUpper(p.tokens[p.at].text))
		case p.is(","):
			return sqlError("several tables without JOIN")
		default:
			return nil
		}
		var err error
		if j.sqlTable, err = p.table(); err != nil {
			return err
		}
		if err := p.need("on"); err != nil {
			return err
		}
		if j.left, err = p.columnName(); err != nil {
			return err
		}
		if err := p.need("="); err != nil {
			return err
		}
		if j.right, err = p.columnName(); err != nil {
			return err
		}
		if p.is("and", "or") {
			return sqlError("a JOIN over more than one pair of columns")
		}
		q.joins = append(q.joins, j)
	}
}
