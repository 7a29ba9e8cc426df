// Package blobs carries what nights keep between a container of Azure Blob Storage and the folder that a night works in, for machines
// whose disk ends with the run: [Container.Fetch] before a night, [Container.Store] after one that kept something.
//
// What is carried is sealed already; nothing is opened here. A container never names rows that it does not hold: the index comes last when
// it is stored and first when it is fetched, and rows go only after an index that does not name them has come. What two runs store at the
// same time, or a run that was cut, is at worst read in full by the next night. The container needs the right to write and to delete, so
// it is not the one whose immutability protects the ledger.
package blobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/retention/state"
)

// Container is where what nights keep stands.
type Container struct {
	Client *azcontainer.Client
	Prefix string // of the blobs' names: empty, or ending in a slash
}

// ours are the names that a folder of nights has; whatever else stands in a container is left alone.
var ours = regexp.MustCompile(`^(` + state.IndexFile + `|` + state.OffFile + `|` + state.RowsFiles + `[0-9A-Za-z]+)$`)

const (
	atOnce  = 4       // files under way
	mostOf  = 4 << 30 // bytes of a file that are fetched: a container that somebody fills does not fill the disk
	reading = 5       // times that a broken connection is taken up
)

// Fetch puts what the container holds into a folder, which has to be there. Without anything kept it fetches nothing. A file that goes
// meanwhile is left out: the night finds that it is missing.
func (c Container) Fetch(ctx context.Context, folder string) error {
	files, err := c.list(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.order()-b.order(), strings.Compare(a.name, b.name)) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, f := range files {
		if f.size > mostOf {
			return fmt.Errorf("fetch %s: it has %d bytes", f.name, f.size)
		}
		if i == 0 { // the index: rows that it names come after it
			if err := c.fetch(ctx, folder, f.name); err != nil {
				return err
			}
			continue
		}
		group.Go(func() error { return c.fetch(ctx, folder, f.name) })
	}
	return group.Wait()
}

func (c Container) fetch(ctx context.Context, folder, name string) error {
	answer, err := c.blob(name).DownloadStream(ctx, nil)
	if bloberror.HasCode(err, bloberror.BlobNotFound) {
		return nil
	}
	if err != nil {
		return failed("fetch "+name, err)
	}
	body := answer.NewRetryReader(ctx, &blob.RetryReaderOptions{MaxRetries: reading})
	defer func() { _ = body.Close() }()
	out, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(body, mostOf))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return failed("fetch "+name, err)
}

// Store puts what a folder holds in the place of what the container holds.
func (c Container) Store(ctx context.Context, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	there, err := c.list(ctx)
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(there))
	for _, f := range there {
		sizes[f.name] = f.size
	}
	kept := make(map[string]bool)
	group, side := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var last []string
	for _, e := range entries {
		name := e.Name()
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || !ours.MatchString(name) {
			continue
		}
		kept[name] = true
		if !strings.HasPrefix(name, state.RowsFiles) {
			last = append(last, name)
			continue
		}
		if size, stored := sizes[name]; stored && size == info.Size() {
			continue // names of rows are drawn at random, and what is written under one is never changed
		}
		group.Go(func() error { return c.put(side, folder, name) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, name := range last {
		if err := c.put(ctx, folder, name); err != nil {
			return err
		}
	}
	for _, f := range there {
		if kept[f.name] || f.name == state.OffFile { // that nights read in full is taken back by hand alone
			continue
		}
		if _, err := c.blob(f.name).Delete(ctx, nil); err != nil && !bloberror.HasCode(err, bloberror.BlobNotFound) {
			return failed("delete "+f.name, err)
		}
	}
	return nil
}

func (c Container) put(ctx context.Context, folder, name string) error {
	in, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = c.blob(name).UploadFile(ctx, in, &blockblob.UploadFileOptions{HTTPHeaders: &blob.HTTPHeaders{BlobContentType: to.Ptr("application/octet-stream")}})
	return failed("store "+name, err)
}

func (c Container) blob(name string) *blockblob.Client {
	return c.Client.NewBlockBlobClient(c.Prefix + name)
}

type file struct {
	name string
	size int64
}

func (f file) order() int {
	if f.name == state.IndexFile {
		return 0
	}
	return 1
}

// mostPages bounds a listing: what nights keep is a file a query.
const mostPages = 100

func (c Container) list(ctx context.Context) (all []file, err error) {
	pages := c.Client.NewListBlobsHierarchyPager("/", &azcontainer.ListBlobsHierarchyOptions{Prefix: to.Ptr(c.Prefix)})
	for n := 0; pages.More(); n++ {
		if n == mostPages {
			return nil, fmt.Errorf("list the container: it has more than %d pages", n)
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed("list the container", err)
		}
		for _, b := range page.Segment.BlobItems {
			name := strings.TrimPrefix(*b.Name, c.Prefix)
			if !ours.MatchString(name) || b.Properties == nil || b.Properties.ContentLength == nil {
				continue
			}
			all = append(all, file{name, *b.Properties.ContentLength})
		}
	}
	return all, nil
}
