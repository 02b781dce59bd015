// Package v1 stands for the SDK's attributes.
package v1

import "google.golang.org/protobuf/encoding/protowire"

// Attribute is a key with a value.
type Attribute struct {
	Key   string
	Value string
}

// Attributes are those of a resource or a placement.
type Attributes []Attribute

// Append writes them as the field of a message.
func (a Attributes) Append(to []byte, field protowire.Number) []byte {
	for _, attribute := range a {
		var one []byte
		one = AppendText(one, 1, attribute.Key)
		one = AppendText(one, 2, attribute.Value)
		to = AppendMessage(to, field, one)
	}
	return to
}

// AppendText writes a text, unless it is empty.
func AppendText(to []byte, field protowire.Number, text string) []byte {
	if text == "" {
		return to
	}
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), text)
}

// AppendMessage writes a message, also an empty one.
func AppendMessage(to []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), message)
}

// AppendNumber writes a number, unless it is 0.
func AppendNumber(to []byte, field protowire.Number, number uint64) []byte {
	if number == 0 {
		return to
	}
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), number)
}
