package emulator

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Setting is an option as the command, a file and the control plane name it. The list of all, [Settings], is made of [Options]:
// the flags and keys of gallra emulator, GET /emulator/options and the table in docs/emulator.md follow from it.
type Setting struct {
	Name   string   `json:"name"`             // the flag, and the key in a file: audit-delay
	Field  string   `json:"-"`                // in Options: AuditDelay, Limits.Window
	Kind   string   `json:"kind"`             // text, true or false, number, numbers, duration, time zone, id, choice
	Values []string `json:"values,omitempty"` // of a choice, the default first
	Help   string   `json:"help"`
	path   []int
}

// onlyGo are the options that are functions of a program, and nothing that could be written down.
var onlyGo = []string{"Now", "OnPrivilege"}

// help says in a line what each option is for; docs/emulator.md says on what evidence.
var help = map[string]string{
	"Token":                 "bearer token of the administrator; default emulator",
	"Organization":          "friendly name of the organisation; default Emulator",
	"UniqueName":            "unique name of the organisation; made of its id by default",
	"OrganizationID":        "id of the organisation, or the word random; one that all emulators have by default",
	"OrganizationType":      "type of the environment; default CustomerTest, a sandbox",
	"Languages":             "LCIDs of the languages that are provisioned beside English, such as 1031,1053",
	"AuditDelay":            "how long after a change its audit row appears, by the emulator's clock",
	"AuditChangesOnly":      "audit only what an update really changed",
	"MetadataLag":           "how long reads of definitions see what was there before a change",
	"CustomizationLock":     "how long a change of metadata keeps others out",
	"Authority":             "where a 401 sends clients to sign in",
	"Latency":               "added to every answer",
	"ReadOnlyQuotes":        "who is refused a change of a closed quote, order or invoice",
	"ClosedActivities":      "who is refused a change of a closed activity",
	"TimeZone":              "time zone of every user, such as Europe/Stockholm; default UTC",
	"NullNegation":          "which negative conditions are true of null",
	"TopBeforePageSize":     "let $top win over odata.maxpagesize",
	"MaxExpand":             "tables that one query may expand; default 15",
	"MaxBatchURL":           "longest URL of a GET in a batch; default 65536",
	"LinkAllByName":         "give FetchXML's all and not all the meaning of their names",
	"MatchFirstOuter":       "keep rows to which matchfirstrowusingcrossapply finds nothing",
	"ApplyAllProperties":    "carry every property as null beside the aggregates of $apply",
	"ReferenceEmptiesBin":   "let the delete of a deleteditemreference empty the bin of what it names",
	"JobStep":               "how long a step of a job takes, by the emulator's clock; default 5ms, negative: none",
	"RetainedQueries":       "queries of long-term retained rows a day; default 100, negative: without limit",
	"NoAddressRows":         "leave out the address rows of accounts, contacts and leads",
	"OwnersNeedRoles":       "refuse rows to users who have no role",
	"DefinitionsNeedRights": "ask for rights before definitions are read",
	"DuplicateStatus":       "status that a duplicate is refused with; default 412",
	"NewerSegmentCode":      "answer an unknown segment with 0x80060888 instead of 0x8006088a",
	"WebhookRemote":         "let hooks call endpoints that are not on this machine",
	"WebhookTimeout":        "how long the endpoint of a hook may take; default 60s",
	"BatchEndsInCRLF":       "refuse a batch whose last line does not end in CRLF",
	"NamesNeedPublisher":    "ask for a publisher's prefix in names also where no solution is named",
	"DatesNeedZone":         "refuse dates and times without a time zone, in bodies and filters",
	"BatchLF":               "accept a batch whose lines end in LF alone",
	"Limits.On":             "service protection limits: on or off",
	"Limits.Requests":       "requests per user and window; default 6000",
	"Limits.Window":         "sliding window of the limits; default 5m",
	"Limits.ExecutionTime":  "combined execution time per user and window; default 20m",
	"Limits.Concurrency":    "requests of a user at one moment; default 52",
	"Limits.Nodes":          "web servers behind the address; default 1",
	"Limits.RowTime":        "execution time that each row adds",
}

// chooses is a type that takes some words only.
type chooses interface {
	encoding.TextMarshaler
	Choices() []string
}

