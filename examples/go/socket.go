package bidprice

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Dial makes a client of the service that listens on a Unix socket. It connects with the first call, and again after the
// service was restarted.
func Dial(socket string, deadline time.Duration) (*Client, error) {
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	// `localhost` only fills the :authority of requests.
	connection, err := grpc.NewClient("passthrough:///localhost",
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dialer))
	if err != nil {
		return nil, &CallError{Code: CodeBadArgument, Message: err.Error(), Cause: err}
	}
	return NewClient(&socketTransport{connection: connection}, deadline), nil
}

type socketTransport struct {
	connection *grpc.ClientConn
}

func (s *socketTransport) Call(ctx context.Context, method Method, request []byte) ([]byte, error) {
	var answer []byte
	err := s.connection.Invoke(ctx, "/bidprice.v1.Pricing/"+string(method), request, &answer, grpc.ForceCodec(bytesCodec{}))
	if err != nil {
		return nil, callError(err)
	}
	return answer, nil
}

func (s *socketTransport) Close() error { return s.connection.Close() }

// callError gives a gRPC status the code that the library gives the same failure.
func callError(err error) error {
	code := CodeInternal
	switch status.Code(err) {
	case codes.InvalidArgument:
		code = CodeBadMessage
	case codes.DeadlineExceeded:
		code = CodeDeadline
	case codes.ResourceExhausted, codes.FailedPrecondition, codes.PermissionDenied:
		code = CodeRefused
	case codes.Unavailable, codes.Canceled:
		code = CodeClosed
	}
	return &CallError{Code: code, Message: status.Convert(err).Message(), Cause: err}
}

// bytesCodec carries messages that are marshalled already. So it does not matter which codec the process has registered:
// that of a cosmos-sdk process knows gogoproto's messages only.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(message any) ([]byte, error) {
	bytes, ok := message.([]byte)
	if !ok {
		return nil, fmt.Errorf("a %T is not a marshalled message", message)
	}
	return bytes, nil
}

func (bytesCodec) Unmarshal(data []byte, message any) error {
	bytes, ok := message.(*[]byte)
	if !ok {
		return fmt.Errorf("a %T does not take a marshalled message", message)
	}
	// The transport reuses its own memory.
	*bytes = append([]byte(nil), data...)
	return nil
}
