package compile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
)

// Values are the same, blanks around them aside, and whether the service's eq sees it so is written nowhere. So the texts that
// have any are asked for beside those that are equal. Conditions on the ends of a text have no index to help them: each looks at
// every row of its table. A run that asks for some persons after the others asks for such texts once, for all persons, and
// then only for those of rows that were written since.

// Padded are the conditions for texts with blanks around them.
func Padded(path string) []string {
	var terms []string
	for _, blank := range Blanks {
		terms = append(terms, fmt.Sprintf("startswith(%s,'%c')", path, blank), fmt.Sprintf("endswith(%s,'%c')", path, blank))
	}
	return terms
}

// PaddedTexts remembers which texts with blanks around them stand in which columns. It is made for one run and forgotten with it.
// Nil remembers nothing.
type PaddedTexts struct {
	mu      sync.Mutex
	columns map[string]*paddedColumn // by table and path
}

func NewPaddedTexts() *PaddedTexts { return &PaddedTexts{columns: make(map[string]*paddedColumn)} }

// paddedColumn is what was read of a column.
type paddedColumn struct {
	turn   chan struct{} // who reads it; the others wait
	read   bool
	unfit  bool // each question has to ask for all of them
	texts  map[string][]string
	before time.Time // whatever was written earlier has been read
}

const (
	// maxPadded is how many such texts of a column are remembered. A column with more, as an import leaves it, is asked each time.
	maxPadded = 20_000
	// paddedOverlap is how far back newcomers are asked for: a row bears the time at which its write began, and the time that
	// answers tell may be up to a day ahead before a run is stopped for it.
	paddedOverlap = 36 * time.Hour
)

// Padding is which conditions stand for texts with blanks around them, by path.
type Padding map[string][]string

func (p Padding) terms(path string) []string {
	if terms, ok := p[path]; ok {
		return terms
	}
	return Padded(path)
}

// Padding are the conditions for rows of a table whose texts under some paths are one of the values with blanks around it.
func (p *PaddedTexts) Padding(ctx context.Context, r dataverse.Reader, table string, paths, values []string) (Padding, error) {
	if p == nil || len(values) == 0 {
		return nil, nil
	}
	out := make(Padding)
	for _, path := range paths {
		terms, err := p.of(ctx, r, table, path, values)
		if err != nil {
			return nil, err
		}
		out[path] = terms
	}
	return out, nil
}

func (p *PaddedTexts) of(ctx context.Context, r dataverse.Reader, table, path string, values []string) ([]string, error) {
	p.mu.Lock()
	c := p.columns[table+" "+path]
	if c == nil {
		c = &paddedColumn{turn: make(chan struct{}, 1)}
		p.columns[table+" "+path] = c
	}
	p.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !c.read {
		if err := c.fill(ctx, r, table, path); err != nil {
			return nil, err
		}
		c.read = true
	}
	if c.unfit {
		return Padded(path), nil
	}
	var terms []string
	for _, v := range values {
		for _, text := range c.texts[unpadded(v)] {
			if term := path + " eq " + odata.Quote(text); !slices.Contains(terms, term) {
				terms = append(terms, term)
			}
		}
	}
	if len(terms) > MaxPersons {
		return Padded(path), nil
	}
	return append(terms, fmt.Sprintf("(modifiedon ge %s and (%s))", c.before.UTC().Format("2006-01-02T15:04:05Z"), strings.Join(Padded(path), " or "))), nil
}

// unpadded is a text as values are compared.
func unpadded(text string) string { return strings.ToLower(strings.Trim(text, Blanks)) }

// fill reads the texts that are there.
func (c *paddedColumn) fill(ctx context.Context, r dataverse.Reader, table, path string) error {
	t, err := r.Table(ctx, table)
	if err != nil {
		return err
	}
	c.before = r.Now().Add(-paddedOverlap)
	if c.unfit = strings.Contains(path, "/") || t.Attributes["modifiedon"] == nil || r.Now().IsZero(); c.unfit {
		return nil
	}
	c.texts = make(map[string][]string)
	known := make(map[string]bool)
	q := dataverse.Query{Table: table, Set: t.EntitySet, Select: []string{path}, Filter: strings.Join(Padded(path), " or ")}
	for row, err := range r.Rows(ctx, q) {
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		text := row.Text(path)
		if key := unpadded(text); key != "" && !known[text] {
			known[text] = true
			c.texts[key] = append(c.texts[key], text)
		}
		if c.unfit = len(known) > maxPadded; c.unfit {
			c.texts = nil
			return nil
		}
	}
	return nil
}
