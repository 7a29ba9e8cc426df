package fetchxml

// Fetch is a query.
type Fetch struct {
	Top, Count, Page       int // 0: not given
	PagingCookie           string
	Distinct, Aggregate    bool
	ReturnTotalRecordCount bool
	AggregateLimit         int
	DataSource             string // "", "retained" (long-term retention) or "bin" (the recycle bin)
	RawOrderBy             bool   // useraworderby: choices sort by number, not by label
	LateMaterialize        bool
	NoLock                 bool   // without effect today
	Options                string // hints for the database, separated by commas
	Entity                 Entity
}

// Entity is the table that the rows are of.
type Entity struct {
	Name string
	Body
}

// Body is what an Entity and a Link have in common. The order of a kind's elements is kept, the mixture of kinds is not:
// it has no meaning.
type Body struct {
	Attributes    []Attribute
	AllAttributes bool
	NoAttributes  bool // no-attrs
	Orders        []Order
	Filters       []Filter // all must pass
	Links         []Link
}

// Attribute is a column of the answer.
type Attribute struct {
	Name, Alias  string
	Aggregate    string // avg, count, countcolumn, max, min, sum
	GroupBy      bool
	DateGrouping string // day, week, month, quarter, year, fiscal-period, fiscal-year
	Distinct     bool   // with countcolumn
	RowAggregate string // CountChildren
	UTC          bool   // usertimezone='false': dates are grouped as in UTC, not as the user sees them
}

// Order sorts. Orders of the entity come before those of its links, wherever they stand.
type Order struct {
	Attribute  string
	Alias      string // instead of Attribute, in aggregates
	EntityName string // alias of the link that the column is of
	Descending bool
}

// LinkType says how a link joins.
type LinkType string

// The link types. The last four stand only in a filter, the others never.
const (
	Inner                        LinkType = "inner"
	Outer                        LinkType = "outer"
	Natural                      LinkType = "natural" // as Inner
	Exists                       LinkType = "exists"
	InType                       LinkType = "in"
	MatchFirstRowUsingCrossApply LinkType = "matchfirstrowusingcrossapply"
	Any                          LinkType = "any"
	NotAny                       LinkType = "not any"
	All                          LinkType = "all"     // has related rows, and none of them matches
	NotAll                       LinkType = "not all" // as Any
)

// InFilter tells whether links of the type belong inside filters.
func (t LinkType) InFilter() bool { return t == Any || t == NotAny || t == All || t == NotAll }

// Link joins another table.
type Link struct {
	Name      string
	From      string // column of the linked table
	To        string // column of the table it hangs on
	Alias     string // "": the service makes one of the table's name and a number
	Type      LinkType
	Intersect bool
	Body
}

// Filter holds conditions together.
type Filter struct {
	Or         bool
	Conditions []Condition
	Filters    []Filter
	Links      []Link // of the types for filters
	Hint       string // union
	QuickFind  bool   // isquickfindfields
	// OverrideLimit is overridequickfindrecordlimitenabled or …disabled: "enabled" or "disabled".
	OverrideLimit string
}

// Condition compares a column.
type Condition struct {
	Attribute  string
	Operator   Operator
	Value      string   // of operators that take one value
	Values     []string // of operators that take two, or any number
	ValueOf    string   // a column instead of a value: name, or alias.name
	EntityName string   // alias, else name, of the link that the column is of
}

// Walk calls f for every filter and link below b, from the outside in. Both may be changed.
func (b *Body) Walk(filter func(*Filter), link func(*Link)) {
	for i := range b.Filters {
		b.Filters[i].walk(filter, link)
	}
	walkLinks(b.Links, filter, link)
}

func (f *Filter) walk(filter func(*Filter), link func(*Link)) {
	filter(f)
	for i := range f.Filters {
		f.Filters[i].walk(filter, link)
	}
	walkLinks(f.Links, filter, link)
}

func walkLinks(links []Link, filter func(*Filter), link func(*Link)) {
	for i := range links {
		link(&links[i])
		links[i].Body.Walk(filter, link)
	}
}
