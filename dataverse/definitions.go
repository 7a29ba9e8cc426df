package dataverse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	jsonx "github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// Definitions keep what clients have made of the definitions of tables, by the text of the service's answers. Clients
// that share them, even of several environments, take the same text apart once. They save no request: a client knows
// nothing older than it would without. The zero value is ready to use, and safe for concurrent use.
type Definitions struct {
	mu        sync.Mutex
	tables    map[[sha256.Size]byte]*Table
	parts     int // of all tables
	addresses map[[sha256.Size]byte]map[string][]AddressColumn
}

// mostParts and mostAddresses bound what is kept: definitions change for as long as a process lives.
const (
	mostParts     = 200_000 // columns and relationships of tables, some 80 MB
	mostAddresses = 64      // some kilobytes each
)

// addressesIn are the columns of addresses that an answer tells of. d may be nil: nothing is kept then.
func (d *Definitions) addressesIn(body []byte) (map[string][]AddressColumn, error) {
	text, err := entityMetadata(body)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return addressColumns(text)
	}
	key := sha256.Sum256(text)
	d.mu.Lock()
	known := d.addresses[key]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	out, err := addressColumns(text)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.addresses == nil || len(d.addresses) >= mostAddresses {
		d.addresses = map[[sha256.Size]byte]map[string][]AddressColumn{}
	}
	d.addresses[key] = out
	return out, nil
}

// table is what is kept for these answers, or what build makes of them. d may be nil: nothing is kept then.
func (d *Definitions) table(root string, results []Result, build func() (*Table, error)) (*Table, error) {
	if d == nil {
		return build()
	}
	key, ok := definitionKey(root, results)
	if !ok {
		return build()
	}
	d.mu.Lock()
	known := d.tables[key]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	t, err := build()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tables == nil || d.parts >= mostParts {
		d.tables, d.parts = map[[sha256.Size]byte]*Table{}, 0
	}
	if d.tables[key] == nil {
		d.parts += len(t.Attributes) + len(t.OneToMany) + len(t.ManyToOne) + len(t.ManyToMany)
	}
	d.tables[key] = t
	return t, nil
}

// definitionKey is a digest of the answers, without the environment's address at the beginning of each: the same
// definitions of another environment are the same.
func definitionKey(root string, results []Result) (key [sha256.Size]byte, ok bool) {
	h := sha256.New()
	address := []byte(`{"@odata.context":"` + root)
	for _, r := range results {
		if len(r.Bodies) != 1 {
			return key, false
		}
		body := bytes.TrimPrefix(r.Bodies[0], address)
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(body)))
		h.Write(size[:])
		h.Write(body)
	}
	return [sha256.Size]byte(h.Sum(nil)), true
}

// definitionFile holds what the definitions of an environment say from one process to the next: no row of it, nothing
// about a person. It is believed as long as the service, asked each time, names the version that it names; whatever else
// is odd about it, it counts as missing. Definitions that go into it are read past the service's caches, which lag, and
// after the version was asked: so what stands under a version is at least as new as it.
type definitionFile struct {
	path string
	of   definitionsOf

	summaries []TableSummary
	addresses map[string][]AddressColumn
	tables    map[string]json.RawMessage // taken apart when asked for
	read      map[string]*Table          // what this process has read from the service
	missing   map[string]bool            // tables that there are not
	changed   bool
}

// definitionsOf is whose definitions a file holds, and as of when. Names for people are in the language of the user.
type definitionsOf struct {
	Format       int
	Organization uuid.UUID
	User         uuid.UUID
	Address      string
	Release      string // of the service
	Definitions  DefinitionsVersion
}

// definitionFormat changes whenever [Table], [TableSummary] or what is read into them does.
const definitionFormat = 2

// definitionHead is the first line of a file.
type definitionHead struct {
	Of  definitionsOf
	Sum string // of the rest
}

// definitionBody is the rest of a file.
type definitionBody struct {
	Summaries []TableSummary
	Addresses map[string][]AddressColumn
	Tables    map[string]json.RawMessage
	Missing   []string
}

// DefinitionsVersion asks for the version of all definitions and for the language in which the user reads their names. It is
// nobody's answer where the service does not tell, so that nothing is remembered.
func (c *Client) DefinitionsVersion(ctx context.Context, user uuid.UUID) DefinitionsVersion {
	var body struct {
		Version json.RawMessage `json:"@Microsoft.Dynamics.CRM.globalmetadataversion"`
		Value   []struct{ UILanguageID json.RawMessage }
	}
	op := Operation{Method: http.MethodGet, Path: "usersettingscollection?$select=uilanguageid&$filter=" + url.PathEscape("systemuserid eq "+user.String()),
		Header: http.Header{"Prefer": {`odata.include-annotations="Microsoft.Dynamics.CRM.globalmetadataversion"`}}}
	if c.Do(ctx, op, &body) != nil {
		return DefinitionsVersion{}
	}
	version, language := strings.Trim(string(body.Version), `"`), ""
	if _, err := strconv.ParseInt(version, 10, 64); err != nil {
		return DefinitionsVersion{} // another kind of version than is known of: nobody knows how it changes
	}
	for _, settings := range body.Value { // none where the user has chosen nothing
		language = string(settings.UILanguageID)
	}
	return DefinitionsVersion{version, language}
}

