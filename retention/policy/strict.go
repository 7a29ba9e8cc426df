package policy

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gallra/gallra/retention"
)

// strictReader reads one YAML file into tagged structs. It goes on after a problem, so that an author sees all of them
// at once, and it remembers where every value stands.
type strictReader struct {
	file     string
	lines    []string
	problems Problems
	anchors  map[string]ast.Node
	steps    int // values that may still be read: aliases make more of a file than stands in it
}

// placed is embedded in what the reader fills: where the mapping stands and where the value of each of its keys.
type placed struct {
	Pos Pos
	At  map[string]Place
}

func (p *placed) places() *placed { return p }

// has tells whether the key was written, whatever became of its value.
func (p *placed) has(key string) bool { _, ok := p.At[key]; return ok }

// nodeReader is what reads itself: what has no fixed keys, or is written in two forms.
type nodeReader interface {
	readNode(r *strictReader, key string, n ast.Node)
}

// Place is where a value stands. Within a text of one line, offsets can be told apart.
type Place struct {
	Pos
	items  []Pos // of a list
	inline bool
	shift  int  // columns between the place and the text: 1 for a quote
	cut    bool // by a comma within braces: the value is only half of what was meant, and that has been told
}

// Inside is the place of the byte at offset within the text.
func (p Place) Inside(text string, offset int) Pos {
	if !p.inline || offset < 0 || offset > len(text) {
		return p.Pos
	}
	pos := p.Pos
	pos.Column += p.shift + len([]rune(text[:offset]))
	return pos
}

// Item is the place of a list's i-th entry.
func (p Place) Item(i int) Pos {
	if i < len(p.items) {
		return p.items[i]
	}
	return p.Pos
}

// readStrict reads a file's bytes into v, a pointer to a struct.
func readStrict(file string, b []byte, v any) Problems {
	r := &strictReader{file: file, lines: strings.Split(string(b), "\n"), anchors: map[string]ast.Node{}}
	tokens := lexer.Tokenize(string(b))
	if at, message := shape(file, tokens); message != "" {
		r.problem(at, message, "")
		return r.problems
	}
	r.steps = 10_000 + 10*len(tokens)
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // told as a problem among others
	if err != nil {
		r.syntax(err)
		return r.problems
	}
	var docs []ast.Node
	for _, d := range tree.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.DirectiveType {
			docs = append(docs, d.Body)
		}
	}
	switch {
	case len(docs) == 0:
		r.problem(Pos{File: file}, "the file is empty", "")
	case len(docs) > 1:
		r.problem(r.pos(docs[1]), "a second document in one file", "one file is one document; use `include` for several files")
	default:
		r.mapping(docs[0], reflect.ValueOf(v).Elem())
	}
	return r.problems
}

func (r *strictReader) syntax(err error) {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		r.problem(Pos{File: r.file}, "not YAML: "+err.Error(), "")
		return
	}
	at := Pos{File: r.file, Line: ye.GetToken().Position.Line, Column: ye.GetToken().Position.Column}
	hint := ""
	if at.Line > 0 && at.Line <= len(r.lines) && strings.Contains(r.lines[at.Line-1], "\t") {
		hint = "YAML indents with blanks; there is a tab in this line"
	} else if at.Line > 0 && at.Line <= len(r.lines) {
		hint = commaHint(r.lines[at.Line-1], at.Column)
	}
	r.problem(at, "not YAML: "+ye.GetMessage(), hint)
}

func (r *strictReader) problem(at Pos, message, hint string) {
	p := Problem{Pos: at, Message: message, Hint: hint}
	if at.Line > 0 && at.Line <= len(r.lines) {
		p.Source = strings.TrimRight(r.lines[at.Line-1], "\r")
	}
	r.problems = append(r.problems, p)
}

func (r *strictReader) pos(n ast.Node) Pos {
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.MappingNode:
		// The token of a mapping is the colon of its first pair; people look for the key.
		if !n.IsFlowStyle && len(n.Values) > 0 {
			t = n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		t = n.Key.GetToken()
	}
	if t == nil {
		return Pos{File: r.file}
	}
	return Pos{File: r.file, Line: t.Position.Line, Column: t.Position.Column}
}

