package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
)

// fault is an error as Dataverse answers it: {"error":{"code":…,"message":…}}. Page: compose-http-requests-handle-errors.
type fault struct {
	status  int
	code    string
	message string
	header  http.Header
}

func (f *fault) Error() string { return fmt.Sprintf("%d %s %s", f.status, f.code, f.message) }

func newFault(status int, code, format string, args ...any) *fault {
	return &fault{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// The faults that more than one place answers. Codes and words: limits-errors and writes in the facts; pages by name there.

func noSegment(name string) *fault {
	return newFault(http.StatusNotFound, "0x80060888", "Resource not found for the segment '%s'.", name)
}

func noProperty(name, table string) *fault {
	return newFault(http.StatusBadRequest, "0x80060888", "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, table)
}

func noRow(table, id string) *fault {
	return newFault(http.StatusNotFound, "0x80040217", "%s With Id = %s Does Not Exist", table, id)
}

func changed() *fault {
	return newFault(http.StatusPreconditionFailed, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided.")
}

func badQuery(format string, args ...any) *fault {
	return newFault(http.StatusBadRequest, "0x80060888", format, args...)
}

func badArgument(format string, args ...any) *fault {
	return newFault(http.StatusBadRequest, "0x80040203", format, args...)
}

func payloadFault(table, detail string) *fault {
	return newFault(http.StatusBadRequest, "0x80048d19", "Error identified in Payload provided by the user for Entity :'%s', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : Microsoft.OData.ODataException: %s", table, detail)
}

// notEmulated refuses what the emulator does not cover, loudly and by name.
func (e *engine) notEmulated(what string) *fault {
	e.meter.unsupported(what)
	return newFault(http.StatusNotImplemented, "0x80040315", "The emulator does not cover this: %s.", what)
}

// faultAnswer is err as it goes on the wire. An error that is no fault is a bug of the emulator and says so.
func faultAnswer(err error, c *call) *answer {
	var f *fault
	if !errors.As(err, &f) {
		f = newFault(http.StatusInternalServerError, "0x80040216", "An unexpected error occurred. The emulator is at fault: %v", err)
	}
	body := map[string]any{"code": f.code, "message": f.message}
	if c != nil && c.annotations("Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus") {
		body["@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"] = "0"
		body["@Microsoft.PowerApps.CDS.HelpLink"] = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a" + trimHex(f.code) + "&client=platform"
	}
	a := &answer{status: f.status, body: map[string]any{"error": body}}
	if f.status == http.StatusUnauthorized { // whoever is not known is told nothing but where to sign in
		a.body = nil
	}
	for k, v := range f.header {
		a.set(k, v[0])
	}
	return a
}

func trimHex(code string) string {
	if len(code) > 2 && code[:2] == "0x" {
		return code[2:]
	}
	return code
}

// queryFault is an error of package odata as Dataverse answers it.
func queryFault(err error) error {
	var name *odata.NameError
	if errors.As(err, &name) {
		if name.On == "" {
			return badQuery("%s", name.Error())
		}
		return noProperty(name.Name, name.On)
	}
	var syntax *odata.SyntaxError
	if errors.As(err, &syntax) && syntax.Code != "" {
		return newFault(400, syntax.Code, "%s", syntax.Msg)
	}
	var typed *odata.TypeError
	if errors.As(err, &typed) && strings.HasPrefix(typed.Error(), "A binary operator") {
		return newFault(400, "0x0", "%s", typed.Error())
	}
	return badQuery("%s", err.Error())
}
