package hooks

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// The body of a call is a RemoteExecutionContext as .NET's DataContractJsonSerializer writes it. Pages: use-webhooks, which
// shows one whole; the presence API of Contact Center, which shows choices.

type remoteContext struct {
	BusinessUnitId                             uuid.UUID
	CorrelationId                              uuid.UUID
	Depth                                      int
	InitiatingUserAgent                        string
	InitiatingUserAzureActiveDirectoryObjectId uuid.UUID
	InitiatingUserId                           uuid.UUID
	InputParameters                            []pair
	IsExecutingOffline                         bool
	IsInTransaction                            bool
	IsOfflinePlayback                          bool
	IsolationMode                              int
	MessageName                                string
	Mode                                       int
	OperationCreatedOn                         json.RawMessage
	OperationId                                uuid.UUID
	OrganizationId                             uuid.UUID
	OrganizationName                           string
	OutputParameters                           []pair
	OwningExtension                            reference
	ParentContext                              any
	PostEntityImages                           []pair
	PreEntityImages                            []pair
	PrimaryEntityId                            uuid.UUID
	PrimaryEntityName                          string
	RequestId                                  uuid.UUID
	SecondaryEntityName                        string
	SharedVariables                            []pair
	Stage                                      int
	UserAzureActiveDirectoryObjectId           uuid.UUID
	UserId                                     uuid.UUID
}

type pair struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

type entity struct {
	Type            json.RawMessage `json:"__type,omitempty"`
	Attributes      []pair
	EntityState     any
	FormattedValues []pair
	Id              uuid.UUID
	KeyAttributes   []pair
	LogicalName     string
	RelatedEntities []pair
	RowVersion      *string
}

type reference struct {
	Type          json.RawMessage `json:"__type,omitempty"`
	Id            uuid.UUID
	KeyAttributes []pair
	LogicalName   string
	Name          *string
	RowVersion    *string
}

// contract is the name of a type in the service's contracts; its slashes are escaped.
func contract(name string) json.RawMessage {
	return json.RawMessage(`"` + name + `:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts"`)
}

func referenceTo(r store.Ref) reference {
	return reference{Type: contract("EntityReference"), Id: r.ID, KeyAttributes: []pair{}, LogicalName: r.Table}
}

// moment is a date as the serializer writes it: milliseconds since 1970.
func moment(t time.Time, zone string) json.RawMessage {
	return json.RawMessage(`"\/Date(` + strconv.FormatInt(t.UnixMilli(), 10) + zone + `)\/"`)
}

// attribute is the value of a column.
func attribute(c *schema.Column, v any) any {
	type boxed struct {
		Type  json.RawMessage `json:"__type"`
		Value any
	}
	switch v := v.(type) {
	case store.Ref:
		return referenceTo(v)
	case store.Instant:
		return moment(v.Time(), "")
	case store.Day:
		return moment(v.Time(), "")
	case float64:
		if c.Kind == schema.KindMoney {
			return boxed{contract("Money"), v}
		}
	case int64:
		switch c.Kind {
		case schema.KindPicklist, schema.KindState, schema.KindStatus:
			return boxed{contract("OptionSetValue"), v}
		}
	case string:
		if c.Kind == schema.KindMultiSelect {
			var all []boxed
			for _, one := range strings.Split(v, ",") {
				n, _ := strconv.Atoi(one)
				all = append(all, boxed{contract("OptionSetValue"), n})
			}
			return all
		}
	}
	return v
}

// entityOf is a row, or what is sent of it.
func entityOf(t *schema.Table, id uuid.UUID, value func(*schema.Column) (any, bool)) entity {
	x := entity{Attributes: []pair{}, FormattedValues: []pair{}, Id: id, KeyAttributes: []pair{}, LogicalName: t.Name, RelatedEntities: []pair{}}
	for _, c := range t.Columns {
		switch c.Kind {
		case schema.KindFile, schema.KindImage, schema.KindPartyList, schema.KindVirtual:
			continue
		}
		if v, has := value(c); has {
			x.Attributes = append(x.Attributes, pair{c.Name, attribute(c, v)})
		}
	}
	return x
}

func image(t *schema.Table, r *store.Row) entity {
	return entityOf(t, r.ID, func(c *schema.Column) (any, bool) {
		v := store.Value(t, r, c.Name)
		return v, v != nil && c.Name != "versionnumber"
	})
}

