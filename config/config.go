// Package config reads gallra's settings: where the environment is, how to sign in, where the policy and the ledger lie.
// Flags win over GALLRA_* environment variables, which win over a YAML file. What the settings do not hold is the policy:
// rules about people are read strictly, from their own files, by package retention.
//
// A gallra.yaml that nobody named, by --config or GALLRA_CONFIG, sets nothing that decides where credentials go, and
// [Settings.From] tells what came from which file.
//
// Load checks what it reads: an unknown key, a wrong type or an impossible combination is an error that names the
// setting in all three of its spellings. A secret never appears in an error or in the printed form of [Settings].
package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Settings are all settings, checked.
//
// The tag found says what a gallra.yaml may set that nobody named, but that lay where gallra was called: whoever can put a
// file there must not decide as whom gallra signs in, and to whom it shows a token or a secret. A setting without the tag
// is refused there.
type Settings struct {
	URL         string `mapstructure:"url" found:"refused"`        // https://org.crm4.dynamics.com, without a trailing slash
	Policy      string `mapstructure:"policy" found:"local"`       // the policy file
	Ledger      string `mapstructure:"ledger" found:"local"`       // a folder, or the URL of a blob container
	LedgerSAS   Secret `mapstructure:"ledger-sas" found:"refused"` // a shared access signature of the container
	LedgerKey   Secret `mapstructure:"ledger-key" found:"refused"` // the account's shared key, for Azurite on this machine
	Concurrency int    `mapstructure:"concurrency" found:"taken"`  // most requests in flight; 0 leaves it to the service's own hint

	// Cache is a folder for what definitions of tables say, from one verb to the next; "none": none; empty: in the user's own.
	Cache string `mapstructure:"cache" found:"local"`

	// State is a folder, or a container of Azure Blob Storage, in which nights keep what they read, sealed by StateKey; empty: each night
	// reads everything. A container is signed in to like the ledger's.
	State    string `mapstructure:"state" found:"local"`
	StateKey Secret `mapstructure:"state-key" found:"refused"`

	SkipIfLocked bool `mapstructure:"skip-if-locked" found:"taken"` // a run that finds another one under way ends as done

	Auth                     string `mapstructure:"auth" found:"refused"`
	TenantID                 string `mapstructure:"tenant" found:"refused"`
	ClientID                 string `mapstructure:"client-id" found:"refused"`
	ClientSecret             Secret `mapstructure:"client-secret" found:"refused"`
	CertificatePath          string `mapstructure:"certificate" found:"refused"`
	CertificatePassword      Secret `mapstructure:"certificate-password" found:"refused"`
	Token                    Secret `mapstructure:"token" found:"refused"`
	AuthorityHost            string `mapstructure:"authority-host" found:"refused"`
	DisableInstanceDiscovery bool   `mapstructure:"disable-instance-discovery" found:"refused"`

	LogFormat string `mapstructure:"log-format" found:"taken"` // text, json; empty: what fits where the log goes
	LogLevel  string `mapstructure:"log-level" found:"taken"`

	From Origin `mapstructure:"-"`
}

// Secret is a setting that never prints.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "<secret>"
}

// GoString hides the secret from %#v as well.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// AuthMethods are the values of auth.
var AuthMethods = []string{"default", "managed-identity", "client-secret", "client-certificate", "workload-identity", "cli", "device-code", "token"}

// Error is a wrong setting. It is the user's to mend: nothing has been touched.
type Error struct{ Message, Remedy string }

func (e *Error) Error() string { return e.Message }

// Hint tells what to do about it.
func (e *Error) Hint() string { return e.Remedy }

// ExitCode is that of wrong usage, settings or policy.
func (e *Error) ExitCode() int { return 2 }

