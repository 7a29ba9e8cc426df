package emulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// TokenFor is a bearer token for a user of the environment: of Options.Token there is only the administrator. It works
// for as long as the user is there and enabled.
func (s *Server) TokenFor(user uuid.UUID) string {
	return s.tokens.give(user)
}

// Issuer is what a fake Entra ID signs its tokens with, so that this server takes them.
func (s *Server) Issuer() issuer { return issuer{tokens: s.tokens, clock: s.engine.clock} }

// giveToken answers POST /emulator/token {"user":"…"} with {"token":"…"}.
func (s *Server) giveToken(c *control) (any, error) {
	var in struct {
		User uuid.UUID `json:"user"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if s.engine.store.view().table("systemuser").get(in.User) == nil {
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
		return s.engine.administrator, nil
	}
	user, given := s.tokens.given(token)
	if !given {
		c, good := s.tokens.read(token)
		if !good || !s.engine.clock.now().Before(time.Unix(c.Expires, 0)) || !strings.EqualFold(strings.TrimSuffix(c.Audience, "/"), origin(r)) {
			return uuid.Nil, s.challenge(r)
		}
		user = s.userOf(c)
	}
	if !s.engine.enabled(user) {
		return uuid.Nil, notMember()
	}
	return user, nil
}

func notMember() *fault {
	return newFault(http.StatusForbidden, "0x80072560", "The user is not a member of the organization.")
}

// challenge is a 401. It has no body; the header names the authority and the resource, unquoted.
func (s *Server) challenge(r *http.Request) *fault {
	authority := s.options.Authority
	if authority == "" {
		authority = "https://login.microsoftonline.com"
	}
	h := http.Header{}
	h.Set("WWW-Authenticate", "Bearer authorization_uri="+strings.TrimSuffix(authority, "/")+"/"+tenantID.String()+"/oauth2/authorize, resource_id="+origin(r)+"/")
	return &fault{status: http.StatusUnauthorized, header: h}
}

// userOf is the user that a token stands for: the application user of the application, or the person who has signed in.
func (s *Server) userOf(c claims) uuid.UUID {
	column, value := "azureactivedirectoryobjectid", c.ObjectID
	if c.Kind == "app" {
		column, value = "applicationid", c.AppID
	}
	id, err := uuid.Parse(value)
	if err != nil {
		return uuid.Nil
	}
	return s.engine.store.view().userBy(column, id)
}

// userBy finds a user by a column that holds an id, the nil id if there is none.
func (sn *snapshot) userBy(column string, id uuid.UUID) uuid.UUID {
	t := sn.schema.tables["systemuser"]
	found := uuid.Nil
	sn.table(t.Name).scan(uuid.Nil, func(r *row) bool {
		if t.get(r, column) == any(id) {
			found = r.id
		}
		return found == uuid.Nil
	})
	return found
}

// impersonate makes the call one of the user that its headers name. Who asks needs the privilege to act on behalf of
// others, and what is done needs the rights of both. Pages: impersonate-another-user,
// impersonate-another-user-web-api.
func (c *call) impersonate() error {
	text, column := c.header.Get("CallerObjectId"), "azureactivedirectoryobjectid"
	if text == "" {
		text, column = c.header.Get("MSCRMCallerID"), "systemuserid"
	}
	if text == "" {
		return nil
	}
	id, err := uuid.Parse(strings.Trim(text, "{}"))
	if err != nil {
		return badArgument("'%s' is not the id of a user.", text)
	}
	asks := c.user
	if c.caller != uuid.Nil {
		asks = c.caller
	}
	g := c.engine.grantsOf(c.view(), asks)
	if name := "prvActOnBehalfOfAnotherUser"; !g.administrator && len(g.held[privilegeID(name)]) == 0 {
		return newFault(http.StatusForbidden, "0x8004a110", "User does not have the privilege to act on behalf another user.")
	}
	user := c.view().userBy(column, id)
	if user == uuid.Nil || !c.engine.enabled(user) {
		return notMember()
	}
	c.user, c.caller = user, asks
	return nil
}
