package take_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/internal/crmtest"
	"github.com/gallra/gallra/retention/take"
)

// TestNoValueOfTheSourceIsInTheFile searches the file, unpacked, for every text, address, number and id of every row of the
// environment.
func TestNoValueOfTheSourceIsInTheFile(t *testing.T) {
	server, c := crmtest.Company(t, 24, 8, 3)
	marks := []string{"Zebulon-1", "nobody-else@zebra.example", "+46 70 555 66 77", "Likes sailing with Zebedee"}
	var id dataverse.Row
	for row, err := range c.Rows(t.Context(), dataverse.Query{Table: "contact", Select: []string{"contactid"}, Top: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		id = row
	}
	if err := c.Do(t.Context(), dataverse.Operation{Method: "PATCH", Path: "contacts(" + id.ID("contactid").String() + ")", IfMatch: "*", Body: crmtest.Body{"lastname": marks[0], "emailaddress2": marks[1],
		"telephone3": marks[2], "description": marks[3], "governmentid": "19121212-1212", "annualincome": 123456, "birthdate": "1971-03-14"}}, nil); err != nil {
		t.Fatal(err)
	}
	for _, text := range marks {
		if len(server.Find(text)) == 0 {
			t.Fatalf("the environment does not hold %s", text)
		}
	}
	checked := model(t, c)
	path, _ := crmtest.Taken(t, c, take.Options{Policy: checked, Rows: crmtest.Rows(t, "all")})
	text := rowsOf(t, path)
	for _, secret := range append(marks, "19121212-1212", "123456", "1971-03-14", "zebra", "sailing") {
		if bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(secret))) {
			t.Errorf("the file holds %s", secret)
		}
	}
	tables := tablesOf(t, path)
	kept := checked.TextsCompared()
	values, numbers := 0, 0
	for _, table := range tables {
		d, err := c.Table(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		var columns []string
		for name, a := range d.Attributes {
			if a.ForRead && a.AttributeOf == "" && slices.Contains([]string{"String", "Memo", "Uniqueidentifier"}, a.Type) {
				columns = append(columns, name)
			}
		}
		err = c.Scan(t.Context(), dataverse.Query{Table: table}, columns, func(row []dataverse.Value) error {
			for i, v := range row {
				value := v.String()
				if len(strings.TrimSpace(value)) < 5 || slices.Contains(kept, value) || slices.Contains(tables, value) {
					continue // too short to mean anything, or what the policy itself says
				}
				values++
				if !bytes.Contains(text, []byte(value)) {
					continue
				}
				if strings.Trim(value, "0123456789+-(). /") == "" { // another number has become this one
					numbers++
					continue
				}
				t.Errorf("the file holds what stands in %s.%s: %q", table, columns[i], value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if values < 900 {
		t.Errorf("only %d values were searched for", values)
	}
	if numbers > 8 { // of five digits there are 90,000
		t.Errorf("%d numbers of the environment are in the file", numbers)
	}
	if _, err := os.Stat(path + ".resume"); err == nil {
		t.Error("the key of the masking is still there")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file can be read by others: %v %v", info.Mode(), err)
	}
}

// rowsOf is what the file holds of rows.
func rowsOf(t *testing.T, path string) []byte {
	t.Helper()
	var rows []byte
	for line := range bytes.Lines(unpacked(t, path)) {
		if line[0] == '[' {
			rows = append(rows, line...)
		}
	}
	return rows
}

func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tablesOf are the tables whose rows the file holds.
func tablesOf(t *testing.T, path string) (names []string) {
	t.Helper()
	for line := range bytes.Lines(unpacked(t, path)) {
		if rest, ok := bytes.CutPrefix(line, []byte(`{"kind":"rows","table":"`)); ok {
			name, _, _ := bytes.Cut(rest, []byte(`"`))
			names = append(names, string(name))
		}
	}
	return names
}

// TestEqualStaysEqual holds what joins by value go by: what two rows have in common, whatever their case and blanks.
func TestEqualStaysEqual(t *testing.T) {
	_, c := crmtest.Company(t, 30, 10, 4)
	path, _ := crmtest.Taken(t, c, take.Options{Rows: crmtest.Rows(t, "all"), Keep: true})
	server, _, err := emulator.Open(path, emulatortest.Options(emulator.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	again := connect(t, server)
	before, after := pairs(t, c), pairs(t, again)
	if len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("%d visits have their contact's address in the environment, %d in the snapshot", len(before), len(after))
	}
}

// pairs are the visits whose address is their contact's, but for a blank before it.
func pairs(t *testing.T, c *dataverse.Client) (ids []string) {
	t.Helper()
	err := c.Scan(t.Context(), dataverse.Query{Table: "vend_visit", Select: []string{"vend_visitid", "vend_saidby"}, Expand: "vend_ContactId($select=emailaddress1)", OrderBy: "vend_visitid"},
		[]string{"vend_visitid", "vend_saidby", "vend_ContactId/emailaddress1"}, func(row []dataverse.Value) error {
			if mail := row[1].String(); mail != "" && mail == " "+row[2].String() {
				ids = append(ids, row[0].String())
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