// input are the parameters of the message.
func (ev *Event) input(sn *store.Snapshot) []pair {
	self := referenceTo(store.Ref{Table: ev.Table.Name, ID: ev.ID})
	switch ev.Message {
	case Create, Update:
		target := entityOf(ev.Table, ev.ID, func(c *schema.Column) (any, bool) {
			if c.Name == ev.Table.ID {
				return ev.ID, true
			}
			v, sent := ev.Target[c.Index]
			return v, sent
		})
		target.Type = contract("Entity")
		return []pair{{"Target", target}}
	case Assign:
		owner, _ := ev.Target.After(ev.Table, ev.Before, "ownerid").(store.Ref)
		return []pair{{"Target", self}, {"Assignee", referenceTo(owner)}}
	case SetState:
		state, status := ev.Table.Column("statecode"), ev.Table.Column("statuscode")
		return []pair{{"EntityMoniker", self}, {"State", attribute(state, ev.Target.After(ev.Table, ev.Before, "statecode"))},
			{"Status", attribute(status, ev.Target.After(ev.Table, ev.Before, "statuscode"))}}
	case Associate, Disassociate:
		type relationship struct {
			Type              json.RawMessage `json:"__type"`
			PrimaryEntityRole any
			SchemaName        string
		}
		return []pair{{"Target", self}, {"Relationship", relationship{contract("Relationship"), nil, ev.Link.Relationship}},
			{"RelatedEntities", []reference{referenceTo(ev.Link.Other)}}}
	}
	return []pair{{"Target", self}}
}

// body is the context of an event for one hook, without its rows where it would be too large.
func (h *Hooks) body(s *step, ev *Event, sn *store.Snapshot) (text []byte, cut bool) {
	users := sn.Schema.Tables["systemuser"]
	user := sn.Rows(users.Name).Get(ev.User)
	unit := store.Lookup(users, user, "businessunitid").ID
	object, _ := store.Value(users, user, "azureactivedirectoryobjectid").(uuid.UUID)
	organizations := sn.Schema.Tables["organization"]
	c := remoteContext{
		BusinessUnitId: unit, CorrelationId: ev.Correlation, Depth: ev.Depth, InitiatingUserAzureActiveDirectoryObjectId: object, InitiatingUserId: ev.User,
		InputParameters: ev.input(sn), IsInTransaction: !s.Async && (s.Stage != PreValidation || ev.Depth > 1), IsolationMode: 1,
		MessageName: ev.Message, OperationCreatedOn: moment(ev.at, "+0000"), OperationId: uuid.New(),
		OrganizationId: h.Engine.OrganizationID, OrganizationName: store.Text(organizations, sn.Rows(organizations.Name).Get(h.Engine.OrganizationID), "name"),
		OutputParameters: []pair{}, OwningExtension: reference{LogicalName: "sdkmessageprocessingstep", KeyAttributes: []pair{}},
		PostEntityImages: []pair{}, PreEntityImages: []pair{}, PrimaryEntityId: ev.ID, PrimaryEntityName: ev.Table.Name, RequestId: ev.Correlation,
		SecondaryEntityName: "none", SharedVariables: []pair{}, Stage: stageNumbers[s.Stage], UserAzureActiveDirectoryObjectId: object, UserId: ev.User,
	}
	c.OwningExtension.Id, _ = uuid.Parse(s.ID)
	if s.Async {
		c.Mode = 1
	}
	if ev.Message == Create && s.Stage == PostOperation {
		c.OutputParameters = []pair{{"id", ev.ID}}
	}
	if name := s.Webhook.PreImage; name != "" && ev.Before != nil {
		c.PreEntityImages = []pair{{name, image(ev.Table, ev.Before)}}
	}
	if name := s.Webhook.PostImage; name != "" && ev.After != nil {
		c.PostEntityImages = []pair{{name, image(ev.Table, ev.After)}}
	}
	text = encode(c)
	if len(text) <= largestBody {
		return text, false
	}
	c.InputParameters, c.PreEntityImages, c.PostEntityImages, c.ParentContext = nil, nil, nil, nil
	return encode(c), true
}

func encode(c remoteContext) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		panic("emulator: a context is not JSON: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