// DefinitionsVersion is the version of all definitions, and the language in which a user reads names of tables and columns.
type DefinitionsVersion struct {
	Version  string // another one after each change to any definition; empty: not told
	Language string
}

// RememberDefinitions has the client take definitions from a file in a folder as far as they still hold, and read the others
// so that [Client.SaveDefinitions] can add them. The version must have been asked for since the client was made, and before
// any definition was read.
func (c *Client) RememberDefinitions(folder string, who Identity, org Organization, version DefinitionsVersion) {
	if version.Version == "" || c.labels != 0 {
		return
	}
	of := definitionsOf{definitionFormat, org.ID, who.UserID, c.URL(), org.Version, version}
	name := sha256.Sum256([]byte(of.Address + " " + of.Organization.String() + " " + of.User.String()))
	f := &definitionFile{path: filepath.Join(folder, "definitions-"+hex.EncodeToString(name[:8])+".json"), of: of, read: map[string]*Table{}, missing: map[string]bool{}}
	f.load()
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	c.Schema.file, c.Schema.strong = f, true
	c.Schema.summaries = f.summaries
}

// load takes a file in, all of it or nothing.
func (f *definitionFile) load() {
	info, err := os.Lstat(f.path)
	if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return // others could have written it
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return
	}
	line, rest, whole := bytes.Cut(text, []byte("\n"))
	var head definitionHead
	if !whole || jsonx.Unmarshal(line, &head) != nil || head.Of != f.of || head.Sum != digestOf(rest) {
		return
	}
	var body definitionBody
	if jsonx.Unmarshal(rest, &body) != nil {
		return
	}
	for _, s := range body.Summaries {
		if !tableName(s.LogicalName) || !setName(s.EntitySet) {
			return
		}
	}
	if len(body.Summaries) > 0 {
		f.summaries = body.Summaries
	}
	f.addresses, f.tables = body.Addresses, body.Tables
	for _, name := range body.Missing {
		f.missing[name] = true
	}
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// table is what the file says of a table: false where it says nothing, nil and true where there is no such table.
func (f *definitionFile) table(logical string) (*Table, bool) {
	if f == nil {
		return nil, false
	}
	if f.missing[logical] {
		return nil, true
	}
	text := f.tables[logical]
	if text == nil {
		return nil, false
	}
	t := &Table{}
	if jsonx.Unmarshal(text, t) != nil || t.LogicalName != logical || len(t.Attributes) == 0 || t.EntitySet != "" && !setName(t.EntitySet) {
		return nil, false
	}
	return t, true
}

// SaveDefinitions writes to the file what was read since: for the user alone, and all of it or nothing.
func (c *Client) SaveDefinitions() error {
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	f := c.Schema.file
	if f == nil || !f.changed {
		return nil
	}
	body := definitionBody{Summaries: f.summaries, Addresses: f.addresses, Tables: map[string]json.RawMessage{}}
	for name, text := range f.tables {
		body.Tables[name] = text
	}
	for name, t := range f.read {
		text, err := jsonx.Marshal(t, jsonx.OmitZeroStructFields(true))
		if err != nil {
			return fmt.Errorf("remember the definitions: %w", err)
		}
		body.Tables[name] = text
	}
	for name := range f.missing {
		body.Missing = append(body.Missing, name)
	}
	slices.Sort(body.Missing)
	rest, err := jsonx.Marshal(body, jsonx.Deterministic(true))
	if err != nil {
		return fmt.Errorf("remember the definitions: %w", err)
	}
	head, err := jsonx.Marshal(definitionHead{f.of, digestOf(rest)})
	if err != nil {
		return fmt.Errorf("remember the definitions: %w", err)
	}
	if err := writeAlone(f.path, slices.Concat(head, []byte("\n"), rest)); err != nil {
		return fmt.Errorf("remember the definitions: %w", err)
	}
	f.changed = false
	return nil
}

// writeAlone writes a file that its owner alone may read, in the place of the one that is there.
func writeAlone(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), ".json")+"-*") // of the mode 0600
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		if left := os.Remove(out.Name()); !errors.Is(left, fs.ErrNotExist) {
			err = errors.Join(err, left)
		}
	}
	return err
}
