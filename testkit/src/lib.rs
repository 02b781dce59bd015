//! Generators, oracles and the corpus.
