// Package v1beta4 stands for the SDK's deployments.
package v1beta4

import (
	sdk "github.com/cosmos/cosmos-sdk/types"

	attributes "pkg.akt.dev/go/node/types/attributes/v1"
	rtypes "pkg.akt.dev/go/node/types/resources/v1beta4"
)

// PlacementRequirements are what an order requires of the provider.
type PlacementRequirements struct {
	Attributes attributes.Attributes
}

// ResourceUnit is a number of replicas with their resources and the tenant's maximum price.
type ResourceUnit struct {
	rtypes.Resources
	Count uint32
	Price sdk.DecCoin
}

// ResourceUnits are those of a group.
type ResourceUnits []ResourceUnit

// GroupSpec is what an order asks for.
type GroupSpec struct {
	Name         string
	Requirements PlacementRequirements
	Resources    ResourceUnits
}

// Price is the tenant's maximum for all units.
func (g GroupSpec) Price() sdk.DecCoin {
	var sum sdk.DecCoin
	for i, unit := range g.Resources {
		of := sdk.NewDecCoinFromDec(unit.Price.Denom, unit.Price.Amount.MulInt64(int64(unit.Count)))
		if i == 0 {
			sum = of
		} else {
			sum = sum.Add(of)
		}
	}
	return sum
}

// Marshal writes the message as gogoproto does.
func (g *GroupSpec) Marshal() ([]byte, error) {
	to := attributes.AppendText(nil, 1, g.Name)
	to = attributes.AppendMessage(to, 2, g.Requirements.Attributes.Append(attributes.AppendMessage(nil, 1, nil), 2))
	for _, unit := range g.Resources {
		resources, err := unit.Resources.Marshal()
		if err != nil {
			return nil, err
		}
		price, err := unit.Price.Marshal()
		if err != nil {
			return nil, err
		}
		one := attributes.AppendMessage(nil, 1, resources)
		one = attributes.AppendNumber(one, 2, uint64(unit.Count))
		one = attributes.AppendMessage(one, 3, price)
		to = attributes.AppendMessage(to, 3, one)
	}
	return to, nil
}
