// Check reads what helm rendered of the chart, as a cluster would: strictly, into Kubernetes' own types.
//
//	check VALUES RENDERED FOLDER
//
// VALUES are the values that RENDERED was rendered from. Lines such as `# elsewhere: Secret/bidprice-tls` in them name
// the objects that the chart refers to and does not make.
//
// Where the chart wrote the service's configuration, it is laid down in FOLDER, with a certificate of its own, so that
// `bidprice config check FOLDER/bidprice.toml` can look at it.
//
// Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: check VALUES RENDERED FOLDER")
		os.Exit(2)
	}
	problems, err := check(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		problems = append(problems, err)
	}
	for _, problem := range problems {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[2], problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func check(values, rendered, folder string) ([]error, error) {
	elsewhere, err := elsewhere(values)
	if err != nil {
		return nil, err
	}
	release, err := read(rendered)
	if err != nil {
		return nil, err
	}
	problems := release.problems(elsewhere)
	return problems, release.lay(folder)
}

// The objects that a set of values says are made elsewhere, as `KIND/NAME`.
func elsewhere(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if object, ok := strings.CutPrefix(line, "# elsewhere: "); ok {
			found = append(found, strings.TrimSpace(object))
		}
	}
	return found, nil
}
