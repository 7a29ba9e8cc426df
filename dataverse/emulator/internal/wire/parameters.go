package wire

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Arguments are the parameters of a function call by name, as text: RetrieveX(Target=@t,Count=5)?@t=…. Parameter
// aliases are resolved. Page: use-web-api-functions.
func (c *Call) Arguments(seg Segment) (map[string]string, error) {
	args := map[string]string{}
	if strings.TrimSpace(seg.Key) == "" {
		return args, nil
	}
	for _, p := range splitArguments(seg.Key) {
		name, text, found := strings.Cut(p, "=")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if !found || name == "" {
			return nil, BadQuery("Bad Request - Error in query syntax.")
		}
		if strings.HasPrefix(text, "@") {
			if !c.Query.Has(text) {
				return nil, BadQuery("Expression expected: the parameter alias '%s' has no value.", text)
			}
			text = c.Query.Get(text)
		}
		args[name] = text
	}
	return args, nil
}

// splitArguments splits at commas outside quotes, braces and parentheses.
func splitArguments(s string) []string {
	var out []string
	depth, start := 0, 0
	var quote byte
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{' || c == '(' || c == '[':
			depth++
		case c == '}' || c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// MissingArgument is the error for a parameter that is not there.
func MissingArgument(name, function string) *Error {
	return NewError(http.StatusBadRequest, "0x80048d19", "Required field '%s' is missing for the request '%s'.", name, function)
}

// ObjectArgument reads a parameter that is a JSON object; the samples of the documentation quote its names with
// apostrophes.
func ObjectArgument(text string) (map[string]any, error) {
	if !strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "'", `"`)
	}
	return readObject([]byte(text))
}

// TextArgument reads a parameter that is a text.
func TextArgument(text string) (string, error) {
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
		return "", BadQuery("Bad Request - Error in query syntax.")
	}
	return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), nil
}

// EntityArgument is the row that an entity parameter names: by @odata.id, or by @odata.type and the primary key. The
// row need not exist. Page: use-web-api-actions.
func EntityArgument(s *store.Snapshot, v any) (store.Ref, map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return store.Ref{}, nil, BadArgument("A record is expected as the value of the parameter.")
	}
	if text, ok := m["@odata.id"].(string); ok {
		r, err := ReadAddress(s, text)
		return r, m, err
	}
	name, _ := m["@odata.type"].(string)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "#"), CRMNamespace)
	t := s.Schema.Tables[name]
	if name == "" || t == nil {
		return store.Ref{}, nil, BadArgument("EdmEntityObject passed should have the key property value set.")
	}
	text, _ := m[t.ID].(string)
	if text == "" && schema.IsPrincipal(t) {
		text, _ = m["ownerid"].(string) // the key that users and teams have in common: use-web-api-actions
	}
	id, ok := (Segment{Key: text}).ID()
	if !ok {
		return store.Ref{}, nil, BadArgument("EdmEntityObject passed should have the key property value set.")
	}
	return store.Ref{Table: t.Name, ID: id}, m, nil
}

// IntMember is a whole number in a JSON object, or a default where it is absent. A number in quotes is one, too: the samples of
// WinOpportunity send "Status":"3" (webapi/samples/functions-actions-csharp).
func IntMember(m map[string]any, name string, otherwise int) (int, error) {
	v, ok := m[name]
	if !ok || v == nil {
		return otherwise, nil
	}
	text, quoted := v.(string)
	if n, ok := v.(interface{ String() string }); ok && !quoted {
		text = n.String()
	}
	if i, err := strconv.Atoi(text); err == nil {
		return i, nil
	}
	return 0, BadArgument("The value of '%s' is not a whole number.", name)
}
