//! Lines for the operator's log. The host limits their number and length.
//!
//! ```
//! pricing_guest::info!("{} cards are free", 3);
//! ```

pub use crate::bindings::bidprice::plugin::log::Level;

/// Writes a line. Outside a plugin, such as in `cargo test`, it goes to standard error.
pub fn write(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::bidprice::plugin::log::log(level, message);
    #[cfg(not(target_family = "wasm"))]
    #[expect(clippy::print_stderr, reason = "there is no host to log to")]
    {
        eprintln!("{level:?}: {message}");
    }
}

/// Logs a line that helps only the plugin's author.
#[macro_export]
macro_rules! debug {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($message)*)) };
}

/// Logs a line that may interest the operator.
#[macro_export]
macro_rules! info {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($message)*)) };
}

/// Logs a line that the operator should look at.
#[macro_export]
macro_rules! warn {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($message)*)) };
}

/// Logs an error and goes on. To fail, return an `Err` instead, which is logged, too.
#[macro_export]
macro_rules! error {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($message)*)) };
}
