package blobs

import (
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// failed says what could not be done, and the storage account's code for it. What the SDK prints of an answer quotes addresses and
// bodies: it is not printed.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return &Error{what, answer.StatusCode, answer.ErrorCode}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Error is what a storage account has refused.
type Error struct {
	What   string
	Status int    // of HTTP
	Code   string // of the storage account, such as AuthorizationPermissionMismatch
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %d %s", e.What, e.Status, e.Code) }

// Hint tells what to do.
func (e *Error) Hint() string {
	switch e.Status {
	case 401, 403:
		return "give the identity that runs the job the role Storage Blob Data Contributor on the container"
	case 404:
		return "make the container: the one for what nights keep is not the ledger's"
	}
	return ""
}