// Settings are all options that can be written down, in the order of [Options].
func Settings() []Setting {
	var all []Setting
	var walk func(t reflect.Type, path []int, prefix, field string)
	walk = func(t reflect.Type, path []int, prefix, field string) {
		for i := range t.NumField() {
			f := t.Field(i)
			at := append(slices.Clone(path), i)
			name := field + f.Name
			switch {
			case slices.Contains(onlyGo, name):
			case f.Type == reflect.TypeFor[Limits]():
				walk(f.Type, at, "limits", name+".")
			default:
				s := Setting{Name: flagName(prefix, f.Name), Field: name, Help: help[name], path: at}
				if s.Kind, s.Values = kindOf(f.Type); s.Kind != "" {
					all = append(all, s)
				}
			}
		}
	}
	walk(reflect.TypeFor[Options](), nil, "", "")
	return all
}

// flagName is the name of a field as a flag: MaxBatchURL is max-batch-url, On of the limits is limits.
func flagName(prefix, field string) string {
	if prefix != "" && field == "On" {
		return prefix
	}
	var b strings.Builder
	if prefix != "" {
		b.WriteString(prefix + "-")
	}
	letters := []rune(field)
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func kindOf(t reflect.Type) (kind string, values []string) {
	switch v := reflect.Zero(t).Interface().(type) {
	case chooses:
		return "choice", v.Choices()
	case time.Duration:
		return "duration", nil
	case *time.Location:
		return "time zone", nil
	case uuid.UUID:
		return "id", nil
	case bool:
		return "true or false", nil
	case string:
		return "text", nil
	case int:
		return "number", nil
	case []int:
		return "numbers", nil
	}
	return "", nil // nobody has said how it is written: a test finds it
}

// settingOf finds an option by its name.
func settingOf(name string) (Setting, error) {
	all := Settings()
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Setting{}, fmt.Errorf("there is no option %q%s", name, wire.Nearest(name, names))
}

// Set sets an option by its name, from text as in a flag or a file.
func (o *Options) Set(name, text string) error {
	s, err := settingOf(name)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(o).Elem().FieldByIndex(s.path)
	wrong := func(like string) error { return fmt.Errorf("%s: %q is not %s", name, text, like) }
	switch x := v.Addr().Interface().(type) {
	case *bool:
		switch strings.ToLower(text) {
		case "true", "on", "yes":
			*x = true
		case "false", "off", "no":
			*x = false
		default:
			return wrong("true or false")
		}
	case *string:
		if text == "" && name == "token" {
			return fmt.Errorf("token must not be empty")
		}
		*x = text
	case *int:
		if *x, err = strconv.Atoi(text); err != nil {
			return wrong("a number")
		}
	case *[]int:
		*x = nil
		for part := range strings.SplitSeq(text, ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil {
				return wrong("numbers with commas between them")
			}
			*x = append(*x, n)
		}
	case *time.Duration:
		if *x, err = time.ParseDuration(text); err != nil {
			return wrong("a duration such as 30s or 2h")
		}
	case **time.Location:
		if *x, err = time.LoadLocation(text); err != nil {
			return wrong("a time zone such as Europe/Stockholm")
		}
	case *uuid.UUID:
		if text == "random" {
			*x = uuid.New()
			return nil
		}
		if *x, err = uuid.Parse(text); err != nil {
			return wrong("an id, or random")
		}
	case encoding.TextUnmarshaler:
		if x.UnmarshalText([]byte(text)) != nil {
			return wrong("one of " + strings.Join(s.Values, ", ") + wire.Nearest(text, s.Values))
		}
	}
	return nil
}

// Get is an option as text.
func (o *Options) Get(name string) (string, error) {
	s, err := settingOf(name)
	if err != nil {
		return "", err
	}
	switch x := reflect.ValueOf(o).Elem().FieldByIndex(s.path).Interface().(type) {
	case *time.Location:
		if x == nil {
			return "UTC", nil
		}
		return x.String(), nil
	case []int:
		texts := make([]string, len(x))
		for i, n := range x {
			texts[i] = strconv.Itoa(n)
		}
		return strings.Join(texts, ","), nil
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return string(b), err
	default:
		return fmt.Sprint(x), nil
	}
}

// SettingValue is an option with what it is set to.
type SettingValue struct {
	Setting
	Value string `json:"value"`
}

// readOptions answers GET /emulator/options. The token is known to whoever asks, and not told.
func (s *Server) readOptions(*control) (any, error) {
	var out []SettingValue
	for _, o := range Settings() {
		value, err := s.options.Get(o.Name)
		if err != nil {
			return nil, err
		}
		if o.Name == "token" {
			value = "(the one that this request has)"
		}
		out = append(out, SettingValue{o, value})
	}
	return out, nil
}

// health answers GET /emulator/health, which needs no token: an emulator that answers is ready.
func (s *Server) health() any {
	return map[string]any{"status": "ready", "organization": s.engine.Options.Organization, "organizationId": s.engine.OrganizationID.String()}
}