// resolve looks through anchors and aliases.
func (r *strictReader) resolve(n ast.Node) ast.Node {
	if r.steps--; r.steps <= 0 {
		if r.steps == 0 {
			r.problem(r.pos(n), "aliases make more than ten times of the file what stands in it", "write out what is meant")
		}
		return nil
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.resolve(n.Value)
	case *ast.AliasNode:
		if target, ok := r.anchors[n.Value.GetToken().Value]; ok {
			return target
		}
		r.problem(r.pos(n), fmt.Sprintf("*%s stands for nothing that was named before", n.Value.GetToken().Value), "")
		return nil
	}
	return n
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// mapping reads a YAML mapping into a struct.
func (r *strictReader) mapping(n ast.Node, v reflect.Value) {
	kind := v.Interface().(interface{ kind() string }).kind()
	if n = r.resolve(n); n == nil {
		return
	}
	values, ok := pairs(n)
	if !ok {
		r.problem(r.pos(n), fmt.Sprintf("%s is keys and values, not %s", kind, typeName(n)), "")
		return
	}
	p := v.Addr().Interface().(interface{ places() *placed }).places()
	p.Pos, p.At = r.pos(n), map[string]Place{}
	fields, keys := structKeys(v.Type())
	for i, pair := range values {
		key := pair.Key.GetToken().Value
		index, known := fields[key]
		switch {
		case !known && r.cut(n, i, p):
		case !known && key == "<<":
			r.problem(r.pos(pair), "merge keys are not part of the policy language", "write the keys out: what a rule says should stand in it")
		case !known:
			hint := inOtherWords(key, keys)
			if hint == "" {
				hint = DidYouMean(key, keys)
			}
			if hint == "" {
				hint = "known here: " + strings.Join(keys, ", ")
			}
			r.problem(r.pos(pair), fmt.Sprintf("unknown key `%s` in %s", key, kind), hint)
		case p.has(key):
			r.problem(r.pos(pair), fmt.Sprintf("`%s` stands twice in %s", key, kind), "")
		default:
			field := v.Type().Field(index)
			p.At[key] = r.value(key, pair.Value, v.Field(index), field.Tag.Get("jsonschema"))
		}
	}
	for _, key := range keys {
		tag := v.Type().Field(fields[key]).Tag.Get("jsonschema")
		if !p.has(key) && (tag == "required" || strings.HasPrefix(tag, "required,")) {
			r.problem(p.Pos, fmt.Sprintf("%s needs `%s`", kind, key), "")
		}
	}
}

// structKeys are the YAML keys of a struct type: key to field index, and in order.
func structKeys(t reflect.Type) (map[string]int, []string) {
	fields, keys := map[string]int{}, []string(nil)
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			fields[key] = i
			keys = append(keys, key)
		}
	}
	return fields, keys
}

// value reads the value of a key.
func (r *strictReader) value(key string, n ast.Node, v reflect.Value, tag string) Place {
	at := Place{Pos: r.pos(n)}
	if n = r.resolve(n); n == nil {
		return at
	}
	if n.Type() == ast.NullType {
		r.problem(at.Pos, fmt.Sprintf("`%s` has no value", key), "")
		return at
	}
	if own, ok := v.Addr().Interface().(nodeReader); ok {
		own.readNode(r, key, n)
		return at
	}
	switch v.Kind() {
	case reflect.Slice:
		at.items = r.list(key, n, v)
	case reflect.Map:
		r.named(key, n, v)
	case reflect.Struct:
		if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			r.scalar(key, n, v, tag)
		} else {
			r.mapping(n, v)
		}
	default:
		r.scalar(key, n, v, tag)
		if s, ok := n.(*ast.StringNode); ok {
			quoted := s.Token.Type == token.DoubleQuoteType || s.Token.Type == token.SingleQuoteType
			at.inline = at.Line > 0 && at.Line <= len(r.lines) && strings.Contains(r.lines[at.Line-1], s.Value)
			if quoted {
				at.shift = 1
			}
		}
	}
	return at
}

func (r *strictReader) list(key string, n ast.Node, v reflect.Value) []Pos {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(r.pos(n), fmt.Sprintf("`%s` is a list, not %s", key, typeName(n)), "put it in brackets: ["+strings.TrimSpace(scalarText(n))+"]")
		return nil
	}
	var at []Pos
	for _, item := range seq.Values {
		e := reflect.New(v.Type().Elem()).Elem()
		at = append(at, r.pos(item))
		if e.Kind() == reflect.Struct {
			r.mapping(item, e)
		} else if item = r.resolve(item); item != nil {
			r.scalar(key, item, e, "")
		}
		v.Set(reflect.Append(v, e))
	}
	return at
}

