package emulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// sqlSite has two companies with persons.
func sqlSite(t *testing.T) *site {
	o := newSite(t, emulator.Options{})
	for i, name := range []string{"Nord", "Süd", "O'Hara"} {
		account := o.create("accounts", fmt.Sprintf(`{"name":"%s","numberofemployees":%d}`, name, 10*(i+1)))
		for j := range i {
			o.create("contacts", fmt.Sprintf(`{"lastname":"P%d%d","creditlimit":%d,"parentcustomerid_account@odata.bind":"/accounts(%s)"}`, i, j, 100*i+j, account))
		}
	}
	o.create("accounts", `{"name":"Leer"}`)
	return o
}

// Microsoft's SDK for Python asks in SQL what no other option of the Web API can say in one request; these are the forms
// that its examples show.
func TestSQL(t *testing.T) {
	o := sqlSite(t)
	for _, tt := range []struct{ set, sql, want string }{
		{"accounts", "SELECT name FROM account ORDER BY name", "Leer;Nord;O'Hara;Süd"},
		{"accounts", "select TOP 2 [name], numberofemployees from dbo.account as a order by a.name desc", "Süd,20;O'Hara,30"},
		{"accounts", "SELECT name FROM account WHERE name = 'O''Hara'", "O'Hara"},
		{"accounts", "SELECT name FROM account WHERE numberofemployees > 10 AND (name = 'Süd' OR numberofemployees >= 30) ORDER BY name", "O'Hara;Süd"},
		{"accounts", "SELECT name FROM account WHERE NOT (numberofemployees > 10 OR name LIKE 'L%')", "Nord"},
		{"accounts", "SELECT name FROM account WHERE numberofemployees <> 10 ORDER BY name", "O'Hara;Süd"},
		{"accounts", "SELECT name FROM account WHERE numberofemployees NOT IN (10, 20)", "O'Hara"},
		{"accounts", "SELECT name FROM account WHERE name NOT LIKE '%o%' AND numberofemployees IS NOT NULL", "Süd"},
		{"accounts", "SELECT name FROM account WHERE numberofemployees BETWEEN 15 AND 30 ORDER BY name", "O'Hara;Süd"},
		{"accounts", "SELECT name FROM account WHERE numberofemployees IS NULL", "Leer"},
		{"accounts", "SELECT DISTINCT TOP 1 statecode FROM account", "0"},
		{"accounts", "SELECT name FROM account ORDER BY name OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY", "Nord;O'Hara"},
		{"accounts", "SELECT TOP 0 name FROM account", ""},
		{"accounts", "SELECT a.name AS company, c.lastname FROM account a JOIN contact c ON a.accountid = c.parentcustomerid ORDER BY c.lastname", "Süd,P10;O'Hara,P20;O'Hara,P21"},
		{"contacts", "SELECT c.lastname, a.name FROM contact c INNER JOIN account a ON c.parentcustomerid = a.accountid WHERE a.name = 'Süd'", "P10,Süd"},
		{"accounts", "SELECT a.name FROM account a LEFT JOIN contact c ON c.parentcustomerid = a.accountid WHERE c.contactid IS NULL ORDER BY a.name", "Leer;Nord"},
		{"contacts", "SELECT c.lastname, u.fullname AS who FROM contact c JOIN systemuser u ON c.ownerid = u.systemuserid JOIN businessunit b ON u.businessunitid = b.businessunitid WHERE c.lastname = 'P10' AND b.parentbusinessunitid IS NULL", "P10,# gallra-emulator"},
		{"accounts", "SELECT COUNT(*) AS cnt, SUM(numberofemployees) AS total, MIN(numberofemployees) AS low, MAX(numberofemployees) AS high FROM account", "4,60,10,30"},
		{"accounts", "SELECT a.name, COUNT(c.contactid) AS n FROM account a JOIN contact c ON a.accountid = c.parentcustomerid GROUP BY a.name ORDER BY n DESC", "O'Hara,2;Süd,1"},
	} {
		got := o.do("GET", tt.set+"?sql="+url.QueryEscape(tt.sql), "").want(200).object()
		columns := sqlColumns(tt.sql)
		var rows []string
		for _, x := range got["value"].([]any) {
			row, _ := x.(map[string]any)
			var cells []string
			for _, c := range columns {
				cells = append(cells, fmt.Sprint(row[c]))
			}
			rows = append(rows, strings.Join(cells, ","))
		}
		if s := strings.Join(rows, ";"); s != strings.Replace(tt.want, "# gallra-emulator", o.administrator(), 1) {
			t.Errorf("%s\ngot  %s\nwant %s", tt.sql, s, tt.want)
		}
	}
}

