package console

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/notify"
	"github.com/gallra/gallra/retention/purge"
)

// Options are what a console works with.
type Options struct {
	Client       dataverse.Writer // signed in as the administrator
	URL          string           // of the environment, for links into Dynamics 365
	Organization dataverse.Organization

	Policy func(context.Context) (*compile.Policy, error) // reads the policy afresh and holds it against the environment
	Ledger func() (*ledger.Ledger, error)                 // opens the ledger afresh
	Verify func() (*ledger.Proof, error)
	Deps   func(verb string, c *compile.Policy, l *ledger.Ledger) purge.Deps
	Doctor func(context.Context) ([]doctor.Finding, error)
	// Snapshots is the folder of the snapshots, and of policies to compare, that rehearsals are offered with; empty: none are.
	Snapshots string

	// Document writes the policy as a page for others, in a language: its record of processing, or its privacy notice; nil: neither is offered.
	Document func(ctx context.Context, kind, lang string, w io.Writer) error

	Key       ed25519.PrivateKey // signs checkpoints; nil: they are not signed
	Languages []notify.Language  // in which owners are told; nil: those that are built in

	Language  string           // of whoever chooses none in the browser; empty: the browser's own
	Idle      time.Duration    // after which a session ends; 30 minutes when zero
	TokenLife time.Duration    // of the link; 10 minutes when zero
	Clock     func() time.Time // the machine's, for sessions; time.Now when nil
	Log       *slog.Logger     // nil: nothing is logged
}

// Console is the admin console.
type Console struct {
	o        Options
	log      *slog.Logger
	sessions *sessions
	pages    pages
	once     onlyOnce
	hosts    map[string]bool
	base     string // http://127.0.0.1:port

	ctx     context.Context // of the jobs: it ends with the console
	end     context.CancelFunc
	working sync.WaitGroup

	current atomic.Pointer[reading]
	mu      sync.Mutex // guards what follows
	jobs    map[string]*job
	last    *outcome // of the last run that was started here
	many    *manyDone
	erased  *outcome // of the last erasure
	back    *restored
	told    *toldOwners
	built   *builtReport
	ahead   *ahead

	rehearsed *rehearsed
	receipts  []*keptReceipt
	reapplied *outcome
	stillBack int
	sims      *simulation
	visit     *health
	maps      *drawnMaps
}

// New makes a console. It reads nothing before it is served.
func New(o Options) (*Console, error) {
	if o.Idle <= 0 {
		o.Idle = 30 * time.Minute
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 10 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c := &Console{o: o, log: o.Log, jobs: map[string]*job{}, sessions: newSessions(o.Clock, o.TokenLife, o.Idle)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.pages, err = c.readPages(); err != nil {
		return nil, err
	}
	return c, nil
}

// ErrNotLoopback refuses to serve where others can reach it.
var ErrNotLoopback = errors.New("the console listens on loopback only: it shows personal data and speaks plain HTTP")

// Listen opens the console's address, which has to be on loopback.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address to listen on: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, ErrNotLoopback
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() { // localhost can be made to mean anything
		_ = l.Close()
		return nil, ErrNotLoopback
	}
	return l, nil
}

// Serve serves until the context ends. A run that is under way then is stopped and seen to a consistent end. Ready is
// called once links can be given out.
func (c *Console) Serve(ctx context.Context, l net.Listener, ready func()) error {
	c.hosts, c.base = hostsOf(l.Addr()), "http://"+l.Addr().String()
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	defer c.end()
	server := &http.Server{Handler: c.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		c.end() // jobs first: pages that listen to them end with them
		c.working.Wait()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	}()
	c.read()
	ready()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}

// Link is a new link that lets its first reader in.
func (c *Console) Link() string { return c.base + "/start/" + c.sessions.token() }

// handler is every address of the console, one line each.
func (c *Console) handler() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, c.signedIn(false, h)) }
	loaded := func(pattern string, h func(http.ResponseWriter, *http.Request, *reading)) { page(pattern, c.loaded(h)) }

	mux.HandleFunc("GET /start/{token}", c.enter)
	mux.Handle("GET /assets/", c.assets())
	mux.HandleFunc("GET /assets/chart.css", chartStyle)
	page("POST /leave", c.leave)
	page("POST /language", c.language)
	page("POST /alive", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

	loaded("GET /{$}", c.coming)
	loaded("GET /people", c.people)
	loaded("GET /people/rows", c.peopleRows)
	loaded("POST /people/search", c.search)
	loaded("GET /people/export.csv", c.exportCSV)
	loaded("GET /people/export.xlsx", c.exportXLSX)
	loaded("POST /people/find", c.findPerson)
	loaded("POST /people/choose", c.chooseMany)
	loaded("GET /people/many", c.manyDone)
	loaded("POST /people/many", c.doMany)
	page("POST /people/many/stop", c.stopMany)
	loaded("GET /person/{table}/{id}", c.person)
	loaded("GET /person/{table}/{id}/erase", c.erase)
	loaded("GET /person/{table}/{id}/forecast", c.forecast)
	loaded("POST /person/{table}/{id}/{act}", c.act)
	loaded("GET /policy", c.policy)
	loaded("POST /policy/simulate", c.simulate)
	loaded("GET /policy/simulation", c.simulated)
	loaded("GET /policy/file", c.changedFile)
	loaded("GET /policy/record", c.document)
	loaded("GET /policy/notice", c.document)
	loaded("GET /map", c.places)
	loaded("GET /run", c.run)
	loaded("POST /run", c.runPlan)
	page("POST /run/stop", c.stopRun)
	loaded("GET /approve", c.approvals)
	loaded("POST /approve", c.approve)
	loaded("POST /approve/policy", c.approvePolicy)
	page("POST /read", c.readAgain)
	loaded("GET /tools", c.tools)
	loaded("GET /erase", c.erasures)
	loaded("POST /erase/choose", c.chooseErasure)
	loaded("POST /erase", c.doErase)
	page("POST /erase/stop", c.stopErase)
	loaded("GET /erase/receipt/{file}", c.receiptFile)
	loaded("GET /restore", c.restore)
	loaded("POST /restore/look", c.lookBack)
	loaded("POST /restore", c.reapply)
	page("POST /restore/stop", c.stopReapply)
	loaded("GET /owners", c.owners)
	loaded("POST /owners/look", c.lookOwners)
	loaded("POST /owners", c.tellOwners)
	loaded("GET /report", c.reports)
	loaded("POST /report", c.buildReport)
	loaded("GET /report/file/{name}", c.reportFile)
	loaded("GET /ahead", c.aheadPage)
	loaded("POST /ahead", c.lookAhead)
	loaded("GET /ahead/export.csv", c.exportAhead)
	loaded("GET /rehearsal", c.rehearsal)
	loaded("POST /rehearsal", c.rehearse)
	loaded("GET /rehearsal/night", c.rehearsalNight)
	loaded("GET /rehearsal/page.html", c.rehearsalFile)
	page("POST /rehearsal/stop", c.stopRehearsal)
	loaded("POST /ledger/checkpoint", c.checkpoint)
	loaded("GET /ledger", c.ledgerPage)
	loaded("POST /ledger/verify", c.verify)
	loaded("GET /ledger/export.csv", c.exportLedger)
	loaded("GET /ledger/export.xlsx", c.exportLedger)
	page("GET /health", c.healthPage)
	page("POST /health", c.checkHealth)
	mux.HandleFunc("GET /progress/{job}", c.signedIn(true, c.progress))
	page("/", func(w http.ResponseWriter, r *http.Request) { c.show(w, r, http.StatusNotFound, "missing", nil) })
	return c.guard(mux)
}

