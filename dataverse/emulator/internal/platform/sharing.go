package platform

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// ShareRights are the rights of a share, in the order in which the service lists them. Reference: AccessRights.
var ShareRights = []string{"Read", "Write", "Append", "AppendTo", "Create", "Delete", "Share", "Assign"}

// RightsText is a mask of rights as the Web API writes it: "ReadAccess, WriteAccess".
func RightsText(mask int64) string {
	var out []string
	for _, right := range ShareRights {
		if mask&schema.RightMasks[right] != 0 {
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
		return 0, wire.BadArgument("The AccessMask is not a value of Microsoft.Dynamics.CRM.AccessRights.")
	}
	mask := int64(0)
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		right := strings.TrimSuffix(name, "Access")
		if schema.RightMasks[right] == 0 || right == name {
			return 0, wire.BadArgument("'%s' is not a value of Microsoft.Dynamics.CRM.AccessRights.", name)
		}
		mask |= schema.RightMasks[right]
	}
	return mask, nil
}

// share is what GrantAccess, ModifyAccess and RevokeAccess are about.
type share struct {
	table     *schema.Table
	row       *store.Row
	principal store.Ref
	mask      int64
}

// readShare reads the parameters of such an action. Page: security-sharing-assigning.
func (w *Writer) readShare(c *wire.Call) (*share, error) {
	action := c.Path.Segments[0].Name
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	if body["Target"] == nil {
		return nil, wire.MissingArgument("Target", action)
	}
	of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
	if err != nil {
		return nil, err
	}
	s := &share{table: w.Schema.Tables[of.Table], row: w.Data[of.Table].Get(of.ID)}
	to := body["Revokee"]
	if action != "RevokeAccess" {
		access, ok := body["PrincipalAccess"].(map[string]any)
		if !ok {
			return nil, wire.MissingArgument("PrincipalAccess", action)
		}
		if s.mask, err = readMask(access["AccessMask"]); err != nil {
			return nil, err
		}
		to = access["Principal"]
	} else if to == nil {
		return nil, wire.MissingArgument("Revokee", action)
	}
	if s.principal, _, err = wire.EntityArgument(&w.Tx.Snapshot, to); err != nil {
		return nil, err
	}
	switch {
	case s.row == nil:
		return nil, wire.NoRow(of.Table, of.ID.String())
	case s.table.Ownership != "UserOwned":
		return nil, wire.BadArgument("Records of the entity '%s' cannot be shared.", s.table.Name)
	case s.principal.Table != "systemuser" && s.principal.Table != "team":
		return nil, wire.BadArgument("A record can be shared with a user or a team, not with a '%s'.", s.principal.Table)
	case w.Data[s.principal.Table].Get(s.principal.ID) == nil:
		return nil, wire.NoRow(s.principal.Table, s.principal.ID.String())
	}
	if err := w.CheckRight("Share", s.table, s.row); err != nil || action == "RevokeAccess" || s.principal.Table == "team" {
		return s, err
	}
	// "READ. This right is required … also by the person with whom the record is being shared": security-access-rights
	if !w.Engine.Options.OwnersNeedRoles && access.GrantsOf(w.Engine, &w.Snapshot, s.principal.ID).Roleless() {
		return s, nil
	}
	return s, access.CheckUserRight(w.Engine, &w.Snapshot, s.principal.ID, "Read", s.table, nil)
}

// grantAccess shares a row: what it is shared for already stays. Nobody gives rights that he does not have himself.
func (s *Service) grantAccess(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		x, err := w.readShare(c)
		if err != nil {
			return err
		}
		return w.setShare(x, x.mask|access.SharedMask(&w.Tx.Snapshot, x.row.ID, x.principal), actionShare)
	})
}

// modifyAccess replaces what a row is shared for.
func (s *Service) modifyAccess(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		x, err := w.readShare(c)
		if err != nil {
			return err
		}
		return w.setShare(x, x.mask, actionModifyShare)
	})
}

