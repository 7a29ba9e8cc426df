package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// load reads the settings from flags, with the environment and a file given by the test.
func load(t *testing.T, file string, args ...string) (Settings, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if file != "" {
		if err := os.WriteFile("gallra.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := pflag.NewFlagSet("gallra", pflag.ContinueOnError)
	Flags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(f, os.Getenv)
}

func TestFlagsWinOverTheEnvironmentWhichWinsOverTheFile(t *testing.T) {
	file := "url: https://file.crm4.dynamics.com\npolicy: file.yaml\nledger: from-file\n"
	t.Setenv("GALLRA_URL", "https://env.crm4.dynamics.com/")
	t.Setenv("GALLRA_POLICY", "env.yaml")
	s, err := load(t, file, "--url", "https://flag.crm4.dynamics.com")
	if err != nil {
		t.Fatal(err)
	}
	if s.URL != "https://flag.crm4.dynamics.com" || s.Policy != "env.yaml" || s.Ledger != "from-file" {
		t.Errorf("url %s, policy %s, ledger %s", s.URL, s.Policy, s.Ledger)
	}
}

func TestFileOfAnyEditor(t *testing.T) {
	file := "url: https://file.crm4.dynamics.com\npolicy: file.yaml\nledger: from-file\nconcurrency: 3\n"
	crlf := strings.ReplaceAll(file, "\n", "\r\n")
	want, err := load(t, file, "--config", "gallra.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a byte order mark": "\ufeff" + file, "the line ends of Windows": crlf, "both": "\ufeff" + crlf} {
		got, err := load(t, text, "--config", "gallra.yaml")
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestEnvironmentVariablesOfEveryKind(t *testing.T) {
	t.Setenv("GALLRA_URL", "http://127.0.0.1:8080")
	t.Setenv("GALLRA_CONCURRENCY", "8")
	t.Setenv("GALLRA_DISABLE_INSTANCE_DISCOVERY", "true")
	t.Setenv("GALLRA_CLIENT_SECRET", "s3cret")
	t.Setenv("GALLRA_TOKEN", "t0ken")
	s, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Concurrency != 8 || !s.DisableInstanceDiscovery || s.ClientSecret != "s3cret" || s.Auth != "token" {
		t.Errorf("%+v", s)
	}
}

func TestMistakesAreTold(t *testing.T) {
	tests := []struct {
		name, file string
		args       []string
		want       string
	}{
		{"unknown key", "polici: x.yaml\n", nil, "polici"},
		{"a text where a number belongs", "concurrency: many\n", nil, "concurrency"},
		{"broken YAML", "url: [\n", nil, "gallra.yaml"},
		{"no scheme", "", []string{"--url", "org.crm4.dynamics.com"}, "is not the address"},
		{"a path", "", []string{"--url", "https://org.crm4.dynamics.com/main.aspx"}, "only the host is wanted"},
		{"plain http elsewhere", "", []string{"--url", "http://org.crm4.dynamics.com"}, "plain http"},
		{"unknown sign-in", "", []string{"--auth", "magic"}, "is no way to sign in"},
		{"token without a token", "", []string{"--auth", "token"}, "needs the token"},
		{"negative", "", []string{"--concurrency", "-1"}, "negative"},
		{"log format", "", []string{"--log-format", "xml"}, "neither text nor json"},
		{"a file that is not there", "", []string{"--config", "nowhere.yaml"}, "nowhere.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.file, tt.args...)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func TestASecretNeverPrints(t *testing.T) {
	t.Setenv("GALLRA_TOKEN", "t0ken-that-must-not-leak")
	s, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(printed, "must-not-leak") {
			t.Errorf("printed: %s", printed)
		}
	}
	if string(s.Token) != "t0ken-that-must-not-leak" {
		t.Error("the secret itself is lost")
	}
}

func TestASettingsFileElsewhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(file, []byte("ledger: other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, "", "--config", file)
	if err != nil || s.Ledger != "other" {
		t.Errorf("ledger %q, error %v", s.Ledger, err)
	}
}

func TestTheLedgersSignatureIsNoPartOfItsAddress(t *testing.T) {
	s, err := load(t, "", "--ledger", "https://acme.blob.core.windows.net/gallra/crm?sv=2024-11-04&sig=must-not-leak")
	if err != nil {
		t.Fatal(err)
	}
	if s.Ledger != "https://acme.blob.core.windows.net/gallra/crm" || s.LedgerSAS != "sv=2024-11-04&sig=must-not-leak" || !s.LedgerInAzure() {
		t.Errorf("ledger %s", s.Ledger)
	}
	if printed := fmt.Sprintf("%+v", s); strings.Contains(printed, "must-not-leak") {
		t.Errorf("printed: %s", printed)
	}
	t.Setenv("GALLRA_LEDGER_SAS", "?another=one")
	if s, err := load(t, "", "--ledger", "https://acme.blob.core.windows.net/gallra"); err != nil || s.LedgerSAS != "another=one" {
		t.Errorf("%v %v", s, err)
	}
	if _, err := load(t, "", "--ledger", "https://acme.blob.core.windows.net/gallra?sig=x"); err == nil || strings.Contains(err.Error(), "another=") {
		t.Errorf("two signatures: %v", err)
	}
	if _, err := load(t, "", "--ledger", "evidence"); err == nil {
		t.Error("a signature for a folder was taken")
	}
}

func TestATokenIsOneLine(t *testing.T) {
	t.Setenv("GALLRA_URL", "https://org.crm4.dynamics.com")
	t.Setenv("GALLRA_TOKEN", "ey.first\ney.second")
	_, err := load(t, "")
	if err == nil || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "ey.") {
		t.Errorf("a token of two lines: %v", err)
	}
}
