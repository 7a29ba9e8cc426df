package metadata

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// languages are those that are provisioned, the base language first.
func languages(sn *store.Snapshot) []int { return append([]int{English}, sn.Spoken...) }

// Provision adds a language to those that are provisioned.
func Provision(t *store.Tx, code int) {
	if !slices.Contains(languages(&t.Snapshot), code) {
		t.Spoken = append(slices.Clone(t.Spoken), code)
	}
}

// spoken refuses texts in a language that is not provisioned. Message and code as reported of the service, which refuses them in
// columns and takes those of tables and choices for texts in its base language.
func spoken(sn *store.Snapshot, texts map[int]string) error {
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		if !slices.Contains(languages(sn), code) {
			return wire.NewError(http.StatusBadRequest, "0x80044195", "The language code %d is not a valid language for this organization", code)
		}
	}
	return nil
}

// tellLanguages answers a function about languages: all that are installed are provisioned, and none has been taken away.
// Reference: RetrieveProvisionedLanguages, RetrieveAvailableLanguages and the other functions.
func (s *Service) tellLanguages(function, member string) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		out := map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + function + "Response"}
		if member == "" {
			out[function] = []int{}
		} else {
			out[member] = languages(c.View())
		}
		return wire.OK(out), nil
	}
}

// localizable are the columns of rows that say something in each language, by table. No page lists them whole; these are what
// translation tools write.
var localizable = map[string][]string{"savedquery": {"name", "description"}, "systemform": {"name", "description"}, "savedqueryvisualization": {"name", "description"}}

// checkLabelRight asks for the right to the row whose labels are read or written.
func checkLabelRight(c *wire.Call, sn *store.Snapshot, right, table string) error {
	return access.CheckPrivilege(c, sn.Schema.Privileges[table][right].Name)
}

// labelled is the row and the column of a label message.
func labelled(sn *store.Snapshot, moniker any, column string) (store.Ref, *store.Row, error) {
	of, _, err := wire.EntityArgument(sn, moniker)
	if err != nil {
		return of, nil, err
	}
	if !slices.Contains(localizable[of.Table], column) {
		return of, nil, wire.BadArgument("Localized labels of the attribute '%s' of the entity '%s' are not supported.", column, of.Table)
	}
	r := sn.Rows(of.Table).Get(of.ID)
	if r == nil {
		return of, nil, wire.NewError(http.StatusNotFound, "0x80040217", "Entity '%s' With Id = %s Does Not Exist", of.Table, of.ID)
	}
	return of, r, nil
}

// retrieveLocLabels is RetrieveLocLabels: what a row's column says in each language. Reference: RetrieveLocLabels Function;
// page: create-custom-api-with-code (the answer).
func (s *Service) retrieveLocLabels(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	moniker, err := wire.ObjectArgument(args["EntityMoniker"])
	if err != nil {
		return nil, err
	}
	column, err := wire.TextArgument(args["AttributeName"])
	if err != nil {
		return nil, err
	}
	sn := c.View()
	of, r, err := labelled(sn, moniker, column)
	if err != nil {
		return nil, err
	}
	if err := checkLabelRight(c, sn, "Read", of.Table); err != nil {
		return nil, err
	}
	others := map[int]string{}
	for k, text := range sn.Labels {
		if k.Row == of.ID && k.Column == column {
			others[k.Language] = text
		}
	}
	label := labelOf(store.Text(sn.Schema.Tables[of.Table], r, column), others, false, uuid.Nil)
	for _, x := range label["LocalizedLabels"].([]any) {
		x.(map[string]any)["IsManaged"], x.(map[string]any)["MetadataId"] = nil, nil
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "RetrieveLocLabelsResponse", "Label": label}), nil
}

// setLocLabels is SetLocLabels: languages that are not sent stay as they are, for no page says that they go. Reference:
// SetLocLabels Action.
func (s *Service) setLocLabels(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	column, _ := body["AttributeName"].(string)
	column = strings.ToLower(column)
	list, isList := body["Labels"].([]any)
	switch {
	case body["EntityMoniker"] == nil:
		return nil, wire.MissingArgument("EntityMoniker", "SetLocLabels")
	case column == "":
		return nil, wire.MissingArgument("AttributeName", "SetLocLabels")
	case !isList:
		return nil, wire.MissingArgument("Labels", "SetLocLabels")
	}
	base, others := labelTexts(map[string]any{"LocalizedLabels": list})
	return wire.NoContent(), c.Write(func(t *store.Tx) error {
		if err := spoken(&t.Snapshot, others); err != nil {
			return err
		}
		of, r, err := labelled(&t.Snapshot, body["EntityMoniker"], column)
		if err != nil {
			return err
		}
		if err := checkLabelRight(c, &t.Snapshot, "Write", of.Table); err != nil {
			return err
		}
		tab := t.Schema.Tables[of.Table]
		if base != "" && base != store.Text(tab, r, column) {
			n := t.NextVersion()
			t.Put(tab, r.With(store.Values{tab.Column(column).Index: base, tab.Column("versionnumber").Index: n}, n))
		}
		for code, text := range others {
			t.SetLabel(store.LabelKey{Row: of.ID, Column: column, Language: code}, text)
		}
		return nil
	})
}
