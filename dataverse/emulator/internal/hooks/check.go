package hooks

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// longest is how long a plug-in may run: two minutes (optimize-performance-create-update).
const longest = 2 * time.Minute

// step is a hook that was checked.
type step struct {
	Hook
	row       uuid.UUID
	delay     time.Duration
	hits      int
	seen      int
	anonymous bool // its id is the emulator's
}

var codeForm = regexp.MustCompile(`^0x[0-9a-fA-F]{1,8}$`)

// check makes a step of a hook. remote lets webhooks leave the machine.
func check(h Hook, e *store.Engine, remote bool) (*step, error) {
	s := &step{Hook: h}
	if s.ID == "" {
		s.ID, s.anonymous = uuid.NewString(), true
	}
	if !slices.Contains(Messages, s.Message) {
		return nil, fmt.Errorf("message: %q is none of %s%s", s.Message, strings.Join(Messages, ", "), wire.Nearest(s.Message, Messages))
	}
	if s.Stage == "" {
		s.Stage = PreOperation
		if s.Async {
			s.Stage = PostOperation
		}
	}
	if stageNumbers[s.Stage] == 0 {
		return nil, fmt.Errorf("stage: %q is none of PreValidation, PreOperation, PostOperation%s", s.Stage, wire.Nearest(s.Stage, []string{PreValidation, PreOperation, PostOperation}))
	}
	if s.Async && s.Stage != PostOperation {
		return nil, fmt.Errorf("async: only a hook at PostOperation runs when the write is over")
	}
	if err := s.checkWhich(e); err != nil {
		return nil, err
	}
	if err := s.checkWhat(e.Store.View()); err != nil {
		return nil, err
	}
	if s.Webhook != nil {
		return s, s.Webhook.check(remote)
	}
	return s, nil
}

// checkWhich checks what says which writes the hook meets.
func (s *step) checkWhich(e *store.Engine) error {
	if s.After < 0 || s.Count < 0 {
		return fmt.Errorf("after and count are not negative")
	}
	if s.Row != "" {
		id, err := uuid.Parse(s.Row)
		if err != nil {
			return fmt.Errorf("row: it is no id of a row")
		}
		s.row = id
	}
	sn := e.Store.View()
	if s.Table == "" {
		if s.Where != "" || len(s.Columns) > 0 || s.Set != nil {
			return fmt.Errorf("table: where, columns and set need a table")
		}
		return nil
	}
	t := sn.Schema.Tables[s.Table]
	if t == nil {
		return fmt.Errorf("table: there is no table %q%s", s.Table, wire.Nearest(s.Table, sn.Schema.TableNames()))
	}
	if of := actions[s.Message]; of != nil && !slices.Contains(of, s.Table) {
		return fmt.Errorf("table: %s has no message %s: only %s", s.Table, s.Message, strings.Join(of, ", "))
	}
	if len(s.Columns) > 0 && s.Message != Update {
		return fmt.Errorf("columns: only an update has columns to choose by")
	}
	for _, name := range s.Columns {
		if t.Column(name) == nil {
			return fmt.Errorf("columns: %s has no column %q%s", s.Table, name, wire.Nearest(name, columnNames(t)))
		}
	}
	if s.Where != "" {
		if _, err := query.Condition(e, sn, t, s.Where); err != nil {
			return fmt.Errorf("where: %v", err)
		}
	}
	return nil
}

// checkWhat checks what the hook does.
func (s *step) checkWhat(sn *store.Snapshot) error {
	if s.Refuse == nil && s.Set == nil && len(s.Create) == 0 && s.Delay == "" && s.Webhook == nil {
		return fmt.Errorf("a hook says what it does: refuse, set, create, delay or webhook")
	}
	if s.RunAs != "" && s.RunAs != "caller" && s.RunAs != "system" {
		return fmt.Errorf("runAs: %q is neither caller nor system", s.RunAs)
	}
	if r := s.Refuse; r != nil {
		switch {
		case s.Set != nil || len(s.Create) > 0:
			return fmt.Errorf("refuse: nothing that a refused write does stays, so that set and create beside it have no effect")
		case r.Status != 0 && (r.Status < 400 || r.Status > 599):
			return fmt.Errorf("refuse.status: %d is not a failure", r.Status)
		case r.Code != "" && !codeForm.MatchString(r.Code):
			return fmt.Errorf("refuse.code: %q does not look like 0x80040265", r.Code)
		}
	}
	if s.Delay != "" {
		d, err := time.ParseDuration(s.Delay)
		if err != nil || d < 0 {
			return fmt.Errorf("delay: %q is not a duration such as 2s", s.Delay)
		}
		if !s.Async && d > longest {
			return fmt.Errorf("delay: a plug-in that runs for more than %s is ended by the service", longest)
		}
		s.delay = d
	}
	if s.Set != nil {
		switch {
		case s.Message == Delete && s.Stage == PostOperation:
			return fmt.Errorf("set: a deleted row has no columns any more")
		case s.Message == Associate || s.Message == Disassociate:
			return fmt.Errorf("set: the message %s writes no columns", s.Message)
		}
		if err := s.checkBody("set", sn.Schema.Tables[s.Table], s.Set, sn.Schema); err != nil {
			return err
		}
	}
	for i, n := range s.Create {
		at := fmt.Sprintf("create[%d]", i)
		t := sn.Schema.Tables[n.Table]
		if t == nil {
			return fmt.Errorf("%s.table: there is no table %q%s", at, n.Table, wire.Nearest(n.Table, sn.Schema.TableNames()))
		}
		if err := s.checkBody(at+".values", t, n.Values, sn.Schema); err != nil {
			return err
		}
	}
	return nil
}

// checkBody checks the names in a body, and those that its placeholders have.
func (s *step) checkBody(at string, t *schema.Table, body map[string]any, model *schema.Schema) error {
	for name, v := range body {
		plain, bind := strings.CutSuffix(name, "@odata.bind")
		switch {
		case bind && model.SingleValued(t, plain) != nil, !bind && strings.Contains(name, "@"):
		case !bind && t.Column(name) != nil && t.Column(name).Kind != schema.KindLookup:
		case at != "set" && !bind && (t.ToMany[name] != nil || model.SingleValued(t, name) != nil):
		default:
			return fmt.Errorf("%s: %s has no property %q to write%s", at, t.Name, name, wire.Nearest(plain, columnNames(t)))
		}
		if err := s.checkPlaces(v, model.Tables[s.Table]); err != nil {
			return fmt.Errorf("%s.%s: %v", at, name, err)
		}
	}
	return nil
}

func (w *Webhook) check(remote bool) error {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("webhook.url: it is not an address such as http://127.0.0.1:9000/hook")
	}
	ip := net.ParseIP(u.Hostname())
	if !remote && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("webhook.url: %s is not this machine; the option webhook-remote lets rows be sent elsewhere", u.Hostname())
	}
	for name := range w.Headers {
		if !validHeader(name) {
			return fmt.Errorf("webhook.headers: %q is no name of a header", name)
		}
	}
	return nil
}

func validHeader(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 127 || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r) })
}

func columnNames(t *schema.Table) []string {
	names := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}
