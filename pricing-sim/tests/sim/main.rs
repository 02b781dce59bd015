//! Whole simulations, from a scenario's text to its answer.

mod backtest;
mod common;
mod export;
mod history;
mod laws;
mod made_up;
mod market;
mod reference;
mod reserve;
mod sdl_dir;
