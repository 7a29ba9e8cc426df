package messages

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// What clients ask an environment before they do anything: its time zones and counts, and which tables can be
// related. Pages: the reference of each function and action.

// environmentRoutes are the shapes of the requests about the environment.
func (s *Service) environmentRoutes() map[string]wire.Handler {
	return map[string]wire.Handler{
		"GET RetrieveTotalRecordCount":       s.totalRecordCount,
		"GET RetrieveTimestamp":              s.timestamp,
		"GET GetTimeZoneCodeByLocalizedName": s.timeZoneCode,
		"POST CanBeReferenced":               s.canRelate("CanBeReferenced"),
		"POST CanBeReferencing":              s.canRelate("CanBeReferencing"),
		"POST CanManyToMany":                 s.canRelate("CanManyToMany"),
		"GET GetValidManyToMany":             s.validTables("", "GetValidManyToMany"),
		"GET GetValidReferencedEntities":     s.validTables("ReferencingEntityName", "GetValidReferencedEntities"),
		"GET GetValidReferencingEntities":    s.validTables("ReferencedEntityName", "GetValidReferencingEntities"),
		"GET InitializeFrom":                 s.initializeFrom,
		"GET FormatAddress":                  s.formatAddress,
	}
}

// response is the answer of a function or action.
func response(c *wire.Call, name string, m map[string]any) *wire.Answer {
	m["@odata.context"] = c.Base + "/$metadata#" + wire.CRMNamespace + name + "Response"
	return wire.OK(m)
}

func (s *Service) timestamp(c *wire.Call) (*wire.Answer, error) {
	return response(c, "RetrieveTimestamp", map[string]any{"Timestamp": strconv.FormatInt(c.View().Version, 10)}), nil
}

// totalRecordCount counts the rows of tables, up to a day old in the service. It takes the right to read all rows of each.
// Page: webapi/query/count-rows.
func (s *Service) totalRecordCount(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	text, given := args["EntityNames"]
	if !given {
		return nil, wire.MissingArgument("EntityNames", "RetrieveTotalRecordCount")
	}
	names := strings.FieldsFunc(strings.Trim(strings.TrimSpace(text), "[]"), func(r rune) bool { return r == ',' })
	keys, values := []string{}, []int{}
	for _, name := range names {
		name = strings.Trim(strings.TrimSpace(name), `'"`)
		t := c.View().Schema.Tables[name]
		if t == nil {
			return nil, wire.NoTable(http.StatusBadRequest, "0x80060888", name)
		}
		if right, found := c.View().Schema.Privileges[t.Name]["Read"]; found {
			if err := access.CheckPrivilege(c, right.Name); err != nil {
				return nil, err
			}
		}
		keys, values = append(keys, name), append(values, c.View().Rows(name).Len())
	}
	return response(c, "RetrieveTotalRecordCount", map[string]any{"EntityRecordCountCollection": map[string]any{
		"Count": len(keys), "IsReadOnly": false, "Keys": keys, "Values": values}}), nil
}

// timeZoneCode finds a time zone by its name. Page: use-web-api-functions.
func (s *Service) timeZoneCode(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"LocalizedStandardName", "LocaleId"} {
		if args[name] == "" {
			return nil, wire.MissingArgument(name, "GetTimeZoneCodeByLocalizedName")
		}
	}
	name, err := wire.TextArgument(args["LocalizedStandardName"])
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(query.TimeZones, func(z query.TimeZone) bool { return strings.EqualFold(z.Name, name) })
	if i < 0 {
		return nil, wire.NewError(http.StatusNotFound, "0x80040217", "There is no time zone with the name '%s'.", name)
	}
	return response(c, "GetTimeZoneCodeByLocalizedName", map[string]any{"TimeZoneCode": query.TimeZones[i].Code}), nil
}

// formatAddress writes an address as it is written in its country. Page: webapi/samples/functions-actions.
func (s *Service) formatAddress(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	part := map[string]string{}
	for _, name := range []string{"Line1", "City", "StateOrProvince", "PostalCode", "Country"} {
		text, given := args[name]
		if !given {
			return nil, wire.MissingArgument(name, "FormatAddress")
		}
		if part[name], err = wire.TextArgument(text); err != nil {
			return nil, err
		}
	}
	lines := []string{part["Line1"], strings.TrimSpace(part["City"] + ", " + part["StateOrProvince"] + " " + part["PostalCode"]), part["Country"]}
	if strings.EqualFold(part["Country"], "japan") {
		lines = []string{part["PostalCode"], part["StateOrProvince"], part["City"], part["Line1"], part["Country"]}
	}
	return response(c, "FormatAddress", map[string]any{"Address": strings.Join(lines, "\r\n")}), nil
}

