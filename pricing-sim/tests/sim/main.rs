//! Whole simulations, from a scenario's text to its answer.

mod common;
mod export;
mod laws;
mod made_up;
mod market;
mod reference;
mod reserve;
mod sdl_dir;
