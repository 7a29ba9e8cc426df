package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// maxNesting bounds the depth of a body, as the OData reader of the service does.
const maxNesting = 100

// readObject reads one JSON object strictly: no second value after it, no property twice, no deeper than maxNesting.
// Numbers stay json.Number.
func readObject(body []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	t, err := d.Token()
	if err != nil {
		return nil, BadPayload("", jsonTrouble(err))
	}
	if t != json.Delim('{') {
		return nil, BadPayload("", "An unexpected node was found when reading from the JSON reader. A 'StartObject' node was expected.")
	}
	m, err := readMembers(d, 1)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, BadPayload("", "Invalid JSON. More than one value was found at the root of the JSON content. JSON content can only have one value at the root level.")
	}
	return m, nil
}

func readMembers(d *json.Decoder, depth int) (map[string]any, error) {
	m := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, BadPayload("", jsonTrouble(err))
		}
		key, _ := name.(string)
		if _, twice := m[key]; twice {
			return nil, BadPayload("", fmt.Sprintf("Multiple properties with the name '%s' were detected in a resource or a complex value. According to OData, this is invalid.", key))
		}
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		m[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, BadPayload("", jsonTrouble(err))
	}
	return m, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, BadPayload("", jsonTrouble(err))
	}
	delim, nested := t.(json.Delim)
	if !nested {
		return t, nil
	}
	if depth >= maxNesting {
		return nil, BadPayload("", fmt.Sprintf("The maximum recursion depth of %d was exceeded.", maxNesting))
	}
	if delim == '{' {
		return readMembers(d, depth+1)
	}
	list := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, BadPayload("", jsonTrouble(err))
	}
	return list, nil
}

// jsonTrouble says what is wrong without quoting the body, which may hold personal data.
func jsonTrouble(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "Unexpected end of input was found in JSON content."
	}
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Sprintf("Invalid JSON. An unexpected token was found in JSON content at offset %d.", s.Offset)
	}
	return "Invalid JSON."
}

// wireTypes are the types of the columns on the wire.
var wireTypes = map[schema.Kind]string{
	schema.KindString: "Edm.String", schema.KindMemo: "Edm.String", schema.KindEntityName: "Edm.String", schema.KindMultiSelect: "Edm.String",
	schema.KindPicklist: "Edm.Int32", schema.KindState: "Edm.Int32", schema.KindStatus: "Edm.Int32", schema.KindInteger: "Edm.Int32",
	schema.KindBigInt: "Edm.Int64", schema.KindBoolean: "Edm.Boolean", schema.KindDateTime: "Edm.DateTimeOffset",
	schema.KindDecimal: "Edm.Decimal", schema.KindDouble: "Edm.Double", schema.KindMoney: "Edm.Decimal", schema.KindGUID: "Edm.Guid",
	schema.KindImage: "Edm.Binary", schema.KindFile: "Edm.Guid", schema.KindLookup: "Edm.Guid", schema.KindVirtual: "Edm.String",
}

// WrongType is the error for a value of the wrong type.
func WrongType(t *schema.Table, c *schema.Column, v any, detail string) *Error {
	edm := wireTypes[c.Kind]
	if c.DateOnly() {
		edm = "Edm.Date"
	}
	shown := "?"
	switch v := v.(type) {
	case json.Number, bool:
		shown = fmt.Sprint(v)
	case string:
		shown = v
	case map[string]any, []any:
		return BadPayload(t.Name, fmt.Sprintf("An unexpected node of type 'StartObject' or 'StartArray' was found when reading the value of property '%s'. A 'PrimitiveValue' node was expected.", c.Name))
	}
	if detail != "" {
		detail = " ---> " + detail
	}
	return BadPayload(t.Name, fmt.Sprintf("Cannot convert the literal '%s' to the expected type '%s'.%s", shown, edm, detail))
}

