package evaluate_test

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pageServer answers reads of whole tables with rows that it makes on the fly, so that its own memory is no matter.
// A person's number decides everything about them; a related row's decides whom it is about.
type pageServer struct {
	contacts, leads, related int // related rows: of each of the four tables that justify
	latency                  time.Duration
	page                     int // rows of a page; 0: 5,000
	// order, if set, says in which order the pages of a set come.
	order func(set string, pages int) []int

	requests atomic.Int64
	buffers  sync.Pool

	mu       sync.Mutex
	inFlight int
	peak     int
	since    time.Time
	busy     map[int]time.Duration // how long that many requests were in flight
}

func (s *pageServer) pageRows() int {
	if s.page > 0 {
		return s.page
	}
	return 5000
}

func (s *pageServer) size(set string) int {
	switch set {
	case "contacts":
		return s.contacts
	case "leads":
		return s.leads
	}
	return s.related
}

// ideal is Σ ⌈rows/5000⌉ over the reads of the policy of these benchmarks.
func (s *pageServer) ideal() int {
	pages := func(n int) int { return max(1, (n+s.pageRows()-1)/s.pageRows()) }
	return pages(s.contacts) + 2*pages(s.leads) + 4*pages(s.related) // the leads' own row is a ground
}

// mix makes a number look random; the same number always becomes the same.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func appendID(b []byte, kind, n int) []byte {
	var id [16]byte
	for i, v := range [2]uint64{mix(uint64(n)<<3 | uint64(kind)), mix(mix(uint64(n)<<3 | uint64(kind)))} {
		for j := range 8 {
			id[8*i+j] = byte(v >> (8 * j))
		}
	}
	at := len(b)
	b = append(b, "00000000-0000-0000-0000-000000000000"...)
	out := b[at:]
	hex.Encode(out[0:8], id[0:4])
	hex.Encode(out[9:13], id[4:6])
	hex.Encode(out[14:18], id[6:8])
	hex.Encode(out[19:23], id[8:10])
	hex.Encode(out[24:36], id[10:16])
	return b
}

func appendDay(b []byte, n uint64) []byte {
	return time.Date(2015, 1, 1+int(n%4300), 0, 0, 0, 0, time.UTC).AppendFormat(b, time.DateOnly)
}

func appendMail(b []byte, kind, n int) []byte {
	if kind == 1 && n%10 == 0 {
		kind = 0 // a lead that is a contact as well
	}
	b = append(b, "Person."...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(append(b, "@example"...), strconv.Itoa(kind)+".com"...)
}

// row appends the n-th row of a set.
func (s *pageServer) row(b []byte, set string, n int) []byte {
	r := mix(uint64(n) ^ uint64(len(set))<<40)
	b = append(b, `{"@odata.etag":"W/\"`...)
	b = strconv.AppendInt(b, int64(1000000+n), 10)
	b = append(b, `\"",`...)
	kind := 0
	switch set {
	case "leads":
		kind = 1
		fallthrough
	case "contacts":
		b = append(append(b, `"`...), strings.TrimSuffix(set, "s")...)
		b = append(appendID(append(b, `id":"`...), kind, n), `","gallra_purgescheduledon":`...)
		if r%4 == 0 {
			b = append(appendDay(append(b, '"'), r>>8), `","gallra_purgenoticedon":"2026-09-24"`...)
		} else {
			b = append(b, `null,"gallra_purgenoticedon":null`...)
		}
		b = append(b, `,"gallra_legalhold":false,"gallra_retainuntil":null,"gallra_retainreason":null,"_masterid_value":null,"emailaddress1":"`...)
		b = append(appendMail(b, kind, n), `"`...)
		if kind == 1 {
			b = append(appendDay(append(b, `,"createdon":"`...), r>>20), `T12:30:00Z"`...)
		}
		return append(b, '}')
	}
	about := int(r>>16) % max(1, s.contacts)
	b = append(appendID(append(b, `"rowid":"`...), 2, n), `",`...)
	switch set {
	case "accounts":
		b = append(appendID(append(b, `"_primarycontactid_value":"`...), 0, about), `"}`...)
	case "opportunities":
		b = append(appendID(append(b, `"_parentcontactid_value":"`...), 0, about), `","actualclosedate":"`...)
		b = append(appendDay(b, r>>8), `"}`...)
	case "msevtmgt_eventregistrations":
		b = append(appendID(append(b, `"_msevtmgt_contactid_value":"`...), 0, about), `","msevtmgt_EventId":{"msevtmgt_eventenddate":"`...)
		b = append(appendDay(b, r>>8), `T16:00:00Z"}}`...)
	default: // consents
		b = append(appendMail(append(b, `"msdynmkt_contactpointvalue":"`...), 0, about), `","modifiedon":"`...)
		b = append(appendDay(b, r>>8), `T23:45:00Z"}`...)
	}
	return b
}

func (s *pageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.enter(1)
	defer s.enter(-1)
	s.requests.Add(1)
	time.Sleep(s.latency)
	set := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	at, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	n := s.size(set)
	pageRows := s.pageRows()
	pages := max(1, (n+pageRows-1)/pageRows)
	page := at
	if s.order != nil {
		page = s.order(set, pages)[at]
	}
	buffer, _ := s.buffers.Get().(*[]byte)
	if buffer == nil {
		b := make([]byte, 0, 2<<20)
		buffer = &b
	}
	b := append((*buffer)[:0], `{"@odata.context":"c","value":[`...)
	for i := page * pageRows; i < min(n, (page+1)*pageRows); i++ {
		if i > page*pageRows {
			b = append(b, ',')
		}
		b = s.row(b, set, i)
	}
	b = append(b, ']')
	if at+1 < pages {
		b = append(append(b, `,"@odata.nextLink":"http://`+r.Host+r.URL.Path+`?$skiptoken=`...), strconv.Itoa(at+1)+`"`...)
	}
	b = append(b, '}')
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.Header().Set("OData-Version", "4.0")
	w.Header().Set("x-ms-dop-hint", "8")
	_, _ = w.Write(b)
	*buffer = b
	s.buffers.Put(buffer)
}

// enter counts the requests in flight and how long there were how many.
func (s *pageServer) enter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.busy == nil {
		s.busy = map[int]time.Duration{}
	}
	if !s.since.IsZero() {
		s.busy[s.inFlight] += now.Sub(s.since)
	}
	s.since = now
	s.inFlight += n
	s.peak = max(s.peak, s.inFlight)
}
