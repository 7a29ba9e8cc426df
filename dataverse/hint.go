package dataverse

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
)

// Hint is what an error says of what to do about it, in one line; empty when there is nothing to say. An error says it by a
// method Hint; the outermost that has one speaks for those that it wraps.
func Hint(err error) string {
	var told interface{ Hint() string }
	if errors.As(err, &told) {
		return told.Hint()
	}
	return ""
}

// meaning is what an error means, by errors.Is, with what to do about it.
type meaning struct{ text, hint string }

func (m *meaning) Error() string { return m.text }

// Hint tells what to do about it.
func (m *meaning) Hint() string { return m.hint }

// Hint tells what to do about a request that got no answer.
func (e *transportError) Hint() string {
	var told interface{ Hint() string }
	var dns *net.DNSError
	switch {
	case errors.As(e.err, &told):
		return told.Hint()
	case errors.As(e.err, &dns):
		return "there is no environment of that name: copy the address from the Power Platform admin center (Environments, Environment URL)"
	case badCertificate(e.err):
		return "the connection is not trusted: check the address, and whether a proxy on the way opens TLS; its root certificate can be given by SSL_CERT_FILE"
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nothing listens there: check the address and its port"
	}
	return ""
}

// Hint tells what to do about the cause, and if that says nothing, about not knowing.
func (u *Uncertain) Hint() string {
	var refused *Error
	if errors.As(u.Err, &refused) {
		return refused.Hint()
	}
	return cmp.Or(Hint(u.Err), "nobody knows whether it was carried out: run again, which looks first")
}

// Hint tells what to do about a sign-in that failed.
func (e *tokenError) Hint() string { return SignInHint(e.err) }

var (
	privilegeName = regexp.MustCompile(`\bprv[A-Za-z0-9_]{3,100}\b`)
	rightName     = regexp.MustCompile(`\b(Read|Write|Delete|Append|AppendTo|Create|Assign|Share)Access\b`)
)

// MissingPrivilege is the name of the right that the service said was missing, empty if it named none. Names of
// rights are no personal data, and are all that is ever taken from a message.
func (e *Error) MissingPrivilege() string {
	if e.Status != http.StatusForbidden && e.Code != "0x80040220" {
		return ""
	}
	return privilegeName.FindString(e.Message)
}

// Hint tells what to do about what Dataverse answered.
func (e *Error) Hint() string {
	switch {
	case e.Code == codeNotMember:
		return "the sign-in worked, but this environment does not know who signed in: gallra provision --application-user CLIENT-ID, run by an administrator, adds the application and gives it its role"
	case e.Code == codeAppBlocked:
		return "the environment blocks this application: an administrator has to put it on the list of allowed applications"
	case e.Status == http.StatusUnauthorized && e.audience != "":
		return "the token is for " + e.audience + ", and not for this environment: ask for one with the scope of its address, or let gallra sign in by GALLRA_AUTH"
	case e.Status == http.StatusUnauthorized:
		return "the environment refused the token: it has expired, or is for another environment; sign in again, and check that the address is the one the token is for"
	case e.Status == http.StatusForbidden:
		if strings.Contains(e.Message, "roleCount=0,") {
			return "the user has no role in this environment: gallra provision --application-user CLIENT-ID, run by an administrator, gives it the one it needs"
		}
		if name := e.MissingPrivilege(); name != "" {
			return "the role lacks " + name + ": gallra provision, run by an administrator, gives the role gallra what the policy needs"
		}
		if right := rightName.FindString(e.Message); right != "" {
			return "the caller lacks " + right + " on this row: the role's depth must be the organisation"
		}
		if e.Code == "" {
			return "the environment refused without a reason, as it does in administration mode: check its state in the Power Platform admin center"
		}
		return "the caller's role does not allow this: gallra provision makes a role with what is needed"
	case e.customizing():
		return "an import or publication is under way in the environment: try again when it has ended"
	case e.Status == http.StatusNotFound && (e.Code == "" || strings.Contains(e.Op, "WhoAmI")):
		return "no Web API answers at this address: it must be the environment's, such as https://org.crm4.dynamics.com"
	case e.Status >= 300 && e.Status < 400:
		return "the address leads elsewhere: it must be the environment's own, such as https://org.crm4.dynamics.com"
	case e.Code == codeRestricted:
		return "other rows still point at this one by a relationship that restricts its delete: the policy needs a rule for their table"
	case errors.Is(e, ErrThrottled):
		return "the service asks for a longer pause than the run has time for: run later, or with lower concurrency"
	case errors.Is(e, ErrUnavailable):
		return "the service is not available at present: run again later"
	}
	return ""
}

// entraHints are the refusals that people meet, by Entra's code.
var entraHints = map[string]string{
	"AADSTS7000215": "the client secret is wrong: it is the secret's value, not its id",
	"AADSTS7000222": "the client secret has expired: add a new one to the app registration",
	"AADSTS700016":  "the tenant does not know this application: check the client id and the tenant's id",
	"AADSTS90002":   "there is no such tenant: check the tenant's id",
	"AADSTS900023":  "there is no such tenant: check the tenant's id",
	"AADSTS700027":  "the certificate is not one of the app registration's, or has expired",
	"AADSTS500011":  "the tenant does not know this environment: check the address and the tenant's id",
	"AADSTS65001":   "the application lacks consent: an administrator has to grant it",
	"AADSTS50105":   "the account is not assigned to the application",
	"AADSTS53003":   "Conditional Access blocks this way to sign in: sign in with az login and GALLRA_AUTH=cli, or ask for an exception",
	"AADSTS530036":  "the tenant blocks signing in by device code: sign in with az login and GALLRA_AUTH=cli",
	"AADSTS50199":   "the sign-in waits to be confirmed in the browser: open the page again and confirm it, or sign in with az login and GALLRA_AUTH=cli",
	"AADSTS53000":   "Conditional Access asks for a managed device: sign in from one, with az login and GALLRA_AUTH=cli",
	"AADSTS700213":  "the application trusts no token of this workload: its federated credential must name this issuer and subject",
	"AADSTS70021":   "the application trusts no token of this workload: its federated credential must name this issuer and subject",
	"AADSTS50076":   "a second factor is needed: sign in again, with az login",
	"AADSTS70043":   "the session has expired: sign in again",
	"AADSTS700082":  "the session has expired: sign in again",
}

// SignInHint is what to do about an error of [NewCredential], or of a credential.
func SignInHint(err error) string {
	codes, _ := entraCodes(err)
	for _, code := range codes {
		if hint := entraHints[code]; hint != "" {
			return hint
		}
	}
	switch text := err.Error(); {
	case strings.Contains(text, "az login"):
		return "sign in with: az login"
	case strings.Contains(text, "AZURE_TOKEN_CREDENTIALS"):
		return "set AZURE_TOKEN_CREDENTIALS to prod, dev or the name of one credential, or choose a way to sign in by GALLRA_AUTH"
	case strings.Contains(text, "ManagedIdentityCredential"):
		return "no managed identity here, or not the one that is asked for: assign one to the job, give its client id by GALLRA_CLIENT_ID if it is user-assigned, or sign in another way by GALLRA_AUTH"
	case strings.Contains(text, "WorkloadIdentityCredential"):
		return "workload identity needs a tenant's id, a client id and the token's file, which Azure sets in the pod"
	}
	return "check GALLRA_AUTH and the settings of that way to sign in"
}