// Flags adds the settings' flags.
func Flags(f *pflag.FlagSet) {
	f.String("url", "", "the environment, such as https://org.crm4.dynamics.com (GALLRA_URL)")
	f.String("policy", "", "the policy file (GALLRA_POLICY)")
	f.String("ledger", "ledger", "the ledger: a folder, or https://ACCOUNT.blob.core.windows.net/CONTAINER (GALLRA_LEDGER)")
	f.String("auth", "", "how to sign in: "+strings.Join(AuthMethods, ", ")+" (GALLRA_AUTH)")
	f.Int("concurrency", 0, "most requests in flight; 0 follows the service's own hint (GALLRA_CONCURRENCY)")
	f.String("cache", "", "a folder to remember definitions of tables in, of which no row is kept; none: do not remember them (GALLRA_CACHE)")
	f.String("state", "", "a folder in which nights keep what they read, so that the next one asks for what has changed; needs GALLRA_STATE_KEY (GALLRA_STATE)")
	f.String("tenant", "", "the Entra tenant's id (GALLRA_TENANT)")
	f.String("client-id", "", "the application's or the managed identity's client id (GALLRA_CLIENT_ID)")
	f.String("certificate", "", "a PEM or PFX file for client-certificate (GALLRA_CERTIFICATE)")
	f.String("authority-host", "", "the sign-in host of a sovereign or private cloud (GALLRA_AUTHORITY_HOST)")
	f.Bool("disable-instance-discovery", false, "do not ask the public cloud about the authority (GALLRA_DISABLE_INSTANCE_DISCOVERY)")
	f.String("config", "", "a YAML file with settings; gallra.yaml here is read if it is there, without sign-in and addresses (GALLRA_CONFIG)")
	f.String("log-format", "", "text or json (GALLRA_LOG_FORMAT)")
	f.String("log-level", "info", "debug, info, warn or error (GALLRA_LOG_LEVEL)")
}

// Load reads the settings from the flags, the environment, which getenv (os.Getenv) tells, and the file.
func Load(flags *pflag.FlagSet, getenv func(string) string) (Settings, error) {
	v := viper.NewWithOptions(viper.ExperimentalBindStruct())
	known := keys()
	named := map[string]bool{}
	for _, name := range known {
		f := flags.Lookup(name)
		if f != nil {
			if err := v.BindPFlag(name, f); err != nil {
				return Settings{}, err
			}
		}
		text := getenv(variable(name))
		named[name] = text != "" || f != nil && f.Changed
		if text != "" && (f == nil || !f.Changed) {
			v.Set(name, text)
		}
	}
	file, found, err := readFile(v, flags, getenv("GALLRA_CONFIG"))
	if err != nil {
		return Settings{}, err
	}
	from, err := origin(v, file, found, named)
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	if err := v.UnmarshalExact(&s, strict); err != nil {
		return Settings{}, &Error{Message: "settings: " + oneLine(err), Remedy: "the settings are " + strings.Join(known, ", ")}
	}
	s.From = from
	return s, s.check()
}

