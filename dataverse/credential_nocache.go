//go:build !(linux || windows || (darwin && cgo))

package dataverse

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// tokenCache needs the operating system's keychain, which this build cannot reach.
func tokenCache() (azidentity.Cache, error) {
	return azidentity.Cache{}, errors.New("this build has no store for tokens")
}