// ParseValue makes the typed value of a column from what a JSON body holds. nil is null. Pages: create-entity-web-api,
// attribute-metadata; limits of kinds: web-service-error-codes.
func ParseValue(t *schema.Table, c *schema.Column, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.Kind {
	case schema.KindString, schema.KindMemo, schema.KindEntityName:
		s, ok := v.(string)
		if !ok {
			return nil, WrongType(t, c, v, "")
		}
		return parseText(t, c, s)
	case schema.KindManaged:
		m, _ := v.(map[string]any)
		b, ok := m["Value"].(bool)
		if !ok {
			return nil, BadPayload(t.Name, fmt.Sprintf("The property '%s' is a BooleanManagedProperty: an object with a Value.", c.Name))
		}
		return b, nil
	case schema.KindBoolean:
		b, ok := v.(bool)
		if !ok {
			return nil, WrongType(t, c, v, "")
		}
		return b, nil
	case schema.KindPicklist, schema.KindState, schema.KindStatus:
		n, err := parseInt(t, c, v, 32)
		if err != nil {
			return nil, err
		}
		if c.Option(int(n)) == nil {
			return nil, outOfOptions(t, c, strconv.FormatInt(n, 10))
		}
		return n, nil
	case schema.KindInteger:
		n, err := parseInt(t, c, v, 32)
		if err != nil {
			return nil, err
		}
		return n, checkRange(t, c, float64(n))
	case schema.KindBigInt:
		return parseIntValue(t, c, v)
	case schema.KindDecimal, schema.KindDouble, schema.KindMoney:
		return parseFraction(t, c, v)
	case schema.KindDateTime:
		s, ok := v.(string)
		if !ok {
			return nil, WrongType(t, c, v, "")
		}
		return parseDate(t, c, s)
	case schema.KindGUID:
		s, ok := v.(string)
		if !ok || len(s) != 36 {
			return nil, WrongType(t, c, v, "System.FormatException: Unrecognized Guid format.")
		}
		id, err := uuid.Parse(s)
		if err != nil {
			return nil, WrongType(t, c, v, "System.FormatException: Unrecognized Guid format.")
		}
		return id, nil
	case schema.KindMultiSelect:
		s, ok := v.(string)
		if !ok {
			return nil, WrongType(t, c, v, "")
		}
		return parseChoices(t, c, s)
	case schema.KindImage:
		s, ok := v.(string)
		if !ok {
			return nil, WrongType(t, c, v, "")
		}
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			return nil, WrongType(t, c, "…", "System.FormatException: The input is not a valid Base-64 string.")
		}
		return s, nil
	case schema.KindFile:
		return nil, BadArgument("The file column '%s' of table '%s' cannot be set with the row; upload the file instead.", c.Name, t.Name)
	}
	return nil, WrongType(t, c, v, "")
}

func parseIntValue(t *schema.Table, c *schema.Column, v any) (any, error) {
	n, err := parseInt(t, c, v, 64)
	if err != nil {
		return nil, err
	}
	return n, nil
}

func parseInt(t *schema.Table, c *schema.Column, v any, bits int) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, WrongType(t, c, v, "")
	}
	i, err := strconv.ParseInt(n.String(), 10, bits)
	if err != nil {
		detail := "System.FormatException: Input string was not in a correct format."
		if strings.Contains(err.Error(), "range") {
			detail = fmt.Sprintf("System.OverflowException: Value was either too large or too small for an Int%d.", bits)
		}
		return 0, WrongType(t, c, v, detail)
	}
	return i, nil
}

func outOfOptions(t *schema.Table, c *schema.Column, value string) *Error {
	accepted := make([]string, len(c.Options))
	for i, o := range c.Options {
		accepted[i] = strconv.Itoa(o.Value)
	}
	return NewError(400, "0x8004431a", "A validation error occurred. The value '%s' of '%s' on record of type '%s' is outside the valid range. Accepted Values: %s", value, c.Name, t.Name, strings.Join(accepted, ","))
}

func checkRange(t *schema.Table, c *schema.Column, v float64) error {
	if c.Min != nil && v < *c.Min || c.Max != nil && v > *c.Max {
		return NewError(400, "0x80044330", "A validation error occurred. The value of '%s' on record of type '%s' is outside the valid range.", c.Name, t.Name)
	}
	return nil
}

// maxMoney bounds amounts where the metadata names no bound.
const maxMoney = 922337203685477

