package dataverse

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	jsonx "github.com/go-json-experiment/json"
)

// AddressColumn is a text column that holds an e-mail address or a telephone number, by its format or by its name.
type AddressColumn struct {
	LogicalName string
	Mail        bool // an e-mail address; otherwise a number
}

// AddressColumns are the columns of all tables that hold addresses or numbers, by table. One request answers it
// (RetrieveMetadataChanges), however many tables there are, and a client that remembers definitions remembers it.
// Page: query-schema-definitions.
func AddressColumns(ctx context.Context, r Reader) (map[string][]AddressColumn, error) {
	c, ok := r.(*Client)
	if !ok {
		return askAddresses(func(path string, out any) error { return r.Read(ctx, path, out) })
	}
	c.Schema.mu.Lock()
	file := c.Schema.file
	if file != nil && file.addresses != nil {
		defer c.Schema.mu.Unlock()
		return file.addresses, nil
	}
	c.Schema.mu.Unlock()
	found, err := askAddresses(func(path string, out any) error {
		return c.Do(ctx, Operation{Method: http.MethodGet, Path: path, Header: c.Schema.header()}, out)
	})
	if err != nil {
		return nil, err
	}
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	if file != nil && file == c.Schema.file {
		file.addresses, file.changed = found, true
	}
	return found, nil
}

func askAddresses(read func(path string, out any) error) (map[string][]AddressColumn, error) {
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
		return nil, err
	}
	var answer struct{ EntityMetadata json.RawMessage }
	if err := read("RetrieveMetadataChanges(Query=@p1)?@p1="+url.QueryEscape(string(query)), &answer); err != nil {
		return nil, fmt.Errorf("ask which columns hold addresses: %w", err)
	}
	return readAddresses(answer.EntityMetadata)
}

// takenApart are the last few answers that were taken apart: some megabytes, of which every client gets the same.
var takenApart addressMemo

type addressMemo struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]map[string][]AddressColumn
}

const mostAddresses = 8

// readAddresses takes an answer apart.
func readAddresses(text []byte) (map[string][]AddressColumn, error) {
	key := sha256.Sum256(text)
	takenApart.mu.Lock()
	defer takenApart.mu.Unlock()
	if known := takenApart.known[key]; known != nil {
		return known, nil
	}
	out, err := addressColumns(text)
	if err != nil {
		return nil, err
	}
	if takenApart.known == nil || len(takenApart.known) >= mostAddresses {
		takenApart.known = make(map[[sha256.Size]byte]map[string][]AddressColumn)
	}
	takenApart.known[key] = out
	return out, nil
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
	if err := jsonx.Unmarshal(text, &tables); err != nil { // of some megabytes: by the faster decoder
		return nil, fmt.Errorf("ask which columns hold addresses: %w", ErrAnswer)
	}
	out := make(map[string][]AddressColumn)
	for _, t := range tables {
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
