package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
)

// A rate card in place of one that is made elsewhere.
const anyCard = "[rates.gpu]\nt4 = \"80\"\n"

// Lays down what the pod would find in /etc/bidprice. The folders of the socket and of the state are in FOLDER, too.
// Nothing is laid down where the configuration is made elsewhere.
func (found *release) lay(folder string) error {
	texts := map[string]string{}
	for _, configMap := range found.configMaps {
		for key, text := range configMap.Data {
			texts[key] = text
		}
	}
	configuration, ok := texts["bidprice.toml"]
	if !ok {
		return nil
	}
	local := strings.NewReplacer("/run/bidprice/", "run/", "/var/lib/bidprice/", "state/")
	card, ok := texts["rates.toml"]
	if !ok {
		card = anyCard
	}
	files := map[string]string{"bidprice.toml": local.Replace(configuration), "rates.toml": card}
	if mounts(&found.deployments[0].Spec.Template.Spec, "tls/tls.key") {
		certificate, key, err := certificate()
		if err != nil {
			return err
		}
		files["tls/tls.crt"], files["tls/tls.key"], files["tls/ca.crt"] = certificate, key, certificate
	}
	if err := os.MkdirAll(filepath.Join(folder, "state"), 0o700); err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Whether a file is in the pod's volume of configuration and certificates.
func mounts(spec *core.PodSpec, path string) bool {
	for _, volume := range spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret == nil {
				continue
			}
			for _, item := range source.Secret.Items {
				if item.Path == path {
					return true
				}
			}
		}
	}
	return false
}

// A certificate that signed itself, and its key, for a day.
func certificate() (string, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "bidprice"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	text := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return text("CERTIFICATE", signed), text("PRIVATE KEY", secret), nil
}
