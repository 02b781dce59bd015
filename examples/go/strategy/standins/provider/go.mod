module github.com/akash-network/provider

go 1.26.2

require (
	github.com/cosmos/cosmos-sdk v0.53.6
	pkg.akt.dev/go v0.4.2
)
