package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// AddressColumn is a text column that holds an e-mail address or a telephone number, by its format or by its name.
type AddressColumn struct {
	LogicalName string
	Mail        bool // an e-mail address; otherwise a number
}

// addressQuery is the path of the request: RetrieveMetadataChanges for the text columns of every table.
// Page: query-schema-definitions.
var addressQuery = sync.OnceValue(func() string {
	equals := func(property, kind, value string) any {
		return map[string]any{"ConditionOperator": "Equals", "PropertyName": property, "Value": map[string]string{"Type": kind, "Value": value}}
	}
	query, err := json.Marshal(map[string]any{
		"Properties": map[string]any{"AllProperties": false, "PropertyNames": []string{"LogicalName", "Attributes"}},
		"AttributeQuery": map[string]any{
			"Properties": map[string]any{"AllProperties": false, "PropertyNames": []string{"LogicalName", "Format", "FormatName", "IsValidForRead", "AttributeOf"}},
			// Words of lookups and the like are logical: they are most of all texts, and hold nothing of their own.
			"Criteria": map[string]any{"FilterOperator": "And", "Conditions": []any{
				equals("AttributeType", "Microsoft.Xrm.Sdk.Metadata.AttributeTypeCode", "String"), equals("IsLogical", "System.Boolean", "False")}},
		},
	})
	if err != nil {
		panic(err) // of nothing but texts
	}
	return "RetrieveMetadataChanges(Query=@p1)?@p1=" + url.QueryEscape(string(query))
})

// AddressColumns are the columns of all tables that hold addresses or numbers, by table: one request, however many
// tables there are, and remembered. The value is shared: leave it as it is.
func (c *Client) AddressColumns(ctx context.Context) (map[string][]AddressColumn, error) {
	c.Schema.mu.Lock()
	known, file := c.Schema.addresses, c.Schema.file
	if known == nil && file != nil {
		known = file.addresses
	}
	c.Schema.mu.Unlock()
	if known != nil {
		return known, nil
	}
	u, err := c.address(addressQuery())
	if err != nil {
		return nil, err
	}
	// The answer is of some megabytes, and gone through once: the ordinary decoder would go through it three times.
	_, err = c.send(ctx, &request{method: http.MethodGet, url: u, header: c.Schema.header(), read: func(ans *answer) (err error) {
		known, err = c.definitions.addressesIn(ans.body)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("ask which columns hold addresses: %w", err)
	}
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	c.Schema.addresses = known
	if file != nil && file == c.Schema.file {
		file.addresses, file.changed = known, true
	}
	return known, nil
}

// entityMetadata is the part of an answer of RetrieveMetadataChanges that tells of tables.
func entityMetadata(body []byte) (found []byte, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, broken("no whole JSON document")
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, broken("no whole JSON document")
		}
		wanted := name.String() == "EntityMetadata"
		value, err := d.ReadValue()
		if err != nil {
			return nil, broken("no whole JSON document")
		}
		if end := int(d.InputOffset()); wanted {
			found = body[end-len(value) : end]
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, broken("no whole JSON document")
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, broken("more than one JSON document")
	}
	return found, nil
}

func addressColumns(text []byte) (map[string][]AddressColumn, error) {
	var tables []struct {
		LogicalName string
		Attributes  []struct {
			LogicalName    string
			Format         string
			FormatName     *struct{ Value string }
			IsValidForRead *bool
			AttributeOf    string
		}
	}
	if err := decodeDefinition(text, &tables); err != nil {
		return nil, err
	}
	out := make(map[string][]AddressColumn)
	for _, t := range tables {
		for _, a := range t.Attributes {
			format := a.Format
			if a.FormatName != nil && a.FormatName.Value != "" {
				format = a.FormatName.Value
			}
			mail, number := IsAddress(a.LogicalName, format), IsNumber(a.LogicalName, format)
			if a.AttributeOf != "" || a.IsValidForRead != nil && !*a.IsValidForRead || !mail && !number {
				continue
			}
			out[t.LogicalName] = append(out[t.LogicalName], AddressColumn{LogicalName: a.LogicalName, Mail: mail})
		}
		slices.SortFunc(out[t.LogicalName], func(a, b AddressColumn) int { return strings.Compare(a.LogicalName, b.LogicalName) })
	}
	return out, nil
}

// IsAddress tells whether a column of text holds an e-mail address: by its format, or by its name: emailaddress1, vend_email2,
// nord_contactemail.
func IsAddress(name, format string) bool {
	name = strings.TrimRight(name, "0123456789")
	return format == "Email" || strings.HasSuffix(name, "emailaddress") || strings.HasSuffix(name, "email") && strings.Contains(name, "_")
}

// IsNumber tells whether a column of text holds a telephone number: by its format, or by its name: address1_telephone1, vend_mobile,
// nord_homephone2.
func IsNumber(name, format string) bool {
	if format == "Phone" {
		return true
	}
	name = strings.TrimRight(name, "0123456789")
	return slices.ContainsFunc([]string{"telephone", "phone", "phonenumber", "_mobile", "_fax", "_tel"}, func(end string) bool { return strings.HasSuffix(name, end) })
}
