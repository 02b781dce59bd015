// Command quote asks a running service for the price of an order: quote -socket PATH [-group-spec] FILE
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	bidprice "bidprice.example/go"
)

func main() {
	socket := flag.String("socket", "/run/bidprice/bidprice.sock", "the service's Unix socket")
	owner := flag.String("owner", "", "who ordered")
	binary := flag.Bool("group-spec", false, "FILE is a GroupSpec as protobuf; otherwise text")
	reserved := flag.Bool("reserved", false, "the daemon has reserved already")
	deadline := flag.Duration("deadline", 5*time.Second, "how long the service may take")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	file, err := os.ReadFile(flag.Arg(0))
	exitOn(err)
	client, err := bidprice.Dial(*socket, *deadline)
	exitOn(err)
	defer client.Close()
	order := bidprice.Text(string(file))
	if *binary {
		order = bidprice.GroupSpec(file)
	}
	price, err := client.Ask(context.Background(), order, *owner, *reserved)
	exitOn(err)
	fmt.Printf("%s %s\n", price.Amount, price.Denom)
}

func exitOn(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	var noBid *bidprice.NoBid
	if errors.As(err, &noBid) {
		os.Exit(3)
	}
	os.Exit(1)
}
