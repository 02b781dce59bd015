module pkg.akt.dev/go

go 1.26.2

require (
	github.com/cosmos/cosmos-sdk v0.53.6
	google.golang.org/protobuf v1.36.12
)
