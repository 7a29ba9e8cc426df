package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// AddressColumn is a text column that holds an e-mail address or a telephone number, by its format or by its name.
type AddressColumn struct {
	LogicalName string
	Mail        bool // an e-mail address; otherwise a number
}

// AddressColumns are the columns of all tables that hold addresses or numbers, by table. One request answers it
// (RetrieveMetadataChanges), however many tables there are; a client asks once. Page: query-schema-definitions.
func AddressColumns(ctx context.Context, r Reader) (map[string][]AddressColumn, error) {
	c, remembers := r.(*Client)
	if !remembers {
		return readAddressColumns(ctx, r)
	}
	c.Schema.mu.Lock()
	known := c.Schema.addresses
	c.Schema.mu.Unlock()
	if known != nil {
		return known, nil
	}
	read, err := readAddressColumns(ctx, r)
	if err != nil {
		return nil, err
	}
	c.Schema.mu.Lock()
	c.Schema.addresses = read
	c.Schema.mu.Unlock()
	return read, nil
}

func readAddressColumns(ctx context.Context, r Reader) (map[string][]AddressColumn, error) {
	query, err := json.Marshal(map[string]any{
		"Properties": map[string]any{"AllProperties": false, "PropertyNames": []string{"LogicalName", "Attributes"}},
		"AttributeQuery": map[string]any{
			"Properties": map[string]any{"AllProperties": false, "PropertyNames": []string{"LogicalName", "Format", "FormatName", "IsValidForRead", "AttributeOf"}},
			"Criteria": map[string]any{"FilterOperator": "And", "Conditions": []any{map[string]any{
				"ConditionOperator": "Equals", "PropertyName": "AttributeType", "Value": map[string]string{"Type": "Microsoft.Xrm.Sdk.Metadata.AttributeTypeCode", "Value": "String"}}}},
		},
	})
	if err != nil {
		return nil, err
	}
	var body struct {
		EntityMetadata []struct {
			LogicalName string
			Attributes  []struct {
				LogicalName    string
				Format         string
				FormatName     *struct{ Value string }
				IsValidForRead *bool
				AttributeOf    string
			}
		}
	}
	if err := r.Read(ctx, "RetrieveMetadataChanges(Query=@p1)?@p1="+url.QueryEscape(string(query)), &body); err != nil {
		return nil, fmt.Errorf("ask which columns hold addresses: %w", err)
	}
	out := make(map[string][]AddressColumn)
	for _, t := range body.EntityMetadata {
		for _, a := range t.Attributes {
			format := a.Format
			if a.FormatName != nil && a.FormatName.Value != "" {
				format = a.FormatName.Value
			}
			mail, number := format == "Email" || mailName(a.LogicalName), format == "Phone"
			if a.AttributeOf != "" || a.IsValidForRead != nil && !*a.IsValidForRead || !mail && !number {
				continue
			}
			out[t.LogicalName] = append(out[t.LogicalName], AddressColumn{LogicalName: a.LogicalName, Mail: mail})
		}
		slices.SortFunc(out[t.LogicalName], func(a, b AddressColumn) int { return strings.Compare(a.LogicalName, b.LogicalName) })
	}
	return out, nil
}

// mailName tells whether a column without the format says by its name that it holds an address: emailaddress1, vend_email,
// nord_contactemail.
func mailName(name string) bool {
	return strings.HasPrefix(name, "emailaddress") || strings.HasSuffix(name, "emailaddress") || strings.HasSuffix(name, "_email") ||
		strings.HasSuffix(name, "email") && strings.Contains(name, "_")
}
