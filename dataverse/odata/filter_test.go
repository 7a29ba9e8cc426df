package odata

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
)

// samePlace compares trees whatever text they stood in.
var samePlace = cmpopts.IgnoreTypes(Position(0))

func TestParseFilter(t *testing.T) {
	path := func(s ...string) *Path { return &Path{Segments: s} }
	lit := func(k Kind, v any) *Literal { return &Literal{Kind: k, Value: v} }
	tests := []struct {
		text string
		want Expr
	}{
		{"revenue gt 100000", &Compare{Op: Gt, Left: path("revenue"), Right: lit(Int, int64(100000))}},
		{"a eq 1 or b eq 2 and c eq 3", &Logic{Op: Or, Terms: []Expr{
			&Compare{Left: path("a"), Right: lit(Int, int64(1))},
			&Logic{Op: And, Terms: []Expr{
				&Compare{Left: path("b"), Right: lit(Int, int64(2))},
				&Compare{Left: path("c"), Right: lit(Int, int64(3))}}}}}},
		{"not a and b", &Logic{Op: And, Terms: []Expr{&Not{X: path("a")}, path("b")}}},
		{"_owninguser_value eq 'a0db1234-0000-4000-8000-000000000001'",
			&Compare{Left: path("_owninguser_value"), Right: lit(String, "a0db1234-0000-4000-8000-000000000001")}},
		{"primarycontactid/contactid eq A0DB1234-0000-4000-8000-000000000001",
			&Compare{Left: path("primarycontactid", "contactid"), Right: lit(GUID, uuid.MustParse("a0db1234-0000-4000-8000-000000000001"))}},
		{"birthdate eq 1980-02-29", &Compare{Left: path("birthdate"), Right: lit(Date, time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC))}},
		{"createdon lt 2023-01-31T10:00:00.5-08:00",
			&Compare{Op: Lt, Left: path("createdon"), Right: lit(DateTimeOffset, time.Date(2023, 1, 31, 18, 0, 0, 500_000_000, time.UTC))}},
		{"createdon lt 2023-01-31T10:00:00", &Compare{Op: Lt, Left: path("createdon"), Right: lit(DateTimeOffset, time.Date(2023, 1, 31, 10, 0, 0, 0, time.UTC))}},
		{"createdon lt 2023-01-31T10:00Z", &Compare{Op: Lt, Left: path("createdon"), Right: lit(DateTimeOffset, time.Date(2023, 1, 31, 10, 0, 0, 0, time.UTC))}},
		{"revenue le -20000.0000", &Compare{Op: Le, Left: path("revenue"), Right: lit(Decimal, json.Number("-20000.0000"))}},
		{"versionnumber gt 99999999999999999999", &Compare{Op: Gt, Left: path("versionnumber"), Right: lit(Decimal, json.Number("99999999999999999999"))}},
		{"jobtitle eq null", &Compare{Left: path("jobtitle"), Right: lit(Null, nil)}},
		{"donotemail eq true", &Compare{Left: path("donotemail"), Right: lit(Bool, true)}},
		{"lastname eq 'O''Bryan'", &Compare{Left: path("lastname"), Right: lit(String, "O'Bryan")}},
		{"lastname in ('a', 'b')", &In{X: path("lastname"), List: []Expr{lit(String, "a"), lit(String, "b")}}},
		{"Account_Tasks/any()", &Lambda{Path: path("Account_Tasks")}},
		{"Account_Tasks/all(t:t/statecode eq 1)", &Lambda{All: true, Path: path("Account_Tasks"), Var: "t",
			Body: &Compare{Left: path("t", "statecode"), Right: lit(Int, int64(1))}}},
		{"@p1 ne @p2", &Compare{Op: Ne, Left: &Alias{Name: "p1"}, Right: &Alias{Name: "p2"}}},
		{"OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'",
			&Compare{Left: path("OwnershipType"), Right: lit(Enum, EnumValue{"OwnershipTypes", "UserOwned"})}},
		{`Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=["O'Brian",'a"b',"\u00fc\n"])`,
			&Function{Name: "In", Params: []Param{
				{Name: "PropertyName", Value: lit(String, "lastname")},
				{Name: "PropertyValues", Value: &Array{Items: []*Literal{lit(String, "O'Brian"), lit(String, `a"b`), lit(String, "ü\n")}}}}}},
		{"Microsoft.Dynamics.CRM.LastXMonths( PropertyName = @p1 , PropertyValue = 6 )", &Function{Name: "LastXMonths", Params: []Param{
			{Name: "PropertyName", Value: &Alias{Name: "p1"}}, {Name: "PropertyValue", Value: lit(Int, int64(6))}}}},
	}
	for _, tt := range tests {
		got, err := ParseFilter(tt.text)
		if err != nil {
			t.Errorf("ParseFilter(%q): %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, samePlace); diff != "" {
			t.Errorf("ParseFilter(%q) (-want +got):\n%s", tt.text, diff)
		}
		if again, err := ParseFilter(got.String()); err != nil || !cmp.Equal(got, again, samePlace) {
			t.Errorf("ParseFilter(%q) prints as %q, which reads as %v, %v", tt.text, got, again, err)
		}
	}
}

