package dataverse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// tokenError is a sign-in that failed. Asking again at once would not help, and azidentity has retried already.
type tokenError struct{ err error }

// Error names Entra's codes only, where Entra answered: its sentences may hold the name of an account.
func (e *tokenError) Error() string {
	codes, refused := entraCodes(e.err)
	switch {
	case len(codes) > 0:
		return "sign in: refused with " + codes[0]
	case refused:
		return "sign in: refused"
	}
	return "sign in: " + e.err.Error()
}

// entraCodes are the codes that Entra refused with, and whether it was Entra that refused.
func entraCodes(err error) (codes []string, refused bool) {
	var with *refusedWith
	if errors.As(err, &with) {
		return []string{with.code}, true
	}
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) {
		return nil, false
	}
	return entraCode.FindAllString(failed.Error(), -1), true
}
func (e *tokenError) Unwrap() error        { return e.err }
func (e *tokenError) Is(target error) bool { return target == ErrUnauthorized }

var entraCode = regexp.MustCompile(`AADSTS[0-9]+`)

// tokens keeps the access token of one environment.
type tokens struct {
	cred  azcore.TokenCredential
	scope string
	turn  chan struct{} // one sign-in at a time, and whoever waits for it can leave

	current azcore.AccessToken
}

func newTokens(cred azcore.TokenCredential, scope string) *tokens {
	return &tokens{cred: cred, scope: scope, turn: make(chan struct{}, 1)}
}

// get is a valid token. With claims, those of a challenge, it asks for a new one.
func (t *tokens) get(ctx context.Context, claims string) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", &heldError{ctx.Err()}
	}
	if claims == "" && t.fresh(time.Now()) {
		return t.current.Token, nil
	}
	// The same EnableCAE every time: another value is another cache, and costs another sign-in.
	token, err := t.cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{t.scope}, EnableCAE: true, Claims: claims})
	if err != nil {
		if ctx.Err() != nil {
			return "", &heldError{ctx.Err()}
		}
		return "", &tokenError{err}
	}
	if token.Token == "" {
		return "", &tokenError{fmt.Errorf("the credential gave no token")}
	}
	t.current = token
	return token.Token, nil
}

func (t *tokens) fresh(now time.Time) bool {
	if t.current.Token == "" {
		return false
	}
	if !t.current.RefreshOn.IsZero() && now.After(t.current.RefreshOn) {
		return false
	}
	return now.Add(5 * time.Minute).Before(t.current.ExpiresOn)
}
