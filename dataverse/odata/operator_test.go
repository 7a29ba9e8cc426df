package odata_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// A query function and the FetchXML operator that does the same have one name in ConditionOperator, and take as many
// values.
func TestFunctionsAreOperators(t *testing.T) {
	arity := map[odata.ParamKind][]fetchxml.Arity{
		odata.NoValue:    {fetchxml.NoValue},
		odata.OneNumber:  {fetchxml.OneNumber},
		odata.OneText:    {fetchxml.OneValue},
		odata.TwoNumbers: {fetchxml.TwoNumbers},
		odata.ManyTexts:  {fetchxml.ManyValues, fetchxml.TwoValues},
	}
	without := map[string]bool{"EqualRoleBusinessId": true, "Contains": true}
	for _, name := range odata.Functions() {
		sig, _ := odata.FunctionSignature(name)
		info, ok := fetchxml.Operator(sig.Operator).Info()
		if without[name] {
			continue
		}
		if !ok || info.Name != name {
			t.Errorf("%s: operator %q is %q", name, sig.Operator, info.Name)
		}
		fits := false
		for _, a := range arity[sig.Params] {
			fits = fits || a == info.Arity
		}
		if !fits {
			t.Errorf("%s and %s differ in the values they take", name, sig.Operator)
		}
	}
}
