package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// mostIdlePages is how many pages in a row may bring no new name. The service may send an empty page with a marker behind it.
const mostIdlePages = 20

// blobs calls fn for every blob whose name begins so, once each. Markers that lead back, or on and on without a new name, end the
// read with an error.
func (c *container) blobs(ctx context.Context, prefix string, fn func(name string, size int64)) error {
	names, markers := map[string]bool{}, map[string]bool{}
	idle, number := 0, 0
	pages := c.client.NewListBlobsHierarchyPager("/", &azcontainer.ListBlobsHierarchyOptions{Prefix: to.Ptr(prefix)})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return storageError("list the container", err)
		}
		number++
		before := len(names)
		for _, b := range page.Segment.BlobPrefixes {
			names[*b.Name] = true
		}
		for _, b := range page.Segment.BlobItems {
			if names[*b.Name] {
				continue
			}
			names[*b.Name] = true
			size := int64(0)
			if b.Properties != nil && b.Properties.ContentLength != nil {
				size = *b.Properties.ContentLength
			}
			fn(strings.TrimPrefix(*b.Name, c.prefix), size)
		}
		if page.NextMarker == nil || *page.NextMarker == "" {
			continue // the last one
		}
		if idle++; len(names) > before {
			idle = 0
		}
		switch marker := *page.NextMarker; {
		case markers[marker]:
			return storageError("list the container", fmt.Errorf("page %d of the blobs leads back to one that was read", number))
		case idle == mostIdlePages:
			return storageError("list the container", fmt.Errorf("%d pages of the blobs without a new name, up to page %d", idle, number))
		default:
			markers[marker] = true
		}
	}
	return nil
}
