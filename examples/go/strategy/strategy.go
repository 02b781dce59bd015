// Package strategy is the provider's BidPricingStrategy that asks bidprice: a service, or the engine in this process.
package strategy

import (
	"context"
	"fmt"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	dtypes "pkg.akt.dev/go/node/deployment/v1beta4"
	rtypes "pkg.akt.dev/go/node/types/resources/v1beta4"

	"github.com/akash-network/provider/bidengine"

	bidprice "bidprice.example/go"
)

type strategy struct {
	client *bidprice.Client
}

var _ bidengine.BidPricingStrategy = strategy{}

// New makes the strategy: bidengine.Config.PricingStrategy takes it.
func New(client *bidprice.Client) bidengine.BidPricingStrategy {
	return strategy{client: client}
}

// CalculatePrice asks for the price of what was reserved.
func (s strategy) CalculatePrice(ctx context.Context, req bidengine.Request) (sdk.DecCoin, error) {
	order := reserved(req)
	marshalled, err := order.Marshal()
	if err != nil {
		return sdk.DecCoin{}, err
	}
	price, err := s.client.Ask(ctx, bidprice.GroupSpec(marshalled), req.Owner, true)
	if err != nil {
		return sdk.DecCoin{}, err
	}
	if denom := req.GSpec.Price().Denom; price.Denom != denom {
		return sdk.DecCoin{}, fmt.Errorf("%w: it is in %s, the order in %s", bidprice.ErrNonsense, price.Denom, denom)
	}
	amount, err := sdkmath.LegacyNewDecFromStr(price.Amount)
	if err != nil {
		return sdk.DecCoin{}, fmt.Errorf("%w: %w", bidengine.ErrBidQuantityInvalid, err)
	}
	if !amount.IsPositive() {
		return sdk.DecCoin{}, bidengine.ErrBidZero
	}
	return sdk.NewDecCoinFromDec(price.Denom, amount), nil
}

// reserved is the order with the cards that were reserved for it: the daemon writes them over what was asked for. The
// amounts stay those of the order, since the reserved ones are shrunk by overcommit.
func reserved(req bidengine.Request) dtypes.GroupSpec {
	order := *req.GSpec
	cards := make(map[uint32]*rtypes.GPU, len(req.AllocatedResources))
	for _, unit := range req.AllocatedResources {
		cards[unit.ID] = unit.GPU
	}
	order.Resources = make(dtypes.ResourceUnits, len(req.GSpec.Resources))
	for i, unit := range req.GSpec.Resources {
		if gpu := cards[unit.ID]; gpu != nil && unit.GPU != nil && unit.GPU.Units.Value() > 0 {
			unit.GPU = &rtypes.GPU{Units: unit.GPU.Units, Attributes: gpu.Attributes}
		}
		order.Resources[i] = unit
	}
	return order
}
