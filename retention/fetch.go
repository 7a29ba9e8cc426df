package retention

// fetch is a compiled FetchXML query.
type fetch struct{}

// view is a system view.
type view struct{ name string }

// fetchGround compiles a ground that is a view or a FetchXML query.
func (c *checker) fetchGround(subject *table, g *CheckedGround) {
	c.problem(g.Pos, "views and FetchXML cannot be read yet", "")
}
