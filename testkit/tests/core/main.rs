//! The core, held against oracles, laws and the corpus.

mod budget;
mod console_matcher;
mod faults;
mod fuzz_corpus;
mod held;
mod hostile_texts;
mod laws;
mod plugin_answers;
mod script_request;
mod sound;
mod sound_corpus;
