package console

import (
	"archive/zip"
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

// The report, as gallra report writes it, to be downloaded. It is held in memory: only who downloads it has it in a file.

// builtReport is a report that was built.
type builtReport struct {
	files   map[string][]byte // by name, with / between folders
	names   []string          // of those that stand on the page: the others are in the archive
	masked  bool
	byOwner bool
	lang    string
	day     retention.Date
	at      time.Time
}

// archiveName is the file that holds all of them.
const archiveName = "report.zip"

// reportPage shows it.
type reportPage struct {
	Job       watched
	Built     bool
	Files     []reportFile
	Masked    bool
	ByOwner   bool
	Owners    int
	Language  string // that it is in
	Languages []string
	At        time.Time
	Trouble   *trouble
}

type reportFile struct {
	Name string
	Size int // in kilobytes
}

func (c *Console) reports(w http.ResponseWriter, r *http.Request, _ *reading) {
	page := reportPage{Job: c.watch("report"), Languages: words.All(), Language: c.tongue(r).Language}
	page.Trouble = c.trouble(page.Job.Err)
	c.mu.Lock()
	built := c.built
	c.mu.Unlock()
	if built != nil {
		page.Built, page.Masked, page.ByOwner, page.Language, page.At = true, built.masked, built.byOwner, built.lang, built.at
		for _, name := range built.names {
			page.Files = append(page.Files, reportFile{name, (len(built.files[name]) + 1023) / 1024})
		}
		for name := range built.files {
			if strings.HasPrefix(name, report.OwnersDir+"/") && strings.HasSuffix(name, ".html") {
				page.Owners++
			}
		}
	}
	c.show(w, r, http.StatusOK, "report", page)
}

// buildReport builds it, in the background.
func (c *Console) buildReport(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	lang, ok := words.Find(r.PostForm.Get("lang"))
	if !ok {
		lang = c.tongue(r).Language
	}
	masked, byOwner := r.PostForm.Get("mask") == "yes", r.PostForm.Get("owners") == "yes"
	c.begin("report", func(ctx context.Context, j *job) error {
		j.phase("evaluate", 0)
		if _, err := c.o.Client.WhoAmI(ctx); err != nil {
			return err
		}
		l, err := c.o.Ledger()
		if err != nil {
			return err
		}
		look := verb.Look{Client: c.o.Client, Checked: b.checked, Ledger: l, Today: c.today(b)}
		x, err := verb.Report(ctx, look, verb.ReportOptions{Mask: masked, Language: lang, URL: c.o.URL, Name: c.o.Organization.Name, Version: c.o.Deps("report", b.checked, l).Run.Version, Made: c.o.Client.Now(), Progress: j.rows})
		if err != nil {
			return err
		}
		x.EachOwner = byOwner
		j.phase("files", 0)
		built := &builtReport{masked: masked, byOwner: byOwner, lang: lang, day: look.Today, at: c.o.Client.Now().In(b.checked.Policy.TimeZone)}
		if built.files, err = filesOf(x); err != nil {
			return err
		}
		built.names = []string{report.HTMLName, report.SummaryName, report.XLSXName, archiveName}
		c.mu.Lock()
		c.built = built
		c.mu.Unlock()
		return nil
	})
	http.Redirect(w, r, "/report", http.StatusSeeOther)
}

// filesOf are the files of a report, which leave the disk at once.
func filesOf(x *report.Report) (files map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "gallra-report-") // of mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := x.Save(dir); err != nil {
		return nil, err
	}
	files = map[string][]byte{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	archive := zip.NewWriter(&all)
	for _, name := range sortedKeys(files) {
		f, err := archive.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	files[archiveName] = all.Bytes()
	return files, nil
}

// reportFile is one of them.
func (c *Console) reportFile(w http.ResponseWriter, r *http.Request, _ *reading) {
	name := r.PathValue("name")
	c.mu.Lock()
	built := c.built
	c.mu.Unlock()
	if built == nil || !slices.Contains(built.names, name) {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	kind := map[string]string{".html": "text/html; charset=utf-8", ".xlsx": workbookType, ".zip": "application/zip"}[filepath.Ext(name)]
	attach(w, kind, fileName(strings.TrimSuffix(name, filepath.Ext(name)), built.day, strings.TrimPrefix(filepath.Ext(name), ".")))
	_, _ = w.Write(built.files[name])
}

// document is the policy as a page for others, as gallra policy record and gallra policy notice print it, in the language of the reader.
func (c *Console) document(w http.ResponseWriter, r *http.Request, b *reading) {
	if c.o.Document == nil {
		c.show(w, r, http.StatusNotFound, "missing", nil)
		return
	}
	kind := strings.TrimPrefix(r.URL.Path, "/policy/")
	var page bytes.Buffer
	if err := c.o.Document(r.Context(), kind, c.tongue(r).Language, &page); err != nil {
		c.fail(w, r, err)
		return
	}
	attach(w, "text/html; charset=utf-8", fileName(kind, b.AsOf, "html"))
	_, _ = w.Write(page.Bytes())
}

// mayPass are the guard rails that can stop a verb and that the policy lets somebody pass over.
func mayPass(b *reading, stops []policy.Rail) (all []policy.Rail) {
	for _, rail := range b.checked.Policy.Bypass {
		if slices.Contains(stops, rail) {
			all = append(all, rail)
		}
	}
	return all
}

// passed are those of them that a form names.
func passed(b *reading, r *http.Request, stops []policy.Rail) (all []policy.Rail) {
	for _, rail := range mayPass(b, stops) {
		if slices.Contains(r.PostForm["bypass"], string(rail)) {
			all = append(all, rail)
		}
	}
	return all
}
