//! What must be true of summaries.
