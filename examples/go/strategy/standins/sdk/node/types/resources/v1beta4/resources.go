// Package v1beta4 stands for the SDK's resources.
package v1beta4

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	attributes "pkg.akt.dev/go/node/types/attributes/v1"
)

// ResourceValue is an amount. The chain writes it as decimal text.
type ResourceValue struct {
	Val uint64
}

// NewResourceValue is the value of a number.
func NewResourceValue(number uint64) ResourceValue { return ResourceValue{Val: number} }

// Value is its number.
func (v ResourceValue) Value() uint64 { return v.Val }

func (v ResourceValue) marshal() []byte {
	return attributes.AppendText(nil, 1, strconv.FormatUint(v.Val, 10))
}

// CPU is in thousandths of a thread.
type CPU struct {
	Units      ResourceValue
	Attributes attributes.Attributes
}

// Memory is in bytes.
type Memory struct {
	Quantity   ResourceValue
	Attributes attributes.Attributes
}

// Storage is a volume.
type Storage struct {
	Name       string
	Quantity   ResourceValue
	Attributes attributes.Attributes
}

// Volumes are those of a unit.
type Volumes []Storage

// GPU is a number of cards.
type GPU struct {
	Units      ResourceValue
	Attributes attributes.Attributes
}

// Endpoint is one that the order asks for.
type Endpoint struct {
	Kind           int32
	SequenceNumber uint32
}

// Endpoints are those of a unit.
type Endpoints []Endpoint

// Resources are those of each replica of a unit.
type Resources struct {
	ID        uint32
	CPU       *CPU
	Memory    *Memory
	Storage   Volumes
	GPU       *GPU
	Endpoints Endpoints
}

func quantity(name string, value ResourceValue, first int32, list attributes.Attributes) []byte {
	to := attributes.AppendText(nil, 1, name)
	to = attributes.AppendMessage(to, protowire.Number(first), value.marshal())
	return list.Append(to, protowire.Number(first+1))
}

// Marshal writes the message.
func (r *Resources) Marshal() ([]byte, error) {
	to := attributes.AppendNumber(nil, 1, uint64(r.ID))
	if r.CPU != nil {
		to = attributes.AppendMessage(to, 2, quantity("", r.CPU.Units, 1, r.CPU.Attributes))
	}
	if r.Memory != nil {
		to = attributes.AppendMessage(to, 3, quantity("", r.Memory.Quantity, 1, r.Memory.Attributes))
	}
	for _, volume := range r.Storage {
		to = attributes.AppendMessage(to, 4, quantity(volume.Name, volume.Quantity, 2, volume.Attributes))
	}
	if r.GPU != nil {
		to = attributes.AppendMessage(to, 5, quantity("", r.GPU.Units, 1, r.GPU.Attributes))
	}
	for _, endpoint := range r.Endpoints {
		one := attributes.AppendNumber(nil, 1, uint64(endpoint.Kind))
		one = attributes.AppendNumber(one, 2, uint64(endpoint.SequenceNumber))
		to = attributes.AppendMessage(to, 6, one)
	}
	return to, nil
}