// named reads a mapping whose keys are names, such as tables.
func (r *strictReader) named(key string, n ast.Node, v reflect.Value) {
	values, ok := pairs(n)
	if !ok {
		r.problem(r.pos(n), fmt.Sprintf("`%s` is names and what is said of each, not %s", key, typeName(n)), "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, pair := range values {
		name := reflect.ValueOf(pair.Key.GetToken().Value)
		if v.MapIndex(name).IsValid() {
			r.problem(r.pos(pair), fmt.Sprintf("`%s` stands twice in `%s`", name, key), "")
			continue
		}
		e := reflect.New(v.Type().Elem().Elem())
		if own, ok := e.Interface().(nodeReader); ok {
			own.readNode(r, name.String(), pair.Value)
		} else {
			r.mapping(pair.Value, e.Elem())
		}
		e.Interface().(interface{ places() *placed }).places().Pos = r.pos(pair)
		v.SetMapIndex(name, e)
	}
}

func (r *strictReader) scalar(key string, n ast.Node, v reflect.Value, tag string) {
	text := scalarText(n)
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		switch n.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
			if err := u.UnmarshalText([]byte(text)); err != nil {
				hint := ""
				if _, bare := n.(*ast.IntegerNode); bare && (v.Type() == reflect.TypeFor[retention.Period]() || v.Type() == reflect.TypeFor[retention.Keeping]()) {
					hint = "did you mean `" + text + " months`?"
				}
				r.problem(r.pos(n), fmt.Sprintf("`%s`: %v", key, err), hint)
			}
		default:
			hint := ""
			if v.Type() == reflect.TypeFor[retention.Period]() {
				hint = "a period, such as " + key + ": 14 days"
			}
			r.problem(r.pos(n), fmt.Sprintf("`%s` cannot be %s", key, typeName(n)), hint)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		switch n.(type) {
		case *ast.StringNode, *ast.LiteralNode:
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			r.problem(r.pos(n), fmt.Sprintf("`%s` is text, not %s", key, typeName(n)), "put it in quotes: \""+text+"\"")
			return
		default:
			r.problem(r.pos(n), fmt.Sprintf("`%s` is text, not %s", key, typeName(n)), "")
			return
		}
		if strings.TrimSpace(text) == "" {
			r.problem(r.pos(n), fmt.Sprintf("`%s` is empty", key), "")
			return
		}
		if words := tagValues(tag, "enum"); len(words) > 0 && !slices.Contains(words, text) {
			hint := DidYouMean(text, words)
			if hint == "" {
				hint = "one of " + strings.Join(words, ", ")
			}
			r.problem(r.pos(n), fmt.Sprintf("`%s` cannot be `%s`", key, text), hint)
			return
		}
		v.SetString(strings.TrimSpace(text))
	case reflect.Int:
		i, ok := n.(*ast.IntegerNode)
		number, fits := integer(i)
		fits = fits && number >= math.MinInt32 && number <= math.MaxInt32
		switch {
		case ok && fits && !plainNumber.MatchString(text):
			r.problem(r.pos(n), fmt.Sprintf("`%s`: `%s` can be read as more than one number", key, text), fmt.Sprintf("write it in plain digits: if it is %d, as that", number))
			return
		case ok && !fits, !ok && onlyDigits.MatchString(text):
			r.problem(r.pos(n), fmt.Sprintf("`%s`: %s is larger than any number here may be", key, short(text)), "")
			return
		case !ok:
			r.problem(r.pos(n), fmt.Sprintf("`%s` is a whole number, not %s", key, typeName(n)), "")
			return
		}
		if words := tagValues(tag, "enum"); len(words) > 0 && !slices.Contains(words, fmt.Sprint(number)) {
			r.problem(r.pos(n), fmt.Sprintf("`%s` cannot be %d", key, number), "one of "+strings.Join(words, ", "))
			return
		}
		v.SetInt(number)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.problem(r.pos(n), fmt.Sprintf("`%s` is true or false, not %s", key, typeName(n)), "")
			return
		}
		v.SetBool(b.Value)
	default:
		panic("retention: no reader for " + v.Type().String())
	}
}

var (
	plainNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`) // 0777, 0x1f and 1_000 are others to other readers of YAML
	onlyDigits  = regexp.MustCompile(`^[+-]?[0-9][0-9_]*$`)
)

// short is a text of which no more than a line's worth is told.
func short(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

func integer(n *ast.IntegerNode) (int64, bool) {
	if n == nil {
		return 0, false
	}
	switch v := n.Value.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<62
	}
	return 0, false
}

func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "…"
	}
	if t := n.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// typeName says what a node is, in words for an author.
func typeName(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.NullNode:
		return "nothing"
	case *ast.TagNode:
		return "a value with a tag of YAML's"
	}
	return "that"
}

// tagValues are the values that a jsonschema tag gives to a key: enum=a,enum=b.
func tagValues(tag, key string) []string {
	var out []string
	for part := range strings.SplitSeq(tag, ",") {
		if v, ok := strings.CutPrefix(part, key+"="); ok {
			out = append(out, v)
		}
	}
	return out
}
