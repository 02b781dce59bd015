//! The Python package `bidprice`: quotes for Arrow record batches, and simulations.
//!
//! The module is private to the package. `python/bidprice/__init__.py` is the public interface.

mod host;
mod quote_batch;
mod rows;
mod simulate;

use pyo3::prelude::*;

/// The functions and classes that the package's Python code calls.
#[pymodule]
mod bidprice_native {
    #[pymodule_export]
    use super::quote_batch::Quoter;
    #[pymodule_export]
    use super::simulate::simulate;

    /// The package's version.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
