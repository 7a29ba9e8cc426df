package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"
)

// place is the annotation of a flag that names what a verb writes: its kind and, for a file that must not be there, the reason.
const place = "gallra_writes"

const (
	aFile   = "file"
	newFile = "new"
	aFolder = "folder"
)

// WritesFile says of a flag that it names a file that is written, over one that is there or onto its end.
func WritesFile(f *pflag.FlagSet, flag string) { annotate(f, flag, aFile) }

// WritesNewFile says of a flag that it names a file that must not be there yet, and why.
func WritesNewFile(f *pflag.FlagSet, flag, why string) { annotate(f, flag, newFile, why) }

// WritesFolder says of a flag that it names a folder that files are written into, and that is made if it is not there.
func WritesFolder(f *pflag.FlagSet, flag string) { annotate(f, flag, aFolder) }

func annotate(f *pflag.FlagSet, flag string, values ...string) {
	if err := f.SetAnnotation(flag, place, values); err != nil {
		panic(err)
	}
}

// Writes tells whether a flag names something that is written.
func Writes(f *pflag.Flag) bool { return len(f.Annotations[place]) > 0 }

// Places tells before anything is read or done what a flag names that cannot be written, and what to do about it.
func Places(f *pflag.FlagSet) (err error) {
	f.VisitAll(func(flag *pflag.Flag) {
		kind := flag.Annotations[place]
		if err != nil || len(kind) == 0 || !flag.Changed {
			return
		}
		paths := []string{flag.Value.String()}
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			paths = many.GetSlice()
		}
		for _, path := range paths {
			if path == "" || err != nil {
				continue
			}
			switch kind[0] {
			case aFolder:
				err = folder("--"+flag.Name, path)
			case newFile:
				if info, there := os.Lstat(path); there == nil && !info.IsDir() {
					err = &Error{Message: path + " is there already", Remedy: "name another file: " + kind[1]}
					break
				}
				fallthrough
			default:
				err = file("--"+flag.Name, path)
			}
		}
	})
	return err
}

// file tells why a file cannot be written.
func file(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return &Error{Message: fmt.Sprintf("%s: %s is a folder, not a file", flag, path), Remedy: "name a file in it"}
	case err == nil && !info.Mode().IsRegular():
		return nil // a device or a pipe, which opening would change
	case err == nil:
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return refused(flag, path, err)
		}
		return f.Close()
	}
	dir := filepath.Dir(path)
	info, err = os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Message: fmt.Sprintf("%s: %s cannot be written: the folder %s is not there", flag, path, dir), Remedy: "make the folder, or name a file in one that is there"}
	case err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR):
		return &Error{Message: fmt.Sprintf("%s: %s cannot be written: %s is no folder", flag, path, dir), Remedy: "name a file in a folder"}
	case err != nil:
		return refused(flag, path, err)
	}
	return trial(flag, path, dir)
}

// folder tells why nothing can be written into a folder, or why it cannot be made.
func folder(flag, path string) error {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return trial(flag, path, at)
		case err == nil:
			return &Error{Message: fmt.Sprintf("%s: nothing can be written into %s: %s is no folder", flag, path, at), Remedy: "name a folder; one that is not there is made"}
		case at == filepath.Dir(at), !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return refused(flag, path, err)
		}
	}
}

// trial makes a file in a folder and takes it away: rights alone do not tell, of a disk that is mounted to be read only.
func trial(flag, path, dir string) error {
	f, err := os.CreateTemp(dir, ".gallra-*")
	if err != nil {
		return refused(flag, path, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func refused(flag, path string, err error) error {
	remedy := "name another place"
	switch {
	case errors.Is(err, fs.ErrPermission):
		remedy = "whoever runs this needs the right to write there; or name another place"
	case errors.Is(err, syscall.ENOSPC):
		remedy = "make room, or name another place"
	}
	var told *fs.PathError
	if errors.As(err, &told) {
		err = told.Err // without the name of the trial
	}
	return &Error{Message: fmt.Sprintf("%s: %s cannot be written: %v", flag, path, err), Remedy: remedy}
}
