package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// ledgerView is the evidence, page by page.
type ledgerView struct {
	Existed       bool
	Head          string
	Runs          []ledger.RunInfo
	Kinds         []string
	Kind, Run     string
	Row           string
	Rows          []proofView
	Total         int
	From, To      int
	Next, Prev    string // addresses
	Before        int
	Zone          *time.Location
	Proof         *ledger.Proof
	ProofTrouble  *trouble
	ProofFinished bool
	Signs         bool // checkpoints are signed
}

// proofView is one entry.
type proofView struct {
	Seq       uint64
	At        string
	Run       string
	Kind      string
	Table     string
	ID        string
	Path      string // of the person, if they can be looked at
	PurgeOn   retention.Date
	NoticedOn retention.Date
	Ground    string
	Word      string
	Code      string
	N         int
}

// shownEntries is how many entries a page has.
const shownEntries = 100

func (e *evidence) view(t tongue, b *reading, i int32) proofView {
	p := &e.entries[i]
	v := proofView{Seq: p.seq, At: t.moment(p.time().In(b.checked.Policy.TimeZone)), Kind: e.words[p.kind], Table: e.words[p.table], PurgeOn: p.purgeOn, NoticedOn: p.noticedOn,
		Ground: e.words[p.ground], Word: t.ledgerWord(e.words[p.kind], e.words[p.words]), Code: e.words[p.code], N: int(p.n)}
	if p.run >= 0 {
		v.Run = e.runs[p.run].ID
	}
	if p.id != uuid.Nil {
		v.ID = p.id.String()
		if b.checked.Subject(v.Table) != nil {
			v.Path = personPath(v.Table, p.id)
		}
	}
	return v
}

// ledgerWord is what an entry says beside its kind: a status or what is done, in words; a verb and a guard rail by their names.
func (t tongue) ledgerWord(kind, word string) string {
	prefix := "status."
	switch ledger.Kind(kind) {
	case ledger.Start, ledger.Stopped, ledger.Bypass:
		return word
	case ledger.Intent, ledger.Ahead:
		prefix = "do."
	}
	if text, ok := t.Lookup(prefix + word); ok && word != "" {
		return text
	}
	return word
}

func (c *Console) ledgerPage(w http.ResponseWriter, r *http.Request, b *reading) {
	c.showLedger(w, r, b, nil, nil, false)
}

func (c *Console) showLedger(w http.ResponseWriter, r *http.Request, b *reading, proof *ledger.Proof, err error, finished bool) {
	t, e := c.tongue(r), b.evidence
	f := proofFilter{Kind: r.FormValue("kind"), Run: r.FormValue("run")}
	v := ledgerView{Existed: e.existed, Head: e.head, Kinds: e.kinds(), Kind: f.Kind, Run: f.Run, Before: e.before, Zone: b.checked.Policy.TimeZone, Signs: c.o.Key != nil,
		Proof: proof, ProofTrouble: c.trouble(err), ProofFinished: finished}
	if text := r.FormValue("row"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			c.tell(w, r, "/ledger", true, "ledger.norow")
			return
		}
		f.Row, v.Row = id, id.String()
	}
	for i := len(e.runs) - 1; i >= 0 && len(v.Runs) < 200; i-- {
		v.Runs = append(v.Runs, e.runs[i])
	}
	found := e.list(f)
	v.Total = len(found)
	from, _ := strconv.Atoi(r.FormValue("at"))
	from = max(0, min(from, len(found)-1)) / shownEntries * shownEntries // pages begin where pages begin
	to := min(from+shownEntries, len(found))
	for _, i := range found[from:to] {
		v.Rows = append(v.Rows, e.view(t, b, i))
	}
	v.From, v.To = min(from+1, to), to
	at := func(n int) string {
		q := url.Values{}
		for name, value := range map[string]string{"kind": v.Kind, "run": v.Run, "row": v.Row} {
			if value != "" {
				q.Set(name, value)
			}
		}
		q.Set("at", strconv.Itoa(n))
		return "/ledger?" + q.Encode()
	}
	if to < len(found) {
		v.Next = at(to)
	}
	if from > 0 {
		v.Prev = at(from - shownEntries)
	}
	c.show(w, r, http.StatusOK, "ledger", v)
}

// verify proves the chain anew, from its storage.
func (c *Console) verify(w http.ResponseWriter, r *http.Request, b *reading) {
	proof, err := c.o.Verify()
	c.showLedger(w, r, b, proof, err, true)
}

// exportLedger is every entry, for the auditor; the chain is checked on the way.
func (c *Console) exportLedger(w http.ResponseWriter, r *http.Request, b *reading) {
	l, err := c.o.Ledger()
	if err == nil && !l.Existed() {
		err = errors.New(c.tongue(r).T("ledger.none"))
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	write := l.WriteCSV
	if strings.HasSuffix(r.URL.Path, ".xlsx") {
		write = l.WriteXLSX
		attach(w, workbookType, fileName("ledger", b.AsOf, "xlsx"))
	} else {
		attach(w, "text/csv; charset=utf-8", fileName("ledger", b.AsOf, "csv"))
	}
	if _, err := write(r.Context(), w); err != nil {
		c.log.Warn("console: the ledger's export broke off", "error", err)
		panic(http.ErrAbortHandler) // half a ledger must not look like a whole one
	}
}
