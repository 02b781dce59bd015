//! Tests of the core against oracles, laws and the corpus.

mod budget;
mod certain;
mod console_matcher;
mod faults;
mod fuzz_corpus;
mod handed_out;
mod held;
mod hostile_texts;
mod interconnect;
mod kube_scheduler;
mod kubernetes;
mod laws;
mod likely;
mod plugin_answers;
mod scale;
mod script_request;
mod sound;
mod sound_corpus;
