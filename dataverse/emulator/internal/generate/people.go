package generate

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// person is what the rows around a person copy from it.
type person struct {
	self, owner, account any // references
	name, email, phone   string
	fullname, address    any // name and email, boxed once
	table                string
	created              int // days ago
}

func (g *generator) people(what Generated) {
	g.office(what)
	companies := g.companies(max(1, what.Contacts/6))
	for range what.Contacts {
		g.contact(companies)
	}
	for range what.Leads {
		g.lead(companies)
	}
}

// office makes the users, and what they keep once for all: events, the consents' purpose, a list.
func (g *generator) office(what Generated) {
	for i := range 5 + (what.Contacts+what.Leads)/5000 {
		first, last := pick(g, givenNames), pick(g, familyNames)
		mail := first.latin + "." + last.latin + strconv.Itoa(i) + "@nord.example"
		user := g.put("systemuser", 8*year, cells{
			"firstname": first.written, "lastname": last.written, "internalemailaddress": mail, "domainname": mail,
			"businessunitid": store.Ref{Table: "businessunit", ID: g.Writer.Engine.RootBusiness}, "accessmode": int64(0),
			"organizationid": g.Writer.Engine.OrganizationID,
		})
		g.Refs[user.(store.Ref)], g.userIDs[user.(store.Ref).ID] = user, user.(store.Ref).ID
		g.users, g.staff[user] = append(g.users, user), staffParty{mail, first.written + " " + last.written}
	}
	g.superuser = g.put("connectionrole", 8*year, cells{"name": "Superuser", "category": int64(1000)})
	g.purpose = g.put("msdynmkt_purpose", 5*year, cells{"msdynmkt_name": "Newsletter", "ownerid": g.users[0]})
	g.newsletter = g.put("list", 5*year, cells{"listname": "Newsletter", "type": false, "createdfromcode": int64(2), "membertype": int64(2), "ownerid": g.users[0]})
	for i := range 20 + what.Contacts/1000 {
		// Most lie in the last two years, the next ones are announced.
		ends := g.days(-60, 2*year+60)
		c := cells{"msevtmgt_name": "Event " + strconv.Itoa(i+1), "ownerid": pick(g, g.users),
			"msevtmgt_eventstartdate": g.instant(ends + 1)}
		if i < what.Contacts { // contact i leads it; see contact
			id := g.newID()
			g.leaders = append(g.leaders, leader{id, ends + 60})
			c["msevtmgt_producer"] = store.Ref{Table: "msevtmgt_eventteammember", ID: id}
		}
		if !g.chance(3) { // some were never given an end
			c["msevtmgt_eventenddate"] = g.instant(ends)
		}
		g.events = append(g.events, g.put("msevtmgt_event", max(ends, 0)+120, c))
	}
}

// staffParty is a user as a party of an activity.
type staffParty struct{ address, name any }

// leader is the member of an event's team that a contact is to be.
type leader struct {
	id    uuid.UUID
	since int // days ago
}

// company is an account that contacts belong to.
type company struct {
	self, owner any // references; self once the account is made
	domain      string
	values      cells
	created     int
}

// companies plans the accounts. Each is made with its first contact, who may be its primary one.
func (g *generator) companies(n int) []*company {
	accounts := make([]*company, n)
	for i := range accounts {
		name := pick(g, companyNames)
		kind := int64(8) // prospect
		state, modified := int64(0), g.days(0, year)
		if g.chance(55) {
			kind = 3
			if g.chance(35) {
				state, modified = 1, g.days(0, 5*year)
			}
		}
		created := modified + g.days(30, 4*year)
		c := cells{
			"name": name.written + " " + strconv.Itoa(i+1), "customertypecode": kind, "statecode": state,
			"statuscode": state + 1, "modifiedon": g.instant(modified), "ownerid": pick(g, g.users),
			"address1_city": g.text(pick(g, cityNames)), "address1_country": g.text(pick(g, countries)),
			"websiteurl": "https://" + name.latin + strconv.Itoa(i+1) + ".example",
		}
		accounts[i] = &company{owner: c["ownerid"], domain: name.latin + strconv.Itoa(i+1) + ".example", values: c, created: created}
	}
	return accounts
}

// named is a new person's name, address and telephone number, no two alike in the address.
func (g *generator) named(domain string) (first, last string, p person) {
	f, l := pick(g, givenNames), pick(g, familyNames)
	g.persons++
	local := f.latin + "." + l.latin + "." + strconv.FormatInt(int64(g.persons), 36)
	if g.chance(10) {
		local = strings.ToUpper(local[:1]) + local[1:]
	}
	p = person{
		name: f.written + " " + l.written, email: local + "@" + domain,
		phone: "+46 31 " + strconv.Itoa(1000000+g.persons), owner: pick(g, g.users),
	}
	p.fullname, p.address = p.name, p.email
	return f.written, l.written, p
}

