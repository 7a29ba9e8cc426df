package snapshot

import (
	"bytes"
	"errors"
	"io"
)

// Contents are what a file holds.
type Contents struct {
	Head   Head            `json:"head"`
	Tables []TableContents `json:"tables"`
	Views  int             `json:"views"`
	Found  map[string]int  `json:"found"` // lines, by the text that was searched for
}

// TableContents are a table's definition and rows.
type TableContents struct {
	Name    string       `json:"name"`
	Columns int          `json:"columns"` // of the definition
	Rows    int          `json:"rows"`
	Masks   map[Mask]int `json:"masks,omitempty"`  // columns of rows, by what was done to their values
	Masked  []RowColumn  `json:"masked,omitempty"` // the same, one by one
}

// Inspect reads a file to its end, and searches it for texts, without regard to the case of ASCII letters. Values are searched as
// they are, without the escapes of JSON.
func Inspect(path string, search []string) (*Contents, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	c := &Contents{Head: r.Head, Views: len(r.Views), Found: map[string]int{}}
	for _, text := range search {
		c.Found[text] = 0
	}
	at := map[string]int{}
	for _, t := range r.Tables {
		at[t.Name] = len(c.Tables)
		c.Tables = append(c.Tables, TableContents{Name: t.Name, Columns: len(t.Columns)})
		c.search(search, []byte(t.Label+"\x00"+t.Plural))
	}
	for _, v := range r.Views {
		c.search(search, []byte(v.Name+"\x00"+v.FetchXML))
	}
	for {
		name, columns, err := r.NextTable()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		i, defined := at[name]
		if !defined {
			return nil, r.edited()
		}
		t := &c.Tables[i]
		t.Masks, t.Masked = map[Mask]int{}, columns
		for _, column := range columns {
			t.Masks[column.Mask]++
		}
		for {
			var line []byte
			more, err := r.NextRow(func(cell Cell) error {
				if len(search) > 0 {
					line = append(append(append(line, cell.Text...), cell.JSON...), 0)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			t.Rows++
			c.search(search, line)
		}
	}
}

func (c *Contents) search(texts []string, line []byte) {
	if len(texts) == 0 {
		return
	}
	low := bytes.ToLower(line)
	for _, text := range texts {
		if text != "" && bytes.Contains(low, bytes.ToLower([]byte(text))) {
			c.Found[text]++
		}
	}
}
