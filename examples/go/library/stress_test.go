package library

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bidprice "bidprice.example/go"
	"bidprice.example/go/wire"
)

// overruns is a plugin that asks `pluginPrice`, and never answers where the order names `slowOwner`. It looks at the size of its
// environment, which has the owner in it.
const overruns = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\03\00\00\00")
  (data (i32.const 16) "7.5")
  (func (export "_start")
    (drop (call $sizes (i32.const 32) (i32.const 36)))
    (loop $forever (br_if $forever (i32.gt_u (i32.load (i32.const 36)) (i32.const 100))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
`

const pluginPrice = "7.5"

// pluginConfig has so much fuel that only the deadline ends a call.
const pluginConfig = "[plugin]\nfile = \"plugin.wat\"\nfuel = 1000000000000000\ndeadline = \"100ms\"\n"

// overrunEvery is how seldom an order is that the plugin does not answer: too many failures in a row would pause the plugin.
const overrunEvery = 1000

var slowOwner = "akash1" + strings.Repeat("q", 94)

// quotesOf is how many orders each goroutine asks for.
func quotesOf() int {
	if quotes, err := strconv.Atoi(os.Getenv("QUOTES")); err == nil {
		return quotes
	}
	return 50
}

// stress opens an engine, and has 32 goroutines ask it while its rates are reloaded and its inventory changes. judge asks
// for order number so and so, and says what is wrong with the answer.
func stress(t *testing.T, plugin string, quotes int, judge func(client *bidprice.Client, number int) error) *bidprice.Client {
	folder := folder(t)
	put(t, filepath.Join(folder, "plugin.wat"), []byte(overruns))
	put(t, filepath.Join(folder, "bidprice.toml"), []byte(config+plugin))
	client := opened(t, folder)
	inventory, err := os.ReadFile(filepath.Join(folder, "inventory.json"))
	if err != nil {
		t.Fatal(err)
	}
	var askers, changers sync.WaitGroup
	done, reloads := make(chan struct{}), atomic.Int64{}
	change := func(do func(round int)) {
		changers.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-done:
					return
				default:
					do(round)
				}
			}
		})
	}
	change(func(round int) {
		put(t, filepath.Join(folder, "rates.toml"), []byte(strings.Replace(rates, "1900", strconv.Itoa(1900+round%9), 1)))
		// A file that was replaced while the reload looked is an error, and changes nothing.
		if _, err := client.Reload(context.Background(), ""); err == nil {
			reloads.Add(1)
		}
	})
	change(func(round int) {
		put(t, filepath.Join(folder, "inventory.json"), append(inventory, bytes.Repeat([]byte{' '}, round%7)...))
		time.Sleep(10 * time.Millisecond)
	})
	for asker := range 32 {
		askers.Go(func() {
			for quote := range quotes {
				if err := judge(client, asker*quotes+quote); err != nil {
					t.Errorf("asker %d: %v", asker, err)
					return
				}
			}
		})
	}
	askers.Wait()
	// However short it was, something was reloaded meanwhile.
	for start := time.Now(); reloads.Load() == 0 && time.Since(start) < hang; {
		time.Sleep(10 * time.Millisecond)
	}
	close(done)
	changers.Wait()
	if reloads.Load() == 0 {
		t.Error("nothing was reloaded")
	}
	if text, err := Metrics(client); err != nil || !strings.Contains(text, "bidprice_request_seconds_count{call=\"quote\"}") {
		t.Error(text, err)
	}
	return client
}

// ask quotes the order of examples/request.json.
func ask(client *bidprice.Client, owner string, reserved bool) (*wire.Quote, error) {
	order, err := example()
	if err != nil {
		return nil, err
	}
	request := &wire.QuoteRequest{Order: bidprice.Text(string(order)), Owner: owner, AlreadyReserved: reserved}
	response, err := client.Quote(context.Background(), request)
	if err != nil {
		return nil, err
	}
	if len(response.Quotes) != 1 {
		return nil, fmt.Errorf("there are %d quotes", len(response.Quotes))
	}
	return response.Quotes[0], nil
}

var example = sync.OnceValues(func() ([]byte, error) { return os.ReadFile(corpus("../examples/request.json")) })

// builtIn is what the order costs without a plugin. The rates that change are not those of its card.
func builtIn(t *testing.T) string {
	quote, err := ask(opened(t, folder(t)), "", false)
	if err != nil || quote.Price.GetAmount() == "" || sameAmount(quote.Price.GetAmount(), pluginPrice) {
		t.Fatal(quote, err)
	}
	return quote.Price.Amount
}

func sameAmount(one, other string) bool {
	left, isNumber := new(big.Rat).SetString(one)
	right, isToo := new(big.Rat).SetString(other)
	return isNumber && isToo && left.Cmp(right) == 0
}

func TestManyAskWhileEverythingChanges(t *testing.T) {
	price := builtIn(t)
	stress(t, "", quotesOf(), func(client *bidprice.Client, number int) error {
		quote, err := ask(client, "", number%2 == 0)
		if err == nil && !sameAmount(quote.Price.GetAmount(), price) {
			err = fmt.Errorf("it costs %s, and this is %v", price, quote)
		}
		return err
	})
}

func TestWhereAPluginOverrunsThereIsNoBid(t *testing.T) {
	var overran atomic.Int64
	judge := func(client *bidprice.Client, number int) error {
		owner := ownerOf(number)
		quote, err := ask(client, owner, number%2 == 0)
		if err != nil {
			return err
		}
		switch quote.Decision {
		case wire.Decision_DECISION_FAULT:
			if quote.Price != nil || quote.Plugin.GetFallback() != "" {
				return fmt.Errorf("a fault has a price: %v", quote)
			}
			if quote.Reason.GetCode() == "deadline-exceeded" {
				overran.Add(1)
			}
			return nil
		case wire.Decision_DECISION_BID:
			if owner == "" && sameAmount(quote.Price.GetAmount(), pluginPrice) {
				return nil
			}
		}
		return fmt.Errorf("for owner %q: %v", owner, quote)
	}
	client := stress(t, pluginConfig, quotesOf(), judge)
	if overran.Load() == 0 {
		t.Error("the plugin has not overrun its deadline")
	}
	waitForPlugin(t, client)
}

func TestWhereAPluginOverrunsTheBuiltInPricerPricesIfItMay(t *testing.T) {
	var overran atomic.Int64
	price := builtIn(t)
	judge := func(client *bidprice.Client, number int) error {
		owner := ownerOf(number)
		quote, err := ask(client, owner, number%2 == 0)
		if err != nil {
			return err
		}
		expected := pluginPrice
		if fault := quote.Plugin.GetFault(); fault != nil {
			expected = price
			if fault.Code == "deadline-exceeded" {
				overran.Add(1)
			}
		} else if owner != "" {
			return fmt.Errorf("the plugin has answered: %v", quote)
		}
		isFallback := quote.Plugin.GetFallback() == "builtin"
		if isFallback != (expected == price) || !sameAmount(quote.Price.GetAmount(), expected) {
			return fmt.Errorf("it costs %s, and this is %v", expected, quote)
		}
		return nil
	}
	client := stress(t, pluginConfig+"fallback = \"builtin\"\n", max(50, quotesOf()/10), judge)
	if overran.Load() == 0 {
		t.Error("the plugin has not overrun its deadline")
	}
	waitForPlugin(t, client)
}

// ownerOf is the owner of an order: where it is slowOwner, the plugin does not answer.
func ownerOf(number int) string {
	if number%overrunEvery == 0 {
		return slowOwner
	}
	return ""
}

// waitForPlugin waits until the plugin prices. It may be paused for half a minute.
func waitForPlugin(t *testing.T, client *bidprice.Client) {
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		quote, err := ask(client, "", false)
		if err != nil || time.Since(start) > hang {
			t.Fatal(quote, err)
		}
		if sameAmount(quote.Price.GetAmount(), pluginPrice) {
			return
		}
	}
}
