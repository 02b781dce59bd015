package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What an image says about itself.
type about struct {
	version, revision string
	time              time.Time
}

func write(about about, folder, archives string, programs map[string]string) error {
	if _, err := os.Lstat(folder); err == nil {
		return fmt.Errorf("%s is there already", folder)
	}
	tag, err := name.NewTag("bidprice:" + about.version)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range slices.Sorted(maps.Keys(programs)) {
		image, err := build(about, arch, programs[arch])
		if err != nil {
			return err
		}
		if err := tarball.WriteToFile(archives+"-"+arch+".tar", tag, image); err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	// A layout's own index has one entry: the image, for all architectures. Tools find it by its reference.
	layout, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	return layout.AppendIndex(index, withReference(about.version))
}

func withReference(version string) layout.Option {
	return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version})
}

// Builds the image of one architecture.
func build(about about, arch, programs string) (v1.Image, error) {
	found, err := entries(programs)
	if err != nil {
		return nil, err
	}
	text, err := layer(found, about.time)
	if err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	root, err := tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   root,
		History: v1.History{Created: v1.Time{Time: about.time}, CreatedBy: "cargo xtask dist"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: about.time}
	config.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", user, user),
		Entrypoint: []string{"/usr/local/bin/bidprice"},
		Cmd:        []string{"serve", "--config", "/etc/bidprice/bidprice.toml"},
		Env:        []string{"PATH=/usr/local/bin"},
		WorkingDir: "/",
		// Where the root folder is read-only, these are written.
		Volumes: map[string]struct{}{"/run/bidprice": {}, "/var/lib/bidprice": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "bidprice",
			"org.opencontainers.image.description": "The pricing service for Akash providers",
			"org.opencontainers.image.version":     about.version,
			"org.opencontainers.image.revision":    about.revision,
			"org.opencontainers.image.created":     about.time.Format(time.RFC3339),
			"org.opencontainers.image.licenses":    "Apache-2.0",
		},
	}
	return mutate.ConfigFile(image, config)
}

// Reads the index of a layout that write has made.
func read(folder string) (v1.ImageIndex, error) {
	layout, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	manifest, err := layout.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%s has %d images, not one", folder, len(manifest.Manifests))
	}
	return layout.ImageIndex(manifest.Manifests[0].Digest)
}

// Returns the images of an index by architecture.
func images(index v1.ImageIndex) (map[string]v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	found := map[string]v1.Image{}
	for _, entry := range manifest.Manifests {
		image, err := index.Image(entry.Digest)
		if err != nil {
			return nil, err
		}
		if entry.Platform == nil {
			return nil, fmt.Errorf("%s has no platform", entry.Digest)
		}
		found[entry.Platform.Architecture] = image
	}
	return found, nil
}

func unpack(layout, arch, folder string) error {
	index, err := read(layout)
	if err != nil {
		return err
	}
	found, err := images(index)
	if err != nil {
		return err
	}
	image, ok := found[arch]
	if !ok {
		return fmt.Errorf("%s has no image for %s", filepath.Base(layout), arch)
	}
	text := mutate.Extract(image)
	defer text.Close()
	return extract(text, folder)
}
