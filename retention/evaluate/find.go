package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/compile"
)

// ErrNobody says that no row of a subject table has the address that was asked for. Its text holds no address.
var ErrNobody error = nobody{}

type nobody struct{}

func (nobody) Error() string { return "nobody has that address, or they are anonymised already" }

// Hint tells where else somebody may stand.
func (nobody) Hint() string {
	return "an address counts as a whole; rows that name the person only in their text are found by Dataverse search, and anonymised rows that somebody has written to since by gallra doctor"
}

// FindByEmail is every row of the policy's subject tables that holds the address in one of its columns for e-mail
// addresses or in the one that identifies people, in the order of the subjects and by id.
func FindByEmail(ctx context.Context, r dataverse.Reader, c *compile.Policy, address string) ([]PersonRef, error) {
	wanted, ok := hashValue([]byte(address))
	if !ok {
		return nil, ErrNobody
	}
	found := make([][]PersonRef, len(c.Subjects))
	group, ctx := errgroup.WithContext(ctx)
	for i := range c.Subjects {
		s := &c.Subjects[i]
		group.Go(func() error {
			columns, err := s.AddressColumns(ctx, r)
			if err != nil || len(columns) == 0 {
				return err
			}
			var terms []string
			fields := []compile.Field{compile.Field(s.PrimaryID)}
			for _, name := range columns {
				terms = append(terms, name+" eq "+odata.Quote(strings.Trim(address, compile.Blanks)))
				terms = append(terms, compile.Padded(name)...)
				fields = append(fields, compile.Field(name))
			}
			read := s.Persons
			// Whoever bears the address is found, whatever mark stands beside it.
			read.Select, read.Expand, read.Filter = append([]string{s.PrimaryID}, columns...), "", strings.Join(terms, " or ")
			rows := selection("persons with the address", read, fields, func(row []dataverse.Value) error {
				id, ok := row[0].GUID()
				if ok && slices.ContainsFunc(row[1:], func(v dataverse.Value) bool {
					h, some := hashValue(v.Text())
					return some && h == wanted
				}) {
					found[i] = append(found[i], PersonRef{s.Table, id})
				}
				return nil
			})
			return r.Scan(ctx, rows.Query, rows.Columns, rows.Take)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look for the address: %w", err)
	}
	var all []PersonRef
	for _, some := range found {
		slices.SortFunc(some, func(a, b PersonRef) int { return slices.Compare(a.ID[:], b.ID[:]) })
		all = append(all, slices.Compact(some)...)
	}
	if len(all) == 0 {
		return nil, ErrNobody
	}
	return all, nil
}
