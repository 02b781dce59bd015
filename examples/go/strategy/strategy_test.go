package strategy

import (
	"context"
	"errors"
	"testing"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"google.golang.org/protobuf/proto"
	dtypes "pkg.akt.dev/go/node/deployment/v1beta4"
	attributes "pkg.akt.dev/go/node/types/attributes/v1"
	rtypes "pkg.akt.dev/go/node/types/resources/v1beta4"

	"github.com/akash-network/provider/bidengine"

	bidprice "bidprice.example/go"
	"bidprice.example/go/wire"
)

// transport answers each quote with the same quote, and keeps the last request.
type transport struct {
	quote *wire.Quote
	asked *wire.QuoteRequest
}

func (t *transport) Call(_ context.Context, _ bidprice.Method, request []byte) ([]byte, error) {
	t.asked = new(wire.QuoteRequest)
	if err := proto.Unmarshal(request, t.asked); err != nil {
		return nil, err
	}
	return proto.Marshal(&wire.QuoteResponse{Quotes: []*wire.Quote{t.quote}})
}

func (t *transport) Close() error { return nil }

func unit(id uint32, cards uint64, key string) dtypes.ResourceUnit {
	resources := rtypes.Resources{
		ID:     id,
		CPU:    &rtypes.CPU{Units: rtypes.NewResourceValue(1000)},
		Memory: &rtypes.Memory{Quantity: rtypes.NewResourceValue(1 << 30)},
		GPU:    &rtypes.GPU{Units: rtypes.NewResourceValue(cards)},
	}
	if cards > 0 {
		resources.GPU.Attributes = []attributes.Attribute{{Key: key, Value: "true"}}
	}
	return dtypes.ResourceUnit{Resources: resources, Count: 1, Price: sdk.NewDecCoin("uact", sdkmath.NewInt(100))}
}

func request() bidengine.Request {
	asked := unit(2, 1, "vendor/nvidia/model/*")
	reserved := unit(2, 1, "vendor/nvidia/model/a100")
	reserved.CPU.Units = rtypes.NewResourceValue(500)
	return bidengine.Request{
		Owner:              "akash1tenant",
		GSpec:              &dtypes.GroupSpec{Name: "group", Resources: dtypes.ResourceUnits{unit(1, 0, ""), asked}},
		AllocatedResources: dtypes.ResourceUnits{unit(1, 0, ""), reserved},
		PricePrecision:     6,
	}
}

func priced(quote *wire.Quote) (sdk.DecCoin, *wire.QuoteRequest, error) {
	transport := &transport{quote: quote}
	client := bidprice.NewClient(transport, 0)
	config := bidengine.Config{PricingStrategy: New(client)}
	price, err := config.PricingStrategy.CalculatePrice(context.Background(), request())
	return price, transport.asked, err
}

func bid(amount, denom string) *wire.Quote {
	return &wire.Quote{Decision: wire.Decision_DECISION_BID, Price: &wire.Price{Amount: amount, Denom: denom}}
}

func TestTheBidIsThePriceOfTheReservedCards(t *testing.T) {
	price, asked, err := priced(bid("12.5", "uact"))
	if err != nil || price.String() != "12.500000000000000000uact" {
		t.Fatal(price, err)
	}
	if !asked.AlreadyReserved || asked.Owner != "akash1tenant" {
		t.Fatal(asked)
	}
	// The card is the one that was reserved; the amounts are those of the order.
	order := dtypes.GroupSpec{Name: "group", Resources: dtypes.ResourceUnits{unit(1, 0, ""), unit(2, 1, "vendor/nvidia/model/a100")}}
	expected, _ := order.Marshal()
	if string(asked.Order.GetGroupSpec()) != string(expected) {
		t.Fatalf("%q\n%q", asked.Order.GetGroupSpec(), expected)
	}
	// What the daemon keeps is as it was.
	if key := request().GSpec.Resources[1].GPU.Attributes[0].Key; key != "vendor/nvidia/model/*" {
		t.Fatal(key)
	}
}

func TestNothingButAPriceIsABid(t *testing.T) {
	reason := &wire.Reason{Code: "above-maximum", Message: "too dear"}
	for name, quote := range map[string]*wire.Quote{
		"a decline":         {Decision: wire.Decision_DECISION_DECLINE, Reason: reason},
		"a fault":           {Decision: wire.Decision_DECISION_FAULT, Reason: reason},
		"no decision":       {Price: &wire.Price{Amount: "1", Denom: "uact"}},
		"no price":          {Decision: wire.Decision_DECISION_BID},
		"another denom":     bid("1", "uakt"),
		"zero":              bid("0", "uact"),
		"a negative amount": bid("-1", "uact"),
		"no number":         bid("NaN", "uact"),
		"too many decimals": bid("1.0000000000000000001", "uact"),
	} {
		price, _, err := priced(quote)
		if err == nil || price.Denom != "" {
			t.Errorf("%s: %v", name, price)
		}
		var noBid *bidprice.NoBid
		if answered := quote.Reason != nil; errors.As(err, &noBid) != answered {
			t.Errorf("%s: %v", name, err)
		}
	}
}
