package ledger

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

// StorageError is what Azure Blob Storage answered instead of what was asked for. Its text holds no query string: a
// shared access signature would stand in it.
type StorageError struct {
	Op     string // "append to 000007-nightly.jsonl"
	Status int    // zero: there was no answer
	Code   string
	cause  error
}

func (e *StorageError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("ledger: %s: %v", e.Op, e.cause)
	case e.Code == "":
		return fmt.Sprintf("ledger: %s: status %d", e.Op, e.Status)
	}
	return fmt.Sprintf("ledger: %s: %s (status %d)", e.Op, e.Code, e.Status)
}

// Unwrap is the cause, without the address that was called.
func (e *StorageError) Unwrap() error { return e.cause }

// Hint tells what to do about it.
func (e *StorageError) Hint() string {
	switch {
	case e.Code == string(bloberror.ContainerNotFound):
		return "create the container, with an immutability policy that allows protected append writes; gallra does not"
	case e.Code == string(bloberror.InvalidHeaderValue):
		return "an old Azurite refuses new clients: start it with --skipApiVersionCheck"
	case e.Code == string(bloberror.BlobImmutableDueToPolicy):
		return "the container's immutability policy has to allow protected append writes"
	case e.Status == 401 || e.Status == 403:
		return "the identity needs the role Storage Blob Data Contributor on the container; a shared access signature needs read, add, create, write and list, and must not have expired"
	}
	return ""
}

func storageError(op string, err error) error {
	if err == nil {
		return nil
	}
	e := &StorageError{Op: op, cause: err}
	var answer *azcore.ResponseError
	var address *url.Error
	switch {
	case errors.As(err, &answer):
		e.Status, e.Code, e.cause = answer.StatusCode, answer.ErrorCode, nil
	case errors.As(err, &address):
		e.cause = address.Err
	}
	return e
}

// answered tells whether the storage said no for one of these reasons.
func answered(err error, codes ...bloberror.Code) bool { return bloberror.HasCode(err, codes...) }

// unsure tells whether nobody knows what became of a request: there was no answer, or one that leaves it open.
func unsure(err error) bool {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		return true
	}
	return answer.StatusCode >= 500 || answer.StatusCode == 408
}