// variable is the environment variable of a setting.
func variable(name string) string {
	return "GALLRA_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// readFile reads the settings' file and tells which one that is, empty where there is none, and whether it was found
// without that anybody named it.
func readFile(v *viper.Viper, flags *pflag.FlagSet, file string) (name string, found bool, err error) {
	if f := flags.Lookup("config"); f != nil && f.Changed {
		file = f.Value.String()
	}
	found = file == ""
	if found {
		file = "gallra.yaml"
	}
	v.SetConfigFile(file)
	v.SetConfigType("yaml")
	err = v.ReadInConfig()
	switch {
	case err == nil:
		return file, found, nil
	case found && errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", false, &Error{Message: fmt.Sprintf("settings: there is no file %s", file)}
	}
	return "", false, &Error{Message: fmt.Sprintf("settings: %s: %s", file, oneLine(err))}
}

// strict takes a value only for what it is: viper's own decoding would make false of "0" and nanoseconds of 30.
// Environment variables are always text, so text becomes a number or a truth value where it is spelt as one.
func strict(c *mapstructure.DecoderConfig) {
	c.WeaklyTypedInput = false
	// The file's keys come in lower case. Folding would take client-ſecret for a setting that origin has not asked about.
	c.MatchName = func(key, name string) bool { return key == name }
	c.DecodeHook = mapstructure.ComposeDecodeHookFunc(
		mapstructure.StringToBasicTypeHookFunc(),
		func(from, to reflect.Type, value any) (any, error) {
			if to == reflect.TypeFor[Secret]() && from.Kind() == reflect.String {
				return Secret(value.(string)), nil
			}
			return value, nil
		})
}

// keys are the names of all settings.
func keys() []string {
	t := reflect.TypeFor[Settings]()
	names := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("mapstructure"); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func (s *Settings) check() error {
	s.URL = strings.TrimRight(strings.TrimSpace(s.URL), "/")
	if s.URL != "" {
		if err := checkURL(s.URL); err != nil {
			return err
		}
	}
	if s.Auth != "" && !slices.Contains(AuthMethods, s.Auth) {
		return &Error{
			Message: fmt.Sprintf("auth: %q is no way to sign in", s.Auth),
			Remedy:  "use one of " + strings.Join(AuthMethods, ", "),
		}
	}
	if s.Auth == "" {
		s.Auth = "default"
		if s.Token != "" {
			s.Auth = "token"
		}
	}
	if s.Auth == "token" && s.Token == "" {
		return &Error{Message: "auth: token needs the token itself", Remedy: "set GALLRA_TOKEN; there is no flag for it, since other users of the machine could read it"}
	}
	if strings.ContainsFunc(string(s.Token), unicode.IsControl) {
		return &Error{Message: "auth: the token holds a line break or another control character", Remedy: "set GALLRA_TOKEN to the bare token"}
	}
	if err := s.checkLedger(); err != nil {
		return err
	}
	if err := s.checkState(); err != nil {
		return err
	}
	if s.Concurrency < 0 {
		return &Error{Message: "concurrency: must not be negative"}
	}
	if !slices.Contains([]string{"", "text", "json"}, s.LogFormat) {
		return &Error{Message: fmt.Sprintf("log-format: %q is neither text nor json", s.LogFormat)}
	}
	return nil
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &Error{Message: fmt.Sprintf("url: %q is not the address of an environment", text), Remedy: "it looks like https://org.crm4.dynamics.com"}
	}
	if u.Path != "" || u.RawQuery != "" || u.User != nil {
		return &Error{Message: "url: only the host is wanted, without a path, a query or a user", Remedy: "try " + u.Scheme + "://" + u.Host}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &Error{Message: "url: plain http would send the token in clear; it is taken for this machine only", Remedy: "try https://" + u.Host}
	}
	return nil
}

// stateKeySize is how long the key of the state is, in bytes.
const stateKeySize = 32

func (s *Settings) checkState() error {
	const remedy = "set GALLRA_STATE_KEY to 32 random bytes in base64 (openssl rand -base64 32), kept where the sign-in's secret is; there is no flag for it"
	_, err := base64.StdEncoding.DecodeString(string(s.StateKey))
	switch {
	case s.State == "" && s.StateKey == "":
		return nil
	case s.State == "":
		return &Error{Message: "state-key: there is a key, and no folder that it would seal", Remedy: "set GALLRA_STATE or --state to a folder or a container"}
	case s.StateKey == "":
		return &Error{Message: "state: what nights keep is sealed, and there is no key", Remedy: remedy}
	case s.StateInAzure() && strings.Contains(s.State, "?"):
		s.State, _, _ = strings.Cut(s.State, "?") // it is printed nowhere
		return &Error{Message: "state: a container takes no signature, since the files in it are written anew and deleted each night",
			Remedy: "give the identity that runs the job the role Storage Blob Data Contributor on the container"}
	case err != nil || len(s.Key()) != stateKeySize:
		return &Error{Message: "state-key: it is not 32 bytes in base64", Remedy: remedy}
	}
	return nil
}

// Key is the key of the state, nil where there is none.
func (s *Settings) Key() []byte {
	key, err := base64.StdEncoding.DecodeString(string(s.StateKey))
	if err != nil {
		return nil
	}
	return key
}

// checkLedger takes a shared access signature out of the ledger's address, so that it is printed nowhere.
func (s *Settings) checkLedger() error {
	if !s.LedgerInAzure() {
		if s.LedgerSAS != "" || s.LedgerKey != "" {
			return &Error{Message: "ledger: a signature or a key is for a container of Azure Blob Storage, and the ledger is a folder"}
		}
		return nil
	}
	address, query, found := strings.Cut(s.Ledger, "?")
	if found {
		if s.LedgerSAS != "" {
			return &Error{Message: "ledger: there is a signature in the address and another one in GALLRA_LEDGER_SAS"}
		}
		s.Ledger, s.LedgerSAS = address, Secret(query)
	}
	s.LedgerSAS = Secret(strings.TrimPrefix(string(s.LedgerSAS), "?"))
	if s.LedgerSAS != "" && s.LedgerKey != "" {
		return &Error{Message: "ledger: there are a signature and a key; one of them is enough"}
	}
	return nil
}

// LedgerInAzure tells whether the ledger is a container of Azure Blob Storage, and no folder.
func (s Settings) LedgerInAzure() bool { return strings.Contains(s.Ledger, "://") }

// StateInAzure tells whether nights keep what they read in a container of Azure Blob Storage, and in no folder.
func (s Settings) StateInAzure() bool { return strings.Contains(s.State, "://") }

// NeedURL is the error of a verb that needs an environment when none is set.
func (s Settings) NeedURL() error {
	if s.URL == "" {
		return &Error{Message: "no environment is set", Remedy: "set GALLRA_URL or --url to its address, such as https://org.crm4.dynamics.com"}
	}
	return nil
}

// NeedPolicy is the error of a verb that needs a policy when none is set.
func (s Settings) NeedPolicy() error {
	if s.Policy == "" {
		return &Error{Message: "no policy is set", Remedy: "set GALLRA_POLICY or --policy to the policy file; docs/policy.md tells how to write one"}
	}
	return nil
}

func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}
