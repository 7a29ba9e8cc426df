package entra

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/tokens"
)

// Application is an app registration that the fake Entra ID knows, with what it can prove itself by. What is empty is no
// proof.
type Application struct {
	ID     uuid.UUID // client id; an application user of the environment carries it as applicationid
	Secret string
	// SecretExpired lets the secret, right as it is, be refused.
	SecretExpired bool
	Certificate   *x509.Certificate // with an RSA key; assertions are signed with PS256 or RS256
	// FederatedIssuer and FederatedSubject are those of the tokens of another party that it trusts (workload identity).
	// Their signature is not looked at: the other party's keys are not there.
	FederatedIssuer, FederatedSubject string
	// Managed makes it the identity of the Container App whose endpoint the fake serves as well.
	Managed bool
}

// Person is somebody who signs in with a device code.
type Person struct {
	ObjectID uuid.UUID // azureactivedirectoryobjectid of the user in the environment
	Name     string    // the user principal name
}

// Options make a fake Entra ID.
type Options struct {
	Applications []Application
	// Person signs in as soon as a device code has been asked for twice; nil: nobody ever does.
	Person *Person
	// DeviceCodeBlocked is the number of the refusal of everybody who signs in by device code, such as 53003; 0: nobody is
	// refused.
	DeviceCodeBlocked int
	// Lifetime is that of a token, an hour if it is zero.
	Lifetime time.Duration
	// IdentityHeader is the secret that the Container Apps identity endpoint demands.
	IdentityHeader string
}

// Entra is a fake Entra ID: an http.Handler with discovery, the token endpoint (client secret, certificate, workload
// federation, device code, refresh) and the identity endpoint of Container Apps at /msi/token. The real azidentity
// credentials sign in at it; they demand https, so it goes behind httptest.NewTLSServer. Its clock is the emulator's.
type Entra struct {
	issuer  tokens.Issuer
	options Options
	mux     *http.ServeMux

	mu        sync.Mutex
	devices   map[string]*deviceCode
	refreshes map[string]Person
	issued    int
}

type deviceCode struct {
	asked   int
	expires time.Time
}

// New is a fake Entra ID whose tokens the server takes.
func New(s *emulator.Server, o Options) *Entra {
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	e := &Entra{issuer: s.Issuer(), options: o, mux: http.NewServeMux(), devices: map[string]*deviceCode{}, refreshes: map[string]Person{}}
	e.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", e.discovery)
	e.mux.HandleFunc("GET /common/discovery/instance", e.instance)
	e.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", e.token)
	e.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", e.device)
	e.mux.HandleFunc("GET /msi/token", e.managed)
	return e
}

// TenantID is the tenant that the emulator's environment belongs to.
func TenantID() uuid.UUID { return platform.TenantID }

// Issued is how many access tokens have been given out.
func (e *Entra) Issued() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.issued
}

// ServeHTTP implements http.Handler.
func (e *Entra) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

func writeEntra(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody left to tell
}

// refuse answers as Entra does: an OAuth error with an AADSTS number in its description.
func refuse(w http.ResponseWriter, status int, kind string, number int, text string) {
	writeEntra(w, status, map[string]any{"error": kind, "error_description": "AADSTS" + strconv.Itoa(number) + ": " + text,
		"error_codes": []int{number}, "trace_id": uuid.NewString(), "correlation_id": uuid.NewString()})
}