// relatable tells whether a table can be on a side of a relationship. Page: entity-relationship-eligibility.
func relatable(t *schema.Table, message string) bool {
	switch {
	case t.Intersect, t.Ownership == "None" && t.Name != "activitypointer":
		return false
	case message == "CanManyToMany", message == "GetValidManyToMany":
		return t.Ownership != "BusinessOwned" || t.Name == "systemuser" || t.Name == "team"
	}
	return true
}

func (s *Service) canRelate(message string) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		body, err := c.Decode()
		if err != nil {
			return nil, err
		}
		name, ok := body["EntityName"].(string)
		if !ok {
			return nil, wire.MissingArgument("EntityName", message)
		}
		t := c.View().Schema.Tables[name]
		if t == nil {
			return nil, wire.NoTable(http.StatusBadRequest, "0x80060888", name)
		}
		return response(c, message, map[string]any{message: relatable(t, message)}), nil
	}
}

func (s *Service) validTables(parameter, message string) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		if parameter != "" && c.Path.Segments[0].HasKey {
			args, err := c.Arguments(c.Path.Segments[0])
			if err != nil {
				return nil, err
			}
			if text := args[parameter]; text != "" {
				name, err := wire.TextArgument(text)
				if err != nil {
					return nil, err
				}
				if c.View().Schema.Tables[name] == nil {
					return nil, wire.NoTable(http.StatusBadRequest, "0x80060888", name)
				}
			}
		}
		names := []string{}
		for _, name := range c.View().Schema.TableNames() {
			if relatable(c.View().Schema.Tables[name], message) {
				names = append(names, name)
			}
		}
		return response(c, message, map[string]any{"EntityNames": names}), nil
	}
}

// mapped are the columns that a new row takes over from the row that it is made from, by source and target, beside those that
// a lead gives a contact, an account and an opportunity. Page: customize-entity-attribute-mappings.
var mapped = map[[2]string][][2]string{
	{"account", "contact"}: {{"telephone1", "telephone1"}, {"address1_line1", "address1_line1"}, {"address1_line2", "address1_line2"}, {"address1_line3", "address1_line3"}, {"address1_city", "address1_city"},
		{"address1_stateorprovince", "address1_stateorprovince"}, {"address1_postalcode", "address1_postalcode"}, {"address1_country", "address1_country"}, {"paymenttermscode", "paymenttermscode"}},
	{"contact", "contact"}: {}, {"account", "account"}: {},
}

// initializeFrom is what a new row of a table would begin with if it were made from another row: the lookup that leads there,
// and the columns that are mapped. Nothing is written. Page: create-entity-web-api, "create a new record from another".
func (s *Service) initializeFrom(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"EntityMoniker", "TargetEntityName", "TargetFieldType"} {
		if args[name] == "" {
			return nil, wire.MissingArgument(name, "InitializeFrom")
		}
	}
	moniker, err := wire.ObjectArgument(args["EntityMoniker"])
	if err != nil {
		return nil, err
	}
	from, _, err := wire.EntityArgument(c.View(), moniker)
	if err != nil {
		return nil, err
	}
	name, err := wire.TextArgument(args["TargetEntityName"])
	if err != nil {
		return nil, err
	}
	sn := c.View()
	to, source := sn.Schema.Tables[name], sn.Schema.Tables[from.Table]
	row := query.NewEnv(c).Source(source).Get(query.NewEnv(c), from.ID)
	switch {
	case to == nil:
		return nil, wire.NoTable(http.StatusBadRequest, "0x80060888", name)
	case row == nil:
		return nil, wire.NoRow(from.Table, from.ID.String())
	}
	out := map[string]any{"@odata.context": c.Base + "/$metadata#" + to.Set + "/$entity", "@odata.type": "#" + wire.CRMNamespace + to.Name}
	columns, known := mapped[[2]string{from.Table, to.Name}]
	if !known {
		return nil, wire.NotEmulated(s.Engine, "InitializeFrom of "+from.Table+" for "+to.Name+", whose mappings are an environment's own")
	}
	for _, r := range to.Outgoing {
		col := to.Column(r.Attribute)
		if r.Referenced == from.Table && (strings.HasPrefix(r.Attribute, "parent") || r.Attribute == "customerid") && !col.NoCreate {
			out[r.Nav+"@odata.bind"] = source.Set + "(" + from.ID.String() + ")"
		}
	}
	if currency := store.Lookup(source, row, "transactioncurrencyid"); currency.ID != uuid.Nil && to.Column("transactioncurrencyid") != nil {
		out["transactioncurrencyid@odata.bind"] = "transactioncurrencies(" + currency.ID.String() + ")"
	}
	for _, pair := range columns {
		if v := store.Value(source, row, pair[0]); v != nil {
			out[pair[1]] = v
		}
	}
	return wire.OK(out), nil
}
