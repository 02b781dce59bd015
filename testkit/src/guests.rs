//! Guests that do harm, with the expected results.

pub mod answers;
pub mod bombs;
pub mod commands;
pub mod compiling;
pub mod entry_points;
pub mod interfaces;
pub mod logs;
pub mod memory;
pub mod outputs;
pub mod reallocs;
pub mod resources;
pub mod state;

use pricing_core::quote::ReasonCode;

/// What ends a guest that does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// The default fuel, with a distant deadline.
    Fuel,
    /// The clock: fuel for years, and a deadline of milliseconds.
    Clock,
}

/// The expected result of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A reason code, at load or in the call.
    Code(ReasonCode),
    /// The bid per block.
    Bid(String),
}

/// A guest that does harm, or that is harmless in an unusual way.
#[derive(Clone, Debug)]
pub struct Attack {
    /// What it does.
    pub name: String,
    /// The plugin's file.
    pub file: Vec<u8>,
    /// What ends it.
    pub budget: Budget,
    /// The expected result.
    pub expected: Expected,
}

impl Attack {
    /// An attack that ends by itself or by fuel.
    pub fn new(name: impl Into<String>, file: Vec<u8>, code: ReasonCode) -> Self {
        Self { name: name.into(), file, budget: Budget::Fuel, expected: Expected::Code(code) }
    }

    /// A guest that is unusual but answers.
    pub fn harmless(name: impl Into<String>, file: Vec<u8>, price: &str) -> Self {
        Self { name: name.into(), file, budget: Budget::Fuel, expected: Expected::Bid(price.to_owned()) }
    }

    /// The same guest with fuel for years, which the clock must end.
    #[must_use]
    pub fn by_clock(&self) -> Self {
        Self {
            name: format!("{}, by clock", self.name),
            budget: Budget::Clock,
            expected: Expected::Code(ReasonCode::DeadlineExceeded),
            ..self.clone()
        }
    }
}

/// Every attack by a component.
#[must_use]
pub fn components() -> Vec<Attack> {
    [
        entry_points::loops(),
        entry_points::recursions(),
        memory::attacks(),
        outputs::attacks(),
        answers::prices(),
        answers::changes(),
        logs::attacks(),
        reallocs::attacks(),
        interfaces::attacks(),
        resources::attacks(),
    ]
    .concat()
}
