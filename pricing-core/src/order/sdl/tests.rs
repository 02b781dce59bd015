//! Tests of the SDL reader.

mod corpus;
mod hostile;
mod refusals;
mod rules;
