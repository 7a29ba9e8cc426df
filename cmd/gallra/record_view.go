package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/gallra/gallra/retention/policy"
)

// recordPage is a page that needs nothing from elsewhere and prints well.
const recordPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Record of processing</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%%; margin: 1rem 0 }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left; vertical-align: top }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } tr { break-inside: avoid } }
</style>
%s</html>
`

// recordHTML prints the record as a page. What the policy says is text in it, whatever it looks like.
func recordHTML(w io.Writer, p *policy.Policy) error {
	var markdown, page bytes.Buffer
	if err := p.WriteRecord(&markdown); err != nil {
		return err
	}
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(markdown.Bytes(), &page); err != nil {
		return fmt.Errorf("print the record as a page: %w", err)
	}
	_, err := fmt.Fprintf(w, recordPage, page.String())
	return err
}
