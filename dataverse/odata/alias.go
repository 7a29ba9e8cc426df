package odata

// Resolve puts the values of parameter aliases in their place. An alias that was never assigned is null
// (webapi/query/overview). Names are without the @. The tree itself stays as it is.
func Resolve(e Expr, aliases map[string]Expr) Expr {
	switch e := e.(type) {
	case *Alias:
		return e.value(aliases)
	case *Compare:
		return &Compare{e.Position, e.Op, Resolve(e.Left, aliases), Resolve(e.Right, aliases)}
	case *Logic:
		return &Logic{e.Position, e.Op, resolveAll(e.Terms, aliases)}
	case *Not:
		return &Not{e.Position, Resolve(e.X, aliases)}
	case *In:
		return &In{e.Position, Resolve(e.X, aliases), resolveAll(e.List, aliases)}
	case *Call:
		return &Call{e.Position, e.Name, resolveAll(e.Args, aliases)}
	case *Function:
		params := make([]Param, len(e.Params))
		for i, p := range e.Params {
			params[i] = Param{p.Position, p.Name, Resolve(p.Value, aliases)}
		}
		return &Function{e.Position, e.Name, params}
	case *Lambda:
		if e.Body != nil {
			return &Lambda{e.Position, e.All, e.Path, e.Var, Resolve(e.Body, aliases)}
		}
	}
	return e
}

func resolveAll(list []Expr, aliases map[string]Expr) []Expr {
	out := make([]Expr, len(list))
	for i, x := range list {
		out[i] = Resolve(x, aliases)
	}
	return out
}

// value is the value of the alias in the place where the query uses it.
func (e *Alias) value(aliases map[string]Expr) Expr {
	switch v := aliases[e.Name].(type) {
	case *Literal:
		return &Literal{e.Position, v.Kind, v.Value}
	case *Path:
		return &Path{e.Position, v.Segments}
	case *Array:
		return &Array{e.Position, v.Items}
	}
	return &Literal{e.Position, Null, nil}
}
