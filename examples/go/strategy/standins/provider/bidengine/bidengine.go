// Package bidengine stands for the provider's: what a pricing strategy meets of it (provider 0.14 to 0.16.2).
package bidengine

import (
	"context"
	"errors"

	sdk "github.com/cosmos/cosmos-sdk/types"
	dtypes "pkg.akt.dev/go/node/deployment/v1beta4"
)

// Request is what the daemon asks after it has reserved an order.
type Request struct {
	Owner              string
	GSpec              *dtypes.GroupSpec
	AllocatedResources dtypes.ResourceUnits
	PricePrecision     int
}

// BidPricingStrategy prices what was reserved. An error is no bid.
type BidPricingStrategy interface {
	CalculatePrice(ctx context.Context, req Request) (sdk.DecCoin, error)
}

// Config has the strategy, among others.
type Config struct {
	PricingStrategy BidPricingStrategy
}

// Why a strategy does not bid.
var (
	ErrBidQuantityInvalid = errors.New("stand-in: the quantity is invalid")
	ErrBidZero            = errors.New("stand-in: the bid is zero")
)
