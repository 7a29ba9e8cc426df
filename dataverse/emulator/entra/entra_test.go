package entra_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/entra"
)

// tenant is an emulator and its Entra ID.
type tenant struct {
	*testing.T
	server     *emulator.Server
	url, token string
	entra      *entra.Entra
	options    azcore.ClientOptions
}

func newTenant(t *testing.T, o entra.Options) *tenant {
	t.Helper()
	server := emulator.New(emulator.Options{})
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	entra := entra.New(server, o)
	tls := httptest.NewTLSServer(entra)
	t.Cleanup(tls.Close)
	return &tenant{T: t, url: srv.URL, server: server, entra: entra, options: azcore.ClientOptions{
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: tls.URL}, Transport: tls.Client(),
		Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond},
	}}
}

// reply is the emulator's answer.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (r reply) at(name string) any { return r.body[name] }

// do sends a request with the token. Headers come in pairs.
func (tn *tenant) do(method, path string, body map[string]any, headers ...string) reply {
	tn.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			tn.Fatal(err)
		}
		text = string(b)
	}
	req, err := http.NewRequest(method, tn.url+"/api/data/v9.2/"+path, strings.NewReader(text))
	if err != nil {
		tn.Fatal(err)
	}
	if tn.token != "" {
		req.Header.Set("Authorization", "Bearer "+tn.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tn.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tn.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &r.body); err != nil {
			tn.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return r
}

// must sends what must succeed.
func (tn *tenant) must(method, path string, body map[string]any, headers ...string) reply {
	tn.Helper()
	r := tn.do(method, path, body, headers...)
	if r.status >= 300 {
		tn.Fatalf("%s %s: %d %s", method, path, r.status, r.text)
	}
	return r
}

func (tn *tenant) get(path string) reply {
	tn.Helper()
	return tn.must("GET", path, nil)
}

// stranger holds that the user of the token is told to be no member.
func (tn *tenant) stranger(words string) {
	tn.Helper()
	r := tn.do("GET", "WhoAmI", nil)
	refusal, _ := r.at("error").(map[string]any)
	message, _ := refusal["message"].(string)
	if r.status != 403 || refusal["code"] != "0x80072560" || !strings.Contains(message, words) {
		tn.Errorf("%d %s, want a refusal that says %s", r.status, r.text, words)
	}
}

func (tn *tenant) signIn(c azcore.TokenCredential, err error) {
	tn.Helper()
	if err != nil {
		tn.Fatal(err)
	}
	tok, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{tn.url + "/.default"}})
	if err != nil {
		tn.Fatal(err)
	}
	tn.token = tok.Token
}

var tenantID = entra.TenantID().String()

// The administrator's application signs in with every credential that azidentity has for a service. Pages:
// use-single-tenant-server-server-authentication, authenticate-oauth.
func TestSignIn(t *testing.T) {
	app := emulator.ApplicationID
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gallra"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	options := entra.Options{
		Applications:   []entra.Application{{ID: app, Secret: "s3cret", Certificate: cert, FederatedIssuer: "https://cluster.invalid", FederatedSubject: "system:job", Managed: true}},
		IdentityHeader: "header",
	}

	t.Run("secret", func(t *testing.T) {
		tn := newTenant(t, options)
		tn.signIn(azidentity.NewClientSecretCredential(tenantID, app.String(), "s3cret", &azidentity.ClientSecretCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true}))
		tn.get("WhoAmI")
		if tn.entra.Issued() != 1 {
			t.Error(tn.entra.Issued())
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		tn := newTenant(t, options)
		c, err := azidentity.NewClientSecretCredential(tenantID, app.String(), "other", &azidentity.ClientSecretCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{tn.url + "/.default"}}); err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Error(err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		tn := newTenant(t, options)
		tn.signIn(azidentity.NewClientCertificateCredential(tenantID, app.String(), []*x509.Certificate{cert}, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true}))
		tn.get("WhoAmI")
	})
	t.Run("another key", func(t *testing.T) {
		tn := newTenant(t, options)
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		forged, err := x509.CreateCertificate(rand.Reader, template, template, other.Public(), other)
		if err != nil {
			t.Fatal(err)
		}
		otherCert, err := x509.ParseCertificate(forged)
		if err != nil {
			t.Fatal(err)
		}
		c, err := azidentity.NewClientCertificateCredential(tenantID, app.String(), []*x509.Certificate{otherCert}, other, &azidentity.ClientCertificateCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{tn.url + "/.default"}}); err == nil {
			t.Error("a certificate that nobody registered signed in")
		}
	})
	t.Run("workload identity", func(t *testing.T) {
		tn := newTenant(t, options)
		part := func(v map[string]any) string {
			b, _ := json.Marshal(v)
			return base64.RawURLEncoding.EncodeToString(b)
		}
		file := filepath.Join(t.TempDir(), "token")
		assertion := part(map[string]any{"alg": "RS256"}) + "." + part(map[string]any{"iss": "https://cluster.invalid", "sub": "system:job", "aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix()}) + ".c2ln"
		if err := os.WriteFile(file, []byte(assertion), 0o600); err != nil {
			t.Fatal(err)
		}
		tn.signIn(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true, TenantID: tenantID, ClientID: app.String(), TokenFilePath: file}))
		tn.get("WhoAmI")
	})
	t.Run("managed identity", func(t *testing.T) {
		tn := newTenant(t, options)
		plain := httptest.NewServer(tn.entra) // a container's endpoint is http
		t.Cleanup(plain.Close)
		for _, name := range []string{"IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"} {
			t.Setenv(name, "")
		}
		t.Setenv("IDENTITY_ENDPOINT", plain.URL+"/msi/token")
		t.Setenv("IDENTITY_HEADER", "header")
		tn.signIn(azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: azcore.ClientOptions{Retry: tn.options.Retry}, ID: azidentity.ClientID(app.String())}))
		tn.get("WhoAmI")
	})
}

