package generate

import (
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// around makes the rows around a person, two or three: four million to a million contacts and half a million leads.
func (g *generator) around(p person) {
	if p.table == "contact" {
		if g.chance(35) {
			g.deal(p)
		}
		if g.chance(12) {
			g.quote(p)
		}
		if g.chance(1) {
			g.put("salesorder", p.created, cells{"name": g.text(pick(g, productLine)), "customerid": p.self,
				"billto_contactname": p.fullname, "statecode": int64(3), "statuscode": int64(100001), "ownerid": p.owner})
		}
		if g.chance(25) {
			g.attend(p)
		}
		if g.chance(5) {
			g.connect(p)
		}
		if g.chance(12) {
			g.put("listmember", g.days(0, p.created+1), cells{"name": p.fullname, "listid": g.newsletter, "entityid": p.self})
		}
	}
	if g.chance(20) {
		g.consent(p)
	}
	if g.chance(20) { // with its parties an e-mail is five rows
		g.mail(p, p.self)
	}
	if g.chance(12) {
		g.call(p)
	}
	if g.chance(20) {
		g.put("annotation", g.days(0, p.created+1), cells{"subject": g.text("Note"), "notetext": g.text(pick(g, noteTexts)),
			"objectid": p.self, "ownerid": p.owner, "isdocument": false})
	}
}

// deal is an opportunity: open, or closed some time ago. Some were closed without a date; some have the person itself as
// customer.
func (g *generator) deal(p person) {
	c := cells{"name": g.text(pick(g, productLine)), "parentcontactid": p.self, "customerid": p.account, "ownerid": p.owner,
		"estimatedvalue": float64(g.days(1, 200) * 500)}
	if g.chance(10) {
		c["customerid"] = p.self
		if g.chance(50) {
			c["parentcontactid"] = nil
		}
	}
	opened := g.days(0, p.created+1)
	if g.chance(25) {
		c["estimatedclosedate"] = g.date(-g.days(10, 200))
	} else {
		closed := g.days(0, opened+1)
		c["statecode"], c["statuscode"] = int64(1), int64(3)
		if g.chance(60) {
			c["statecode"], c["statuscode"] = int64(2), int64(4+g.r.IntN(2))
		}
		c["modifiedon"] = g.instant(closed)
		if !g.chance(3) {
			c["actualclosedate"] = g.date(closed)
		}
	}
	g.put("opportunity", opened, c)
}

// quote is one in draft, open, won or closed. A won one has the e-mail that accepts it.
func (g *generator) quote(p person) {
	opened := g.days(0, p.created+1)
	closed := g.days(0, opened+1)
	c := cells{"name": g.text(pick(g, productLine)), "customerid": p.account, "billto_contactname": p.fullname, "ownerid": p.owner}
	if g.chance(50) {
		c["customerid"] = p.self
	}
	won := false
	switch n := g.r.IntN(10); {
	case n < 2:
		c["statecode"], c["statuscode"] = int64(0), int64(1)
	case n < 4:
		c["statecode"], c["statuscode"] = int64(1), int64(3)
	case n < 8:
		won = true
		c["statecode"], c["statuscode"], c["closedon"] = int64(2), int64(4), g.date(closed)
	default:
		c["statecode"], c["statuscode"], c["closedon"] = int64(3), int64(5), g.date(closed)
	}
	q := g.put("quote", opened, c)
	if won {
		g.mail(p, q)
	}
}

// attend is a registration for an event, often with the check-in.
func (g *generator) attend(p person) {
	n := g.r.IntN(len(g.events))
	r := g.put("msevtmgt_eventregistration", g.days(0, p.created+1), cells{"msevtmgt_name": "REG-" + strconv.Itoa(g.persons),
		"msevtmgt_contactid": p.self, "msevtmgt_eventid": g.events[n], "msevtmgt_primaryrole": int64(100000000), "ownerid": p.owner})
	if g.chance(40) {
		g.put("msevtmgt_checkin", g.days(0, p.created+1), cells{"msevtmgt_name": "CHK-" + strconv.Itoa(g.persons),
			"msevtmgt_registrationid": r, "msevtmgt_contact": p.self, "msevtmgt_event": g.events[n], "ownerid": p.owner})
	}
}

// connect makes the person a superuser at the company, or one who was. A connection is two rows.
func (g *generator) connect(p person) {
	began := g.days(0, p.created+1)
	one, two := g.newID(), g.newID()
	c := cells{"record1id": p.self, "record2id": p.account, "record1roleid": g.superuser, "ownerid": p.owner,
		"effectivestart": g.instant(began), "ismaster": true, "relatedconnectionid": store.Ref{Table: "connection", ID: two}}
	other := cells{"record1id": p.account, "record2id": p.self, "record2roleid": g.superuser, "ownerid": p.owner,
		"effectivestart": g.instant(began), "ismaster": false, "relatedconnectionid": store.Ref{Table: "connection", ID: one}, "name": p.name}
	if g.chance(40) {
		ended := g.instant(g.days(0, began+1))
		for _, x := range []cells{c, other} {
			x["effectiveend"], x["modifiedon"], x["statecode"], x["statuscode"] = ended, ended, int64(1), int64(2)
		}
	}
	g.putAs("connection", one, began, c)
	g.putAs("connection", two, began, other)
}

// consent is what the address has opted into or out of, some time in the last five years.
func (g *generator) consent(p person) {
	value := int64(534120001)
	if g.chance(25) {
		value = 534120002
	}
	given := g.days(0, 5*year)
	address := p.address
	if g.chance(20) { // typed otherwise than on the person
		address = strings.ToLower(p.email)
	}
	g.put("msdynmkt_contactpointconsent4", given, cells{"msdynmkt_contactpointvalue": address, "msdynmkt_contactpointtype": int64(534120000),
		"msdynmkt_contactpointconsenttype": int64(534120000), "msdynmkt_value": value, "msdynmkt_purposeid": g.purpose,
		"msdynmkt_source": int64(534120000), "msdynmkt_logicalreason": int64(534119999), "ownerid": p.owner})
}

// mail is an e-mail from the person or to it, regarding something.
func (g *generator) mail(p person, regarding any) {
	sent := g.days(0, p.created+1)
	incoming := g.chance(50)
	staff := p.owner
	desk := g.staff[staff]
	c := cells{"subject": g.text(pick(g, subjects)), "description": "<p>Dear " + p.name + ",</p><p>thank you.</p>", "regardingobjectid": regarding,
		"directioncode": !incoming, "statecode": int64(1), "statuscode": int64(3), "ownerid": p.owner, "actualend": g.instant(sent)}
	from, to := party{staff, desk.address, desk.name}, party{p.self, p.address, p.fullname}
	if incoming {
		c["statuscode"] = int64(4)
		from, to = to, from
	}
	c["sender"], c["torecipients"], c["emailsender"] = from.address, to.address.(string)+";", from.who
	g.activity("email", sent, c, p, regarding, from, to)
}

func (g *generator) call(p person) {
	made := g.days(0, p.created+1)
	if g.chance(50) {
		g.activity("task", made, cells{"subject": "Call " + p.name, "regardingobjectid": p.self, "ownerid": p.owner,
			"statecode": int64(1), "statuscode": int64(5)}, p, p.self)
		return
	}
	g.activity("phonecall", made, cells{"subject": g.text("Call"), "phonenumber": p.phone, "regardingobjectid": p.self, "ownerid": p.owner,
		"statecode": int64(1), "statuscode": int64(2)}, p, p.self, party{who: p.owner, name: g.staff[p.owner].name}, party{p.self, p.address, p.fullname})
}

// party is who takes part in an activity.
type party struct {
	who           any // reference
	address, name any // texts, nil for none
}

// activity makes an activity with its sender and receiver, if it has them, and the two parties that the platform makes:
// its owner and what it regards, which is the person or a row whose name nobody copies.
func (g *generator) activity(table string, created int, c cells, p person, regarding any, ends ...party) {
	a := g.put(table, created, c)
	add := func(mask int64, x party) {
		g.put("activityparty", created, cells{"activityid": a, "participationtypemask": mask, "partyid": x.who, "addressused": x.address,
			"partyidname": x.name, "partyobjecttypecode": g.text(x.who.(store.Ref).Table), "ispartydeleted": false, "ownerid": p.owner})
	}
	for n, x := range ends {
		add(int64(platform.PartySender+n), x)
	}
	about := party{who: regarding}
	if regarding == p.self {
		about.name = p.fullname
	}
	add(platform.PartyRegarding, about)
	add(platform.PartyOwner, party{who: p.owner, name: g.staff[p.owner].name})
}
