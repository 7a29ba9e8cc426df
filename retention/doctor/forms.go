package doctor

import (
	"context"
	"errors"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention/compile"
)

// forms tells whether staff find an extension and its reason on a form. Whoever may not read forms, such as the job's user, cannot tell,
// and needs to know nothing of them.
func (d *visit) forms(ctx context.Context, s compile.Subject) error {
	found, used, err := provision.OnForms(ctx, d.Client, s.Table, s.Own.RetainUntil, s.Own.RetainReason)
	switch {
	case errors.Is(err, dataverse.ErrForbidden), errors.Is(err, dataverse.ErrNotFound), errors.Is(err, dataverse.ErrNoTable):
		return nil
	case err != nil:
		return err
	case used == 0:
		d.warn("forms", "doctor.forms.none", s.Table)
	case found == 0:
		d.warn("forms", "doctor.forms.missing", used, s.Table, s.Own.RetainUntil, s.Own.RetainReason)
	default:
		d.ok("forms", "doctor.forms", s.Table, found, used)
	}
	return nil
}
