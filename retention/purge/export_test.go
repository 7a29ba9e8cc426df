package purge

// SetOperations makes change sets so small that tests need few rows to fill one.
func SetOperations(d *Deps, n int) { d.operations = n }

// SetMost sets how many rows a search reads of one query.
func SetMost(d *Deps, n int) { d.most = n }

// AssessThere is assessThere.
var AssessThere = assessThere
