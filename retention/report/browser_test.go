package report_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/gallra/gallra/retention/report"
)

const chromium = "/usr/bin/chromium"

// started is the one browser of all tests, which ends with them.
var started = sync.OnceValues(func() (context.Context, error) {
	profile, err := os.MkdirTemp("", "gallra-browser-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true)))
	leave = append(leave, cancel, func() { _ = os.RemoveAll(profile) })
	return ctx, chromedp.Do(ctx)
})

// browser is a tab of a real browser on a page that holds the report.
func browser(t *testing.T, html string) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("GALLRA_BROWSER") == "required" {
			t.Fatal(err)
		}
		t.Skip("there is no browser here")
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(html))
	}))
	t.Cleanup(web.Close)
	all, err := started()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(web.URL)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// artifact keeps what a test saw where GALLRA_SCREENSHOTS says, to be looked at.
func artifact(t *testing.T, name string, data []byte) {
	t.Helper()
	dir := os.Getenv("GALLRA_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func scheme(value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
		return err
	})
}

// In a real browser the report fits every width, is light and dark as the reader has it, and its own policy refuses nothing
// that it needs.
func TestReportInABrowser(t *testing.T) {
	w := theDay(t)
	ctx := browser(t, page(t, w.report(false, report.English)))
	for _, look := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1280, 2560} {
			if err := chromedp.Do(ctx, scheme(look), chromedp.EmulateViewport(width, 900)); err != nil {
				t.Fatal(err)
			}
			shot, err := chromedp.Run(ctx, picture())
			if err != nil {
				t.Fatal(err)
			}
			artifact(t, "report-"+look+"-"+itoa(int(width))+".png", shot)
			if look == "light" && width == 1280 { // docs/images/report.png
				first, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
				if err != nil {
					t.Fatal(err)
				}
				artifact(t, "report.png", first)
			}
			img, err := png.Decode(bytes.NewReader(shot))
			if err != nil {
				t.Fatal(err)
			}
			if dark := luminance(img, 2, 2) < 0.2; dark != (look == "dark") {
				t.Errorf("%s at %d: the background is not", look, width)
			}
			accessible(t, ctx, look, width)
			over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
			if err != nil || over > 0 {
				t.Errorf("%s at %d: the page is %d too wide (%v)", look, width, over, err)
			}
		}
	}
	// Colours come from the embedded style sheet: a policy that refused it would leave bars in the colour of the text.
	fill, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".chart rect")).fill`))
	if err != nil || fill != "rgb(131, 201, 227)" {
		t.Errorf("the bars are %q (%v)", fill, err)
	}
}

// picture is one of the whole page where somebody wants to look at it, otherwise of what is on the screen.
func picture() chromedp.Action[[]byte] {
	if os.Getenv("GALLRA_SCREENSHOTS") != "" {
		return chromedp.FullScreenshot(100)
	}
	return chromedp.CaptureScreenshot()
}

// accessible asks axe-core, which finds nothing that hinders anybody. What the page is made of, its colours do not change: of a dark page
// it asks about these.
func accessible(t *testing.T, ctx context.Context, look string, width int64) {
	t.Helper()
	source, err := os.ReadFile("../../tools/node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("GALLRA_TOOLS") == "required" {
			t.Fatal(err)
		}
		return
	}
	rules := `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	if look == "dark" {
		rules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](string(source)+`;axe.run({runOnly: `+rules+`, resultTypes: ["violations"]}).then(r =>
		r.violations.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ": " + n.target.join(" ") + " — " + n.failureSummary.replaceAll("\n", " "))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s at %d: %s", look, width, f)
	}
}

// Printed on A4 every owner's list begins on a page of its own, light, whatever the screen is.
func TestReportOnPaper(t *testing.T) {
	w := theDay(t)
	r := w.report(false, report.English)
	ctx := browser(t, page(t, r))
	background := true
	var pdf []byte
	err := chromedp.Do(ctx, scheme("dark"), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		res, err := cdp.Call(ctx, target, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: &background, PrintBackground: &background})
		pdf = res.Data
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	artifact(t, "report.pdf", pdf)
	err = chromedp.Do(ctx, chromedp.EmulateViewport(690, 1000), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GALLRA_SCREENSHOTS") != "" {
		shot, err := chromedp.Run(ctx, picture())
		if err != nil {
			t.Fatal(err)
		}
		artifact(t, "report-paper.png", shot)
	}
	if pages, owners := bytes.Count(pdf, []byte("/Type /Page\n")), len(r.Coming.ByOwner()); pages < owners+2 || !bytes.Contains(pdf, []byte("/MediaBox [0 0 59")) {
		t.Errorf("%d pages for %d owners", pages, owners)
	}
}

func luminance(img image.Image, x, y int) float64 {
	r, g, b, _ := img.At(x, y).RGBA()
	return (0.2126*float64(r) + 0.7152*float64(g) + 0.0722*float64(b)) / 0xffff
}
