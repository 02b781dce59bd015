//! alternatives.
