//! Whole simulations, from a scenario's text to its answer.

mod backtest;
mod common;
mod export;
mod history;
mod laws;
mod made_up;
mod market;
mod off_policy;
mod reference;
mod reserve;
mod sdl_dir;
