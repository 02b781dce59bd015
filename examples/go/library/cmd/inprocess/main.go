// Command inprocess prices an order in its own process, without a service: inprocess [-config FILE] ORDER
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	bidprice "bidprice.example/go"
	"bidprice.example/go/library"
)

func main() {
	config := flag.String("config", "/etc/bidprice/bidprice.toml", "the configuration of `bidprice serve`")
	owner := flag.String("owner", "", "who ordered")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(run(*config, *owner, flag.Arg(0)))
}

// run returns the exit code: 3 is an answer without a bid, 1 that nobody has priced the order.
func run(config, owner, path string) int {
	order, err := os.ReadFile(path)
	if err != nil {
		return failed(err)
	}
	client, err := library.Open(config)
	if err != nil {
		return failed(err)
	}
	defer client.Close()
	price, err := client.Ask(context.Background(), bidprice.Text(string(order)), owner, false)
	if err != nil {
		return failed(err)
	}
	fmt.Printf("%s %s\n", price.Amount, price.Denom)
	return 0
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	var noBid *bidprice.NoBid
	if errors.As(err, &noBid) {
		return 3
	}
	return 1
}
