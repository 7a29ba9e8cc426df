package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// ContainerOptions say where in Azure Blob Storage a ledger lies, and how to sign in there.
type ContainerOptions struct {
	// URL is https://ACCOUNT.blob.core.windows.net/CONTAINER, with a folder behind it if the container is shared. An
	// address of this machine, with the account as its first step, is Azurite.
	URL string
	// SAS is a shared access signature, without its question mark.
	SAS string
	// Key is the account's shared key. It is taken for this machine only: it opens the whole account.
	Key string
	// Credential signs in where neither SAS nor Key is set.
	Credential azcore.TokenCredential
	// Client is for tests: a transport, and retries that take no time.
	Client azcore.ClientOptions
}

// Container is a ledger's storage in a container of Azure Blob Storage: one append blob a file.
//
// It asks for no more than what an immutability policy with protected append writes allows: a blob is created once, and
// added to; nothing is overwritten, nothing deleted. Beside the files stand two append blobs, head.json and lock, whose
// last line counts. The lock is a lease on the latter.
func Container(o ContainerOptions) (Storage, error) {
	c, prefix, err := ContainerClient(o)
	if err != nil {
		return nil, err
	}
	return &container{client: c, prefix: prefix, limit: maxBlocks, piece: maxPiece, blocks: map[string]int{}}, nil
}

// ContainerClient signs in to a container, for whatever else is kept beside a ledger. The prefix begins the name of each blob of the folder
// that the address names: it is empty, or ends in a slash. No error quotes a signature.
func ContainerClient(o ContainerOptions) (c *azcontainer.Client, prefix string, err error) {
	at, err := parseContainer(o.URL)
	if err != nil {
		return nil, "", err
	}
	client := o.Client
	if client.Retry.MaxRetries == 0 {
		client.Retry = policy.RetryOptions{MaxRetries: 5, RetryDelay: 500 * time.Millisecond, MaxRetryDelay: 8 * time.Second, TryTimeout: 30 * time.Second}
	}
	options := &azcontainer.ClientOptions{ClientOptions: client}
	switch {
	case o.Key != "":
		if !at.local {
			return nil, "", errors.New("an account's shared key opens everything in it: it is taken for Azurite on this machine only")
		}
		var key *azcontainer.SharedKeyCredential
		if key, err = azcontainer.NewSharedKeyCredential(at.account, o.Key); err != nil {
			return nil, "", errors.New("the shared key is not in base64")
		}
		c, err = azcontainer.NewClientWithSharedKeyCredential(at.address, key, options)
	case o.SAS != "":
		c, err = azcontainer.NewClientWithNoCredential(at.address+"?"+o.SAS, options)
	case o.Credential != nil:
		if !strings.HasPrefix(at.address, "https:") {
			return nil, "", errors.New("a token is not sent over plain http: use https, a shared access signature or, for Azurite, its key")
		}
		c, err = azcontainer.NewClient(at.address, o.Credential, options)
	default:
		return nil, "", errors.New("nothing says how to sign in to the storage account")
	}
	if err != nil {
		return nil, "", errors.New("the address of the container cannot be used") // err would quote a signature
	}
	return c, at.prefix, nil
}

// The limits of append blobs.
const (
	maxBlocks = 50_000
	maxPiece  = 4 << 20
)

type container struct {
	client *azcontainer.Client
	prefix string // empty, or ends in a slash
	limit  int    // blocks of a blob
	piece  int    // bytes of a block

	blocks map[string]int // of the blobs that are being written
	lock   *leased
	head   headBlob
}

type containerPlace struct {
	account, address, prefix string
	local                    bool
}

func parseContainer(text string) (p containerPlace, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return p, errors.New("it is no address of a blob container, such as https://ACCOUNT.blob.core.windows.net/CONTAINER")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return p, errors.New("a query does not belong to the address of the container")
	}
	ip := net.ParseIP(u.Hostname())
	p.local = u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	steps := strings.Split(strings.Trim(u.Path, "/"), "/")
	root := u.Scheme + "://" + u.Host
	if p.local { // Azurite names the account in the path
		p.account, root = steps[0], root+"/"+url.PathEscape(steps[0])
		steps = steps[1:]
	} else {
		p.account = strings.SplitN(u.Hostname(), ".", 2)[0]
		if u.Scheme == "http" {
			return p, errors.New("plain http is taken for this machine only")
		}
	}
	if len(steps) == 0 || !containerForm.MatchString(steps[0]) || slices.Contains(steps, "") || slices.Contains(steps, "..") {
		return p, errors.New("it names no container: small letters, digits and hyphens, at least three, behind the account")
	}
	p.address = root + "/" + steps[0]
	if rest := steps[1:]; len(rest) > 0 {
		p.prefix = strings.Join(rest, "/") + "/"
	}
	return p, nil
}

var (
	containerForm = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`)
	ledgerFile    = regexp.MustCompile(`^[0-9]{6,}-[a-z0-9][a-z0-9-]*\.jsonl$`)
)

func (c *container) appendBlob(name string) *appendblob.Client {
	return c.client.NewAppendBlobClient(c.prefix + name)
}

func (c *container) List(ctx context.Context) ([]File, error) {
	var files []File
	err := c.blobs(ctx, c.prefix, func(name string, size int64) {
		if ledgerFile.MatchString(name) {
			files = append(files, File{Name: name, Size: size})
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

func (c *container) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	answer, err := c.appendBlob(name).DownloadStream(ctx, nil)
	if err != nil {
		return nil, storageError("read "+name, err)
	}
	// A connection that breaks off is taken up where it broke, and only for the blob that it was.
	return named{answer.NewRetryReader(ctx, &blob.RetryReaderOptions{MaxRetries: 5}), name}, nil
}

// named tells which file could not be read to its end.
type named struct {
	io.ReadCloser
	name string
}

func (r named) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = storageError("read "+r.name, err)
	}
	return n, err
}

func (c *container) tail(ctx context.Context, name string, from, n int64) ([]byte, error) {
	answer, err := c.appendBlob(name).DownloadStream(ctx, &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: from, Count: n}})
	if err != nil {
		return nil, err
	}
	body := answer.NewRetryReader(ctx, &blob.RetryReaderOptions{MaxRetries: 5})
	b, err := io.ReadAll(io.LimitReader(body, n))
	if cerr := body.Close(); err == nil {
		err = cerr
	}
	return b, err
}

// lastLine is the last whole line of a small append blob; nil if there is none. Count is how many blocks the blob has.
func (c *container) lastLine(ctx context.Context, name string) (line []byte, count int, err error) {
	const enough = 4096
	p, err := c.appendBlob(name).GetProperties(ctx, nil)
	if err != nil {
		return nil, 0, err
	}
	if p.BlobCommittedBlockCount != nil {
		count = int(*p.BlobCommittedBlockCount)
	}
	size := *p.ContentLength
	if size == 0 {
		return nil, count, nil
	}
	b, err := c.tail(ctx, name, max(0, size-enough), min(size, enough))
	if err != nil {
		return nil, count, err
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 2 {
		return nil, count, fmt.Errorf("%s holds no whole line", name)
	}
	return []byte(lines[len(lines)-2]), count, nil
}
