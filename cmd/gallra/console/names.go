package console

import (
	"cmp"
	"context"
	"html/template"
	"strings"
	"time"

	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

// namingTime is for how long a page waits for a definition that nobody has read yet; without it the table's own name stands.
const namingTime = 5 * time.Second

// table is what people call the rows of a table: as the console does in its reader's language, or else as the app does.
func (c *Console) table(t tongue, name string) string { return c.known(t, "table.", name) }

// one is what people call one of them.
func (c *Console) one(t tongue, name string) string { return c.known(t, "one.", name) }

func (c *Console) known(t tongue, prefix, name string) string {
	if word, ok := t.Lookup(prefix + name); ok {
		return word
	}
	ctx, cancel := context.WithTimeout(context.Background(), namingTime)
	defer cancel()
	d, err := c.o.Client.Table(ctx, name)
	if err != nil {
		return name
	}
	if prefix == "one." {
		return cmp.Or(d.DisplayName, name)
	}
	return cmp.Or(d.DisplayCollectionName, d.DisplayName, name)
}

// named is a table in a page: what people call its rows, with its own name for whoever points at it.
func (c *Console) named(t tongue, table string) template.HTML {
	return called(policy.Spelled{Text: c.table(t, table), Technical: table})
}

// counted is the same after a number of them.
func (c *Console) counted(t tongue, table string, n int) template.HTML {
	if n == 1 {
		return called(policy.Spelled{Text: c.one(t, table), Technical: table})
	}
	return c.named(t, table)
}

// called is a text in the words of the app, with what the policy says of the same for whoever points at it.
func called(s policy.Spelled) template.HTML {
	text := template.HTMLEscapeString(strings.ReplaceAll(s.Text, "`", ""))
	if s.Technical == "" || s.Technical == s.Text {
		return template.HTML(text)
	}
	return template.HTML(`<span title="` + template.HTMLEscapeString(strings.ReplaceAll(s.Technical, "`", "")) + `">` + text + `</span>`)
}

// tables are what people call several tables.
func (c *Console) tables(t tongue, names []string) string {
	called := make([]string, len(names))
	for i, name := range names {
		called[i] = c.table(t, name)
	}
	return strings.Join(called, ", ")
}

// speller says parts of the policy by what the app calls things. A definition that cannot be read leaves the names of the database.
func (c *Console) speller(ctx context.Context, t tongue) policy.Speller {
	return policy.Speller{Language: t.Language, Called: report.NewCalled(ctx, c.o.Client)}
}

// namesIn is what people call tables as the console's lists do, and columns as the app does.
type namesIn struct {
	*report.Called
	tongue tongue
}

// Table implements [policy.Called].
func (n namesIn) Table(name string) (string, bool) {
	if word, ok := n.tongue.Lookup("table." + name); ok {
		return word, true
	}
	return n.Called.Table(name)
}
