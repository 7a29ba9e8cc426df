package ledger

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/gallra/gallra/retention/ledger/azuritetest"
)

// tokens signs in with a token of its own making: Azurite looks at audience and expiry, not at the signature.
type tokens struct {
	audience string
	scopes   []string
}

func (c *tokens) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.scopes = append(c.scopes, o.Scopes...)
	now := time.Now()
	claims, _ := json.Marshal(map[string]any{"aud": c.audience, "iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	enc := base64.RawURLEncoding.EncodeToString
	return azcore.AccessToken{Token: fmt.Sprintf("%s.%s.%s", enc([]byte(`{"alg":"RS256","typ":"JWT"}`)), enc(claims), enc([]byte("x"))),
		ExpiresOn: now.Add(time.Hour)}, nil
}

func TestContainerTokens(t *testing.T) {
	server := azuritetest.Start(t, true)
	address := server.Container(t, "ledger")
	open := func(c azcore.TokenCredential) error {
		s, err := Container(ContainerOptions{URL: address, Credential: c, Client: azcore.ClientOptions{Transport: server.Client}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := OpenStorage(t.Context(), s)
		if err != nil {
			return err
		}
		if err := l.Begin(t.Context(), testRun("one")); err != nil {
			return err
		}
		return l.End(Done, nil)
	}
	right := &tokens{audience: "https://storage.azure.com"}
	if err := open(right); err != nil {
		t.Error(err)
	}
	for _, scope := range right.scopes {
		if scope != "https://storage.azure.com/.default" {
			t.Errorf("a token for %s was asked for", scope)
		}
	}
	var refused *StorageError
	if err := open(&tokens{audience: "https://org.crm4.dynamics.com"}); !errors.As(err, &refused) || refused.Status != 403 && refused.Status != 401 || refused.Hint() == "" {
		t.Errorf("a token for somebody else: %v", err)
	}
}
