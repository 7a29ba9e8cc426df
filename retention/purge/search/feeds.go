package search

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// The activity feed writes posts by itself that quote names ("Closed the deal with …"), and colleagues write others. Nothing
// but their text leads from most of them to a person, and no index helps to search it, so it is asked for in few queries
// (a run that purges many persons reads the texts once instead), and not at all any more once the service has not answered one. Page: common-data-service-gdpr-dsr-guide.

// maxFeedNames is how many names or addresses one query of a feed asks for.
const maxFeedNames = 10

// feedsUnread is the place that is named where the feed could not be searched.
var feedsUnread = Place{Key: Posts, Name: "Activity feeds (posts)", Remedy: "They were not searched to the end, because the user may not read them the service did not answer in time, or too many bear the name: search the timelines for the person's name, and delete the posts."}

// feeds looks for posts that bear the whole name or an address of a purged person.
func (s *Searcher) feeds(ctx context.Context, of *traces, mention func(Finding)) error {
	if s.Known.feedsOff.Load() {
		return nil
	}
	words := make(map[string][]ledger.Key)
	for who, name := range of.names {
		if strings.Contains(name, " ") { // a first name or a word alone is found everywhere
			words[name] = with(words[name], who)
		}
	}
	for address, holders := range of.addresses {
		words[address] = holders
	}
	if len(words) == 0 {
		return nil
	}
	var all []string
	for w := range words {
		all = append(all, w)
	}
	slices.Sort(all)
	var asked []dataverse.TableSummary
	var qs []dataverse.Query
	for _, table := range personmap.Tables(personmap.Feed) {
		if !s.Tables.Exists(table) {
			continue
		}
		t := s.Tables.Summary(table)
		ids, known, err := s.naming(ctx, table, all)
		if err != nil {
			if err = s.feedsFailed(ctx, err); err != nil || s.Known.feedsOff.Load() {
				return err
			}
		}
		if known {
			for some := range slices.Chunk(ids, environment.MaxIDs) {
				asked = append(asked, t)
				qs = append(qs, dataverse.Query{Table: table, Select: []string{t.PrimaryID, "text"}, Filter: environment.IDFilter(t.PrimaryID, some)})
			}
			continue
		}
		for some := range slices.Chunk(all, maxFeedNames) {
			var or []string
			for _, w := range some {
				or = append(or, "contains(text,"+odata.Quote(w)+")")
			}
			asked = append(asked, t)
			qs = append(qs, dataverse.Query{Table: table, Select: []string{t.PrimaryID, "text"}, Filter: strings.Join(or, " or ")})
		}
	}
	found := make([]int, len(qs))
	told := make(map[Finding]bool)
	err := s.Reader.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		if found[i]++; found[i] > s.Most {
			s.unread(feedsUnread)
			return false
		}
		text := environment.Fold(row.Text("text"))
		for _, w := range all {
			if !containsWord(text, w) {
				continue
			}
			for _, who := range words[w] {
				f := Finding{Person: who, Where: "feed", Table: asked[i].LogicalName, ID: row.ID(asked[i].PrimaryID)}
				if f.ID != uuid.Nil && !told[f] {
					told[f] = true
					mention(f)
				}
			}
		}
		return true
	})
	return s.feedsFailed(ctx, err)
}

// feedsFailed names the feed as not searched where the service did not answer; what ends a run stays an error.
func (s *Searcher) feedsFailed(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case ctx.Err() != nil, errors.Is(err, dataverse.ErrThrottled), errors.Is(err, dataverse.ErrUnauthorized):
		return err
	default:
		s.Log.Warn("the activity feed could not be searched", "code", environment.Code(err))
		s.Known.feedsOff.Store(true)
		s.unread(feedsUnread)
	}
	return nil
}

// maxFeedTexts is how much text of a feed is kept for a run.
const maxFeedTexts = 8 << 20

// feedTexts are the texts of a feed: a run that purges many persons reads them once, and then what is new.
type feedTexts struct {
	turn  environment.Turn
	unfit bool // the service is asked for each name
	rows  map[uuid.UUID]string
	size  int
	since time.Time // what was written earlier has been read; zero: nothing was
}

// naming finds the posts of a feed that hold one of the words, as they were when they were read; known is false where the service has
// to be asked for each.
func (s *Searcher) naming(ctx context.Context, table string, words []string) (ids []uuid.UUID, known bool, err error) {
	feed := s.Known.feeds[table]
	if e := &s.Known.all; e.persons.Load() < int64(e.many) {
		return nil, false, nil
	}
	end, err := feed.turn.Take(ctx)
	if err != nil {
		return nil, false, err
	}
	defer end()
	if feed.unfit {
		return nil, false, nil
	}
	t, err := s.Tables.Table(ctx, table)
	if err != nil {
		return nil, false, err
	}
	written := "modifiedon"
	if t.Attributes[written] == nil {
		written = "createdon" // of comments, which nobody changes
	}
	began := s.Client.Now()
	if feed.unfit = t.Attributes[written] == nil || began.IsZero(); feed.unfit {
		return nil, false, nil
	}
	q := dataverse.Query{Table: table, Select: []string{t.PrimaryID, "text"}}
	if !feed.since.IsZero() {
		q.Filter = written + " ge " + feed.since.UTC().Format("2006-01-02T15:04:05Z")
	}
	for row, err := range s.Client.Rows(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		text, id := environment.Fold(row.Text("text")), row.ID(t.PrimaryID)
		feed.size += len(text) - len(feed.rows[id])
		if feed.rows[id] = text; feed.size > maxFeedTexts {
			feed.unfit, feed.rows = true, nil
			return nil, false, nil
		}
	}
	feed.since = began.Add(-everybodyOverlap)
	for id, text := range feed.rows {
		if slices.ContainsFunc(words, func(w string) bool { return containsWord(text, w) }) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, environment.CompareIDs)
	return ids, true, nil
}
