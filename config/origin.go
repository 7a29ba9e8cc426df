package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// Origin tells what of the settings came from a file.
type Origin struct {
	File  string // empty where no file was read
	Taken string // the names of the settings that count as the file has them, in the order of the settings
}

// What a file that nobody named may set.
const (
	foundTaken   = "taken"   // anything
	foundLocal   = "local"   // a path on this machine
	foundRefused = "refused" // nothing
)

// signInHosts are the hosts of Entra ID. https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud
var signInHosts = []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.microsoftonline.us",
	"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}

// origin tells what the file sets that nothing else does, and refuses what it must not set.
func origin(v *viper.Viper, file string, found bool, named map[string]bool) (Origin, error) {
	if file == "" {
		return Origin{}, nil
	}
	var taken, refused []string
	t := reflect.TypeFor[Settings]()
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("mapstructure")
		if !v.InConfig(name) || named[name] {
			continue
		}
		taken = append(taken, name)
		if found && !allowed(t.Field(i).Tag.Get("found"), v.GetString(name)) {
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		return Origin{}, &Error{
			Message: fmt.Sprintf("settings: %s, which nobody named, decides where gallra signs in or sends something: %s", file, strings.Join(refused, ", ")),
			Remedy:  fmt.Sprintf("if the file is yours, name it: --config %s or GALLRA_CONFIG; or set %s", file, spellings(refused)),
		}
	}
	if host := v.GetString("authority-host"); host != "" && slices.Contains(taken, "authority-host") && !knownSignIn(host) {
		return Origin{}, &Error{
			Message: fmt.Sprintf("authority-host: %s names a sign-in host that is none of Microsoft's", file),
			Remedy:  "if secrets are to go there, set --authority-host or GALLRA_AUTHORITY_HOST",
		}
	}
	return Origin{File: file, Taken: strings.Join(taken, ", ")}, nil
}

// allowed tells whether a file that nobody named may set a value.
func allowed(rule, value string) bool {
	switch rule {
	case foundTaken:
		return true
	case foundLocal:
		// Windows signs in at the host of \\host\share, whichever way the slashes lean.
		path := strings.ReplaceAll(strings.TrimSpace(value), `\`, "/")
		return !strings.Contains(path, "://") && !strings.HasPrefix(path, "//")
	}
	return false
}

func knownSignIn(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.User == nil && (u.Port() == "" || u.Port() == "443") && slices.Contains(signInHosts, strings.ToLower(u.Hostname()))
}

// spellings are the environment variables of settings.
func spellings(names []string) string {
	variables := make([]string, len(names))
	for i, name := range names {
		variables[i] = variable(name)
	}
	return strings.Join(variables, ", ")
}