// sqlColumns are the names under which the columns of a SELECT come.
func sqlColumns(sql string) []string {
	upper := strings.ToUpper(sql)
	list := sql[len("SELECT "):strings.Index(upper, " FROM ")]
	list = strings.TrimPrefix(list, "DISTINCT ")
	if rest, ok := strings.CutPrefix(list, "TOP "); ok {
		_, list, _ = strings.Cut(rest, " ")
	}
	var out []string
	for c := range strings.SplitSeq(list, ",") {
		c = strings.TrimSpace(c)
		c = c[strings.LastIndexByte(c, ' ')+1:]
		out = append(out, strings.Trim(c[strings.LastIndexByte(c, '.')+1:], "[]"))
	}
	return out
}

func (o *site) administrator() string {
	me := o.do("GET", "WhoAmI", "").want(200).object()["UserId"].(string)
	return fmt.Sprint(o.row("systemusers", me)["fullname"])
}

func TestSQLIsRefusedByName(t *testing.T) {
	o := sqlSite(t)
	for sql, words := range map[string]string{
		"SELECT * FROM account": "SELECT *",
		"SELECT name FROM account GROUP BY name HAVING name = 'x'":                              "HAVING",
		"SELECT name FROM account UNION SELECT name FROM account":                               "UNION",
		"SELECT name FROM account RIGHT JOIN contact c ON c.contactid = account.accountid":      "RIGHT JOIN",
		"SELECT name FROM account, contact":                                                     "several tables",
		"SELECT name FROM account WHERE accountid IN (SELECT contactid FROM contact)":           "a query within",
		"SELECT UPPER(name) FROM account":                                                       "function UPPER",
		"SELECT name, COUNT(*) FROM account":                                                    "neither grouped",
		"SELECT nosuch FROM account":                                                            "nosuch",
		"SELECT name FROM nosuch":                                                               "nosuch",
		"SELECT lastname FROM contact":                                                          "it reads contact",
		"SELECT TOP 5001 name FROM account":                                                     "TOP takes",
		"DELETE FROM account":                                                                   "'DELETE'",
		"SELECT name FROM account WHERE name = 'x":                                              "no end",
		"SELECT name FROM account WHERE":                                                        "too early",
		"":                                                                                      "too early",
		"SELECT name FROM account a JOIN contact c ON c.contactid = c.accountid":                "a JOIN compares",
		"SELECT name FROM account a JOIN contact a ON a.contactid = a.accountid":                "stands for two",
		"SELECT name FROM account a JOIN contact c ON c.parentcustomerid = a.accountid AND 1=1": "more than one pair",
	} {
		o.do("GET", "accounts?sql="+url.QueryEscape(sql), "").want(400, words)
	}
	o.do("GET", "accounts?sql=x&fetchXml=y", "").want(400, "Only one of the query parameters")
}

// A page of SQL leads to the next one.
func TestSQLPages(t *testing.T) {
	o := sqlSite(t)
	path, names := "accounts?sql="+url.QueryEscape("SELECT name FROM account ORDER BY name"), ""
	for path != "" {
		page := o.do("GET", path, "", "Prefer", "odata.maxpagesize=2").want(200).object()
		for _, x := range page["value"].([]any) {
			names += fmt.Sprint(x.(map[string]any)["name"], ";")
		}
		path, _ = page["@odata.nextLink"].(string)
	}
	if names != "Leer;Nord;O'Hara;Süd;" {
		t.Error(names)
	}
}
