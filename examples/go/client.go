// Package bidprice asks a running bidprice service for the price of an order.
package bidprice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"bidprice.example/go/wire"
)

// NoBid is an answer of the service: it chose not to bid (Fault is false), or could not price the order.
type NoBid struct {
	Code    string
	Message string
	Fault   bool
}

func (n *NoBid) Error() string {
	return fmt.Sprintf("%s: %s", n.Code, n.Message)
}

// ErrNonsense is an answer that is no price.
var ErrNonsense = errors.New("the service's answer is no price")

// codec marshals this package's messages, whichever codec the process has registered for its own: a cosmos-sdk process
// has one that knows gogoproto's.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message interface{}) ([]byte, error) {
	return proto.Marshal(message.(proto.Message))
}

func (codec) Unmarshal(data []byte, message interface{}) error {
	return proto.Unmarshal(data, message.(proto.Message))
}

// Client asks a service over its Unix socket. It may be used by many goroutines at once.
type Client struct {
	connection *grpc.ClientConn
	deadline   time.Duration
}

// Dial makes a client. It connects with the first call, and again after the service was restarted.
func Dial(socket string, deadline time.Duration) (*Client, error) {
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	// `localhost` only fills the :authority of requests. Newer versions of grpc spell WithInsecure as
	// WithTransportCredentials(insecure.NewCredentials()), and Dial as NewClient.
	connection, err := grpc.Dial("passthrough:///localhost", grpc.WithInsecure(), grpc.WithContextDialer(dialer))
	if err != nil {
		return nil, err
	}
	return &Client{connection: connection, deadline: deadline}, nil
}

// Close closes the connection.
func (c *Client) Close() error {
	return c.connection.Close()
}

// Ask quotes an order of one group. An error that is no *NoBid and not ErrNonsense is a gRPC status: InvalidArgument is
// an order that cannot be read; after any other nobody has priced it. None of them is a reason to bid.
func (c *Client) Ask(ctx context.Context, order *wire.Order, owner string, reserved bool) (*wire.Price, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	request := &wire.QuoteRequest{Order: order, Owner: owner, AlreadyReserved: reserved}
	response := new(wire.QuoteResponse)
	err := c.connection.Invoke(ctx, "/bidprice.v1.Pricing/Quote", request, response, grpc.ForceCodec(codec{}))
	if err != nil {
		return nil, err
	}
	if len(response.Quotes) != 1 {
		return nil, fmt.Errorf("%w: it has %d quotes", ErrNonsense, len(response.Quotes))
	}
	quote := response.Quotes[0]
	switch quote.Decision {
	case wire.Decision_DECISION_BID:
		if quote.Price.GetAmount() == "" || quote.Price.GetDenom() == "" {
			return nil, fmt.Errorf("%w: it bids without one", ErrNonsense)
		}
		return quote.Price, nil
	case wire.Decision_DECISION_DECLINE, wire.Decision_DECISION_FAULT:
		fault := quote.Decision == wire.Decision_DECISION_FAULT
		return nil, &NoBid{Code: quote.Reason.GetCode(), Message: quote.Reason.GetMessage(), Fault: fault}
	default:
		return nil, fmt.Errorf("%w: it has no decision", ErrNonsense)
	}
}

// GroupSpec is an order as the chain's GroupSpec marshals itself.
func GroupSpec(marshalled []byte) *wire.Order {
	return &wire.Order{Form: &wire.Order_GroupSpec{GroupSpec: marshalled}}
}

// Text is an order as text: an SDL, a group spec, or a bid price script's request.
func Text(text string) *wire.Order {
	return &wire.Order{Form: &wire.Order_Text{Text: text}}
}
