package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// Read gets a path below the service root, such as a function call, and decodes the answer into out. What it asks of tables
// is asked past the service's caches, which lag behind changes by up to 30 seconds: a column that was secured meanwhile is empty for whoever
// may not read it, and has to be known as secured.
func (c *Client) Read(ctx context.Context, path string, out any) error {
	op := Operation{Method: http.MethodGet, Path: path}
	if strings.HasPrefix(path, "EntityDefinitions") {
		op.Header = http.Header{"Consistency": {"Strong"}}
	}
	return c.Do(ctx, op, out)
}

// Call runs one request below the service root and decodes its answer, if it has one, into out.
func (c *Client) Call(ctx context.Context, method, path string, body, out any) error {
	return c.Do(ctx, Operation{Method: method, Path: path, Body: body}, out)
}

// Do runs one operation and decodes its answer, if it has one, into out.
func (c *Client) Do(ctx context.Context, op Operation, out any) error {
	_, err := c.do(ctx, op, out)
	return err
}

// Create adds a row or a definition and returns its id.
func (c *Client) Create(ctx context.Context, path string, body any, header http.Header) (uuid.UUID, error) {
	ans, err := c.do(ctx, Operation{Method: http.MethodPost, Path: path, Body: body, Header: header}, nil)
	if err != nil {
		return uuid.UUID{}, err
	}
	return createdID(ans.header)
}

// createdID is the last id in the address of what was created.
func createdID(h http.Header) (uuid.UUID, error) {
	address := h.Get("OData-EntityId")
	if address == "" {
		address = h.Get("Location")
	}
	open := strings.LastIndexByte(address, '(')
	if open >= 0 && strings.HasSuffix(address, ")") {
		if id, err := uuid.Parse(address[open+1 : len(address)-1]); err == nil {
			return id, nil
		}
	}
	return uuid.UUID{}, fmt.Errorf("%w: created, and no id told", ErrAnswer)
}

func (c *Client) do(ctx context.Context, op Operation, out any) (*answer, error) {
	u, err := c.address(op.Path)
	if err != nil {
		return nil, err
	}
	r := &request{method: op.Method, url: u, header: http.Header{}, repeatable: op.Repeatable, read: decodeInto(out)}
	for name, values := range op.Header {
		r.header[http.CanonicalHeaderKey(name)] = values
	}
	if op.IfMatch != "" {
		r.header.Set("If-Match", op.IfMatch)
	}
	if op.Body != nil {
		if r.body, err = encodeBody(op.Body); err != nil {
			return nil, fmt.Errorf("%s: the body is no JSON", opText(op.Method, op.Path))
		}
	}
	return c.send(ctx, r)
}

// WhoAmI is the cheapest probe, and brings the service's clock and its concurrency hint.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var who struct {
		BusinessUnitId, UserId, OrganizationId uuid.UUID
	}
	if err := c.Read(ctx, "WhoAmI", &who); err != nil {
		return Identity{}, err
	}
	if who.OrganizationId == (uuid.UUID{}) {
		return Identity{}, fmt.Errorf("%w: WhoAmI without an organisation", ErrAnswer)
	}
	return Identity{UserID: who.UserId, BusinessUnitID: who.BusinessUnitId, OrganizationID: who.OrganizationId}, nil
}
