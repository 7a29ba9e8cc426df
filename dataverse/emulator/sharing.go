package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// accessRights are the rights of a share, in the order in which the service lists them. Reference: AccessRights.
var accessRights = []string{"Read", "Write", "Append", "AppendTo", "Create", "Delete", "Share", "Assign"}

// maskText is a mask of rights as the Web API writes it: "ReadAccess, WriteAccess".
func maskText(mask int64) string {
	var out []string
	for _, right := range accessRights {
		if mask&rightMasks[right] != 0 {
			out = append(out, right+"Access")
		}
	}
	if out == nil {
		return "None"
	}
	return strings.Join(out, ", ")
}

func readMask(v any) (int64, error) {
	text, ok := v.(string)
	if !ok || text == "" {
		return 0, badArgument("The AccessMask is not a value of Microsoft.Dynamics.CRM.AccessRights.")
	}
	mask := int64(0)
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		right := strings.TrimSuffix(name, "Access")
		if rightMasks[right] == 0 || right == name {
			return 0, badArgument("'%s' is not a value of Microsoft.Dynamics.CRM.AccessRights.", name)
		}
		mask |= rightMasks[right]
	}
	return mask, nil
}

// share is what GrantAccess, ModifyAccess and RevokeAccess are about.
type share struct {
	table     *table
	row       *row
	principal ref
	mask      int64
}

// readShare reads the parameters of such an action. Page: security-sharing-assigning.
func (w *writer) readShare(c *call) (*share, error) {
	action := c.path.segments[0].name
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	if body["Target"] == nil {
		return nil, missingArgument("Target", action)
	}
	of, _, err := w.entityArgument(body["Target"])
	if err != nil {
		return nil, err
	}
	s := &share{table: w.schema.tables[of.Table], row: w.data[of.Table].get(of.ID)}
	to := body["Revokee"]
	if action != "RevokeAccess" {
		access, ok := body["PrincipalAccess"].(map[string]any)
		if !ok {
			return nil, missingArgument("PrincipalAccess", action)
		}
		if s.mask, err = readMask(access["AccessMask"]); err != nil {
			return nil, err
		}
		to = access["Principal"]
	} else if to == nil {
		return nil, missingArgument("Revokee", action)
	}
	if s.principal, _, err = w.entityArgument(to); err != nil {
		return nil, err
	}
	switch {
	case s.row == nil:
		return nil, noRow(of.Table, of.ID.String())
	case s.table.Ownership != "UserOwned":
		return nil, badArgument("Records of the entity '%s' cannot be shared.", s.table.Name)
	case s.principal.Table != "systemuser" && s.principal.Table != "team":
		return nil, badArgument("A record can be shared with a user or a team, not with a '%s'.", s.principal.Table)
	case w.data[s.principal.Table].get(s.principal.ID) == nil:
		return nil, noRow(s.principal.Table, s.principal.ID.String())
	}
	return s, w.allow("Share", s.table, s.row)
}

// grantAccess shares a row: what it is shared for already stays. Nobody gives rights that he does not have himself.
func (s *platformService) grantAccess(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		x, err := w.readShare(c)
		if err != nil {
			return err
		}
		return w.setShare(x, x.mask|w.sharedFor(x.row.id, x.principal), actionShare)
	})
}

// modifyAccess replaces what a row is shared for.
func (s *platformService) modifyAccess(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		x, err := w.readShare(c)
		if err != nil {
			return err
		}
		return w.setShare(x, x.mask, actionModifyShare)
	})
}

// revokeAccess takes a share back.
func (s *platformService) revokeAccess(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		x, err := w.readShare(c)
		if err != nil {
			return err
		}
		return w.setShare(x, 0, actionUnshare)
	})
}

// The actions of the audit history that are about shares. Page: auditing/retrieve-audit-data.
const (
	actionShare       = 14
	actionModifyShare = 48
	actionUnshare     = 49
)

// setShare sets what a row is shared for, and what rows below it inherit from it. Page: security-sharing-assigning,
// "Sharing and inheritance".
func (w *writer) setShare(x *share, mask, action int64) error {
	for _, right := range accessRights {
		if x.mask&rightMasks[right] == 0 {
			continue
		}
		if _, _, exists := w.schema.right(x.table, right); exists {
			if err := w.allow(right, x.table, x.row); err != nil {
				return err
			}
		}
	}
	w.putShare(ref{x.table.Name, x.row.id}, x.principal, "accessrightsmask", mask)
	if w.audits(x.table) {
		w.writeAudit(x.table, x.row.id, action, operationUpdate, nil, nil, nil)
	}
	seen := map[ref]bool{{x.table.Name, x.row.id}: true}
	below := []target{{x.table, x.row}}
	for i := 0; i < len(below); i++ {
		for _, rel := range w.schema.pointingAt(below[i].table) {
			child := w.schema.tables[rel.Referencing]
			if rel.cascades("Share") != "Cascade" || child.Ownership != "UserOwned" || w.data[child.Name].len() == 0 {
				continue
			}
			w.pointers(child, child.column(rel.Attribute), ref{below[i].table.Name, below[i].row.id}, func(r *row) bool {
				if key := (ref{child.Name, r.id}); !seen[key] {
					seen[key] = true
					below = append(below, target{child, r})
				}
				return true
			})
		}
	}
	for _, d := range below[1:] {
		w.putShare(ref{d.table.Name, d.row.id}, x.principal, "inheritedaccessrightsmask", mask)
	}
	return nil
}

