package main

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func check(folder string, archives []string) error {
	index, err := read(folder)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	if err := validate.Index(index); err != nil {
		return err
	}
	if err := checkRegistry(index, digest); err != nil {
		return err
	}
	found, err := images(index)
	if err != nil {
		return err
	}
	for arch, image := range found {
		if err := checkConfig(image); err != nil {
			return fmt.Errorf("%s: %w", arch, err)
		}
	}
	for _, path := range archives {
		if err := checkArchive(path, found); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Println(digest)
	return nil
}

// Pushes to a registry on loopback and pulls again. What is pulled is verified by its digests down to the layers.
func checkRegistry(index v1.ImageIndex, digest v1.Hash) error {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/bidprice:check")
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		return err
	}
	pulled, err := remote.Index(tag)
	if err != nil {
		return err
	}
	got, err := pulled.Digest()
	if err != nil {
		return err
	}
	if got != digest {
		return fmt.Errorf("%s was pushed, and %s was pulled", digest, got)
	}
	return validate.Index(pulled)
}

// What the service relies on, and what must not be in an image.
func checkConfig(image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	if config.Config.User != fmt.Sprintf("%d:%d", user, user) {
		return fmt.Errorf("it runs as %q", config.Config.User)
	}
	for _, label := range []string{"title", "version", "revision", "licenses"} {
		if config.Config.Labels["org.opencontainers.image."+label] == "" {
			return fmt.Errorf("it has no label %q", label)
		}
	}
	return nil
}

// An archive for Docker has the configuration of one of the images, which names all layers by their digests.
func checkArchive(path string, found map[string]v1.Image) error {
	archived, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		return err
	}
	if err := validate.Image(archived); err != nil {
		return err
	}
	config, err := archived.ConfigName()
	if err != nil {
		return err
	}
	for _, image := range found {
		if known, err := image.ConfigName(); err == nil && known == config {
			return nil
		}
	}
	return fmt.Errorf("%s is the configuration of no image of the layout", config)
}
