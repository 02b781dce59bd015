// Image makes the container image of the service without a daemon, from an empty base, and checks it.
//
//	image write [-version V] [-revision R] [-epoch SECONDS] LAYOUT ARCHIVES ARCH=PROGRAMS...
//	image check LAYOUT ARCHIVE...
//	image unpack LAYOUT ARCH FOLDER
//
// write makes an OCI layout folder with an image for each architecture (amd64, arm64), of the programs in the folder
// PROGRAMS, and a docker archive of each, ARCHIVES-ARCH.tar. The digest depends on the arguments and the programs only.
//
// check pushes the layout to a registry on loopback, pulls it, and compares what comes back, and compares the archives
// with the layout. It prints the digest of the layout.
//
// unpack writes the root folder of an image, with its owners (as root) and modes.
//
// Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

const usage = `usage: image write [-version V] [-revision R] [-epoch SECONDS] LAYOUT ARCHIVES ARCH=PROGRAMS...
       image check LAYOUT ARCHIVE...
       image unpack LAYOUT ARCH FOLDER
`

func main() {
	if len(os.Args) < 2 {
		refuse()
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(verb string, words []string) error {
	switch {
	case verb == "write":
		return runWrite(words)
	case verb == "check" && len(words) >= 1:
		return check(words[0], words[1:])
	case verb == "unpack" && len(words) == 3:
		return unpack(words[0], words[1], words[2])
	}
	refuse()
	return nil
}

func runWrite(words []string) error {
	flags := flag.NewFlagSet("write", flag.ExitOnError)
	var about about
	flags.StringVar(&about.version, "version", "", "the version")
	flags.StringVar(&about.revision, "revision", "", "the commit")
	epoch := flags.Int64("epoch", -1, "the time of everything in the image, in seconds since 1970")
	if err := flags.Parse(words); err != nil {
		return err
	}
	words = flags.Args()
	if len(words) < 3 || about.version == "" || about.revision == "" || *epoch < 0 {
		refuse()
	}
	about.time = time.Unix(*epoch, 0).UTC()
	programs := map[string]string{}
	for _, word := range words[2:] {
		arch, folder, found := strings.Cut(word, "=")
		if _, twice := programs[arch]; !found || twice || arch != "amd64" && arch != "arm64" {
			refuse()
		}
		programs[arch] = folder
	}
	return write(about, words[0], words[1], programs)
}

func refuse() {
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
}