// putShare sets one of the two masks of a share; one without any rights left goes.
func (w *writer) putShare(of, principal ref, column string, mask int64) {
	t := w.schema.tables["principalobjectaccess"]
	old := w.shareWith(of.ID, principal)
	v := values{}
	v.set(t, column, mask)
	v.set(t, "changedon", t.today(w.now, "changedon"))
	if old == nil {
		if mask == 0 {
			return
		}
		v.setDefault(t, "accessrightsmask", int64(0))
		v.setDefault(t, "inheritedaccessrightsmask", int64(0))
		v.set(t, "objectid", of.ID)
		v.set(t, "objecttypecode", of.Table)
		v.set(t, "principalid", principal.ID)
		v.set(t, "principaltypecode", principal.Table)
		w.platformRow(t, v)
		return
	}
	r := w.next(t, old, v)
	if t.int(r, "accessrightsmask")|t.int(r, "inheritedaccessrightsmask") == 0 {
		w.remove(t, old.id)
		return
	}
	w.put(t, r)
}

// inheritShares gives a new row the shares of the rows that it belongs to: "If a record is created and the parent record
// has certain sharing properties, the new record inherits those properties."
func (w *writer) inheritShares(t *table, r *row) {
	poa := w.schema.tables["principalobjectaccess"]
	if t.Ownership != "UserOwned" || w.data[poa.Name].len() == 0 {
		return
	}
	for _, rel := range t.parents {
		to := t.ref(r, rel.Attribute)
		if to.Table != rel.Referenced || rel.cascades("Share") != "Cascade" {
			continue
		}
		var from []*row
		w.shares(to.ID, func(x *row) bool {
			from = append(from, x)
			return true
		})
		for _, x := range from {
			id, _ := poa.get(x, "principalid").(uuid.UUID)
			principal := ref{poa.text(x, "principaltypecode"), id}
			mask := poa.int(x, "accessrightsmask") | poa.int(x, "inheritedaccessrightsmask")
			if old := w.shareWith(r.id, principal); old != nil {
				mask |= poa.int(old, "inheritedaccessrightsmask")
			}
			w.putShare(ref{t.Name, r.id}, principal, "inheritedaccessrightsmask", mask)
		}
	}
}

// dropShares forgets the shares of a row that is deleted.
func (w *writer) dropShares(of uuid.UUID) {
	t := w.schema.tables["principalobjectaccess"]
	if w.data[t.Name].len() == 0 {
		return
	}
	var gone []uuid.UUID
	w.shares(of, func(r *row) bool {
		gone = append(gone, r.id)
		return true
	})
	for _, id := range gone {
		w.remove(t, id)
	}
}

// sharedPrincipals is RetrieveSharedPrincipalsAndAccess: with whom a row is shared. Reference:
// RetrieveSharedPrincipalsAndAccess Function.
func (s *platformService) sharedPrincipals(c *call) (*answer, error) {
	args, err := c.arguments(c.path.segments[0])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, missingArgument("Target", "RetrieveSharedPrincipalsAndAccess")
	}
	target, err := objectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.view()
	of, _, err := sn.entityArgument(target)
	if err != nil {
		return nil, err
	}
	t := sn.schema.tables[of.Table]
	r := sn.data[of.Table].get(of.ID)
	if r == nil {
		return nil, noRow(of.Table, of.ID.String())
	}
	if err := c.allowed("Read", t, r); err != nil {
		return nil, err
	}
	poa := sn.schema.tables["principalobjectaccess"]
	list := []map[string]any{}
	sn.shares(of.ID, func(x *row) bool {
		id, _ := poa.get(x, "principalid").(uuid.UUID)
		kind := sn.schema.tables[poa.text(x, "principaltypecode")]
		mask := poa.int(x, "accessrightsmask") | poa.int(x, "inheritedaccessrightsmask")
		list = append(list, map[string]any{"AccessMask": maskText(mask), "Principal": map[string]any{
			"@odata.type": "#" + crmNamespace + kind.Name, kind.ID: id, "ownerid": id}})
		return true
	})
	slices.SortFunc(list, func(a, b map[string]any) int {
		return strings.Compare(a["Principal"].(map[string]any)["ownerid"].(uuid.UUID).String(), b["Principal"].(map[string]any)["ownerid"].(uuid.UUID).String())
	})
	return &answer{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.base + "/$metadata#" + crmNamespace + "RetrieveSharedPrincipalsAndAccessResponse", "PrincipalAccesses": list}}, nil
}
