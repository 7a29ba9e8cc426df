package policy

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"github.com/gallra/gallra/retention"
)

// coarsen is columns and how coarse each becomes, as a policy says it.
type coarsen []Coarsened

// readNode reads a mapping of columns to units and numbers.
func (c *coarsen) readNode(r *strictReader, key string, n ast.Node) {
	values, ok := pairs(n)
	if !ok {
		r.problem(r.pos(n), fmt.Sprintf("`%s` is columns and how coarse each becomes, not %s", key, typeName(n)), "such as {birthdate: year, address1_postalcode: 2}")
		return
	}
	seen := map[string]bool{}
	for _, pair := range values {
		name := pair.Key.GetToken().Value
		if seen[name] {
			r.problem(r.pos(pair), fmt.Sprintf("`%s` stands twice in `%s`", name, key), "")
			continue
		}
		seen[name] = true
		value := r.resolve(pair.Value)
		if value == nil {
			continue
		}
		by, err := retention.ParseCoarse(scalarText(value))
		if err != nil {
			r.problem(r.pos(pair.Value), fmt.Sprintf("`%s`: %v", name, err), "")
			continue
		}
		*c = append(*c, Coarsened{Column: name, By: by, Pos: r.pos(pair)})
	}
}
