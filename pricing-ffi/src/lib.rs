//! The pricing engine within a daemon's own process, for programs that are not written in Rust.
//!
//! `bidprice.h` declares the calls, and [`abi`] has them. Requests and answers are the bytes of `bidprice.v1` messages, as
//! on the service's socket, so both give one order the same answer. All of the engine runs inside, on threads of its own:
//! the live inventory, the USD/AKT feed, plugins, the bid log, the shadow, and the reload whenever a file of the
//! configuration changes. It does not listen on anything.
//!
//! What a check can notice is an error and not undefined behaviour: a handle is a number that is looked up in a table
//! (`handles`), and so is the address of a buffer that comes back to be freed (`buffers`). A panic ends the call that it
//! happens in.

pub mod abi;
mod buffers;
mod code;
mod handles;
mod library;
mod process;
mod turnstile;

pub use code::Code;
