package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is broken on purpose in a rendered chart, and what the check has to say.
var breaks = []struct{ from, to, said string }{
	{"readOnlyRootFilesystem", "readOnlyRootFileSystem", "unknown field"},
	{"scrapeTimeout", "scrape_timeout", "unknown field"},
	{"maxUnavailable: 1\n", "maxUnavailable: 1\n  maxUnavailable: 0\n", "already set"},
	{"automountServiceAccountToken: false", "automountServiceAccountToken: true", "has a token"},
	{"runAsNonRoot: true", "runAsNonRoot: false", "may run as root"},
	{"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "has more rights"},
	{"type: Recreate", "type: RollingUpdate", "two services could run at once"},
	{"component: test", "component: service", "selects the pod"},
	{"targetPort: grpc", "targetPort: rpc", "no container has"},
	{"    - from:\n        - ipBlock:\n            cidr: 10.0.0.0/8\n      ports:", "    - ports:", "lets in everyone"},
	{"kind: Secret\nmetadata:\n  name: prices-tls", "kind: Secret\nmetadata:\n  name: other-tls", "refers to Secret/prices-tls"},
	{"claimName: prices", "claimName: other", "no pod refers to PersistentVolumeClaim/prices"},
	{"- port: metrics", "- port: metric", "names a port"},
}

// RENDERED and VALUES name what helm rendered with every part of the chart, and its values; `cargo xtask helm` sets them.
func TestWhatIsBrokenIsFound(t *testing.T) {
	values, rendered := os.Getenv("VALUES"), os.Getenv("RENDERED")
	if values == "" || rendered == "" {
		t.Skip("RENDERED and VALUES are not set: run `cargo xtask helm`")
	}
	whole, err := os.ReadFile(rendered)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range breaks {
		text := strings.ReplaceAll(string(whole), broken.from, broken.to)
		if text == string(whole) {
			t.Errorf("%q is not in %s", broken.from, rendered)
		}
		folder := t.TempDir()
		path := filepath.Join(folder, "rendered.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		problems, err := check(values, path, folder)
		var said strings.Builder
		for _, problem := range append(problems, err) {
			if problem != nil {
				said.WriteString(problem.Error() + "\n")
			}
		}
		if !strings.Contains(said.String(), broken.said) {
			t.Errorf("%q in place of %q has to be %q, and the check says %q", broken.to, broken.from, broken.said, said.String())
		}
	}
}