// knows refuses another tenant's name.
func (e *Entra) knows(w http.ResponseWriter, r *http.Request) bool {
	switch t := r.PathValue("tenant"); t {
	case platform.TenantID.String(), "organizations", "common", "emulator.invalid":
		return true
	default:
		refuse(w, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+t+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.")
		return false
	}
}

func (e *Entra) discovery(w http.ResponseWriter, r *http.Request) {
	if !e.knows(w, r) {
		return
	}
	base := tokens.Origin(r) + "/" + r.PathValue("tenant")
	writeEntra(w, http.StatusOK, map[string]any{
		"issuer": tokens.Origin(r) + "/" + platform.TenantID.String() + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token",
		"authorization_endpoint":        base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode", "jwks_uri": base + "/discovery/v2.0/keys",
	})
}

func (e *Entra) instance(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	writeEntra(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": tokens.Origin(r) + "/" + platform.TenantID.String() + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []any{map[string]any{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

// token answers the token endpoint.
func (e *Entra) token(w http.ResponseWriter, r *http.Request) {
	if !e.knows(w, r) {
		return
	}
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read.")
		return
	}
	audience, scopeGood := audienceOf(r.PostForm.Get("scope"))
	if !scopeGood {
		refuse(w, http.StatusBadRequest, "invalid_scope", 70011, "The provided request must include a 'scope' input parameter that names one resource.")
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		if app := e.proved(w, r); app != nil {
			e.grant(w, r, tokens.Claims{Audience: audience, Kind: "app", AppID: app.ID.String(), ObjectID: platform.ObjectID(app.ID).String()}, nil)
		}
	case "urn:ietf:params:oauth:grant-type:device_code", "device_code":
		e.redeem(w, r, audience)
	case "refresh_token":
		e.mu.Lock()
		p, known := e.refreshes[r.PostForm.Get("refresh_token")]
		e.mu.Unlock()
		if !known {
			refuse(w, http.StatusBadRequest, "invalid_grant", 70000, "The provided value for the input parameter 'refresh_token' is not valid.")
			return
		}
		e.grant(w, r, tokens.Claims{Audience: audience, ObjectID: p.ObjectID.String()}, &p)
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '"+r.PostForm.Get("grant_type")+"'.")
	}
}

// audienceOf is the resource that scopes are of: https://org.crm4.dynamics.com/.default. The scopes that every sign-in
// asks for (openid, profile, offline_access) name none.
func audienceOf(scope string) (string, bool) {
	audience := ""
	for _, s := range strings.Fields(scope) {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" {
			continue
		}
		resource := u.Scheme + "://" + u.Host
		if audience != "" && audience != resource {
			return "", false
		}
		audience = resource
	}
	return audience, audience != ""
}

// proved is the application that has proved itself by a secret or an assertion, nil after a refusal.
func (e *Entra) proved(w http.ResponseWriter, r *http.Request) *Application {
	id := r.PostForm.Get("client_id")
	app := e.application(func(a *Application) bool { return strings.EqualFold(a.ID.String(), id) })
	if app == nil {
		refuse(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+id+"' was not found in the directory 'Emulator'.")
		return nil
	}
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			refuse(w, http.StatusBadRequest, "invalid_request", 900023, "The client_assertion_type is not supported.")
			return nil
		}
		if why := e.asserted(app, assertion, tokens.Origin(r)+r.URL.Path); why != "" {
			refuse(w, http.StatusUnauthorized, "invalid_client", 700027, why)
			return nil
		}
		return app
	}
	if secret := r.PostForm.Get("client_secret"); app.Secret == "" || secret != app.Secret {
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+id+"'.")
		return nil
	}
	if app.SecretExpired {
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '"+id+"' are expired. Visit the Azure portal to create new keys for your app.")
		return nil
	}
	return app
}

func (e *Entra) application(is func(*Application) bool) *Application {
	for i := range e.options.Applications {
		if is(&e.options.Applications[i]) {
			return &e.options.Applications[i]
		}
	}
	return nil
}