// A person signs in with a device code, and again in silence with the refresh token.
func TestSignInWithDeviceCode(t *testing.T) {
	person := &entra.Person{ObjectID: emulator.ObjectID(emulator.ApplicationID), Name: "admin@emulator.invalid"}
	tn := newTenant(t, entra.Options{Person: person, Lifetime: 2 * time.Minute})
	shown := ""
	c, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true, TenantID: tenantID,
		UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error { shown = m.UserCode; return nil }})
	tn.signIn(c, err)
	if shown == "" {
		t.Error("no code was shown")
	}
	first := tn.get("WhoAmI").at("UserId")
	tn.signIn(c, nil) // so short a token is not kept
	if again := tn.get("WhoAmI").at("UserId"); again != first || tn.entra.Issued() < 2 {
		t.Errorf("%v, %v, %d issued", first, again, tn.entra.Issued())
	}
}

// Pages: authenticate-oauth (the challenge), limits-errors of the facts, section 9.
func TestTokensAreChecked(t *testing.T) {
	stranger := uuid.New()
	options := entra.Options{Applications: []entra.Application{{ID: emulator.ApplicationID, Secret: "s"}, {ID: stranger, Secret: "s"}}}
	secret := func(tn *tenant, app uuid.UUID, scope string) string {
		t.Helper()
		c, err := azidentity.NewClientSecretCredential(tenantID, app.String(), "s", &azidentity.ClientSecretCredentialOptions{ClientOptions: tn.options, DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			t.Fatal(err)
		}
		return tok.Token
	}
	challenged := func(tn *tenant, why string) {
		t.Helper()
		r := tn.do("GET", "WhoAmI", nil)
		want := "Bearer authorization_uri=https://login.microsoftonline.com/" + tenantID + "/oauth2/authorize, resource_id=" + tn.url + "/"
		if r.status != 401 || r.header.Get("WWW-Authenticate") != want || r.text != "" {
			t.Errorf("%s: %d %q %q", why, r.status, r.header.Get("WWW-Authenticate"), r.text)
		}
	}
	tn := newTenant(t, options)
	challenged(tn, "no token")
	tn.token = "nonsense"
	challenged(tn, "nonsense")
	tn.token = secret(tn, emulator.ApplicationID, "https://other.crm4.dynamics.com/.default")
	challenged(tn, "another audience")
	good := secret(tn, emulator.ApplicationID, tn.url+"/.default")
	tn.token = good[:len(good)-4] + "AAAA"
	challenged(tn, "another signature")
	tn.token = good
	tn.get("WhoAmI")
	tn.server.Advance(61 * time.Minute)
	challenged(tn, "expired by the emulator's clock")

	tn.token = secret(tn, stranger, tn.url+"/.default")
	tn.stranger("not a member of the organization")
	// Its application user lets the same token in. Page: use-single-tenant-server-server-authentication.
	token := tn.token
	tn.token = "emulator"
	unit := tn.get("WhoAmI").at("BusinessUnitId").(string)
	made := tn.must("POST", "systemusers", map[string]any{"applicationid": stranger.String(), "businessunitid@odata.bind": "/businessunits(" + unit + ")"}, "Prefer", "return=representation")
	tn.token = token
	if who := tn.get("WhoAmI").at("UserId"); who != made.at("systemuserid") {
		t.Errorf("%v is not %v", who, made.at("systemuserid"))
	}
	tn.token = "emulator"
	tn.must("PATCH", "systemusers("+made.at("systemuserid").(string)+")", map[string]any{"isdisabled": true}, "If-Match", "*")
	tn.token = token
	tn.stranger("not a member")
}
