package emulator

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// The tables that configure the platform are created and updated like others, but not any row will do, and some bring
// others along.

// checkPlatform refuses a row that the platform cannot work with. before is nil for a new row.
func (w *writer) checkPlatform(t *table, before, r *row) error {
	switch t.Name {
	case "publisher":
		return w.checkPublisher(t, before, r)
	case "solution":
		return w.checkSolution(t, before, r)
	case "savedquery":
		return w.checkView(t, before, r)
	case "systemuser":
		return w.checkUser(t, before, r)
	case "role":
		if t.text(r, "name") == "" {
			return newFault(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'role'.")
		}
	case "fieldpermission":
		return w.checkFieldPermission(t, r)
	case "systemuserroles":
		return w.checkAssignment(t, r)
	case "duplicaterule":
		return w.checkRule(t, r)
	case "duplicaterulecondition":
		return w.checkCondition(t, r)
	}
	if check := w.rules[t.Name].check; check != nil {
		return check(w, t, r)
	}
	return nil
}

var (
	uniqueName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	prefixName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}$`)
	versionNo  = regexp.MustCompile(`^\d+(\.\d+){1,3}$`)
)

// taken tells whether another row has the text in the column.
func (w *writer) taken(t *table, r *row, column string) bool {
	text, found := t.text(r, column), false
	w.data[t.Name].scan(uuid.Nil, func(x *row) bool {
		found = x.id != r.id && strings.EqualFold(t.text(x, column), text)
		return !found
	})
	return found
}

// checkPublisher: the prefixes are those that names and option values of its components begin with.
func (w *writer) checkPublisher(t *table, before, r *row) error {
	name, prefix := t.text(r, "uniquename"), t.text(r, "customizationprefix")
	switch {
	case !uniqueName.MatchString(name):
		return newFault(http.StatusBadRequest, "0x8004f01c", "The publisher unique name '%s' is not valid. It may hold only the letters A to Z, digits and underscores.", name)
	case w.taken(t, r, "uniquename"):
		return newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	case !prefixName.MatchString(prefix) || strings.HasPrefix(strings.ToLower(prefix), "mscrm"):
		return badArgument("The customization prefix '%s' is not valid. It has 2 to 8 letters and digits, begins with a letter, and not with 'mscrm'.", prefix)
	}
	if n := t.int(r, "customizationoptionvalueprefix"); n < 10000 || n > 99999 {
		return badArgument("The customization option value prefix %d is not between 10000 and 99999.", n)
	}
	if before != nil && t.text(before, "uniquename") != name {
		return badArgument("The unique name of a publisher cannot be changed.")
	}
	return nil
}

func (w *writer) checkSolution(t *table, before, r *row) error {
	name := t.text(r, "uniquename")
	switch {
	case !uniqueName.MatchString(name):
		return newFault(http.StatusBadRequest, "0x8004f002", "The solution unique name '%s' is not valid. It may hold only the letters A to Z, digits and underscores.", name)
	case w.taken(t, r, "uniquename"):
		return newFault(http.StatusBadRequest, "0x8004f023", "The solution unique name '%s' is already being used and cannot be used again.", name)
	case t.ref(r, "publisherid").ID == uuid.Nil:
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'publisherid' is missing on the entity 'solution'.")
	case !versionNo.MatchString(t.text(r, "version")):
		return badArgument("The solution version '%s' is not valid.", t.text(r, "version"))
	case t.text(r, "friendlyname") == "":
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'friendlyname' is missing on the entity 'solution'.")
	}
	if before != nil && t.text(before, "uniquename") != name {
		return badArgument("The unique name of a solution cannot be changed.")
	}
	return nil
}

// checkView: only public views can be made; the query must fit the table and the layout the query. Pages:
// customize-entity-views, saved-queries.
func (w *writer) checkView(t *table, before, r *row) error {
	name := t.text(r, "returnedtypecode")
	of := w.schema.tables[name]
	switch {
	case t.text(r, "name") == "":
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'savedquery'.")
	case of == nil:
		return newFault(http.StatusBadRequest, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
	case before == nil && t.int(r, "querytype") != 0:
		return badArgument("A view of the query type %d exists once for a table and cannot be created.", t.int(r, "querytype"))
	}
	f, err := fetchxml.Parse([]byte(t.text(r, "fetchxml")))
	if err != nil {
		return fetchFault(err)
	}
	if f.Entity.Name != name {
		return badArgument("The query is of the entity '%s', not of '%s'.", f.Entity.Name, name)
	}
	// The query must compile as if it were run.
	e := newEnv(&call{engine: w.engine, header: http.Header{}, tx: w.tx, user: w.user, base: w.base})
	e.slot()
	q := &fetchQuery{call: e.call, env: e, f: f, from: collection{table: of}, byName: map[string]*joined{}}
	e.call = nil // whoever makes a view need not be able to read what it shows
	if err := q.prepare(); err != nil {
		return err
	}
	if layout := t.text(r, "layoutxml"); layout != "" {
		return checkLayout(f, of, layout)
	} else if before == nil {
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'layoutxml' is missing on the entity 'savedquery'.")
	}
	return nil
}

// checkLayout: a grid with one row of cells, each of a column that the query fetches: name, or alias.name over a link.
func checkLayout(f *fetchxml.Fetch, of *table, layout string) error {
	bad := func(why string) error {
		return newFault(http.StatusBadRequest, "0x80040216", "The layout XML of the view is not valid: %s.", why)
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
func (w *writer) checkUser(t *table, before, r *row) error {
	app, isApp := t.get(r, "applicationid").(uuid.UUID)
	if t.ref(r, "businessunitid").ID == uuid.Nil {
		return newFault(http.StatusBadRequest, "0x80040200", "The required field 'businessunitid' is missing on the entity 'systemuser'.")
	}
	if !isApp {
		if before == nil && t.text(r, "domainname") == "" {
			return newFault(http.StatusBadRequest, "0x80040200", "The required field 'domainname' is missing on the entity 'systemuser'.")
		}
		return nil
	}
	twice := false
	w.data[t.Name].scan(uuid.Nil, func(x *row) bool {
		twice = x.id != r.id && t.get(x, "applicationid") == any(app)
		return !twice
	})
	if twice {
		return newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}

// checkFieldPermission: only a secured column takes permissions. Page: column-level-security.
func (w *writer) checkFieldPermission(t *table, r *row) error {
	of := w.schema.tables[t.text(r, "entityname")]
	if of == nil {
		return newFault(http.StatusBadRequest, "0x80060888", "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", t.text(r, "entityname"))
	}
	c := of.column(t.text(r, "attributelogicalname"))
	if c == nil || !c.secured {
		return newFault(http.StatusBadRequest, "0x8004f508", "The attribute '%s' of the entity '%s' is not secured.", t.text(r, "attributelogicalname"), of.Name)
	}
	return nil
}

// checkAssignment: a role belongs to a business unit, and so do those who have it.
func (w *writer) checkAssignment(t *table, r *row) error {
	user, _ := t.get(r, "systemuserid").(uuid.UUID)
	role, _ := t.get(r, "roleid").(uuid.UUID)
	users, roles := w.schema.tables["systemuser"], w.schema.tables["role"]
	if a, b := users.ref(w.data["systemuser"].get(user), "businessunitid"), roles.ref(w.data["role"].get(role), "businessunitid"); a.ID != b.ID {
		return newFault(http.StatusBadRequest, "0x80041d0b", "The role %s belongs to another business unit than the user %s.", role, user)
	}
	return nil
}

// completePlatform fills what the platform knows of such a row and its body does not say.
func (w *writer) completePlatform(t *table, id uuid.UUID, v values) {
	unit := func() ref {
		users := w.schema.tables["systemuser"]
		return users.ref(w.data["systemuser"].get(w.user), "businessunitid")
	}
	switch t.Name {
	case "systemuser":
		v.setDefault(t, "accessmode", int64(0))
		v.set(t, "organizationid", w.engine.organizationID)
		app, isApp := v.of(t, nil, "applicationid").(uuid.UUID)
		if !isApp {
			return
		}
		// What the service takes from Entra ID: the names, and the id of the service principal.
		v.set(t, "accessmode", int64(4))
		v.set(t, "azureactivedirectoryobjectid", ObjectID(app))
		name := app.String() + "@emulator.invalid"
		v.setDefault(t, "domainname", name)
		v.setDefault(t, "internalemailaddress", name)
		if !v.has(t, "firstname") && !v.has(t, "lastname") {
			v.set(t, "fullname", "# "+app.String())
		}
	case "role":
		v.setDefault(t, "businessunitid", unit())
		v.set(t, "organizationid", w.engine.organizationID)
		v.set(t, "roleidunique", uuid.New())
		v.set(t, "componentstate", int64(0))
		v.set(t, "ismanaged", false)
		v.setDefault(t, "isinherited", int64(1))
		v.set(t, "parentrootroleid", ref{"role", id})
	case "team":
		v.setDefault(t, "businessunitid", unit())
		v.setDefault(t, "administratorid", ref{"systemuser", w.user})
		v.setDefault(t, "teamtype", int64(0))
		v.set(t, "organizationid", w.engine.organizationID)
	case "businessunit":
		v.setDefault(t, "parentbusinessunitid", ref{"businessunit", w.engine.rootBusiness})
	case "solution":
		v.set(t, "ismanaged", false)
		v.set(t, "isvisible", true)
		v.set(t, "installedon", w.now)
	case "savedquery":
		v.set(t, "iscustom", true)
		v.set(t, "ismanaged", false)
		v.set(t, "isuserdefined", true)
		v.set(t, "componentstate", int64(0))
		v.setDefault(t, "querytype", int64(0))
		v.setDefault(t, "isdefault", false)
		v.set(t, "savedqueryidunique", uuid.New())
	}
}

// completeLink fills what an association does not say: the depth of a privilege that is given to a role without one is
// the user's own rows, or the organisation where the privilege can only be had there.
func (w *writer) completeLink(x *table, v values) {
	if x.Name != "roleprivileges" {
		return
	}
	privileges := w.schema.tables["privilege"]
	id, _ := v.of(x, nil, "privilegeid").(uuid.UUID)
	depth := "Global"
	if basic, _ := privileges.get(w.data["privilege"].get(id), "canbebasic").(bool); basic {
		depth = "Basic"
	}
	v.set(x, "privilegedepthmask", depthMasks[depth])
	v.set(x, "componentstate", int64(0))
}

// afterPlatform makes what comes with a new row of the platform.
func (w *writer) afterPlatform(t *table, r *row) error {
	switch t.Name {
	case "systemuser":
		team := w.defaultTeam(t.ref(r, "businessunitid").ID)
		if team != uuid.Nil {
			w.place("teammembership", uuid.New(), fields{"systemuserid": r.id, "teamid": team})
		}
	case "businessunit": // the default team, and a copy of every role of the parent
		w.place("team", uuid.New(), fields{"name": t.text(r, "name"), "isdefault": true, "teamtype": int64(0), "businessunitid": ref{t.Name, r.id},
			"administratorid": ref{"systemuser", w.user}, "organizationid": w.engine.organizationID, "createdon": w.now, "modifiedon": w.now})
		roles := w.schema.tables["role"]
		var inherited []*row
		w.data["role"].scan(uuid.Nil, func(x *row) bool {
			if roles.ref(x, "businessunitid") == t.ref(r, "parentbusinessunitid") {
				inherited = append(inherited, x)
			}
			return true
		})
		for _, x := range inherited {
			w.copyRole(x, r.id)
		}
	case "role":
		var below []uuid.UUID
		for id := range unitsBelow(&w.snapshot, t.ref(r, "businessunitid").ID) {
			if id != t.ref(r, "businessunitid").ID {
				below = append(below, id)
			}
		}
		slices.SortFunc(below, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		for _, id := range below {
			w.copyRole(r, id)
		}
	}
	if kind, isComponent := rowComponents[t.Name]; isComponent && w.solution != nil {
		w.tx.joinSolution(w.solution.call, w.solution.row, kind, r.id)
	}
	return nil
}

// copyRole is a role in a business unit below that of the role. Its privileges are those of the role at the root.
func (w *writer) copyRole(r *row, unit uuid.UUID) {
	t := w.schema.tables["role"]
	id := uuid.New()
	w.place("role", id, fields{"name": t.get(r, "name"), "businessunitid": ref{"businessunit", unit}, "roletemplateid": t.get(r, "roletemplateid"),
		"parentroleid": ref{"role", r.id}, "parentrootroleid": t.get(r, "parentrootroleid"), "ismanaged": t.get(r, "ismanaged"), "componentstate": int64(0),
		"organizationid": w.engine.organizationID, "roleidunique": uuid.New(), "isinherited": t.get(r, "isinherited"), "createdon": w.now, "modifiedon": w.now})
}

func (w *writer) defaultTeam(unit uuid.UUID) uuid.UUID {
	t := w.schema.tables["team"]
	found := uuid.Nil
	w.data["team"].scan(uuid.Nil, func(r *row) bool {
		if is, _ := t.get(r, "isdefault").(bool); is && t.ref(r, "businessunitid").ID == unit {
			found = r.id
		}
		return found == uuid.Nil
	})
	return found
}

// joining is the solution that what a write makes goes into.
type joining struct {
	call *call
	row  *row
}

// joins finds the solution that MSCRM.SolutionUniqueName names.
func (c *call) joins(t *tx) (*joining, error) {
	row, _, err := t.solution(c.header.Get("MSCRM.SolutionUniqueName"))
	if row == nil || err != nil {
		return nil, err
	}
	return &joining{c, row}, nil
}
