//! Tests of the SDL reader.

mod corpus;