// enter starts a session for a link. Whoever only peeks uses nothing up.
func (c *Console) enter(w http.ResponseWriter, r *http.Request) {
	if peeks(r) {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	cookie, ok := c.sessions.enter(r.PathValue("token"))
	if !ok {
		c.outside(w, r, http.StatusForbidden, "outside.used")
		return
	}
	http.SetCookie(w, sessionCookie(cookie))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) leave(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		c.sessions.leave(cookie.Value)
	}
	gone := sessionCookie("")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	c.outside(w, r, http.StatusOK, "outside.left")
}

func (c *Console) language(w http.ResponseWriter, r *http.Request) {
	if lang := r.FormValue("language"); slices.Contains(words.All(), lang) {
		sessionOf(r).speak(lang)
	}
	http.Redirect(w, r, local(r.FormValue("back")), http.StatusSeeOther)
}

// peeks tells that a request asks what is there, and that nobody reads the answer as a page: what counts once is kept for
// whoever does. Mail programs and chats look at links so, and browsers at what may be opened next.
func peeks(r *http.Request) bool {
	return r.Method == http.MethodHead || strings.Contains(r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose"), "prefetch")
}

// local is an address of the console's own, or its first page. Browsers drop control characters from an address and take a
// backslash for a slash, so that what stands behind them may be the name of another host.
func local(to string) string {
	if strings.ContainsFunc(to, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' || r == utf8.RuneError
	}) {
		return "/"
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return "/"
	}
	if strings.ContainsFunc(u.Path, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }) {
		return "/"
	}
	return (&url.URL{Path: path.Clean(u.Path), RawQuery: u.RawQuery}).String()
}

// reading is the plan that was read last, nil before the first.
func (c *Console) reading() *reading { return c.current.Load() }

func (c *Console) keep(b *reading) { c.current.Store(b) }

// loaded answers with the page once there is a plan, and until then tells how far the reading has come.
func (c *Console) loaded(h func(http.ResponseWriter, *http.Request, *reading)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if b := c.reading(); b != nil {
			h(w, r, b)
			return
		}
		c.show(w, r, http.StatusOK, "loading", c.report("read"))
	}
}

// job is the last job of a kind, nil if there was none.
func (c *Console) job(kind string) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs[kind]
}

// running is the run under way or the last one.
func (c *Console) running() *job { return c.job("run") }

// begin starts a job of a kind unless one is under way, which it gives instead.
func (c *Console) begin(kind string, work func(context.Context, *job) error) (j *job, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j := c.jobs[kind]; !j.ended() {
		return j, false
	}
	j = c.start(kind, work)
	c.jobs[kind] = j
	return j, true
}

// read reads the plan anew, in the background.
func (c *Console) read() { c.begin("read", c.load) }
