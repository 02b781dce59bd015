//! sdl.
