package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what a run may do.
type Options struct {
	// Write lets the run make, write and remove tables of its own. Without it nothing is written.
	Write bool
	// Only, if not nil, says of which areas cases run.
	Only func(area string) bool
	// Log, if not nil, hears what the run is about to do, in sentences without data.
	Log func(string)
	// Wait waits between tries; nil waits by the machine's clock.
	Wait func(context.Context, time.Duration) error
}

func (o Options) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(fmt.Sprintf(format, args...))
	}
}

// Report is what a run found.
type Report struct {
	Version     string // of the service
	Cases       map[string]int
	Requests    int
	Differences []Difference
	// LeftOut is how many cases did not run because what they expect cannot be said on this day.
	LeftOut int
	// Left is what the run made and could not remove, with the reason.
	Left []string
}

// removalTime is how long the removal may take after the run has ended or was ended.
const removalTime = 15 * time.Minute

// runner is one run.
type runner struct {
	Options
	client *client
	vars   vars
	report Report
	now    time.Time
	silent int // requests in a row without an answer
	fix    *fixture
}

// Run sends the cases to the target. An error ends it early: the context's, an environment that cannot be reached or
// signed in to, or a fixture that cannot be made. The report holds what was found until then.
func Run(ctx context.Context, target Target, o Options) (Report, error) {
	r, err := start(ctx, target, o)
	if err == nil {
		err = r.all(ctx)
	}
	r.report.Requests = r.client.sent
	return r.report, err
}

func (r *runner) all(ctx context.Context) error {
	if r.Write {
		found, err := leftovers(ctx, r.client)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("an earlier run, or another that runs now, has left: %s", strings.Join(found, ", "))
		}
	}
	r.log("reading what every environment has")
	if err := r.run(ctx, anywhere); err != nil || !r.Write {
		return err
	}
	return r.written(ctx)
}

// Clean removes what an earlier run left, by the names that only this suite gives.
func Clean(ctx context.Context, target Target, o Options) (Report, error) {
	r, err := start(ctx, target, o)
	if err != nil {
		return r.report, err
	}
	r.client.guard = definesOwn
	r.fix.tried = everything()
	r.report.Left = r.fix.remove(ctx)
	r.report.Requests = r.client.sent
	return r.report, nil
}

// start signs in and learns who, where and when the run is.
func start(ctx context.Context, target Target, o Options) (*runner, error) {
	target.URL = strings.TrimRight(target.URL, "/")
	wait := o.Wait
	if wait == nil {
		wait = pause
	}
	jar, _ := cookiejar.New(nil) // it has no error to give
	r := &runner{Options: o, client: &client{target: target, guard: onlyReads, wait: wait, cookies: jar}, vars: vars{}, report: Report{Cases: map[string]int{}}}
	r.fix = &fixture{client: r.client, vars: r.vars}
	a, err := r.client.do(ctx, request{method: http.MethodGet, path: "WhoAmI"})
	if err != nil {
		return r, err
	}
	who, _ := a.body.(map[string]any)
	for name, key := range map[string]string{"user": "UserId", "unit": "BusinessUnitId", "organization": "OrganizationId"} {
		id, _ := who[key].(string)
		if a.status != http.StatusOK || !guidText.MatchString(id) {
			return r, fmt.Errorf("WhoAmI answers %d %s: is the address right, and the token still valid?", a.status, codeOf(a))
		}
		r.vars[name] = id
	}
	if r.now, err = http.ParseTime(a.header.Get("Date")); err != nil {
		return r, errors.New("the service does not say what time it is")
	}
	a, err = r.client.do(ctx, request{method: http.MethodGet, path: "RetrieveVersion()"})
	if err != nil {
		return r, err
	}
	if v, _ := at(a.body, "Version"); len(v) == 1 && versionText.MatchString(fmt.Sprint(v[0])) {
		r.report.Version = fmt.Sprint(v[0])
	}
	if a, err = r.client.do(ctx, request{method: http.MethodGet, path: "organizations?$select=languagecode"}); err != nil {
		return r, err
	}
	r.vars["language"] = "1033"
	if code, _ := at(a.body, "value>0>languagecode"); len(code) == 1 && kinds["number"](code[0]) {
		r.vars["language"] = fmt.Sprint(code[0])
	}
	r.vars["root"] = target.URL + apiPath
	r.vars["missing"] = rowID(9, 9)
	for i, m := range moments {
		r.vars[m.name] = rowID(1, i+1)
	}
	for i, m := range items {
		r.vars[m.key] = rowID(2, i+1)
	}
	return r, nil
}

