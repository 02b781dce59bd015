//go:build !bidprice_static

package library

// #cgo pkg-config: bidprice
import "C"
