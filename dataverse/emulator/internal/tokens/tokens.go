package tokens

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

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Tokens are the bearer tokens that the server takes: those given out for a user by the control plane, and those that
// its fake Entra ID has signed.
type Tokens struct {
	mu    sync.Mutex
	users map[string]uuid.UUID
	key   []byte // signs the tokens of the fake Entra ID
}

// New makes a key of its own: the tokens of one environment are good in no other.
func New() *Tokens {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &Tokens{users: map[string]uuid.UUID{}, key: key}
}

// Claims are what an access token says, as far as it is looked at.
type Claims struct {
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

// Sign makes an access token.
func (t *Tokens) Sign(c Claims) string {
	body, err := json.Marshal(c)
	if err != nil {
		panic("emulator: claims are not JSON: " + err.Error())
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return head + "." + base64.RawURLEncoding.EncodeToString(t.mac(head))
}

func (t *Tokens) mac(text string) []byte {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Verify checks a token's signature and gives what it says.
func (t *Tokens) Verify(token string) (Claims, bool) {
	var c Claims
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

// Origin is the environment's address, which tokens must be meant for.
func Origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Issuer is what signs tokens: the keys of an environment, and its clock.
type Issuer struct {
	Tokens *Tokens
	Clock  *store.Clock
}

// Issue makes a bearer token for a user.
func (t *Tokens) Issue(user uuid.UUID) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := "user-" + uuid.NewString()
	t.users[token] = user
	return token
}

// UserOf is the user whom the token was made for.
func (t *Tokens) UserOf(token string) (user uuid.UUID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	user, ok = t.users[token]
	return user, ok
}
