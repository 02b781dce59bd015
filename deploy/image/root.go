package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The user of the service, as in the chart.
const user = 10001

// A file or folder of the image.
type entry struct {
	name  string
	mode  int64
	owner int
	// Nil for a folder.
	content []byte
}

// What is in the image, in the order of its layer. The service refuses folders for its socket and its logs that others
// can write, so they belong to its user. On dev, proc and sys every runtime mounts its own.
func entries(programs string) ([]entry, error) {
	roots, err := authorities()
	if err != nil {
		return nil, err
	}
	found := []entry{
		{name: "dev/", mode: 0o755},
		{name: "etc/", mode: 0o755},
		{name: "etc/bidprice/", mode: 0o755},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: roots},
		{name: "proc/", mode: 0o555},
		{name: "run/", mode: 0o755},
		{name: "run/bidprice/", mode: 0o700, owner: user},
		{name: "sys/", mode: 0o555},
		{name: "tmp/", mode: 0o1777},
		{name: "usr/", mode: 0o755},
		{name: "usr/local/", mode: 0o755},
		{name: "usr/local/bin/", mode: 0o755},
	}
	for _, name := range []string{"bidprice", "bidprice-script"} {
		program, err := os.ReadFile(filepath.Join(programs, name))
		if err != nil {
			return nil, err
		}
		found = append(found, entry{name: "usr/local/bin/" + name, mode: 0o755, content: program})
	}
	return append(found,
		entry{name: "var/", mode: 0o755},
		entry{name: "var/lib/", mode: 0o755},
		entry{name: "var/lib/bidprice/", mode: 0o700, owner: user},
	), nil
}

// The certificate authorities that Mozilla trusts, for the sources of USD/AKT. Those with a constraint are left out: the
// file cannot say it, and without it they would be trusted too far.
func authorities() ([]byte, error) {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	if text.Len() == 0 {
		return nil, errors.New("there are no certificate authorities")
	}
	return text.Bytes(), nil
}

// Writes entries as a layer.
func layer(found []entry, at time.Time) ([]byte, error) {
	var text bytes.Buffer
	writer := tar.NewWriter(&text)
	for _, entry := range found {
		header := tar.Header{
			Name: entry.name, Mode: entry.mode, Uid: entry.owner, Gid: entry.owner, ModTime: at,
			Typeflag: tar.TypeReg, Size: int64(len(entry.content)), Format: tar.FormatUSTAR,
		}
		if entry.content == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(entry.content); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return text.Bytes(), err
}

// Unpacks a layer's text into a folder that is not there yet.
func extract(text io.Reader, folder string) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for reader := tar.NewReader(text); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := extractOne(root, header, reader); err != nil {
			return err
		}
	}
}

func extractOne(root *os.Root, header *tar.Header, content io.Reader) error {
	name := filepath.Clean(header.Name)
	if header.Typeflag == tar.TypeDir {
		if err := root.Mkdir(name, 0o700); err != nil {
			return err
		}
	} else if header.Typeflag == tar.TypeReg {
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	} else {
		return errors.New(header.Name + " is neither a file nor a folder")
	}
	if os.Geteuid() == 0 {
		if err := root.Chown(name, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	// With the sticky bit, which Go has elsewhere than Unix.
	return root.Chmod(name, header.FileInfo().Mode())
}
