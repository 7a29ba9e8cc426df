package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A new setting has to be decided: may a gallra.yaml set it that nobody named?
func TestEverySettingSaysWhetherAFoundFileMaySetIt(t *testing.T) {
	s := reflect.TypeFor[Settings]()
	for i := range s.NumField() {
		name, found := s.Field(i).Tag.Get("mapstructure"), s.Field(i).Tag.Get("found")
		if name != "-" && !slices.Contains([]string{foundTaken, foundLocal, foundRefused}, found) {
			t.Errorf("%s: its tag found is %q: may a file set it that nobody named?", name, found)
		}
		if kind := s.Field(i).Type; kind == reflect.TypeFor[Secret]() && found != foundRefused {
			t.Errorf("%s is a secret and may be set by a file that nobody named", name)
		}
	}
}

// samples are values that the settings take in a file.
var samples = map[string]string{
	"url": "https://evil.example", "ledger": "https://evil.example/c", "policy": "//evil.example/share/policy.yaml", "auth": "cli",
	"tenant": "11111111-1111-1111-1111-111111111111", "client-id": "x", "client-secret": "x", "certificate": "x.pem", "certificate-password": "x",
	"token": "x", "ledger-sas": "sig=x", "ledger-key": "x", "state-key": "x", "authority-host": "https://evil.example", "disable-instance-discovery": "true",
}

func TestAFoundFileDecidesNothingAboutCredentials(t *testing.T) {
	for _, name := range keys() {
		value, dangerous := samples[name]
		if !dangerous {
			continue
		}
		t.Run(name, func(t *testing.T) {
			file := name + ": " + value + "\n"
			for _, text := range []string{file, strings.ToUpper(name) + ": " + value + "\n", "x: &x {" + name + ": " + value + "}\n<<: *x\n"} {
				s, err := load(t, text)
				var e *Error
				if !errors.As(err, &e) {
					t.Errorf("%q was taken: %+v", text, s)
				}
			}
			_, err := load(t, file)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, "nobody named") || !strings.Contains(e.Message, name) || !strings.Contains(e.Remedy, variable(name)) ||
				strings.Contains(e.Message+e.Remedy, value) && len(value) > 1 {
				t.Errorf("got %v", err)
			}
			// Nobody need move a file whose settings do not count.
			t.Setenv(variable(name), map[string]string{"url": "https://org.crm4.dynamics.com", "disable-instance-discovery": "false", "auth": "cli"}[name])
			if os.Getenv(variable(name)) == "" {
				return
			}
			if s, err := load(t, file); err != nil || s.From.Taken != "" {
				t.Errorf("beside %s: %v, took %q", variable(name), err, s.From.Taken)
			}
		})
	}
}

func TestNoSpellingOfASettingSlipsThrough(t *testing.T) {
	for _, key := range []string{"client-\u017fecret", "authority-ho\u017ft", "ledger-\u017fas", "client_secret", "clientsecret", "ClientSecret", "to\u212aen"} {
		if s, err := load(t, key+": x\n"); err == nil {
			t.Errorf("%q was taken: %+v", key, s)
		}
	}
}

func TestAPathOfAFoundFileLeadsNowhereElse(t *testing.T) {
	for _, path := range []string{`\\evil\share\policy.yaml`, `//evil/share/policy.yaml`, `\/evil/share`, `/\evil\share`, "https://evil.example/c", " //evil/share"} {
		for _, name := range []string{"policy", "ledger"} {
			if _, err := load(t, name+": '"+path+"'\n"); err == nil {
				t.Errorf("%s: %s was taken", name, path)
			}
		}
	}
	if _, err := load(t, "policy: rules/sales.yaml\nledger: /var/lib/gallra\n"); err != nil {
		t.Error(err)
	}
}

func TestTheSettingsTellWhatCameFromWhichFile(t *testing.T) {
	t.Setenv("GALLRA_POLICY", "env.yaml")
	s, err := load(t, "concurrency: 3\npolicy: file.yaml\nledger: from-file\n")
	if want := (Origin{File: "gallra.yaml", Taken: "ledger, concurrency"}); err != nil || s.From != want {
		t.Errorf("%+v, %v; want %+v", s.From, err, want)
	}
	if s, err := load(t, ""); err != nil || s.From != (Origin{}) {
		t.Errorf("%+v, %v", s.From, err)
	}
}

func TestANamedFileIsBelievedButForUnknownSignInHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("url: https://org.crm4.dynamics.com\nauth: client-secret\nclient-secret: x\nauthority-host: https://login.microsoftonline.us/\n")
	if s, err := load(t, "", "--config", file); err != nil || s.URL == "" || s.ClientSecret != "x" || s.From.Taken != "url, auth, client-secret, authority-host" {
		t.Errorf("%+v, %v", s, err)
	}
	t.Setenv("GALLRA_CONFIG", file)
	if s, err := load(t, ""); err != nil || s.URL == "" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, host := range []string{"https://evil.example", "https://login.microsoftonline.com.evil.example", "http://login.microsoftonline.com",
		"https://login.microsoftonline.com@evil.example", "https://login.microsoftonline.com:8443", "login.microsoftonline.com", "//evil.example"} {
		write("authority-host: '" + host + "'\n")
		if _, err := load(t, ""); err == nil || !strings.Contains(err.Error(), "authority-host") {
			t.Errorf("%s: %v", host, err)
		}
		if s, err := load(t, "", "--authority-host", host); err != nil || s.AuthorityHost != host {
			t.Errorf("%s named by a flag: %v", host, err)
		}
	}
}
