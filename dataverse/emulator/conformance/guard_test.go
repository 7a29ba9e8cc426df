package conformance

import "testing"

// TestGuards: what each of the three lets through.
func TestGuards(t *testing.T) {
	t.Parallel()
	const (
		readsOnly = "r" // all three let it through
		own       = "w" // those that may write the suite's rows
		defining  = "d" // only making and removing the fixture
		never     = "n"
	)
	write := func(line string) string {
		return "--b\r\nContent-Type: application/http\r\n\r\n" + line + " HTTP/1.1\r\n\r\n{}\r\n--b--\r\n"
	}
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", "contacts", "", readsOnly},
		{"HEAD", "contacts", "", readsOnly},
		{"POST", "$batch", write("GET /api/data/v9.2/contacts"), readsOnly},
		{"POST", "$batch", write("GET /api/data/v9.2/contacts") + write("POST /api/data/v9.2/contacts"), never},
		{"POST", "$batch", write("  delete contacts(1)"), never},
		{"POST", "$batch", write("POST /api/data/v9.2/gconf_items"), own},
		{"POST", "$batch", write("POST https://org.crm.dynamics.com/api/data/v9.2/gconf_items"), own},
		{"POST", "$batch", write("POST https://org.crm.dynamics.com/api/data/v9.2/contacts"), never},
		{"POST", "$batch", write("PATCH $1"), own},
		{"POST", "gconf_items", `{}`, own},
		{"PATCH", "gconf_items(1)", `{}`, own},
		{"DELETE", "gconf_items(1)", "", own},
		{"POST", "contacts", `{}`, never},
		{"PATCH", "contacts(1)", `{}`, never},
		{"DELETE", "contacts(1)", "", never},
		{"POST", "BulkDelete", `{}`, never},
		{"POST", "EntityDefinitions", `{"SchemaName":"gconf_item"}`, defining},
		{"POST", "EntityDefinitions", `{"SchemaName":"new_item"}`, never},
		{"POST", "EntityDefinitions(LogicalName='gconf_item')/Attributes", `{}`, defining},
		{"POST", "EntityDefinitions(LogicalName='contact')/Attributes", `{"SchemaName":"gconf_x"}`, never},
		{"DELETE", "EntityDefinitions(LogicalName='gconf_item')", "", defining},
		{"DELETE", "EntityDefinitions(LogicalName='contact')", "", never},
		{"POST", "publishers", `{"uniquename":"gallraconformance"}`, defining},
		{"POST", "publishers", `{"uniquename":"other"}`, never},
		{"DELETE", "publishers(1)", "", defining},
		{"PATCH", "publishers(1)", `{}`, never},
	} {
		r := request{method: tt.method, path: tt.path, body: tt.body}
		for _, g := range []struct {
			name  string
			guard func(request) error
			lets  string
		}{{"onlyReads", onlyReads, "r"}, {"ownWrites", ownWrites, "rw"}, {"definesOwn", definesOwn, "rwd"}} {
			lets := false
			for _, c := range g.lets {
				lets = lets || string(c) == tt.want
			}
			if err := g.guard(r); (err == nil) != lets {
				t.Errorf("%s of %s %s %.60q: %v", g.name, tt.method, tt.path, tt.body, err)
			}
		}
	}
}
