//! Stands in until the real one is there.
/// How to compile.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// Here.
    InProcess,
}
