package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/google/uuid"
)

// OwnersDir is the folder, in that of the report, of the files that are handed out: two for each owner, called by the owner's id,
// since a file's name says nobody's.
const OwnersDir = "owners"

// handedOut is what a file for an owner is called. Those of an earlier report, whose owner has nobody any more, are taken away: they
// would go on naming people.
var handedOut = regexp.MustCompile(`^(nobody|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(html|xlsx)$`)

// handedName is the name of an owner's files without what follows the dot.
func handedName(o *Owner) string {
	if o.ID == uuid.Nil {
		return "nobody"
	}
	return o.ID.String()
}

// Handed is where the page of an owner lies, seen from the report; empty where none was asked for.
func (p *page) Handed(o ownerPage) string {
	if !p.EachOwner {
		return ""
	}
	return OwnersDir + "/" + handedName(o.OwnerList.Owner) + ".html"
}

// MostOwners are the owners with the most persons to be purged.
func (p *page) MostOwners() []ownerPage {
	most := slices.Clone(p.Owners)
	slices.SortStableFunc(most, func(a, b ownerPage) int { return cmp.Compare(b.Due, a.Due) })
	return most[:min(len(most), shownMost)]
}

// OtherOwners is how many there are beside them.
func (p *page) OtherOwners() int { return max(0, len(p.Owners)-shownMost) }

// MostGrounds are the grounds that justify the most persons.
func (p *page) MostGrounds() []Justified {
	most := slices.Clone(p.Facts.Justified)
	slices.SortStableFunc(most, func(a, b Justified) int { return cmp.Compare(b.Persons, a.Persons) })
	return most[:min(len(most), shownMost)]
}

// OtherGrounds is how many there are beside them.
func (p *page) OtherGrounds() int { return max(0, len(p.Facts.Justified)-shownMost) }

// saveOwners writes a page and a workbook for each owner into a new folder, with what is under way in scratch.
func (r *Report) saveOwners(dir, scratch string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	p, err := newPage(r)
	if err != nil {
		return err
	}
	for i := range p.Owners {
		o := p.Owners[i]
		o.Shown, o.More = o.Persons, 0 // whose list it is gets all of it
		name := filepath.Join(dir, handedName(o.OwnerList.Owner))
		if err := whole(name+".html", func(w io.Writer) error { return p.write(w, "owner", p.Of(o)) }); err != nil {
			return err
		}
		if err := whole(name+".xlsx", func(w io.Writer) error { return r.writeOwnerXLSX(w, scratch, o.OwnerList) }); err != nil {
			return err
		}
	}
	return nil
}

// replaceOwners takes away the files of owners that an earlier report has left, and puts those of this one in their place; from
// is empty where none were asked for.
func replaceOwners(dir, from string) error {
	old, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range old {
		if f.Type().IsRegular() && handedOut.MatchString(f.Name()) {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	if from == "" {
		_ = os.Remove(dir) // if nothing else lies there
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	made, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range made {
		if err := os.Rename(filepath.Join(from, f.Name()), filepath.Join(dir, f.Name())); err != nil {
			return fmt.Errorf("%s: %w", OwnersDir, err)
		}
	}
	return nil
}