// written makes the suite's tables, runs the cases on them, and removes them whatever happens in between.
func (r *runner) written(ctx context.Context) error {
	r.log("making the publisher and solution %s, and the tables %s and %s", publisher, groupTable, itemTable)
	defer func() {
		r.log("removing them; if this is stopped, -clean removes what is left")
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		r.client.guard = definesOwn
		r.report.Left = r.fix.remove(within)
	}()
	r.client.guard = definesOwn
	if err := r.fix.build(ctx, r.now); err != nil {
		return err
	}
	r.client.guard = onlyReads
	r.log("reading their rows")
	if err := r.run(ctx, ownRows); err != nil {
		return err
	}
	r.client.guard = ownWrites
	r.log("writing rows of theirs")
	return r.run(ctx, writing)
}

// maxSilent is after how many requests without an answer a run gives up.
const maxSilent = 5

func (r *runner) run(ctx context.Context, l level) error {
	for _, c := range cases() {
		if c.needs != l || r.Only != nil && !r.Only(c.Area) {
			continue
		}
		if c.unless != nil && c.unless(r.now) {
			r.report.LeftOut++
			continue
		}
		r.report.Cases[c.Area]++
		if err := r.one(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// one runs a case to its first difference.
func (r *runner) one(ctx context.Context, c Case) error {
	v := maps.Clone(r.vars)
	for i, s := range c.steps {
		a, problems, err := r.step(ctx, c, v, s)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if _, is := errors.AsType[unsure](err); is {
				r.fix.unknown = true
			}
			if r.silent++; r.silent == maxSilent {
				return fmt.Errorf("%d requests in a row had no answer: %w", r.silent, err)
			}
			r.report.Differences = append(r.report.Differences, difference(c, i, nil, []string{"no answer"}))
			return nil
		}
		r.silent = 0
		if len(problems) > 0 {
			r.report.Differences = append(r.report.Differences, difference(c, i, a, problems))
			return nil
		}
		for name, place := range s.save {
			if place == "key" {
				v[name] = keyOf(a.header)
			} else if tag, is := strings.CutPrefix(place, "header "); is {
				v[name] = a.header.Get(tag)
			} else if found, _ := at(a.body, place); len(found) == 1 {
				v[name] = fmt.Sprint(found[0])
			}
		}
	}
	return nil
}

// step sends a request, follows its pages, and holds the answers against what is wanted. The answer is the first page's.
func (r *runner) step(ctx context.Context, c Case, v vars, s step) (*answer, []string, error) {
	check := checker{vars: v, root: r.client.target.URL + apiPath, known: c.known(r.vars)}
	req := v.request(s.request)
	first, err := r.client.do(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	problems := check.check(first, s.want)
	if first.status != s.want.status || s.want.rows == nil && s.want.pages == nil {
		return first, problems, nil
	}
	column := s.want.column
	if column == "" {
		column = prefix + "_name"
	}
	var values []any
	var pages []int
	for a := first; ; {
		found, err := names(a, column)
		if err != nil {
			return first, append(problems, err.Error()), nil
		}
		values, pages = append(values, found...), append(pages, len(found))
		if s.want.pages == nil || len(pages) > 20 {
			break
		}
		next, there := at(a.body, "@odata.nextLink")
		if !there {
			break
		}
		link := fmt.Sprint(next[0])
		if !strings.HasPrefix(link, check.root) {
			return first, append(problems, "a nextLink leads away from the service"), nil
		}
		if a, err = r.client.do(ctx, request{method: http.MethodGet, path: link, header: req.header}); err != nil {
			return nil, nil, err
		}
		if a.status != http.StatusOK {
			return first, append(problems, fmt.Sprintf("page %d: status %d", len(pages)+1, a.status)), nil
		}
	}
	if s.want.pages != nil && !slices.Equal(pages, s.want.pages) {
		problems = append(problems, fmt.Sprintf("pages of %v rows, want %v", pages, s.want.pages))
	}
	if s.want.rows != nil {
		if p := check.sameRows(values, s.want); p != "" {
			problems = append(problems, p)
		}
	}
	return first, problems, nil
}

// Cases are all cases, by area.
func Cases() []Case { return slices.Clone(cases()) }

var cases = sync.OnceValue(func() []Case {
	return slices.Concat(
		identityCases(), definitionCases(), definitionErrorCases(), platformCases(), refusalCases(), headerCases(), readBatchCases(), batchErrorCases(),
		comparisonCases(), logicCases(), textCases(), operatorCases(), dateCases(), optionCases(), expandCases(), pagingCases(), aggregateCases(), fetchCases(), shapeCases(),
		createCases(), bodyCases(), updateCases(), conditionCases(), keyCases(), linkCases(), changeSetCases(), bulkCases(),
	)
})
