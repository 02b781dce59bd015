//! The Python package `bidprice`: quotes of Arrow record batches, and simulations.
//!
//! The module is private to the package: `python/bidprice/__init__.py` is what others see.

mod host;
mod quote_batch;
mod rows;
mod simulate;

use pyo3::prelude::*;

/// What the package's Python half calls.
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
