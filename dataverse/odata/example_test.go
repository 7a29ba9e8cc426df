package odata_test

import (
	"fmt"

	"github.com/gallra/gallra/dataverse/odata"
)

func ExampleParseFilter() {
	e, err := odata.ParseFilter("statecode eq 0 and contains(lastname,'o''b') or Contact_Emails/any(e:e/statecode eq 1)")
	fmt.Println(e, err)
	odata.Walk(e, func(e odata.Expr) bool {
		if p, ok := e.(*odata.Path); ok {
			fmt.Println(p.Pos(), p)
		}
		return true
	})
	// Output:
	// (statecode eq 0 and contains(lastname,'o''b')) or Contact_Emails/any(e:e/statecode eq 1) <nil>
	// 0 statecode
	// 28 lastname
	// 48 Contact_Emails
	// 69 e/statecode
}

func ExampleQuote() {
	fmt.Println("lastname eq " + odata.Quote("O'Bryan"))
	// Output: lastname eq 'O''Bryan'
}