func (g *generator) contact(companies []*company) {
	at := companies[g.persons%len(companies)]
	id := g.newID()
	first, last, p := g.named(at.domain)
	p.owner, p.table, p.created = at.owner, "contact", g.days(20, 7*year)
	if at.self == nil {
		if g.chance(80) {
			at.values["primarycontactid"] = store.Ref{Table: "contact", ID: id}
		}
		at.self = g.put("account", at.created, at.values)
		at.values = nil
	}
	p.account = at.self
	c := cells{
		"firstname": g.text(first), "lastname": g.text(last), "emailaddress1": p.address, "telephone1": p.phone,
		"jobtitle": g.text(pick(g, jobTitles)), "ownerid": p.owner, "parentcustomerid": at.self,
		"address1_city": g.text(pick(g, cityNames)), "address1_country": g.text(pick(g, countries)),
	}
	if g.chance(4) {
		c["nord_followupon"] = g.date(g.days(-200, 200))
	}
	if g.chance(10) {
		c["mobilephone"] = "+46 70 " + strconv.Itoa(1000000+g.persons)
		c["birthdate"] = g.date(g.days(20*year, 65*year))
	}
	g.traces(p.table, c)
	p.self = g.putAs("contact", id, p.created, c)
	if n := g.persons - 1; n < len(g.leaders) {
		g.putAs("msevtmgt_eventteammember", g.leaders[n].id, max(g.leaders[n].since, 0), cells{"msevtmgt_name": p.name,
			"msevtmgt_email": p.email, "msevtmgt_phone": p.phone, "msevtmgt_contact": p.self, "ownerid": p.owner})
	}
	g.around(p)
}

func (g *generator) lead(companies []*company) {
	name := pick(g, companyNames)
	first, last, p := g.named(name.latin + ".example")
	p.table, p.created = "lead", g.days(0, 4*year)
	c := cells{
		"subject": g.text(pick(g, leadTopics)), "firstname": g.text(first), "lastname": g.text(last), "companyname": g.text(name.written),
		"emailaddress1": p.address, "telephone1": p.phone, "ownerid": p.owner, "leadsourcecode": int64(1 + g.r.IntN(10)),
		"industrycode": int64(1 + g.r.IntN(20)), "address1_country": g.text(pick(g, countries)), "nord_purchasedlist": g.chance(25),
	}
	switch n := g.r.IntN(100); {
	case n < 25: // new: nobody has called
	case n < 55:
		c["statuscode"] = int64(2)
		last := g.days(0, p.created+1)
		c["nord_lastfollowupon"] = g.date(last)
		if g.chance(85) {
			ahead := g.days(30, 300)
			if g.chance(15) {
				ahead = g.days(370, 800)
			}
			c["nord_followupon"] = g.date(last - ahead)
		}
		c["modifiedon"] = g.instant(last)
	case n < 75:
		qualified := g.days(0, p.created+1)
		c["statecode"], c["statuscode"], c["modifiedon"] = int64(1), int64(3), g.instant(qualified)
		if at := pick(g, companies); at.self != nil && g.chance(70) {
			c["qualifyingopportunityid"] = g.put("opportunity", qualified, cells{"name": g.text(pick(g, productLine)),
				"customerid": at.self, "ownerid": at.owner, "estimatedvalue": float64(g.days(1, 200) * 500)})
		}
	default:
		c["statecode"], c["statuscode"] = int64(2), int64(4+g.r.IntN(4))
		last := g.days(0, p.created+1)
		c["modifiedon"] = g.instant(last)
		if g.chance(85) {
			c["nord_lastfollowupon"] = g.date(last)
		}
	}
	g.traces(p.table, c)
	p.self = g.put("lead", p.created, c)
	g.around(p)
}

// traces are what earlier runs of a retention tool and the staff have written, where its columns are provisioned.
func (g *generator) traces(table string, c cells) {
	t := g.Schema.Tables[table]
	if t.Column("gallra_purgescheduledon") == nil {
		return
	}
	if g.chance(12) {
		noticed := g.days(0, 120)
		if g.chance(15) { // about to be purged, and asked in the meantime to be called soon
			noticed = g.days(57, 61)
			c["nord_followupon"] = g.date(-g.days(10, 30))
		}
		c["gallra_purgenoticedon"], c["gallra_purgescheduledon"] = g.date(noticed), g.date(noticed-62)
		c["gallra_purgereason"] = g.text("No ground found")
	}
	if g.chance(0.5) {
		c["gallra_legalhold"] = true
	}
	if g.chance(0.5) {
		c["gallra_retainuntil"] = g.date(-g.days(1, 300))
		if g.chance(70) {
			c["gallra_retainreason"] = g.text("Asked to be kept on file")
		}
	}
}
