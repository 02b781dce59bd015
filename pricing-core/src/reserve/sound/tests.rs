//! Tests of the sound scheduler.
