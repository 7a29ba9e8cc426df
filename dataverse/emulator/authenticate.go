package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// tokens are the bearer tokens that the server takes: those given out for a user by the control plane, and those that
// its fake Entra ID has signed.
type tokens struct {
	mu    sync.Mutex
	users map[string]uuid.UUID
	key   []byte // signs the tokens of the fake Entra ID
}

func newTokens() *tokens {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &tokens{users: map[string]uuid.UUID{}, key: key}
}

// TokenFor is a bearer token for a user of the environment: of Options.Token there is only the administrator. It works
// for as long as the user is there and enabled.
func (s *Server) TokenFor(user uuid.UUID) string {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	token := "user-" + uuid.NewString()
	s.tokens.users[token] = user
	return token
}

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

// claims are what an access token says, as far as it is looked at.
type claims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	Tenant   string `json:"tid"`
	Subject  string `json:"sub"`
	ObjectID string `json:"oid"`
	AppID    string `json:"appid,omitempty"`
	Kind     string `json:"idtyp,omitempty"` // "app" where no person has signed in
	Scope    string `json:"scp,omitempty"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// sign makes an access token.
func (t *tokens) sign(c claims) string {
	body, err := json.Marshal(c)
	if err != nil {
		panic("emulator: claims are not JSON: " + err.Error())
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return head + "." + base64.RawURLEncoding.EncodeToString(t.mac(head))
}

func (t *tokens) mac(text string) []byte {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// read checks a token's signature and gives what it says.
func (t *tokens) read(token string) (claims, bool) {
	var c claims
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return c, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(signature, t.mac(token[:i])) {
		return c, false
	}
	_, body, _ := strings.Cut(token[:i], ".")
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(b, &c) != nil {
		return c, false
	}
	return c, true
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
	s.tokens.mu.Lock()
	user, given := s.tokens.users[token]
	s.tokens.mu.Unlock()
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

// origin is the environment's address, which tokens must be meant for.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
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
