//! Asks a running bidprice service.
