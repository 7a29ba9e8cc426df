// Package azuritetest starts Azurite, Microsoft's emulator of Azure Blob Storage, for tests. It is installed by `npm ci`
// in tools/.
package azuritetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// The account that Azurite serves here. The key is one of no account of anybody's.
const (
	Account = "gallratest"
	Key     = "Z2FsbHJhIHRlc3RzIGtub3cgdGhpcyBrZXksIGFuZCBub2JvZHkgbmVlZHMgaXQu"
)

// Server is an Azurite that runs until the test ends.
type Server struct {
	URL    string // http://127.0.0.1:PORT/ACCOUNT
	Client *http.Client
	CAFile string // of a server with TLS
}

// installed is where Azurite is below the module's folder. A test runs in the folder of its package; what the compiler was told of paths
// may be none of this machine's.
func installed() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			program := filepath.Join(at, "tools", "node_modules", "azurite", "dist", "src", "blob", "main.js")
			_, err = os.Stat(program)
			return program, err
		}
		above := filepath.Dir(at)
		if above == at {
			return "", os.ErrNotExist
		}
		at = above
	}
}

// Start starts Azurite. Without tools/node_modules the test is skipped, unless GALLRA_TOOLS=required. With oauth it speaks
// https and takes tokens.
func Start(t testing.TB, oauth bool) *Server {
	t.Helper()
	program, err := installed()
	var node string
	if err == nil {
		node, err = exec.LookPath("node")
	}
	if err != nil {
		if os.Getenv("GALLRA_TOOLS") == "required" {
			t.Fatalf("azurite is needed: npm ci in tools/ (%v)", err)
		}
		t.Skip("azurite is not installed: npm ci in tools/")
	}
	port := freePort(t)
	s := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d/%s", port, Account), Client: &http.Client{}}
	args := []string{program, "--blobHost", "127.0.0.1", "--blobPort", fmt.Sprint(port), "--inMemoryPersistence", "--silent",
		"--disableTelemetry", "--skipApiVersionCheck"}
	if oauth {
		cert, key, pool := certificate(t)
		args = append(args, "--oauth", "basic", "--cert", cert, "--key", key)
		s.URL, s.CAFile = "https"+s.URL[len("http"):], cert
		s.Client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	}
	command := exec.Command(node, args...)
	command.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+Account+":"+Key)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.Dir = t.TempDir()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
		s.Client.CloseIdleConnections()
	})
	for end := time.Now().Add(30 * time.Second); ; {
		answer, err := s.Client.Get(s.URL)
		if err == nil {
			_ = answer.Body.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatalf("azurite ended: %s", output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("azurite does not answer: %v %s", err, output.String())
		}
	}
}

// Container makes a container, and answers its address.
func (s *Server) Container(t testing.TB, name string) string {
	t.Helper()
	key, err := container.NewSharedKeyCredential(Account, Key)
	if err != nil {
		t.Fatal(err)
	}
	options := &container.ClientOptions{}
	options.Transport = s.Client
	c, err := container.NewClientWithSharedKeyCredential(s.URL+"/"+name, key, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	return s.URL + "/" + name
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func certificate(t testing.TB) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "azurite"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(cert, pemCert, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pemCert)
	return cert, key, pool
}