// revokeAccess takes a share back.
func (s *Service) revokeAccess(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
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
func (w *Writer) setShare(x *share, mask, action int64) error {
	for _, right := range ShareRights {
		if x.mask&schema.RightMasks[right] == 0 {
			continue
		}
		if _, _, exists := access.PrivilegeFor(w.Schema, x.table, right); exists {
			if err := w.CheckRight(right, x.table, x.row); err != nil {
				return err
			}
		}
	}
	w.putShare(store.Ref{Table: x.table.Name, ID: x.row.ID}, x.principal, "accessrightsmask", mask)
	if w.audits(x.table) {
		w.WriteAudit(x.table, x.row.ID, action, operationUpdate, "", nil, nil)
	}
	seen := map[store.Ref]bool{{Table: x.table.Name, ID: x.row.ID}: true}
	below := []target{{x.table, x.row}}
	for i := 0; i < len(below); i++ {
		for _, rel := range w.Schema.PointingAt(below[i].Table) {
			child := w.Schema.Tables[rel.Referencing]
			if rel.Cascades("Share") != "Cascade" || child.Ownership != "UserOwned" || w.Data[child.Name].Len() == 0 {
				continue
			}
			EachPointing(&w.Tx.Snapshot, child, child.Column(rel.Attribute), store.Ref{Table: below[i].Table.Name, ID: below[i].Row.ID}, func(r *store.Row) bool {
				if key := (store.Ref{Table: child.Name, ID: r.ID}); !seen[key] {
					seen[key] = true
					below = append(below, target{child, r})
				}
				return true
			})
		}
	}
	for _, d := range below[1:] {
		w.putShare(store.Ref{Table: d.Table.Name, ID: d.Row.ID}, x.principal, "inheritedaccessrightsmask", mask)
	}
	return nil
}

// putShare sets one of the two masks of a share, and removes a share without rights.
func (w *Writer) putShare(of, principal store.Ref, column string, mask int64) {
	t := w.Schema.Tables["principalobjectaccess"]
	old := access.FindShare(&w.Tx.Snapshot, of.ID, principal)
	v := store.Values{}
	v.Set(t, column, mask)
	v.Set(t, "changedon", store.NowFor(t, w.Now, "changedon"))
	if old == nil {
		if mask == 0 {
			return
		}
		v.SetDefault(t, "accessrightsmask", int64(0))
		v.SetDefault(t, "inheritedaccessrightsmask", int64(0))
		v.Set(t, "objectid", of.ID)
		v.Set(t, "objecttypecode", of.Table)
		v.Set(t, "principalid", principal.ID)
		v.Set(t, "principaltypecode", principal.Table)
		w.PutPlatformRow(t, v)
		return
	}
	r := w.NextRow(t, old, v)
	if store.Int(t, r, "accessrightsmask")|store.Int(t, r, "inheritedaccessrightsmask") == 0 {
		w.Remove(t, old.ID)
		return
	}
	w.Put(t, r)
}

// inheritShares gives a new row the shares of the rows that it belongs to: "If a record is created and the parent record
// has certain sharing properties, the new record inherits those properties."
func (w *Writer) inheritShares(t *schema.Table, r *store.Row) {
	poa := w.Schema.Tables["principalobjectaccess"]
	if t.Ownership != "UserOwned" || w.Data[poa.Name].Len() == 0 {
		return
	}
	for _, rel := range t.Outgoing {
		to := store.Lookup(t, r, rel.Attribute)
		if to.Table != rel.Referenced || rel.Cascades("Share") != "Cascade" {
			continue
		}
		var from []*store.Row
		access.EachShare(&w.Tx.Snapshot, to.ID, func(x *store.Row) bool {
			from = append(from, x)
			return true
		})
		for _, x := range from {
			id, _ := store.Value(poa, x, "principalid").(uuid.UUID)
			principal := store.Ref{Table: store.Text(poa, x, "principaltypecode"), ID: id}
			mask := store.Int(poa, x, "accessrightsmask") | store.Int(poa, x, "inheritedaccessrightsmask")
			if old := access.FindShare(&w.Tx.Snapshot, r.ID, principal); old != nil {
				mask |= store.Int(poa, old, "inheritedaccessrightsmask")
			}
			w.putShare(store.Ref{Table: t.Name, ID: r.ID}, principal, "inheritedaccessrightsmask", mask)
		}
	}
}

// dropShares removes the shares of a deleted row.
func (w *Writer) dropShares(of uuid.UUID) {
	t := w.Schema.Tables["principalobjectaccess"]
	if w.Data[t.Name].Len() == 0 {
		return
	}
	var gone []uuid.UUID
	access.EachShare(&w.Tx.Snapshot, of, func(r *store.Row) bool {
		gone = append(gone, r.ID)
		return true
	})
	for _, id := range gone {
		w.Remove(t, id)
	}
}

// sharedPrincipals is RetrieveSharedPrincipalsAndAccess: with whom a row is shared. Reference:
// RetrieveSharedPrincipalsAndAccess Function.
func (s *Service) sharedPrincipals(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, wire.MissingArgument("Target", "RetrieveSharedPrincipalsAndAccess")
	}
	target, err := wire.ObjectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.View()
	of, _, err := wire.EntityArgument(sn, target)
	if err != nil {
		return nil, err
	}
	t := sn.Schema.Tables[of.Table]
	r := sn.Data[of.Table].Get(of.ID)
	if r == nil {
		return nil, wire.NoRow(of.Table, of.ID.String())
	}
	if err := access.CheckRight(c, "Read", t, r); err != nil {
		return nil, err
	}
	poa := sn.Schema.Tables["principalobjectaccess"]
	list := []map[string]any{}
	access.EachShare(sn, of.ID, func(x *store.Row) bool {
		id, _ := store.Value(poa, x, "principalid").(uuid.UUID)
		kind := sn.Schema.Tables[store.Text(poa, x, "principaltypecode")]
		mask := store.Int(poa, x, "accessrightsmask") | store.Int(poa, x, "inheritedaccessrightsmask")
		list = append(list, map[string]any{"AccessMask": RightsText(mask), "Principal": map[string]any{
			"@odata.type": "#" + wire.CRMNamespace + kind.Name, kind.ID: id, "ownerid": id}})
		return true
	})
	slices.SortFunc(list, func(a, b map[string]any) int {
		return strings.Compare(a["Principal"].(map[string]any)["ownerid"].(uuid.UUID).String(), b["Principal"].(map[string]any)["ownerid"].(uuid.UUID).String())
	})
	return &wire.Answer{Status: http.StatusOK, Body: map[string]any{
		"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "RetrieveSharedPrincipalsAndAccessResponse", "PrincipalAccesses": list}}, nil
}
