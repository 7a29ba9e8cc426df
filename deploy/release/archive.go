package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// member is a file in an archive.
type member struct {
	name string
	mode int64
	text []byte
}

// writeArchive writes name.tar.gz, or name.zip, with all members stamped at, and tells the file's name.
func writeArchive(name string, zipped bool, at time.Time, members []member) (string, error) {
	var b bytes.Buffer
	var err error
	if zipped {
		name, err = name+".zip", writeZip(&b, at, members)
	} else {
		name, err = name+".tar.gz", writeTar(&b, at, members)
	}
	if err != nil {
		return "", err
	}
	return name, os.WriteFile(name, b.Bytes(), 0o644)
}

func writeTar(b *bytes.Buffer, at time.Time, members []member) error {
	z, err := gzip.NewWriterLevel(b, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: m.mode, Size: int64(len(m.text)), ModTime: at, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(m.text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeZip(b *bytes.Buffer, at time.Time, members []member) error {
	w := zip.NewWriter(b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at}
		h.SetMode(os.FileMode(m.mode))
		f, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(m.text); err != nil {
			return err
		}
	}
	return w.Close()
}

// writeSums writes what sha256sum -c reads, and prints it.
func writeSums(name string, files []string) error {
	slices.Sort(files)
	var b bytes.Buffer
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(text), filepath.Base(f))
	}
	_, _ = os.Stdout.Write(b.Bytes())
	return os.WriteFile(name, b.Bytes(), 0o644)
}
