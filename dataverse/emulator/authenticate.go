package emulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/tokens"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// TokenFor is a bearer token for a user of the environment: of Options.Token there is only the administrator. It works
// for as long as the user is there and enabled.
func (s *Server) TokenFor(user uuid.UUID) string {
	return s.tokens.Issue(user)
}

// Issuer is what a fake Entra ID signs its tokens with, so that this server takes them.
func (s *Server) Issuer() tokens.Issuer {
	return tokens.Issuer{Tokens: s.tokens, Clock: s.engine.Clock}
}

// giveToken answers POST /emulator/token {"user":"…"} with {"token":"…"}.
func (s *Server) giveToken(c *control) (any, error) {
	var in struct {
		User uuid.UUID `json:"user"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if s.engine.Store.View().Rows("systemuser").Get(in.User) == nil {
		return nil, badControl("there is no systemuser %s", in.User)
	}
	return map[string]string{"token": s.TokenFor(in.User)}, nil
}

// authenticate is the user behind the request's bearer token. Without a token that is good, for this environment and not
// expired, the answer is 401 with the authority to go to; a good token of somebody who is no user here gets 403. Pages:
// authenticate-oauth, use-single-tenant-server-server-authentication.
func (s *Server) authenticate(r *http.Request) (uuid.UUID, error) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return uuid.Nil, s.challenge(r)
	}
	if token == s.options.Token {
		return s.engine.Administrator, nil
	}
	user, given := s.tokens.UserOf(token)
	if !given {
		c, good := s.tokens.Verify(token)
		if !good || !s.engine.Clock.Now().Before(time.Unix(c.Expires, 0)) || !strings.EqualFold(strings.TrimSuffix(c.Audience, "/"), tokens.Origin(r)) {
			return uuid.Nil, s.challenge(r)
		}
		user = s.userOf(c)
	}
	if !access.UserEnabled(s.engine, user) {
		return uuid.Nil, notMember()
	}
	return user, nil
}

func notMember() *wire.Error {
	return wire.NewError(http.StatusForbidden, "0x80072560", "The user is not a member of the organization.")
}

// challenge is a 401. It has no body; the header names the authority and the resource, unquoted.
func (s *Server) challenge(r *http.Request) *wire.Error {
	authority := s.options.Authority
	if authority == "" {
		authority = "https://login.microsoftonline.com"
	}
	h := http.Header{}
	h.Set("WWW-Authenticate", "Bearer authorization_uri="+strings.TrimSuffix(authority, "/")+"/"+platform.TenantID.String()+"/oauth2/authorize, resource_id="+tokens.Origin(r)+"/")
	return &wire.Error{Status: http.StatusUnauthorized, Header: h}
}

// userOf is the user that a token stands for: the application user of the application, or the person who has signed in.
func (s *Server) userOf(c tokens.Claims) uuid.UUID {
	column, value := "azureactivedirectoryobjectid", c.ObjectID
	if c.Kind == "app" {
		column, value = "applicationid", c.AppID
	}
	id, err := uuid.Parse(value)
	if err != nil {
		return uuid.Nil
	}
	return userBy(s.engine.Store.View(), column, id)
}

// userBy finds a user by a column that holds an id, the nil id if there is none.
func userBy(sn *store.Snapshot, column string, id uuid.UUID) uuid.UUID {
	t := sn.Schema.Tables["systemuser"]
	found := uuid.Nil
	sn.Rows(t.Name).Scan(uuid.Nil, func(r *store.Row) bool {
		if store.Value(t, r, column) == any(id) {
			found = r.ID
		}
		return found == uuid.Nil
	})
	return found
}

// impersonate makes the call one of the user that its headers name. Who asks needs the privilege to act on behalf of
// others, and what is done needs the rights of both. Pages: impersonate-another-user,
// impersonate-another-user-web-api.
func impersonate(c *wire.Call) error {
	text, column := c.Header.Get("CallerObjectId"), "azureactivedirectoryobjectid"
	if text == "" {
		text, column = c.Header.Get("MSCRMCallerID"), "systemuserid"
	}
	if text == "" {
		return nil
	}
	id, err := uuid.Parse(strings.Trim(text, "{}"))
	if err != nil {
		return wire.BadArgument("'%s' is not the id of a user.", text)
	}
	asks := c.User
	if c.Caller != uuid.Nil {
		asks = c.Caller
	}
	g := access.GrantsOf(c.Engine, c.View(), asks)
	if name := "prvActOnBehalfOfAnotherUser"; !g.Administrator && len(g.Held[schema.PrivilegeID(name)]) == 0 {
		return wire.NewError(http.StatusForbidden, "0x8004a110", "User does not have the privilege to act on behalf another user.")
	}
	user := userBy(c.View(), column, id)
	if user == uuid.Nil || !access.UserEnabled(c.Engine, user) {
		return notMember()
	}
	c.User, c.Caller = user, asks
	return nil
}
