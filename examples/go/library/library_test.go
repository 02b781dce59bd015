package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	bidprice "bidprice.example/go"
	"bidprice.example/go/wire"
)

const config = `
[listen]
socket = "bidprice.sock"
[inventory]
file = "inventory.json"
max_age = "1h"
[feed]
usd_per_akt = "0.5"
[rates]
file = "rates.toml"
[limits]
deadline = "5m"
[tracing]
level = "off"
`

const rates = "[rates]\ncpu = \"1.6\"\n[rates.gpu]\n\"*\" = \"130\"\n\"h100\" = \"1900\"\n"

// hang ends tests that would hang.
const hang = 5 * time.Minute

func corpus(name string) string { return filepath.Join("..", "..", "..", "corpus", name) }

// folder has the files of the configuration.
func folder(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	inventory, err := os.ReadFile(corpus("inventory/status.json"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(folder, "inventory.json"), inventory)
	put(t, filepath.Join(folder, "rates.toml"), []byte(rates))
	put(t, filepath.Join(folder, "bidprice.toml"), []byte(config))
	return folder
}

// put replaces a file as a whole.
func put(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// opened is an engine in this process whose inventory is there.
func opened(t testing.TB, folder string) *bidprice.Client {
	t.Helper()
	client, err := Open(filepath.Join(folder, "bidprice.toml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	waitFresh(t, client, nil)
	return client
}

// waitFresh waits until the engine's inventory is there, or the process of the engine has ended.
func waitFresh(t testing.TB, client *bidprice.Client, ended <-chan struct{}) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatal("the service has ended")
		default:
		}
		status, err := client.Status(context.Background())
		if err == nil && status.Inventory.GetState() == "fresh" {
			return
		}
		if time.Since(start) > hang {
			t.Fatal(status, err)
		}
	}
}

// served is a client of a service on the same files.
func served(t testing.TB, folder string) *bidprice.Client {
	t.Helper()
	program := os.Getenv("PROGRAM")
	if program == "" {
		t.Skip("PROGRAM does not name bidprice (cargo xtask go sets it)")
	}
	service := exec.Command(program, "serve", "--config", filepath.Join(folder, "bidprice.toml"))
	service.Stderr = os.Stderr
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		service.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		service.Process.Signal(os.Interrupt)
		<-ended
	})
	client, err := bidprice.Dial(filepath.Join(folder, "bidprice.sock"), hang)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	waitFresh(t, client, ended)
	return client
}

func orders(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob(corpus("sdl/*"))
	if err != nil || len(files) < 100 {
		t.Fatal(len(files), err)
	}
	orders := make(map[string]string)
	for _, file := range files {
		if strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".groups.json") {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			orders[filepath.Base(file)] = string(text)
		}
	}
	return orders
}

func request(t testing.TB, order string) []byte {
	t.Helper()
	bytes, err := proto.Marshal(&wire.QuoteRequest{Order: bidprice.Text(order), Alternatives: true})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestBothTransportsGiveTheSameBytes(t *testing.T) {
	folder := folder(t)
	own, service := opened(t, folder).Transport(), served(t, folder).Transport()
	for name, order := range orders(t) {
		for _, method := range []bidprice.Method{bidprice.MethodQuote, bidprice.MethodScreen} {
			// A ScreenRequest begins with the fields of a QuoteRequest; the rest is unknown to it.
			asked := request(t, order)
			here, err := own.Call(context.Background(), method, asked)
			there, serviceErr := service.Call(context.Background(), method, asked)
			if !bytes.Equal(here, there) || (err == nil) != (serviceErr == nil) {
				t.Fatalf("%s: %q %v\n%q %v", name, here, err, there, serviceErr)
			}
			var one, other *bidprice.CallError
			if err != nil && !(errors.As(err, &one) && errors.As(serviceErr, &other) && one.Code == other.Code) {
				t.Fatalf("%s: %v\n%v", name, err, serviceErr)
			}
		}
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	codeOf := func(err error) bidprice.Code {
		var failed *bidprice.CallError
		if !errors.As(err, &failed) || failed.Message == "" {
			t.Fatal(err)
		}
		return failed.Code
	}
	if _, err := Open("absent.toml"); codeOf(err) != bidprice.CodeBadArgument || !strings.Contains(err.Error(), "absent.toml") {
		t.Error(err)
	}
	folder := folder(t)
	client, err := OpenText(config, folder)
	if err != nil {
		t.Fatal(err)
	}
	background := context.Background()
	if _, err := client.Ask(background, bidprice.Text("nonsense"), "", false); codeOf(err) != bidprice.CodeBadMessage {
		t.Error(err)
	}
	if _, err := client.Ask(background, nil, "", false); codeOf(err) != bidprice.CodeBadMessage {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(background)
	cancel()
	if _, err := client.Status(cancelled); codeOf(err) != bidprice.CodeClosed || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	late, cancel := context.WithDeadline(background, time.Unix(0, 0))
	defer cancel()
	if _, err := client.Status(late); codeOf(err) != bidprice.CodeDeadline {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Close(); codeOf(err) != bidprice.CodeClosed {
		t.Error(err)
	}
	if _, err := client.Status(background); codeOf(err) != bidprice.CodeClosed {
		t.Error(err)
	}
	if Version() == "" {
		t.Error("no version")
	}
}

// unit is a resource unit of a group spec. Its cards may be of any model.
func unit(id, count, cards int) string {
	models := "[]"
	if cards > 0 {
		models = `[{"key":"vendor/nvidia/model/*","value":"true"}]`
	}
	return fmt.Sprintf(`{"resource":{"id":%d,"cpu":{"units":{"val":"4000"},"attributes":[]},
		"memory":{"quantity":{"val":"8589934592"},"attributes":[]},
		"storage":[{"name":"default","quantity":{"val":"21474836480"},"attributes":[]}],
		"gpu":{"units":{"val":"%d"},"attributes":%s},"endpoints":[{"kind":"SHARED_HTTP","sequence_number":0}]},
		"count":%d,"price":{"denom":"uakt","amount":"1000000000"}}`, id, cards, models, count)
}

// threeServices is the order of the benchmarks in Rust: one of the services has two replicas with a card each.
func threeServices() string {
	units := strings.Join([]string{unit(1, 2, 1), unit(2, 1, 0), unit(3, 1, 0)}, ",")
	return fmt.Sprintf(`{"name":"group","requirements":{"signed_by":{"all_of":[],"any_of":[]},"attributes":[]},
		"resources":[%s]}`, units)
}

func benchmark(b *testing.B, client *bidprice.Client) {
	order := bidprice.Text(threeServices())
	for b.Loop() {
		if _, err := client.Ask(context.Background(), order, "", false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuote(b *testing.B) {
	folder := folder(b)
	for name, client := range map[string]*bidprice.Client{"library": opened(b, folder), "socket": served(b, folder)} {
		b.Run(name, func(b *testing.B) { benchmark(b, client) })
	}
}

// BenchmarkCgo is what a call costs that does nothing.
func BenchmarkCgo(b *testing.B) {
	for b.Loop() {
		Version()
	}
}

func Example() {
	client, err := OpenText("[feed]\nusd_per_akt = \"0.5\"\n[rates]\ncpu = \"2\"\n[tracing]\nlevel = \"off\"\n", ".")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	order := `{"resources":[{"cpu":1000,"memory":0,"gpu":{"units":0},"storage":[],"count":1,"endpoint_quantity":0,` +
		`"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"100"},"price_precision":6}`
	price, err := client.Ask(context.Background(), bidprice.Text(order), "", true)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(price.Amount, price.Denom)
	// Output: 4.652147 uact
}
