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

	"github.com/google/uuid"
)

// tokens are the bearer tokens that the server takes: those given out for a user by the control plane, and those that
// its fake Entra ID has signed.
type tokens struct {
	mu    sync.Mutex
	users map[string]uuid.UUID
	key   []byte // signs the tokens of the fake Entra ID
}

// newTokens makes a key of its own: the tokens of one environment are good in no other.
func newTokens() *tokens {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &tokens{users: map[string]uuid.UUID{}, key: key}
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

// origin is the environment's address, which tokens must be meant for.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// issuer is what signs tokens: the keys of an environment, and its clock.
type issuer struct {
	tokens *tokens
	clock  *clock
}

// give makes a bearer token for a user.
func (t *tokens) give(user uuid.UUID) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := "user-" + uuid.NewString()
	t.users[token] = user
	return token
}

// given is the user whom the token was made for.
func (t *tokens) given(token string) (user uuid.UUID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	user, ok = t.users[token]
	return user, ok
}