// asserted checks an assertion: one's own, signed with the certificate, or a token of the party that one is federated
// with. It says what is wrong, "" if nothing is.
func (e *Entra) asserted(app *Application, assertion, endpoint string) string {
	parts := strings.Split(assertion, ".")
	var head struct {
		Alg string `json:"alg"`
	}
	var body struct {
		Audience any     `json:"aud"`
		Issuer   string  `json:"iss"`
		Subject  string  `json:"sub"`
		Expires  float64 `json:"exp"`
	}
	if len(parts) != 3 || !decodePart(parts[0], &head) || !decodePart(parts[1], &body) {
		return "The client assertion is not a token."
	}
	// An assertion is made by the machine's clock, not by the emulator's.
	if time.Now().Unix() >= int64(body.Expires) {
		return "The client assertion is expired."
	}
	if app.FederatedIssuer != "" && body.Issuer == app.FederatedIssuer {
		if body.Subject != app.FederatedSubject || body.Audience != "api://AzureADTokenExchange" {
			return "No matching federated identity record found for presented assertion subject '" + body.Subject + "'."
		}
		return ""
	}
	if app.Certificate == nil {
		return "The certificate used to sign the client assertion is not registered on the application."
	}
	if body.Issuer != app.ID.String() || body.Subject != app.ID.String() || body.Audience != endpoint {
		return "The client assertion is not meant for this application and endpoint."
	}
	key, isRSA := app.Certificate.PublicKey.(*rsa.PublicKey)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if !isRSA || err != nil {
		return "The client assertion's signature cannot be read."
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch head.Alg {
	case "PS256":
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, nil)
	case "RS256":
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		return "The algorithm '" + head.Alg + "' of the client assertion is not supported."
	}
	if err != nil {
		return "The certificate with identifier used to sign the client assertion is not registered on application."
	}
	return ""
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

// device gives out a device code.
func (e *Entra) device(w http.ResponseWriter, r *http.Request) {
	if !e.knows(w, r) {
		return
	}
	code := uuid.NewString()
	e.mu.Lock()
	e.devices[code] = &deviceCode{expires: e.issuer.Clock.Now().Add(15 * time.Minute)}
	e.mu.Unlock()
	writeEntra(w, http.StatusOK, map[string]any{"user_code": "EMULATOR1", "device_code": code, "verification_uri": "https://microsoft.com/devicelogin",
		"expires_in": 900, "interval": 1, "message": "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code EMULATOR1 to authenticate."})
}

// redeem exchanges a device code. The person is slow: the first time he has not signed in yet.
func (e *Entra) redeem(w http.ResponseWriter, r *http.Request, audience string) {
	e.mu.Lock()
	d := e.devices[r.PostForm.Get("device_code")]
	asked := 0
	if d != nil {
		d.asked++
		asked = d.asked
	}
	e.mu.Unlock()
	switch {
	case d == nil:
		refuse(w, http.StatusBadRequest, "bad_verification_code", 70019, "Verification code is not valid.")
	case !e.issuer.Clock.Now().Before(d.expires):
		refuse(w, http.StatusBadRequest, "expired_token", 70020, "The provided value for the input parameter 'device_code' has expired.")
	case asked < 2 || e.options.Person == nil:
		refuse(w, http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	case e.options.DeviceCodeBlocked != 0:
		refuse(w, http.StatusBadRequest, "invalid_grant", e.options.DeviceCodeBlocked, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")
	default:
		e.grant(w, r, tokens.Claims{Audience: audience, ObjectID: e.options.Person.ObjectID.String()}, e.options.Person)
	}
}

// grant gives out a token; to a person also what a library needs to ask for the next one in silence.
func (e *Entra) grant(w http.ResponseWriter, r *http.Request, c tokens.Claims, person *Person) {
	seconds := int64(e.options.Lifetime / time.Second)
	answer := map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
	if person != nil {
		client := r.PostForm.Get("client_id")
		c.AppID, c.Scope = client, "user_impersonation"
		refresh := uuid.NewString()
		e.mu.Lock()
		e.refreshes[refresh] = *person
		e.mu.Unlock()
		answer["refresh_token"], answer["scope"] = refresh, r.PostForm.Get("scope")
		answer["client_info"] = jwtPart(map[string]any{"uid": person.ObjectID.String(), "utid": platform.TenantID.String()})
		answer["id_token"] = jwtPart(map[string]any{"alg": "none", "typ": "JWT"}) + "." + jwtPart(map[string]any{
			"aud": client, "iss": tokens.Origin(r) + "/" + platform.TenantID.String() + "/v2.0", "oid": person.ObjectID.String(), "tid": platform.TenantID.String(),
			"sub": person.ObjectID.String(), "preferred_username": person.Name, "name": person.Name, "iat": time.Now().Unix(), "exp": time.Now().Unix() + seconds,
		}) + "."
	}
	answer["access_token"] = e.sign(c)
	writeEntra(w, http.StatusOK, answer)
}

func jwtPart(m map[string]any) string {
	b, err := json.Marshal(m)
	if err != nil {
		panic("emulator: a token is not JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign completes the claims and signs them. The token ends by the emulator's clock.
func (e *Entra) sign(c tokens.Claims) string {
	e.mu.Lock()
	e.issued++
	e.mu.Unlock()
	now := e.issuer.Clock.Now()
	c.Issuer, c.Tenant, c.Subject = "https://sts.windows.net/"+platform.TenantID.String()+"/", platform.TenantID.String(), c.ObjectID
	c.IssuedAt, c.Expires = now.Unix(), now.Add(e.options.Lifetime).Unix()
	return e.issuer.Tokens.Sign(c)
}

// managed answers the identity endpoint of Container Apps. Page: managed-identity (Container Apps), rest-protocol.
func (e *Entra) managed(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	fail := func(text string) {
		writeEntra(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": text})
	}
	if r.Header.Get("X-IDENTITY-HEADER") != e.options.IdentityHeader || e.options.IdentityHeader == "" {
		writeEntra(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "The X-IDENTITY-HEADER is not valid."})
		return
	}
	client, resource := q.Get("client_id"), q.Get("resource")
	app := e.application(func(a *Application) bool {
		return a.Managed && (client == "" || strings.EqualFold(a.ID.String(), client))
	})
	switch {
	case q.Get("api-version") != "2019-08-01":
		fail("The api-version is not supported.")
	case resource == "":
		fail("The resource is missing.")
	case app == nil:
		fail("No managed identity with that client id is assigned to the app.")
	default:
		token := e.sign(tokens.Claims{Audience: resource, Kind: "app", AppID: app.ID.String(), ObjectID: platform.ObjectID(app.ID).String()})
		writeEntra(w, http.StatusOK, map[string]any{"access_token": token, "expires_on": strconv.FormatInt(time.Now().Add(e.options.Lifetime).Unix(), 10),
			"resource": resource, "token_type": "Bearer", "client_id": app.ID.String()})
	}
}
