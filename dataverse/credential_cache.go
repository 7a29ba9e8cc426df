//go:build linux || windows || (darwin && cgo)

package dataverse

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"
)

// tokenCache keeps a person's tokens, encrypted by what the operating system has for it.
func tokenCache() (azidentity.Cache, error) { return cache.New(&cache.Options{Name: "gallra"}) }
