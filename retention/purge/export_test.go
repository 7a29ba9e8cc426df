package purge

// SetOperations makes change sets so small that tests need few rows to fill one.
func SetOperations(d *Deps, n int) { d.operations = n }

// SetMost sets how many rows a search reads of one query.
func SetMost(d *Deps, n int) { d.most = n }

// SetReadAll sets from how many purged persons on a search reads whole tables for who else has their values.
func SetReadAll(d *Deps, persons int) { d.readAll = persons }

// AssessThere is assessThere.
var AssessThere = assessThere
