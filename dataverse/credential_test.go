package dataverse

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"
)

const tenant = "11111111-2222-3333-4444-555555555555"

// entra is a sign-in host that gives tokens named for the way they were asked for.
func entra(t *testing.T, refuse string) *httptest.Server {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		base := s.URL + "/" + tenant
		switch {
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			json.NewEncoder(w).Encode(map[string]string{"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize",
				"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode", "issuer": base + "/v2.0"})
		case strings.HasSuffix(r.URL.Path, "/devicecode"):
			json.NewEncoder(w).Encode(map[string]any{"user_code": "ABC", "device_code": "d", "verification_uri": "https://example.com", "expires_in": 900, "interval": 1, "message": "enter ABC"})
		case strings.HasSuffix(r.URL.Path, "/token"):
			if refuse != "" {
				w.WriteHeader(401)
				json.NewEncoder(w).Encode(map[string]any{"error": "invalid_client", "error_description": refuse + ": jane@example.com", "error_codes": []int{1}})
				return
			}
			r.ParseForm()
			if scope := r.Form.Get("scope"); !strings.Contains(scope, "https://org.crm4.dynamics.com/.default") {
				t.Errorf("scope %q", scope)
			}
			kind := r.Form.Get("grant_type")
			switch {
			case r.Form.Get("client_secret") != "":
				kind = "secret"
			case strings.Contains(r.Form.Get("client_assertion"), "federated"):
				kind = "workload"
			case r.Form.Get("client_assertion") != "":
				kind = "certificate"
			case r.Form.Get("device_code") != "":
				kind = "device"
			}
			enc := base64.RawURLEncoding.EncodeToString
			claims, _ := json.Marshal(map[string]any{"aud": "app", "iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "oid": "o", "tid": tenant, "sub": "s",
				"preferred_username": "p", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()})
			json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": kind, "refresh_token": "r", "scope": r.Form.Get("scope"),
				"client_info": enc([]byte(`{"uid":"u","utid":"t"}`)), "id_token": enc([]byte(`{"alg":"none"}`)) + "." + enc(claims) + ".x"})
		default:
			t.Errorf("entra was asked for %s", r.URL.Path)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func options(s *httptest.Server, method string) CredentialOptions {
	return CredentialOptions{
		Method: method, TenantID: tenant, ClientID: uuid.NewString(), URL: "https://org.crm4.dynamics.com",
		AuthorityHost: s.URL, DisableInstanceDiscovery: true,
		Client: azcore.ClientOptions{Transport: s.Client(), Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond}},
	}
}

func TestEveryWayToSignIn(t *testing.T) {
	s := entra(t, "")
	dir := t.TempDir()
	federated := filepath.Join(dir, "token")
	os.WriteFile(federated, []byte("federated"), 0o600)
	prompted := ""
	tests := map[string]struct {
		change func(*CredentialOptions)
		want   string
	}{
		"client-secret":      {func(o *CredentialOptions) { o.ClientSecret = "s" }, "secret"},
		"client-certificate": {func(o *CredentialOptions) { o.CertificatePath = certificateFile(t, dir) }, "certificate"},
		"workload-identity":  {func(o *CredentialOptions) { o.TokenFile = federated }, "workload"},
		"device-code":        {func(o *CredentialOptions) { o.Prompt = func(m string) { prompted = m } }, "device"},
		"token":              {func(o *CredentialOptions) { o.Token = "as it is" }, "as it is"},
	}
	for method, tt := range tests {
		t.Run(method, func(t *testing.T) {
			o := options(s, method)
			tt.change(&o)
			cred, err := NewCredential(o)
			if err != nil {
				t.Fatal(err)
			}
			token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://org.crm4.dynamics.com/.default"}, EnableCAE: true})
			if err != nil || token.Token != tt.want {
				t.Errorf("token %q, %v", token.Token, err)
			}
		})
	}
	if prompted != "enter ABC" {
		t.Errorf("the person was shown %q", prompted)
	}
}

func TestManagedIdentity(t *testing.T) {
	var query string
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		fmt.Fprintf(w, `{"access_token":"managed","expires_on":"%d","resource":"r","token_type":"Bearer"}`, time.Now().Add(time.Hour).Unix())
	}))
	defer endpoint.Close()
	for _, name := range []string{"IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
	t.Setenv("IDENTITY_HEADER", "h")
	cred, err := NewCredential(CredentialOptions{Method: "managed-identity", ClientID: "the-client"})
	if err != nil {
		t.Fatal(err)
	}
	// Tokens of managed identities are cached for the whole process: each run of the test needs an environment of its own.
	host := uuid.NewString() + ".crm4.dynamics.com"
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://" + host + "/.default"}})
	if err != nil || token.Token != "managed" || !strings.Contains(query, "client_id=the-client") || !strings.Contains(query, "resource=https%3A%2F%2F"+host) {
		t.Errorf("token %q, %v; asked %s", token.Token, err, query)
	}
}

func TestARefusedSignInSaysWhyWithoutNames(t *testing.T) {
	for code, hint := range entraHints {
		s := entra(t, code)
		o := options(s, "client-secret")
		o.ClientSecret = "s"
		cred, err := NewCredential(o)
		if err != nil {
			t.Fatal(err)
		}
		c := connectTo(t, func(r *http.Request) (*http.Response, error) { t.Error("sent without a token"); return nil, nil }, func(o *Options) { o.Credential = cred })
		_, err = c.WhoAmI(t.Context())
		if err == nil || !strings.Contains(err.Error(), code) || strings.Contains(err.Error(), "jane") || Hint(err) != hint {
			t.Errorf("%s: %v, hint %q", code, err, Hint(err))
		}
	}
}

func TestSignInsThatCannotBe(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "")
	os.Unsetenv("AZURE_TOKEN_CREDENTIALS")
	for _, o := range []CredentialOptions{
		{}, {Method: "password"}, {Method: "token"}, {Method: "default"},
		{Method: "client-secret", TenantID: tenant, ClientID: "c"}, {Method: "client-secret", ClientID: "c", ClientSecret: "s"},
		{Method: "client-certificate", TenantID: tenant, ClientID: "c", CertificatePath: filepath.Join(t.TempDir(), "none")},
	} {
		if cred, err := NewCredential(o); err == nil || cred != nil {
			t.Errorf("%+v: %v, %v", o, cred, err)
		}
	}
}

func TestSovereignClouds(t *testing.T) {
	for address, want := range map[string]string{
		"https://org.crm4.dynamics.com":          "",
		"https://org.crm9.dynamics.com":          "",
		"https://org.crm.microsoftdynamics.us":   "https://login.microsoftonline.us/",
		"https://org.crm.appsplatform.us":        "https://login.microsoftonline.us/",
		"https://org.crm.dynamics.cn":            "https://login.chinacloudapi.cn/",
		"https://org.crm.dynamics.cn.example.nu": "",
	} {
		if got := (CredentialOptions{URL: address}).cloud().ActiveDirectoryAuthorityHost; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		if got := (CredentialOptions{URL: address, AuthorityHost: "https://own"}).cloud().ActiveDirectoryAuthorityHost; got != "https://own" {
			t.Errorf("%s: the override came to nothing: %q", address, got)
		}
	}
}

func certificateFile(t *testing.T, dir string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(key)
	path := filepath.Join(dir, "cert.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
