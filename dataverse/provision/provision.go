package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// Provisioning is what an environment should hold for a tool to work in it.
type Provisioning struct {
	Publisher Publisher
	Solution  Solution
	Tables    []TableProvision
	Role      Role
}

// Publisher owns the solution and gives its components their prefix.
type Publisher struct {
	UniqueName, Name string
	Prefix           string // 2 to 8 letters and digits
	OptionPrefix     int    // 10000 to 99999
}

// Solution holds the components, so that they can be moved and removed together.
type Solution struct {
	UniqueName, Name, Version string
}

// TableProvision is what one table should get.
//
// A column that is mapped is somebody else's, and a view's columns may be as well: they are used and never made, changed
// or removed.
type TableProvision struct {
	Table      string // logical name
	Columns    []Column
	Views      []View
	Charts     []Chart
	Section    FormSection // on the main forms; without cells: none
	Dashboards []Dashboard
}

// Role is a security role with exactly the rights that are listed, and whatever the service gives every new role.
type Role struct {
	ID         uuid.UUID // of the role in the root business unit, when it is made
	Name       string    // empty: no role
	Privileges []dataverse.Privilege
	// Application is the client id of an application whose user gets the role; the user is made if there is none.
	Application uuid.UUID
}

// Step is one thing that provisioning makes.
type Step struct {
	What    string // "column contact.gallra_legalhold"
	Present bool   // was there before
	Done    bool   // stands now; false in a dry run for what is missing
}

// Run creates what is missing and brings its own views and role up to date; what others made it leaves alone, and
// refuses to go on where it is in the way. report, if not nil, hears of each step as it ends. With dryRun it only looks.
// The steps so far are returned with an error as well. It may be cut off at any moment: the next run goes on from there.
func Run(ctx context.Context, c *dataverse.Client, p Provisioning, dryRun bool, report func(Step)) ([]Step, error) {
	// What others have made lately must be seen, and caches lag behind by half a minute.
	c.Schema.Forget()
	r := &provisioner{c: c, p: p, dryRun: dryRun, report: report}
	err := r.run(ctx)
	if r.changed() {
		c.Schema.Forget()
	}
	return r.steps, err
}

type provisioner struct {
	c      *dataverse.Client
	p      Provisioning
	dryRun bool
	report func(Step)
	steps  []Step
	lang   int

	languages []int           // the base language first; then those that are provisioned and gallra speaks
	plurals   map[string]Text // by table

	solutionID uuid.UUID
	own        map[uuid.UUID]bool // components of the solution
	marks      marks
}

func (r *provisioner) changed() bool {
	return slices.ContainsFunc(r.steps, func(s Step) bool { return s.Done && !s.Present })
}

// run works through the steps one after the other: the service refuses customisations side by side.
func (r *provisioner) run(ctx context.Context) error {
	if err := r.readLanguages(ctx); err != nil {
		return err
	}
	// An emulator that serves a snapshot has the tables that were taken: nobody opens a form there.
	if _, err := r.c.Table(ctx, formTable); errors.Is(err, dataverse.ErrNoTable) {
		r.p = r.p.ColumnsAndViews()
	} else if err != nil {
		return err
	}
	if err := r.solution(ctx); err != nil {
		return err
	}
	for _, t := range r.p.Tables {
		if err := r.columns(ctx, t, false); err != nil {
			return err
		}
	}
	for _, t := range r.p.Tables {
		for _, v := range t.Views {
			if err := r.view(ctx, t, v); err != nil {
				return err
			}
		}
		for _, chart := range t.Charts {
			if err := r.chart(ctx, t, chart); err != nil {
				return err
			}
		}
		if err := r.forms(ctx, t); err != nil {
			return err
		}
		for _, d := range t.Dashboards {
			if err := r.dashboard(ctx, t, d); err != nil {
				return err
			}
		}
		if err := r.labels(ctx, t); err != nil {
			return err
		}
	}
	if r.p.Role.Name != "" {
		if err := r.role(ctx); err != nil {
			return err
		}
	}
	if err := r.publication(ctx); err != nil {
		return err
	}
	if err := r.formerNote(ctx); err != nil {
		return err
	}
	// A run asks for the columns only. One is made last, so that a provisioning that was cut off does not satisfy it; new
	// columns publish themselves.
	for _, t := range r.p.Tables {
		if err := r.columns(ctx, t, true); err != nil {
			return err
		}
	}
	return nil
}

// customizationTries bounds how often a step waits for somebody else's import or publication; with the waits
// between them that is some ten minutes.
const customizationTries = 25

// ensure makes one thing unless it is there. What was sent without an answer is looked up before it is sent again.
func (r *provisioner) ensure(ctx context.Context, what string, there func(context.Context) (bool, error), create func(context.Context) error) (Step, error) {
	step := Step{What: what}
	present, err := there(ctx)
	if err != nil {
		return step, fmt.Errorf("%s: %w", what, err)
	}
	if present {
		step.Present, step.Done = true, true
	} else if !r.dryRun {
		if err := r.make(ctx, there, create); err != nil {
			return step, fmt.Errorf("%s: %w", what, err)
		}
		step.Done = true
	}
	r.steps = append(r.steps, step)
	if r.report != nil {
		r.report(step)
	}
	return step, nil
}

// ensureShown is ensure for what people see only after a publication: before anything of it changes, the mark goes that says
// that everything is published. A run that is cut off between the change and its publication is so ended by the next one.
func (r *provisioner) ensureShown(ctx context.Context, what string, there func(context.Context) (bool, error), create func(context.Context) error) (Step, error) {
	return r.ensure(ctx, what, there, func(ctx context.Context) error {
		if r.marks.Published != "" {
			r.marks.Published = ""
			if err := r.mark(ctx); err != nil {
				return err
			}
		}
		return create(ctx)
	})
}

func (r *provisioner) make(ctx context.Context, there func(context.Context) (bool, error), create func(context.Context) error) error {
	for try := 1; ; try++ {
		err := create(ctx)
		var unsure *dataverse.Uncertain
		switch {
		case err == nil:
			return nil
		case try == customizationTries || ctx.Err() != nil:
			return err
		case errors.As(err, &unsure), errors.Is(err, dataverse.ErrDuplicate):
			present, lookErr := there(ctx)
			if lookErr != nil {
				return lookErr
			}
			if present {
				return nil
			}
			if errors.Is(err, dataverse.ErrDuplicate) {
				return err
			}
		case errors.Is(err, dataverse.ErrCustomizing):
		default:
			return err
		}
		if !dataverse.Sleep(ctx, dataverse.Exponential(r.c.RetryWait, try+2)) {
			return ctx.Err()
		}
	}
}

// inSolution puts what a request makes into the solution.
func (r *provisioner) inSolution() http.Header {
	return http.Header{"MSCRM.SolutionUniqueName": {r.p.Solution.UniqueName}}
}

// one is the first row of a query, nil if there is none.
func one(ctx context.Context, c *dataverse.Client, q dataverse.Query) (dataverse.Row, error) {
	for row, err := range c.Rows(ctx, q) {
		return row, err
	}
	return nil, nil
}

// quote is a text literal of a filter.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
