// Package library runs the bidprice engine in this process, through libbidprice and cgo.
//
// It needs the C library with its header (`cargo xtask library PREFIX`, or what is released) and pkg-config. With the build
// tag bidprice_static the library becomes part of the program.
package library

// #include <bidprice.h>
// #cgo noescape bidprice_quote
// #cgo nocallback bidprice_quote
// #cgo noescape bidprice_screen
// #cgo nocallback bidprice_screen
// #cgo nocallback bidprice_free
// #cgo noescape bidprice_free
import "C"

import (
	"context"
	"math"
	"time"
	"unsafe"

	bidprice "bidprice.example/go"
)

// Open starts an engine with a configuration file, the one that `bidprice serve` takes. It blocks until the files have
// settled and the plugin is compiled, and up to two seconds longer until the first inventory is there. The engine has
// threads of its own: a process that is forked must not use it.
func Open(config string) (*bidprice.Client, error) {
	path := []byte(config)
	return open(func(handle *C.uint64_t, reason *C.bidprice_buffer) uint32 {
		return uint32(C.bidprice_open_file((*C.char)(unsafe.Pointer(unsafe.SliceData(path))), C.size_t(len(path)), handle, reason))
	})
}

// OpenText starts an engine with the text of a configuration. Relative paths in it start from a folder.
func OpenText(config, folder string) (*bidprice.Client, error) {
	text, from := []byte(config), []byte(folder)
	return open(func(handle *C.uint64_t, reason *C.bidprice_buffer) uint32 {
		return uint32(C.bidprice_open_text((*C.uint8_t)(unsafe.SliceData(text)), C.size_t(len(text)),
			(*C.char)(unsafe.Pointer(unsafe.SliceData(from))), C.size_t(len(from)), handle, reason))
	})
}

func open(call func(*C.uint64_t, *C.bidprice_buffer) uint32) (*bidprice.Client, error) {
	var handle C.uint64_t
	var reason C.bidprice_buffer
	if _, err := taken(call(&handle, &reason), &reason); err != nil {
		return nil, err
	}
	// The engine's own deadline, `limits.deadline`, holds for every call.
	return bidprice.NewClient(&engine{handle: handle}, 0), nil
}

// Version is that of the C library.
func Version() string { return C.GoString(C.bidprice_version()) }

// Metrics are those of an engine in this process, in the format of Prometheus. A client of a socket has none here: the
// service has a page of its own.
func Metrics(client *bidprice.Client) (string, error) {
	engine, ok := client.Transport().(*engine)
	if !ok {
		return "", &bidprice.CallError{Code: bidprice.CodeBadArgument, Message: "the client's engine is in another process"}
	}
	var answer C.bidprice_buffer
	text, err := taken(uint32(C.bidprice_metrics(engine.handle, &answer)), &answer)
	return string(text), err
}

type engine struct {
	handle C.uint64_t
}

// Call runs on the calling thread. It does not end early when the context is cancelled, but with its deadline.
func (e *engine) Call(ctx context.Context, method bidprice.Method, request []byte) ([]byte, error) {
	milliseconds, err := timeout(ctx)
	if err != nil {
		return nil, err
	}
	var answer C.bidprice_buffer
	data, length := (*C.uint8_t)(unsafe.SliceData(request)), C.size_t(len(request))
	var code uint32
	switch method {
	case bidprice.MethodQuote:
		code = uint32(C.bidprice_quote(e.handle, data, length, milliseconds, &answer))
	case bidprice.MethodScreen:
		code = uint32(C.bidprice_screen(e.handle, data, length, milliseconds, &answer))
	case bidprice.MethodRelease:
		code = uint32(C.bidprice_release(e.handle, data, length, &answer))
	case bidprice.MethodReload:
		code = uint32(C.bidprice_reload(e.handle, data, length, &answer))
	case bidprice.MethodStatus:
		code = uint32(C.bidprice_status(e.handle, &answer))
	default:
		return nil, &bidprice.CallError{Code: bidprice.CodeBadArgument, Message: "there is no method " + string(method)}
	}
	return taken(code, &answer)
}

// Close lets the calls that are running end, and stops the engine.
func (e *engine) Close() error {
	if code := C.bidprice_close(e.handle); code != C.BIDPRICE_CODE_OK {
		return &bidprice.CallError{Code: bidprice.Code(code), Message: "the engine is closed already"}
	}
	return nil
}

// timeout is the time that a context leaves, in milliseconds; 0 stands for as long as the configuration allows.
func timeout(ctx context.Context) (C.uint32_t, error) {
	if err := ctx.Err(); err != nil {
		return 0, late(err)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, nil
	}
	left := time.Until(deadline).Milliseconds()
	if left <= 0 {
		return 0, late(context.DeadlineExceeded)
	}
	return C.uint32_t(min(left, math.MaxUint32)), nil
}

// late is the error of a context that has ended, with the code that the socket gives it.
func late(err error) error {
	code := bidprice.CodeClosed
	if err == context.DeadlineExceeded {
		code = bidprice.CodeDeadline
	}
	return &bidprice.CallError{Code: code, Message: err.Error(), Cause: err}
}

// taken copies an answer and frees it. If the code is not 0, the answer is the text of the error.
func taken(code uint32, answer *C.bidprice_buffer) ([]byte, error) {
	bytes := C.GoBytes(unsafe.Pointer(answer.data), C.int(answer.length))
	C.bidprice_free(answer)
	if code != C.BIDPRICE_CODE_OK {
		return nil, &bidprice.CallError{Code: bidprice.Code(code), Message: string(bytes)}
	}
	return bytes, nil
}