// The examples of webapi/query/filter-rows and webapi/query-data-web-api, and how they print.
func TestDocumentedFilters(t *testing.T) {
	tests := []struct{ text, want string }{
		{"revenue lt 100000 and revenue gt 2000", ""},
		{"contains(name,'sample') or contains(name,'test')", ""},
		{"(contains(name,'sample') or contains(name,'test')) and revenue gt 5000", ""},
		{"not contains(name,'sample') and statecode eq 0", ""},
		{"a eq 1 and b eq 2 or c eq 3", "(a eq 1 and b eq 2) or c eq 3"},
		{"(a eq 1 and b eq 2) and c eq 3", ""},
		{"((a eq 1))", "a eq 1"},
		{"firstname eq lastname", ""},
		{"primarycontactid/createdby/fullname eq 'System Administrator'", ""},
		{"opportunity_customer_accounts/any(o:o/description ne 'N/A')", ""},
		{"not opportunity_customer_accounts/any(o:o/description eq 'N/A') and opportunity_customer_accounts/any()", ""},
		{"contact_customer_accounts/any(c:c/opportunity_customer_contacts/any(o:o/description ne 'N/A'))", ""},
		{"account_emails/any(e:contains(e/subject,'a') and e/statecode eq 0)", ""},
		{"(teammembership_association/any(t:t/name eq 'CITTEST'))", "teammembership_association/any(t:t/name eq 'CITTEST')"},
		{"Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=[\"5\",\"2000\"])", ""},
		{"Microsoft.Dynamics.CRM.ContainValues(PropertyName='x',PropertyValues=['2'])", "Microsoft.Dynamics.CRM.ContainValues(PropertyName='x',PropertyValues=[\"2\"])"},
		{"Microsoft.Dynamics.CRM.InFiscalPeriodAndYear(PropertyName='createdon',PropertyValue1=1,PropertyValue2=2023)", ""},
		{"Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')", ""},
		{"IsCustomizable/Value eq true", ""},
		{"not (a eq 1)", ""},
		{"(not a) eq b", ""},
		{"a eq b eq c", "(a eq b) eq c"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == "" {
			want = tt.text
		}
		e, err := ParseFilter(tt.text)
		if err != nil {
			t.Errorf("ParseFilter(%q): %v", tt.text, err)
		} else if got := e.String(); got != want {
			t.Errorf("ParseFilter(%q) prints as %q, want %q", tt.text, got, want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	const noNot = "Not operator along with the Custom Named Condition operators is not allowed"
	tests := []struct {
		text string
		pos  int
		msg  string
	}{
		{"lastname eq 'O'Bryan'", 21, "There is an unterminated literal at position 21 in 'lastname eq 'O'Bryan''."},
		{"lastname eq 'O", 14, "There is an unterminated string literal at position 14 in 'lastname eq 'O'."},
		{"", 0, "Expression expected at position 0 in ''."},
		{"a eq", 4, "Expression expected at position 4 in 'a eq'."},
		{"(a eq 1", 7, "')' or operator expected at position 7 in '(a eq 1'."},
		{"a eq 1 b", 7, "Syntax error at position 7 in 'a eq 1 b'."},
		{"a ! b", 2, "Syntax error: character '!' is not valid at position 2 in 'a ! b'."},
		{"ü eq 1", 0, "Syntax error: character 'ü' is not valid at position 0 in 'ü eq 1'."},
		{"a eq '😀' !", 12, "Syntax error: character '!' is not valid at position 10 in 'a eq '😀' !'."},
		{"birthdate eq 1980-02-30", 13, "Unrecognized 'Edm.Date' literal '1980-02-30' at '13' in 'birthdate eq 1980-02-30'."},
		{"createdon lt 2023-01-31T10:00:00-08:00Z", 13, "Unrecognized 'Edm.DateTimeOffset' literal '2023-01-31T10:00:00-08:00Z' at '13' in 'createdon lt 2023-01-31T10:00:00-08:00Z'."},
		{"a eq guid'a0db1234-0000-4000-8000-000000000001'", 5, "Unrecognized 'Edm.String' literal 'guid'a0db1234-0000-4000-8000-000000000001'' at '5' in 'a eq guid'a0db1234-0000-4000-8000-000000000001''."},
		{"revenue add 5 gt 10", 8, "The operator 'add' is not supported in a filter."},
		{"style has 'x'", 6, "The operator 'has' is not supported in a filter."},
		{"length(name) gt 3", 0, "An unknown function with name 'length' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed."},
		{"createdon lt now()", 13, "An unknown function with name 'now' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed."},
		{"Microsoft.Dynamics.CRM.Nonsense(PropertyName='a')", 0, "An unknown function with name 'Microsoft.Dynamics.CRM.Nonsense' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed."},
		{"contains(name)", 0, "No function signature for the function with name 'contains' matches the specified arguments. The function signatures considered are: contains(Edm.String Nullable=true, Edm.String Nullable=true)."},
		{"not Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", 0, noNot},
		{"not (a eq 1 or (b eq 2 and Microsoft.Dynamics.CRM.Today(PropertyName='createdon')))", 0, noNot},
		{"Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=['O'Brian','b'])", 62, noComma},
		{"Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[x])", 59, noJSON},
		{"Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[", 59, noJSON},
		{"Microsoft.Dynamics.CRM.LastXDays(PropertyName='a')", 0, "Cannot find a suitable overload for function 'Microsoft.Dynamics.CRM.LastXDays' that takes the given parameters."},
		{"Microsoft.Dynamics.CRM.LastXDays(PropertyName='a',PropertyValue='x')", 64, "Cannot find a suitable overload for function 'Microsoft.Dynamics.CRM.LastXDays' that takes the given parameters."},
		{"Microsoft.Dynamics.CRM.LastXDays(PropertyName='a',PropertyName='b')", 50, "Cannot find a suitable overload for function 'Microsoft.Dynamics.CRM.LastXDays' that takes the given parameters."},
		{"tasks/all()", 10, "Syntax error at position 10 in 'tasks/all()'."},
		{"a in ()", 6, "Expression expected at position 6 in 'a in ()'."},
		{"a in (b)", 6, "Expression expected at position 6 in 'a in (b)'."},
		{"a eq '\xff'", 0, "The query option is not valid UTF-8."},
		{strings.Repeat("(", 200), 128, "Recursion depth exceeded allowed limit."},
		{strings.Repeat("a/", 200) + "b eq 1", 0, "Recursion depth exceeded allowed limit."},
		{strings.Repeat("not ", 200) + "a", 512, "Recursion depth exceeded allowed limit."},
		{strings.Repeat("a", MaxLength+1), MaxLength, "The query option is longer than 65536 characters."},
	}
	for _, tt := range tests {
		e, err := ParseFilter(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("ParseFilter(%.60q) = %v, %v, want a SyntaxError", tt.text, e, err)
			continue
		}
		if syntax.Pos != tt.pos || syntax.Msg != tt.msg {
			t.Errorf("ParseFilter(%.60q): at %d %q, want at %d %q", tt.text, syntax.Pos, syntax.Msg, tt.pos, tt.msg)
		}
	}
}

func TestFilterConditionLimit(t *testing.T) {
	chain := func(n int) string { return strings.TrimSuffix(strings.Repeat("a eq 1 or ", n), " or ") }
	if _, err := ParseFilter(chain(MaxConditions)); err != nil {
		t.Errorf("%d conditions: %v", MaxConditions, err)
	}
	_, err := ParseFilter(chain(MaxConditions + 1))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Code != "0x8004430C" || syntax.Msg != "Number of conditions in query exceeded maximum limit." {
		t.Errorf("%d conditions: %#v", MaxConditions+1, err)
	}
}

func TestInOfIDs(t *testing.T) {
	id := uuid.MustParse("a0db1234-0000-4000-8000-000000000001")
	e, err := ParseFilter(Namespace + `In(PropertyName='contactid',PropertyValues=["` + id.String() + `","` + uuid.Nil.String() + `"])`)
	want := &Function{Name: "In", Params: []Param{
		{Name: "PropertyName", Value: &Literal{Kind: String, Value: "contactid"}},
		{Name: "PropertyValues", Value: &Array{Items: []*Literal{{Kind: String, Value: id.String()}, {Kind: String, Value: uuid.Nil.String()}}}}}}
	if diff := cmp.Diff(Expr(want), e, samePlace); err != nil || diff != "" {
		t.Errorf("In: %v (-want +got):\n%s", err, diff)
	}
}

func TestResolve(t *testing.T) {
	e, err := ParseFilter("@p1 ne @p3 and tasks/any(t:t/x eq @p2) and Microsoft.Dynamics.CRM.In(PropertyName=@n,PropertyValues=@v)")
	if err != nil {
		t.Fatal(err)
	}
	before := e.String()
	aliases := map[string]Expr{}
	for name, text := range map[string]string{"p1": "revenue", "p2": "5", "n": "'lastname'", "v": `["a","b"]`} {
		if aliases[name], err = ParseValue(text); err != nil {
			t.Fatal(err)
		}
	}
	want := `revenue ne null and tasks/any(t:t/x eq 5) and Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=["a","b"])`
	if got := Resolve(e, aliases).String(); got != want {
		t.Errorf("Resolve = %s, want %s", got, want)
	}
	if e.String() != before {
		t.Errorf("Resolve changed its argument to %s", e)
	}
	if _, err := ParseValue("contains(a,'b')"); err == nil {
		t.Error("ParseValue takes a function call")
	}
}
