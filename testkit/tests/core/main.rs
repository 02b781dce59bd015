//! The core, held against oracles, laws and the corpus.

mod budget;
mod faults;
mod fuzz_corpus;
mod held;
mod hostile_texts;
mod laws;
mod plugin_answers;
mod scale;
mod script_request;
mod sound;
mod sound_corpus;
