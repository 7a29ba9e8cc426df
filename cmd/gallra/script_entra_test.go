package main

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
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/entra"
)

// startEntra is the command entra [FLAWS…]: a fake Entra ID over https beside the crm, with an application that can sign in
// by every method. Afterwards nobody is signed in: the script chooses by GALLRA_AUTH and the rest. Flaws are expired (the
// secret) and blocked=NUMBER (device codes).
//
// It sets APP (client id), TENANT, SECRET, ENTRA (address) and ENV (a token of the administrator, for provisioning), and writes
// cert.pem (certificate and key), federated.jwt and ca.pem.
func startEntra(ts *testscript.TestScript, neg bool, args []string) {
	server := crm(ts)
	app := uuid.NewString()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "job"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	cert, err := x509.ParseCertificate(der)
	ts.Check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	o := entra.Options{IdentityHeader: "the-header",
		Applications: []entra.Application{{ID: uuid.MustParse(app), Secret: "the-secret", Certificate: cert, Managed: true,
			FederatedIssuer: "https://kubernetes.invalid", FederatedSubject: "system:serviceaccount:crm:gallra"}},
		Person: &entra.Person{ObjectID: emulator.ObjectID(emulator.ApplicationID), Name: "admin@emulator.invalid"}}
	for _, flaw := range args {
		switch name, value, _ := strings.Cut(flaw, "="); name {
		case "expired":
			o.Applications[0].SecretExpired = true
		case "blocked":
			o.DeviceCodeBlocked, err = strconv.Atoi(value)
			ts.Check(err)
		default:
			ts.Fatalf("no flaw %s", flaw)
		}
	}
	identity := httptest.NewTLSServer(entra.New(server, o))
	ts.Defer(identity.Close)
	part := func(v any) string {
		b, err := json.Marshal(v)
		ts.Check(err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	federated := part(map[string]string{"alg": "RS256"}) + "." + part(map[string]any{"iss": "https://kubernetes.invalid", "sub": "system:serviceaccount:crm:gallra",
		"aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix()}) + ".x"
	write := func(name string, content []byte) {
		ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), name), content, 0o600))
	}
	write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: identity.Certificate().Raw}))
	write("cert.pem", append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...))
	write("federated.jwt", []byte(federated))
	for name, value := range map[string]string{
		"APP": app, "TENANT": entra.TenantID().String(), "SECRET": "the-secret", "ENTRA": identity.URL, "ENV": "script-token",
		"SSL_CERT_FILE": filepath.Join(ts.Getenv("WORK"), "ca.pem"), "AZURE_AUTHORITY_HOST": identity.URL, "GALLRA_DISABLE_INSTANCE_DISCOVERY": "true",
		"GALLRA_TOKEN": "", "HOME": ts.Getenv("WORK"), "XDG_CONFIG_HOME": filepath.Join(ts.Getenv("WORK"), "config"),
		"IDENTITY_ENDPOINT": "", "IDENTITY_HEADER": "", "IDENTITY_SERVER_THUMBPRINT": "", "MSI_ENDPOINT": "", "MSI_SECRET": "", "IMDS_ENDPOINT": "",
		"AZURE_CLIENT_ID": "", "AZURE_TENANT_ID": "", "AZURE_FEDERATED_TOKEN_FILE": "", "AZURE_TOKEN_CREDENTIALS": "",
	} {
		ts.Setenv(name, value)
	}
}

// fakeAz is the command az [TOKEN]: an Azure CLI on PATH that is signed in with that token; without one nobody is.
func fakeAz(ts *testscript.TestScript, neg bool, args []string) {
	script := "#!/bin/sh\necho 'ERROR: Please run: az login' >&2\nexit 1\n"
	if len(args) == 1 {
		expires := time.Now().Add(time.Hour)
		script = fmt.Sprintf("#!/bin/sh\ncat <<'E'\n{\"accessToken\":%q,\"expires_on\":%d,\"expiresOn\":%q,\"tenant\":%q,\"tokenType\":\"Bearer\"}\nE\n",
			args[0], expires.Unix(), expires.Format("2006-01-02 15:04:05.000000"), entra.TenantID())
	}
	dir := filepath.Join(ts.Getenv("WORK"), "azure-cli")
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "az"), []byte(script), 0o755))
	if path := ts.Getenv("PATH"); !strings.HasPrefix(path, dir) {
		ts.Setenv("PATH", dir+string(os.PathListSeparator)+path)
	}
}
