//! What an operator should look at in a rate card.

use std::fmt;

use super::origin::entry_key;
use crate::gpu::GpuKind;
use crate::text::excerpt;

/// The section of a rate card that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `[rates.gpu]`.
    Gpu,
    /// `[rates.storage]`.
    Storage,
}

/// Something about the entries of a rate card that the operator should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The section of the entry.
    pub section: Section,
    /// The key of the entry, as in the rate card. None if there is no entry.
    pub entry: Option<String>,
    /// The kind of card that it is about, if any.
    pub kind: Option<GpuKind>,
    /// What is wrong, for people.
    pub problem: String,
    /// The key that was probably meant, or that would state the price. Several keys are separated by `, `.
    pub suggestion: Option<String>,
}

impl Finding {
    /// The key of the entry in its section or, where that is not the one of the GPUs, in the whole rate card.
    #[must_use]
    pub fn entry_name(&self) -> Option<String> {
        let entry = self.entry.as_deref()?;
        Some(match self.section {
            Section::Gpu => entry.to_owned(),
            Section::Storage => entry_key("rates.storage", entry),
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.entry, &self.kind) {
            (Some(entry), _) if self.section == Section::Storage => {
                write!(f, "{}: {}", entry_key("rates.storage", entry), self.problem)?;
            }
            (Some(entry), _) => write!(f, "rates.gpu.\"{}\": {}", excerpt(entry), self.problem)?,
            (None, Some(kind)) => write!(f, "{kind}: {}", self.problem)?,
            (None, None) => write!(f, "{}", self.problem)?,
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, " (try {suggestion})"),
            None => Ok(()),
        }
    }
}
