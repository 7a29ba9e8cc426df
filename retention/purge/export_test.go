package purge

// SetOperations makes change sets so small that tests need few rows to fill one.
func SetOperations(d *Deps, n int) { d.operations = n }
