package platform

import (
	"encoding/xml"
	"hash/fnv"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// The tables that configure the platform are created and updated like others, but not any row will do, and some bring
// others along.

// checkPlatform refuses a row that the platform cannot work with. before is nil for a new row.
func (w *Writer) checkPlatform(t *schema.Table, before, r *store.Row) error {
	if err := w.checkLoop(t, before, r); err != nil {
		return err
	}
	switch t.Name {
	case "organization":
		if before != nil && store.Lookup(t, before, "basecurrencyid") != store.Lookup(t, r, "basecurrencyid") {
			return wire.BadArgument("The base currency of an organization cannot be changed once it is set.")
		}
		return w.checkAuditSettings(t, r)
	case "publisher":
		return w.checkPublisher(t, before, r)
	case "solution":
		return w.checkSolution(t, before, r)
	case "savedquery":
		return w.checkView(t, before, r)
	case "systemform":
		return w.checkForm(t, before, r)
	case "savedqueryvisualization":
		return w.checkChart(t, before, r)
	case "systemuser":
		return w.checkUser(t, before, r)
	case "recurringappointmentmaster":
		if before == nil {
			return wire.NotEmulated(w.Engine, "the appointments of a series in recurringappointmentmasters")
		}
	case "role":
		if store.Text(t, r, "name") == "" {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'role'.")
		}
	case "fieldpermission":
		return w.checkFieldPermission(t, r)
	case "systemuserroles":
		return w.checkAssignment(t, r, "systemuser")
	case "teamroles":
		return w.checkAssignment(t, r, "team")
	case "workflow":
		if before != nil && store.Int(t, before, "statecode") == 0 && store.Int(t, r, "statecode") == 1 {
			return wire.NotEmulated(w.Engine, "workflows that are activated: nothing would run them")
		}
	case "duplicaterule":
		return w.checkRule(t, before, r)
	case "duplicaterulecondition":
		return w.checkCondition(t, r)
	}
	if check := w.Rules[t.Name].Check; check != nil {
		return check(w, t, r)
	}
	return nil
}

var (
	uniqueName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	prefixName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}$`)
	versionNo  = regexp.MustCompile(`^\d+(\.\d+){1,3}$`)
)

// IsTaken tells whether another row has the text in the column.
func (w *Writer) IsTaken(t *schema.Table, r *store.Row, column string) bool {
	text, found := store.Text(t, r, column), false
	w.Data[t.Name].Scan(uuid.Nil, func(x *store.Row) bool {
		found = x.ID != r.ID && strings.EqualFold(store.Text(t, x, column), text)
		return !found
	})
	return found
}

// checkPublisher: the prefixes are those that names and option values of its components begin with.
func (w *Writer) checkPublisher(t *schema.Table, before, r *store.Row) error {
	name, prefix := store.Text(t, r, "uniquename"), store.Text(t, r, "customizationprefix")
	switch {
	case !uniqueName.MatchString(name):
		return wire.NewError(http.StatusBadRequest, "0x8004f01c", "The publisher unique name '%s' is not valid. It may hold only the letters A to Z, digits and underscores.", name)
	case w.IsTaken(t, r, "uniquename"):
		return wire.NewError(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	case !prefixName.MatchString(prefix) || strings.HasPrefix(strings.ToLower(prefix), "mscrm"):
		return wire.BadArgument("The customization prefix '%s' is not valid. It has 2 to 8 letters and digits, begins with a letter, and not with 'mscrm'.", prefix)
	}
	if n := store.Int(t, r, "customizationoptionvalueprefix"); n < 10000 || n > 99999 {
		return wire.BadArgument("The customization option value prefix %d is not between 10000 and 99999.", n)
	}
	if before != nil && store.Text(t, before, "uniquename") != name {
		return wire.BadArgument("The unique name of a publisher cannot be changed.")
	}
	return nil
}

// optionPrefix is the prefix of option values that a publisher gets who names none: one that follows from the other prefix, as
// in the form of a publisher. Page: org-service/samples/work-solutions, whose publisher has none; no page says how it is made.
func optionPrefix(prefix any) int64 {
	h := fnv.New32a()
	text, _ := prefix.(string)
	_, _ = h.Write([]byte(strings.ToLower(text))) // a hash takes everything
	return 10000 + int64(h.Sum32()%90000)
}

func (w *Writer) checkSolution(t *schema.Table, before, r *store.Row) error {
	name := store.Text(t, r, "uniquename")
	switch {
	case !uniqueName.MatchString(name):
		return wire.NewError(http.StatusBadRequest, "0x8004f002", "The solution unique name '%s' is not valid. It may hold only the letters A to Z, digits and underscores.", name)
	case w.IsTaken(t, r, "uniquename"):
		return wire.NewError(http.StatusBadRequest, "0x8004f023", "The solution unique name '%s' is already being used and cannot be used again.", name)
	case store.Lookup(t, r, "publisherid").ID == uuid.Nil:
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'publisherid' is missing on the entity 'solution'.")
	case !versionNo.MatchString(store.Text(t, r, "version")):
		return wire.BadArgument("The solution version '%s' is not valid.", store.Text(t, r, "version"))
	case store.Text(t, r, "friendlyname") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'friendlyname' is missing on the entity 'solution'.")
	}
	if before != nil && store.Text(t, before, "uniquename") != name {
		return wire.BadArgument("The unique name of a solution cannot be changed.")
	}
	return nil
}

// checkView: only public views can be made; the query must fit the table and the layout the query. Pages:
// customize-entity-views, saved-queries.
func (w *Writer) checkView(t *schema.Table, before, r *store.Row) error {
	name := store.Text(t, r, "returnedtypecode")
	of := w.Schema.Tables[name]
	switch {
	case store.Text(t, r, "name") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'savedquery'.")
	case of == nil:
		return wire.NoTable(http.StatusBadRequest, "0x80060888", name)
	case before == nil && store.Int(t, r, "querytype") != 0:
		return wire.BadArgument("A view of the query type %d exists once for a table and cannot be created.", store.Int(t, r, "querytype"))
	}
	f, err := fetchxml.Parse([]byte(store.Text(t, r, "fetchxml")))
	if err != nil {
		return query.FetchError(err)
	}
	if f.Entity.Name != name {
		return wire.BadArgument("The query is of the entity '%s', not of '%s'.", f.Entity.Name, name)
	}
	if err := w.checkFetch(of, f); err != nil {
		return err
	}
	if layout := store.Text(t, r, "layoutxml"); layout != "" {
		return checkLayout(f, of, layout)
	}
	return nil // a view without one is found by queries: org-service/samples/validate-execute-saved-query
}

// checkFetch: the query must compile as if it were run.
func (w *Writer) checkFetch(of *schema.Table, f *fetchxml.Fetch) error {
	e := query.NewEnv(&wire.Call{Engine: w.Engine, Header: http.Header{}, Tx: w.Tx, User: w.User, Base: w.Base})
	e.Slot()
	q := &query.FetchQuery{Call: e.Call, Env: e, Fetch: f, From: query.Collection{Table: of}, ByName: map[string]*query.JoinedTable{}}
	e.Call = nil // whoever makes a view need not be able to read what it shows
	return q.Prepare()
}

// checkLayout: a grid with one row of cells, each of a column that the query fetches: name, or alias.name over a link.
func checkLayout(f *fetchxml.Fetch, of *schema.Table, layout string) error {
	bad := func(why string) error {
		return wire.NewError(http.StatusBadRequest, "0x80040216", "The layout XML of the view is not valid: %s.", why)
	}
	fetched := map[string]bool{}
	var take func(prefix string, b *fetchxml.Body)
	take = func(prefix string, b *fetchxml.Body) {
		for _, a := range b.Attributes {
			fetched[prefix+a.Name] = true
		}
		for i := range b.Links {
			alias := b.Links[i].Alias
			if alias == "" {
				alias = b.Links[i].Name
			}
			take(alias+".", &b.Links[i].Body)
		}
	}
	take("", &f.Entity.Body)
	d := xml.NewDecoder(strings.NewReader(layout))
	var path []string
	cells := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return bad("it is not XML")
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			path = append(path, tok.Name.Local)
			attrs := map[string]string{}
			for _, a := range tok.Attr {
				attrs[a.Name.Local] = a.Value
			}
			switch place := strings.Join(path, "/"); place {
			case "grid":
			case "grid/row":
				if attrs["id"] != of.ID {
					return bad("the row's id is not '" + of.ID + "'")
				}
			case "grid/row/cell":
				cells++
				if !fetched[attrs["name"]] {
					return bad("the cell '" + attrs["name"] + "' is no column of the query")
				}
			default:
				return bad("unknown element " + place)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	if cells == 0 {
		return bad("it has no cells")
	}
	return nil
}

// checkUser: an application has one user in an environment. Page: use-single-tenant-server-server-authentication.
func (w *Writer) checkUser(t *schema.Table, before, r *store.Row) error {
	app, isApp := store.Value(t, r, "applicationid").(uuid.UUID)
	if store.Lookup(t, r, "businessunitid").ID == uuid.Nil {
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'businessunitid' is missing on the entity 'systemuser'.")
	}
	if !isApp {
		if before == nil && store.Text(t, r, "domainname") == "" {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'domainname' is missing on the entity 'systemuser'.")
		}
		return nil
	}
	twice := false
	w.Data[t.Name].Scan(uuid.Nil, func(x *store.Row) bool {
		twice = x.ID != r.ID && store.Value(t, x, "applicationid") == any(app)
		return !twice
	})
	if twice {
		return wire.NewError(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}

// checkFieldPermission: only a secured column takes permissions. Page: column-level-security.
func (w *Writer) checkFieldPermission(t *schema.Table, r *store.Row) error {
	of := w.Schema.Tables[store.Text(t, r, "entityname")]
	if of == nil {
		return wire.NoTable(http.StatusBadRequest, "0x80060888", store.Text(t, r, "entityname"))
	}
	c := of.Column(store.Text(t, r, "attributelogicalname"))
	if c == nil || !c.Secured {
		return wire.NewError(http.StatusBadRequest, "0x8004f508", "The attribute '%s' of the entity '%s' is not secured.", store.Text(t, r, "attributelogicalname"), of.Name)
	}
	return nil
}

// checkAssignment: a role belongs to a business unit, and so do those who have it.
func (w *Writer) checkAssignment(t *schema.Table, r *store.Row, to string) error {
	id, _ := store.Value(t, r, to+"id").(uuid.UUID)
	role, _ := store.Value(t, r, "roleid").(uuid.UUID)
	principals, roles := w.Schema.Tables[to], w.Schema.Tables["role"]
	if a, b := store.Lookup(principals, w.Data[to].Get(id), "businessunitid"), store.Lookup(roles, w.Data["role"].Get(role), "businessunitid"); a.ID != b.ID {
		noun := strings.TrimPrefix(to, "system")
		return wire.NewError(http.StatusBadRequest, "0x80041d0b", "The role %s belongs to another business unit than the %s %s.", role, noun, id)
	}
	return nil
}

// completePlatform fills what the platform knows of such a row and its body does not say.
func (w *Writer) completePlatform(t *schema.Table, id uuid.UUID, v store.Values) {
	unit := func() store.Ref {
		users := w.Schema.Tables["systemuser"]
		return store.Lookup(users, w.Data["systemuser"].Get(w.User), "businessunitid")
	}
	switch t.Name {
	case "activitymimeattachment":
		w.showFile(t, v)
	case "systemuser":
		v.Set(t, "organizationid", w.Engine.OrganizationID)
		app, isApp := v.After(t, nil, "applicationid").(uuid.UUID)
		if !isApp {
			return
		}
		// What the service takes from Entra ID: the names, and the id of the service principal.
		v.Set(t, "accessmode", int64(4))
		v.Set(t, "azureactivedirectoryobjectid", ObjectID(app))
		name := app.String() + "@emulator.invalid"
		v.SetDefault(t, "domainname", name)
		v.SetDefault(t, "internalemailaddress", name)
		if !v.Has(t, "firstname") && !v.Has(t, "lastname") {
			v.Set(t, "fullname", "# "+app.String())
		}
	case "appnotification":
		v.SetDefault(t, "icontype", int64(100000000))
		v.SetDefault(t, "toasttype", int64(200000000))
		v.SetDefault(t, "priority", int64(200000000))
		v.SetDefault(t, "ttlinseconds", int64(notificationLife/time.Second))
	case "role":
		v.SetDefault(t, "businessunitid", unit())
		v.Set(t, "organizationid", w.Engine.OrganizationID)
		v.Set(t, "roleidunique", uuid.New())
		v.Set(t, "componentstate", int64(0))
		v.Set(t, "ismanaged", false)
		v.SetDefault(t, "isinherited", int64(1))
		v.Set(t, "parentrootroleid", store.Ref{Table: "role", ID: id})
	case "team":
		v.SetDefault(t, "businessunitid", unit())
		v.SetDefault(t, "administratorid", store.Ref{Table: "systemuser", ID: w.User})
		v.SetDefault(t, "teamtype", int64(0))
		v.Set(t, "organizationid", w.Engine.OrganizationID)
	case "businessunit":
		v.SetDefault(t, "parentbusinessunitid", store.Ref{Table: "businessunit", ID: w.Engine.RootBusiness})
	case "publisher":
		v.SetDefault(t, "customizationoptionvalueprefix", optionPrefix(v.After(t, nil, "customizationprefix")))
	case "solution":
		v.Set(t, "ismanaged", false)
		v.Set(t, "isvisible", true)
		v.Set(t, "installedon", w.Now)
	case "systemform":
		v.SetDefault(t, "type", int64(2))
		v.SetDefault(t, "iscustomizable", true)
		if v.After(t, nil, "type") == any(int64(0)) {
			v.SetDefault(t, "objecttypecode", "none")
		}
		v.Set(t, "formidunique", uuid.New())
		v.Set(t, "componentstate", int64(0))
		v.Set(t, "ismanaged", false)
		v.Set(t, "publishedon", w.Now)
	case "savedqueryvisualization":
		v.SetDefault(t, "charttype", int64(0))
		v.SetDefault(t, "isdefault", false)
		v.Set(t, "componentstate", int64(0))
		v.Set(t, "ismanaged", false)
		v.Set(t, "savedqueryvisualizationidunique", uuid.New())
	case "savedquery":
		v.Set(t, "iscustom", true)
		v.Set(t, "ismanaged", false)
		v.Set(t, "isuserdefined", true)
		v.Set(t, "componentstate", int64(0))
		v.SetDefault(t, "querytype", int64(0))
		v.SetDefault(t, "isdefault", false)
		v.Set(t, "savedqueryidunique", uuid.New())
	}
}

// completeLink fills what an association does not say: the depth of a privilege that is given to a role without one is
// the user's own rows, or the organisation where the privilege can only be had there.
func (w *Writer) completeLink(x *schema.Table, v store.Values) {
	if x.Name != "roleprivileges" {
		return
	}
	privileges := w.Schema.Tables["privilege"]
	id, _ := v.After(x, nil, "privilegeid").(uuid.UUID)
	depth := "Global"
	if basic, _ := store.Value(privileges, w.Data["privilege"].Get(id), "canbebasic").(bool); basic {
		depth = "Basic"
	}
	v.Set(x, "privilegedepthmask", schema.DepthMasks[depth])
	v.Set(x, "componentstate", int64(0))
}

// afterPlatform makes what comes with a new row of the platform.
func (w *Writer) afterPlatform(t *schema.Table, r *store.Row) error {
	switch t.Name {
	case "activitymimeattachment":
		w.makeFile(t, r)
		w.countAttachments(t, r)
	case "systemuser":
		w.PlaceSettings(r.ID, store.Lookup(t, r, "businessunitid"))
		w.giveQueue(t, r, "fullname")
		w.giveMailbox(t, w.Data[t.Name].Get(r.ID), "fullname", "internalemailaddress")
		team := w.defaultTeam(store.Lookup(t, r, "businessunitid").ID)
		if team != uuid.Nil {
			w.Place("teammembership", uuid.New(), store.Fields{"systemuserid": r.ID, "teamid": team})
		}
	case "businessunit": // the default team, and a copy of every role of the parent
		w.Place("team", uuid.New(), store.Fields{"name": store.Text(t, r, "name"), "isdefault": true, "teamtype": int64(0), "businessunitid": store.Ref{Table: t.Name, ID: r.ID},
			"administratorid": store.Ref{Table: "systemuser", ID: w.User}, "organizationid": w.Engine.OrganizationID, "createdon": w.Now, "modifiedon": w.Now})
		roles := w.Schema.Tables["role"]
		var inherited []*store.Row
		w.Data["role"].Scan(uuid.Nil, func(x *store.Row) bool {
			if store.Lookup(roles, x, "businessunitid") == store.Lookup(t, r, "parentbusinessunitid") {
				inherited = append(inherited, x)
			}
			return true
		})
		for _, x := range inherited {
			w.copyRole(x, r.ID)
		}
	case "team":
		w.giveQueue(t, r, "name")
	case "queue":
		w.giveMailbox(t, r, "name", "emailaddress")
	case "queueitem":
		w.countItems(store.Lookup(t, r, "queueid"))
	case "uomschedule":
		w.baseUnit(t, r)
	case "role":
		for _, name := range schema.NewRolePrivileges {
			if id := schema.PrivilegeID(name); w.Data["privilege"].Get(id) != nil {
				w.Grant(r.ID, id, schema.DepthMasks["Global"])
			}
		}
		var below []uuid.UUID
		for id := range access.UnitsBelow(&w.Snapshot, store.Lookup(t, r, "businessunitid").ID) {
			if id != store.Lookup(t, r, "businessunitid").ID {
				below = append(below, id)
			}
		}
		slices.SortFunc(below, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		for _, id := range below {
			w.copyRole(r, id)
		}
	}
	if kind, isComponent := metadata.RowComponents[t.Name]; isComponent && w.solution != nil {
		metadata.AddToSolution(w.Tx, w.solution.call, w.solution.row, kind, r.ID)
	}
	return nil
}

// baseUnit makes the unit that a new group of units is counted in. Page: org-service/samples/rollup-goal-data-custom-period-target-revenue.
func (w *Writer) baseUnit(t *schema.Table, r *store.Row) {
	units, name := w.Schema.Tables["uom"], store.Text(t, r, "baseuomname")
	if units == nil || name == "" {
		return
	}
	v := store.Values{}
	v.SetText(units, "name", name)
	v.Set(units, "uomscheduleid", store.Ref{Table: t.Name, ID: r.ID})
	v.Set(units, "quantity", 1.0)
	v.Set(units, "isschedulebaseuom", true)
	w.PutPlatformRow(units, v)
}

// copyRole is a role in a business unit below that of the role. Its privileges are those of the role at the root.
func (w *Writer) copyRole(r *store.Row, unit uuid.UUID) {
	t := w.Schema.Tables["role"]
	id := uuid.New()
	w.Place("role", id, store.Fields{"name": store.Value(t, r, "name"), "businessunitid": store.Ref{Table: "businessunit", ID: unit}, "roletemplateid": store.Value(t, r, "roletemplateid"),
		"parentroleid": store.Ref{Table: "role", ID: r.ID}, "parentrootroleid": store.Value(t, r, "parentrootroleid"), "ismanaged": store.Value(t, r, "ismanaged"), "componentstate": int64(0),
		"organizationid": w.Engine.OrganizationID, "roleidunique": uuid.New(), "isinherited": store.Value(t, r, "isinherited"), "createdon": w.Now, "modifiedon": w.Now})
}

func (w *Writer) defaultTeam(unit uuid.UUID) uuid.UUID {
	t := w.Schema.Tables["team"]
	found := uuid.Nil
	w.Data["team"].Scan(uuid.Nil, func(r *store.Row) bool {
		if is, _ := store.Value(t, r, "isdefault").(bool); is && store.Lookup(t, r, "businessunitid").ID == unit {
			found = r.ID
		}
		return found == uuid.Nil
	})
	return found
}

// solutionTarget is the solution that a write adds its components to.
type solutionTarget struct {
	call *wire.Call
	row  *store.Row
}

// solutionFor finds the solution that MSCRM.SolutionUniqueName names.
func solutionFor(c *wire.Call, t *store.Tx) (*solutionTarget, error) {
	row, _, err := metadata.FindSolution(t, c.Header.Get("MSCRM.SolutionUniqueName"))
	if row == nil || err != nil {
		return nil, err
	}
	return &solutionTarget{c, row}, nil
}
