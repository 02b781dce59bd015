// Package bidprice asks for the price of an order: a bidprice service over its socket, or the engine in this process
// (package library). Both are the same Client, with the same methods and errors.
package bidprice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"bidprice.example/go/wire"
)

// A Method is a call of bidprice.v1.Pricing.
type Method string

// The methods that every transport has.
const (
	MethodQuote   Method = "Quote"
	MethodScreen  Method = "Screen"
	MethodRelease Method = "Release"
	MethodStatus  Method = "Status"
	MethodReload  Method = "Reload"
)

// A Transport carries the bytes of a request to the engine, and those of its answer back. It may be used by many
// goroutines at once. Its errors are of type *CallError, or those of the context.
type Transport interface {
	Call(ctx context.Context, method Method, request []byte) ([]byte, error)
	Close() error
}

// A Code says why a call was not answered. The numbers are those of bidprice.h.
type Code int

// The codes.
const (
	// CodeBadArgument: the configuration or an argument cannot be used.
	CodeBadArgument Code = 1
	// CodeBadMessage: the request cannot be read.
	CodeBadMessage Code = 2
	// CodeDeadline: the deadline has passed.
	CodeDeadline Code = 3
	// CodeRefused: there are too many calls at once, or a reload needs somebody to accept it.
	CodeRefused Code = 4
	// CodeClosed: the client was closed, or nobody listens on the socket.
	CodeClosed Code = 5
	// CodeInternal: anything else.
	CodeInternal Code = 6
)

func (c Code) String() string {
	names := [...]string{1: "bad argument", 2: "bad message", 3: "deadline", 4: "refused", 5: "closed", 6: "internal"}
	if c < CodeBadArgument || int(c) >= len(names) {
		return fmt.Sprintf("code %d", int(c))
	}
	return names[c]
}

// A CallError is a call without an answer. It is never a reason to bid.
type CallError struct {
	Code    Code
	Message string
	// Cause is the gRPC status of a call over the socket.
	Cause error
}

func (e *CallError) Error() string { return e.Code.String() + ": " + e.Message }

func (e *CallError) Unwrap() error { return e.Cause }

// NoBid is an answer: the engine chose not to bid (Fault is false), or could not price the order.
type NoBid struct {
	Code    string
	Message string
	Fault   bool
}

func (n *NoBid) Error() string { return fmt.Sprintf("%s: %s", n.Code, n.Message) }

// ErrNonsense is an answer that is not a price.
var ErrNonsense = errors.New("the answer is not a price")

// A Client asks an engine. It may be used by many goroutines at once.
type Client struct {
	transport Transport
	deadline  time.Duration
}

// NewClient makes a client of a transport. Each call has the deadline, or that of its context if it is earlier. 0 stands
// for no deadline but the engine's own.
func NewClient(transport Transport, deadline time.Duration) *Client {
	return &Client{transport: transport, deadline: deadline}
}

// Transport is what carries the calls.
func (c *Client) Transport() Transport { return c.transport }

// Close ends the transport: it closes the connection, or the engine in this process.
func (c *Client) Close() error { return c.transport.Close() }

// Ask quotes an order of one group, and returns the price of the bid. An error of type *NoBid is an answer without a bid;
// after any other error nobody has priced the order. None of them is a reason to bid.
func (c *Client) Ask(ctx context.Context, order *wire.Order, owner string, reserved bool) (*wire.Price, error) {
	response, err := c.Quote(ctx, &wire.QuoteRequest{Order: order, Owner: owner, AlreadyReserved: reserved})
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

// Quote prices an order: one quote for each of its groups.
func (c *Client) Quote(ctx context.Context, request *wire.QuoteRequest) (*wire.QuoteResponse, error) {
	return call(c, ctx, MethodQuote, request, new(wire.QuoteResponse))
}

// Screen declines each group that would be declined wherever it was placed.
func (c *Client) Screen(ctx context.Context, request *wire.ScreenRequest) (*wire.ScreenResponse, error) {
	return call(c, ctx, MethodScreen, request, new(wire.ScreenResponse))
}

// Release frees the capacity that is held back for an order. It returns whether there was any.
func (c *Client) Release(ctx context.Context, request *wire.ReleaseRequest) (bool, error) {
	response, err := call(c, ctx, MethodRelease, request, new(wire.ReleaseResponse))
	return response.GetReleased(), err
}

// Status is what the engine prices with at the moment, and its health.
func (c *Client) Status(ctx context.Context) (*wire.StatusResponse, error) {
	return call(c, ctx, MethodStatus, new(wire.StatusRequest), new(wire.StatusResponse))
}

// Reload reads the configuration, the rates and the plugin again. accept is the digest of a configuration that was refused
// and is to be accepted, or empty.
func (c *Client) Reload(ctx context.Context, accept string) (*wire.ReloadResponse, error) {
	return call(c, ctx, MethodReload, &wire.ReloadRequest{Accept: accept}, new(wire.ReloadResponse))
}

func call[A proto.Message](c *Client, ctx context.Context, method Method, request proto.Message, answer A) (A, error) {
	var none A
	if c.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.deadline)
		defer cancel()
	}
	asked, err := proto.Marshal(request)
	if err != nil {
		return none, &CallError{Code: CodeBadMessage, Message: err.Error()}
	}
	bytes, err := c.transport.Call(ctx, method, asked)
	if err != nil {
		return none, err
	}
	if err := proto.Unmarshal(bytes, answer); err != nil {
		return none, fmt.Errorf("%w: %w", ErrNonsense, err)
	}
	return answer, nil
}

// GroupSpec is an order as the chain's GroupSpec marshals itself.
func GroupSpec(marshalled []byte) *wire.Order {
	return &wire.Order{Form: &wire.Order_GroupSpec{GroupSpec: marshalled}}
}

// Text is an order as text: an SDL, a group spec, or a bid price script's request.
func Text(text string) *wire.Order {
	return &wire.Order{Form: &wire.Order_Text{Text: text}}
}
