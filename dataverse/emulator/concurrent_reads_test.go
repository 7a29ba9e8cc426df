package emulator

import (
	"strconv"
	"sync"
	"testing"
)

// Readers work on a snapshot while rows are written; the race detector holds this to it.
func TestReadersBesideAWriter(t *testing.T) {
	w := crm(t, Options{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			w.put("contact", "x"+strconv.Itoa(i%500+10), map[string]any{"fullname": "written", "parentcustomerid": to("account", "a1")})
			w.remove("contact", "x"+strconv.Itoa(i%300+10))
		}
	})
	var readers sync.WaitGroup
	for _, path := range []string{
		"contacts?$filter=statecode eq 0&$orderby=fullname desc",
		"accounts?$expand=contact_customer_accounts&$filter=contact_customer_accounts/any(c:c/statecode eq 1)",
		"contacts?fetchXml=" + escaped(`<fetch><entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid"/></entity></fetch>`),
		"activitypointers",
	} {
		readers.Go(func() {
			for range 5 {
				if r := w.get(path); r.status != 200 {
					t.Errorf("%s: %d %s", path, r.status, r.text)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	wg.Wait()
}
