package sample

import (
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Case is something that a retention policy has to get right, with the rows that show it.
type Case struct {
	Name string // a short handle: "shared e-mail"
	What string
	// Persons are the persons whom the case is about.
	Persons []emulator.Reference
	// Related are the rows around them that the case is about.
	Related []emulator.Reference
	// Justified tells whether something justifies the persons on the day of loading, by the model policy and before
	// [AfterProvision] and [Deal].
	Justified bool
}

func rows(table string, keys ...string) []emulator.Reference {
	out := make([]emulator.Reference, len(keys))
	for i, k := range keys {
		out[i] = emulator.Ref(table, ID(table, k))
	}
	return out
}

func both(lists ...[]emulator.Reference) []emulator.Reference {
	var out []emulator.Reference
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// Cases are all cases of the sample.
var Cases = []Case{
	{"primary contact", "of an active customer", rows("contact", "nancy", "yvonne"), rows("account", "adventure-works", "fourth-coffee"), true},
	{"primary contact, ended", "of a customer whose agreement ended a month ago", rows("contact", "paul"), rows("account", "alpine-ski-house"), true},
	{"primary contact, long ended", "of a customer whose agreement ended three years ago; with activities, a note and a list", rows("contact", "robert"), both(rows("account", "contoso"), rows("annotation", "robert"), rows("task", "robert"), rows("email", "robert-offer"), rows("listmember", "robert"), rows("connection", "robert")), false},
	{"superuser", "named by a connection role", rows("contact", "susanna"), rows("connection", "susanna"), true},
	{"superuser, ended", "the connection was closed three years ago", rows("contact", "patrick"), rows("connection", "patrick"), false},
	{"open opportunity", "contact of a deal that is being worked on", rows("contact", "maria"), rows("opportunity", "fabrikam-store"), true},
	{"open opportunity with the company", "primary contact of the company that a deal is with", rows("contact", "katie"), rows("opportunity", "margies-travel"), true},
	{"open opportunity with the person", "the person is itself the customer", rows("contact", "pilar"), rows("opportunity", "pilar"), true},
	{"closed opportunity", "lost two months ago; its closing activity names the person", rows("contact", "sidney"), both(rows("opportunity", "blue-yonder"), rows("opportunityclose", "blue-yonder")), true},
	{"closed opportunity, ending", "won 23 months ago: the ground ends in a month, so a purge comes in sight", rows("contact", "amy"), rows("opportunity", "trey-pilot"), true},
	{"closed opportunity, long ago", "canceled five years ago; with a call, a file and a shared e-mail", rows("contact", "scott"), both(rows("opportunity", "city-power"), rows("phonecall", "scott"), rows("annotation", "scott")), false},
	{"open quote", "a quote to the person stands", rows("contact", "jim"), rows("quote", "coho"), true},
	{"open quote with the company", "primary contact of the company that a quote is being drafted for", rows("contact", "tony"), rows("quote", "fine-art"), true},
	{"closed quote", "lost three months ago", rows("contact", "rene"), rows("quote", "a-datum-new"), true},
	{"event participant", "the event ended a month ago", rows("contact", "susan"), both(rows("msevtmgt_event", "autumn-fair"), rows("msevtmgt_eventregistration", "susan")), true},
	{"event participant, long ago", "the event ended 18 months ago; registered and checked in", rows("contact", "eric"), both(rows("msevtmgt_event", "user-day"), rows("msevtmgt_eventregistration", "eric"), rows("msevtmgt_checkin", "eric")), false},
	{"event participant with consent", "long ago, but consent was collected; the address is written otherwise", rows("contact", "heidi"), both(rows("msevtmgt_eventregistration", "heidi"), rows("msdynmkt_contactpointconsent4", "heidi")), true},
	{"project lead of an event", "the event ended a month ago", rows("contact", "dan"), both(rows("msevtmgt_eventteammember", "dan"), rows("msevtmgt_event", "autumn-fair")), true},
	{"project lead of an event, long ago", "the event ended 18 months ago", rows("contact", "gabriele"), both(rows("msevtmgt_eventteammember", "gabriele"), rows("msevtmgt_event", "user-day")), false},
	{"consent given", "half a year ago", rows("contact", "allison"), rows("msdynmkt_contactpointconsent4", "allison"), true},
	{"consent given by a lead", "15 months ago, and nothing else", rows("lead", "madeleine"), rows("msdynmkt_contactpointconsent4", "madeleine"), true},
	{"consent withdrawn", "opted out", rows("contact", "brenda"), rows("msdynmkt_contactpointconsent4", "brenda"), false},
	{"consent expired", "given five years ago and never renewed", rows("contact", "cesar"), rows("msdynmkt_contactpointconsent4", "cesar"), false},
	{"agreed follow-up", "asked us to come back in four months", rows("contact", "diane"), nil, true},
	{"purchased lead", "bought a month ago and not called yet", rows("lead", "cathan"), nil, true},
	{"purchased lead, long ago", "bought two years ago and never called", rows("lead", "darren"), nil, false},
	{"new lead", "registered two weeks ago", rows("lead", "lena"), nil, true},
	{"OK to return", "contacted, with a last follow-up date and a date to come back", rows("lead", "eva"), rows("task", "eva"), true},
	{"OK to return, past", "both dates are long past", rows("lead", "frank"), rows("phonecall", "frank"), false},
	{"no dates", "what justifies them has no date: a contacted lead, a closed opportunity, an event without an end", both(rows("lead", "george"), rows("contact", "kim", "marc")), both(rows("opportunity", "trey-research"), rows("msevtmgt_event", "webinar")), true},
	{"lead qualified", "a week ago", rows("lead", "ivo"), rows("opportunity", "wingtip"), true},
	{"lead qualified, long ago", "its statistics are kept, the person goes", rows("lead", "holly"), rows("opportunity", "fabrikam-first"), false},
	{"lead disqualified", "two weeks ago", rows("lead", "karin"), nil, true},
	{"lead disqualified, long ago", "three years ago, with an e-mail and a note", rows("lead", "julia"), both(rows("email", "julia"), rows("annotation", "julia")), false},
	{"legal hold", "see AfterProvision", rows("contact", "linda"), nil, false},
	{"manual extension with a reason", "see AfterProvision", rows("contact", "michel"), nil, false},
	{"manual extension without a reason", "see AfterProvision: it does not count", rows("contact", "nuria"), nil, false},
	{"rescued", "nothing justifies the person until a deal is registered: see Deal", rows("contact", "olivier"), nil, false},
	{"acceptance of a quote", "the e-mail that accepts a won quote is kept, beside one that goes; the customer is the company", rows("contact", "thomas"), rows("email", "quote-accepted", "quote-asked"), false},
	{"shared e-mail, one justified", "to one whom nothing justifies and one whom a deal does", rows("contact", "scott"), rows("email", "shared"), false},
	{"shared e-mail, none justified", "to three whom nothing justifies", rows("contact", "robert", "eric", "michel"), rows("email", "group"), false},
	{"bound by a quote", "the person is itself the customer of a quote won four years ago", rows("contact", "vincent"), rows("quote", "proseware"), false},
	{"bound by an order", "an order refuses the person's delete", rows("contact", "walter"), rows("salesorder", "wide-world"), false},
	{"contact and lead of one human being", "the addresses differ in case only; the contact has a deal", both(rows("contact", "sara"), rows("lead", "sara")), rows("opportunity", "fabrikam-online"), true},
	{"two contacts of one human being", "nothing justifies either", rows("contact", "tanja", "tanja-again"), nil, false},
	{"merged", "a row that was merged into another, with an address of its own", rows("contact", "uwe", "uwe-merged"), nil, false},
	{"no ground at all", "a colleague of customers whom nothing justifies", rows("contact", "ravi", "asa"), nil, false},
}

// Change is an update or a create that a user makes over the Web API.
type Change struct {
	What   string
	Method string // PATCH, POST
	Path   string // below the service root
	Body   map[string]any
}

// AfterProvision are the changes that the staff makes once a retention tool's columns are there: a legal hold, a manual
// extension with a reason, and one without.
func AfterProvision(today time.Time) []Change {
	until := addMonths(today.UTC().Truncate(24*time.Hour), 6).Format(time.DateOnly)
	contact := func(key string) string { return "contacts(" + ID("contact", key).String() + ")" }
	return []Change{
		{"a legal hold", "PATCH", contact("linda"), map[string]any{"gallra_legalhold": true}},
		{"an extension with a reason", "PATCH", contact("michel"), map[string]any{"gallra_retainuntil": until, "gallra_retainreason": "Negotiates a frame agreement"}},
		{"an extension without a reason", "PATCH", contact("nuria"), map[string]any{"gallra_retainuntil": until}},
	}
}

// Deal is the opportunity that rescues the person of the case "rescued".
func Deal() Change {
	return Change{"a deal is registered", "POST", "opportunities", map[string]any{
		"opportunityid": uuid.NewSHA1(ID("contact", "olivier"), []byte("deal")).String(),
		"name":          "Olive oil for the new season", "estimatedvalue": 18000,
		"parentcontactid@odata.bind":    "/contacts(" + ID("contact", "olivier").String() + ")",
		"customerid_account@odata.bind": "/accounts(" + ID("account", "northwind").String() + ")",
	}}
}