func parseFraction(t *schema.Table, c *schema.Column, v any) (any, error) {
	n, ok := v.(json.Number)
	if !ok {
		return nil, WrongType(t, c, v, "")
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, WrongType(t, c, v, "System.OverflowException: Value was either too large or too small.")
	}
	if c.Kind != schema.KindDouble && math.Abs(f) > maxMoney {
		return nil, rangeError(t, c)
	}
	if err := checkRange(t, c, f); err != nil {
		return nil, err
	}
	places := 4
	if c.Precision != nil {
		places = *c.Precision
	}
	if places >= 0 && places <= 10 {
		scale := math.Pow10(places)
		if r := math.RoundToEven(f * scale); !math.IsInf(r, 0) {
			f = r / scale
		}
	}
	return f, nil
}

func rangeError(t *schema.Table, c *schema.Column) *Error {
	return NewError(400, "0x80044330", "A validation error occurred. The value of '%s' on record of type '%s' is outside the valid range.", c.Name, t.Name)
}

// parseText checks a text's length, counted in UTF-16 code units as the platform does, and its characters.
func parseText(t *schema.Table, c *schema.Column, s string) (any, error) {
	if c.MaxLength > 0 && len(s) > c.MaxLength && UTF16Length(s) > c.MaxLength {
		return nil, NewError(400, "0x80044331", "A validation error occurred.  The length of the '%s' attribute of the '%s' entity exceeded the maximum allowed length of '%d'.", c.Name, t.Name, c.MaxLength)
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return nil, NewError(400, "0x80040278", "The field '%s' contains one or more invalid characters.", c.Name)
		}
	}
	if s == "" {
		return nil, nil // the platform stores no empty texts
	}
	return s, nil
}

// UTF16Length is the length of a text in UTF-16 code units, which MaxLength counts.
func UTF16Length(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// earliestDate is the first date that the platform takes.
var earliestDate = time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)

func parseDate(t *schema.Table, c *schema.Column, s string) (any, error) {
	if c.DateOnly() {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return nil, WrongType(t, c, s, "System.FormatException: String was not recognized as a valid Edm.Date.")
		}
		if d.Before(earliestDate) {
			return nil, BadDate()
		}
		return store.Day(d.Unix() / 86400), nil
	}
	d, err := time.Parse(time.RFC3339, s)
	if err != nil {
		for _, layout := range [...]string{"2006-01-02T15:04:05", "2006-01-02T15:04"} { // UTC: behavior-format-date-time-attribute
			if d, err = time.Parse(layout, s); err == nil {
				break
			}
		}
	}
	if err != nil {
		return nil, WrongType(t, c, s, "System.FormatException: String was not recognized as a valid DateTimeOffset.")
	}
	if d.UTC().Before(earliestDate) || d.UTC().Year() > 9999 {
		return nil, BadDate()
	}
	return store.Instant(d.Unix()), nil
}

// Zoned tells whether a value of the column names its time zone, if it is one of date and time.
func Zoned(c *schema.Column, v any) bool {
	s, ok := v.(string)
	if !ok || c.Kind != schema.KindDateTime || c.DateOnly() {
		return true
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

// BadDate is the error for a date that the platform does not take.
func BadDate() *Error {
	return NewError(400, "0x80040239", "The date-time format is invalid, or value is outside the supported range.")
}

func parseChoices(t *schema.Table, c *schema.Column, s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	for _, part := range strings.Split(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, WrongType(t, c, s, "")
		}
		if c.Option(n) == nil {
			return nil, outOfOptions(t, c, strconv.Itoa(n))
		}
	}
	return strings.ReplaceAll(s, " ", ""), nil
}

// ParseMoment reads a date or a moment; without an offset it means UTC (behavior-format-date-time-attribute).
func ParseMoment(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04:05", "1/2/2006", "01/02/2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ReadColumnSet is a ReadColumnSet as a $select: "" is every column.
func ReadColumnSet(t *schema.Table, v any) (string, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return "", BadArgument("The ColumnSet is not a Microsoft.Dynamics.CRM.ColumnSet.")
	}
	if m["AllColumns"] == true {
		return "", nil
	}
	list, _ := m["Columns"].([]any)
	names := []string{t.ID}
	for _, x := range list {
		name, _ := x.(string)
		c := t.Column(name)
		if c == nil {
			return "", NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, name)
		}
		names = append(names, c.Property())
	}
	return strings.Join(names, ","), nil
}
