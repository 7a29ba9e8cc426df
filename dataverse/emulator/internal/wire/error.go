package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/odata"
)

// Error is an error as Dataverse answers it: {"error":{"code":…,"message":…}}. Page: compose-http-requests-handle-errors.
type Error struct {
	Status  int
	Code    string
	Message string
	Header  http.Header

	segment  string // the segment of the path that names nothing
	set      string // the entity set that there is not
	table    string // the table that there is not
	property string // the property that table does not have
}

// Error is the status, the code and the message.
func (f *Error) Error() string { return fmt.Sprintf("%d %s %s", f.Status, f.Code, f.Message) }

// NewError is an error with a formatted message. The code has the service's form: 0x and eight digits.
func NewError(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// The errors that more than one place answers. Codes and words: limits-errors and writes in the facts; pages by name there.

// NoSegment is the error for a path segment that names nothing. The pages have two codes for it: 0x8006088a is in those of 2022 and in
// web-service-error-codes, 0x80060888 in webapi/use-ps-and-vscode-web-api (2024) and in answers that users report. [ErrorAnswer] puts the
// second in its place where the options say so.
func NoSegment(name string) *Error {
	e := NewError(http.StatusNotFound, "0x8006088a", "Resource not found for the segment '%s'.", name)
	e.segment = name
	return e
}

// NoTable is the error for a logical name of no table. The code differs by who asks.
func NoTable(status int, code, name string) *Error {
	e := NewError(status, code, "The entity with a name = '%s' with namemapping = 'Logical' was not found in the MetadataCache.", name)
	e.table = name
	return e
}

// NoProperty is the error for a name that is no property of the table.
func NoProperty(name, table string) *Error {
	return NewError(http.StatusBadRequest, "0x80060888", "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, table).Of(table, name)
}

// Of says that the error is about a property that the table does not have.
func (f *Error) Of(table, property string) *Error {
	f.table, f.property = table, property
	return f
}

// unheld is the error in the place of f, if what f says there is not is the platform's and only not held here: a table, or a
// navigation property that leads to one. It is refused by name then.
func (f *Error) unheld(c *Call) *Error {
	if c == nil || c.Engine == nil {
		return f
	}
	table, property := f.table, f.property
	if f.segment != "" && len(c.Path.Segments) > 1 {
		if t := c.View().Schema.Sets[c.Path.Segments[0].Name]; t != nil {
			table, property = t.Name, f.segment
		}
	}
	switch {
	case schema.PlatformSets()[f.set]:
		return NotEmulated(c.Engine, "the rows of "+f.set)
	case property != "" && schema.IsPlatformProperty(table, property):
		return NotEmulated(c.Engine, "the property "+property+" of "+table)
	case property == "" && schema.PlatformTables()[strings.ToLower(table)]:
		return NotEmulated(c.Engine, "the table "+strings.ToLower(table))
	}
	return f
}

// NoRow is the error for a row that does not exist.
func NoRow(table, id string) *Error {
	return NewError(http.StatusNotFound, "0x80040217", "%s With Id = %s Does Not Exist", table, id)
}

// VersionMismatch is the 412 for an If-Match that names another version.
func VersionMismatch() *Error {
	return NewError(http.StatusPreconditionFailed, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided.")
}

// BadQuery is the error for a query option that cannot be read.
func BadQuery(format string, args ...any) *Error {
	return NewError(http.StatusBadRequest, "0x80060888", format, args...)
}

// BadArgument is the error for a value that an operation does not take.
func BadArgument(format string, args ...any) *Error {
	return NewError(http.StatusBadRequest, "0x80040203", format, args...)
}

// BadPayload is the error for a body that cannot be read.
func BadPayload(table, detail string) *Error {
	return NewError(http.StatusBadRequest, "0x80048d19", "Error identified in Payload provided by the user for Entity :'%s', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : Microsoft.OData.ODataException: %s", table, detail)
}

// NotEmulated refuses what the emulator does not cover, loudly and by name.
func NotEmulated(e *store.Engine, what string) *Error {
	e.Meter.Unsupported(what)
	return NewError(http.StatusNotImplemented, "0x80040315", "The emulator does not cover this: %s.", what)
}

// ErrorAnswer writes err as the service does. An err that is no *Error is a bug of the emulator, and the answer says so.
func ErrorAnswer(err error, c *Call) *Answer {
	var f *Error
	if !errors.As(err, &f) {
		f = NewError(http.StatusInternalServerError, "0x80040216", "An unexpected error occurred. The emulator is at fault: %v", err)
	}
	f = f.unheld(c)
	code := f.Code
	if f.segment != "" && c != nil && c.Engine != nil && c.Engine.Options.NewerSegmentCode {
		code = "0x80060888"
	}
	body := map[string]any{"code": code, "message": f.Message}
	if c != nil && c.WantsAnnotation("Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus") {
		body["@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"] = "0"
		body["@Microsoft.PowerApps.CDS.HelpLink"] = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a" + TrimHex(code) + "&client=platform"
	}
	a := &Answer{Status: f.Status, Body: map[string]any{"error": body}}
	if f.Status == http.StatusUnauthorized { // whoever is not known is told nothing but where to sign in
		a.Body = nil
	}
	for k, v := range f.Header {
		a.SetHeader(k, v[0])
	}
	return a
}

// TrimHex is an error code without its 0x.
func TrimHex(code string) string {
	if len(code) > 2 && code[:2] == "0x" {
		return code[2:]
	}
	return code
}

// QueryError is an error of package odata as Dataverse answers it.
func QueryError(err error) error {
	var name *odata.NameError
	if errors.As(err, &name) {
		if name.On == "" {
			return BadQuery("%s", name.Error())
		}
		return NoProperty(name.Name, name.On)
	}
	var syntax *odata.SyntaxError
	if errors.As(err, &syntax) && syntax.Code != "" {
		return NewError(400, syntax.Code, "%s", syntax.Msg)
	}
	var typed *odata.TypeError
	if errors.As(err, &typed) && strings.HasPrefix(typed.Error(), "A binary operator") {
		return NewError(400, "0x0", "%s", typed.Error())
	}
	return BadQuery("%s", err.Error())
}
