//! What must be true of files of rows.
