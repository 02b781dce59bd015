//! The functions of WASI preview 1, with their exact types.

use core::fmt;

use wasmparser::ValType::{self, I32, I64};

/// The module that a command imports its functions from.
pub const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// A function of WASI preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasiFunction {
    /// Its name in [`WASI_MODULE`].
    pub name: &'static str,
    /// The types of its parameters.
    pub params: &'static [ValType],
    /// The types of its results.
    pub results: &'static [ValType],
}

impl fmt::Display for WasiFunction {
    /// Writes the type: `(i32, i64) -> (i32)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&signature(self.params, self.results))
    }
}

/// A function type for people.
pub(crate) fn signature(params: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| types.iter().take(16).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(params), list(results))
}

/// A function that returns an error number, as all but two do.
const fn call(name: &'static str, params: &'static [ValType]) -> WasiFunction {
    WasiFunction { name, params, results: &[I32] }
}

/// Every function of WASI preview 1, by name.
pub const WASI_FUNCTIONS: &[WasiFunction] = &[
    call("args_get", &[I32, I32]),
    call("args_sizes_get", &[I32, I32]),
    call("clock_res_get", &[I32, I32]),
    call("clock_time_get", &[I32, I64, I32]),
    call("environ_get", &[I32, I32]),
    call("environ_sizes_get", &[I32, I32]),
    call("fd_advise", &[I32, I64, I64, I32]),
    call("fd_allocate", &[I32, I64, I64]),
    call("fd_close", &[I32]),
    call("fd_datasync", &[I32]),
    call("fd_fdstat_get", &[I32, I32]),
    call("fd_fdstat_set_flags", &[I32, I32]),
    call("fd_fdstat_set_rights", &[I32, I64, I64]),
    call("fd_filestat_get", &[I32, I32]),
    call("fd_filestat_set_size", &[I32, I64]),
    call("fd_filestat_set_times", &[I32, I64, I64, I32]),
    call("fd_pread", &[I32, I32, I32, I64, I32]),
    call("fd_prestat_dir_name", &[I32, I32, I32]),
    call("fd_prestat_get", &[I32, I32]),
    call("fd_pwrite", &[I32, I32, I32, I64, I32]),
    call("fd_read", &[I32, I32, I32, I32]),
    call("fd_readdir", &[I32, I32, I32, I64, I32]),
    call("fd_renumber", &[I32, I32]),
    call("fd_seek", &[I32, I64, I32, I32]),
    call("fd_sync", &[I32]),
    call("fd_tell", &[I32, I32]),
    call("fd_write", &[I32, I32, I32, I32]),
    call("path_create_directory", &[I32, I32, I32]),
    call("path_filestat_get", &[I32, I32, I32, I32, I32]),
    call("path_filestat_set_times", &[I32, I32, I32, I32, I64, I64, I32]),
    call("path_link", &[I32, I32, I32, I32, I32, I32, I32]),
    call("path_open", &[I32, I32, I32, I32, I32, I64, I64, I32, I32]),
    call("path_readlink", &[I32, I32, I32, I32, I32, I32]),
    call("path_remove_directory", &[I32, I32, I32]),
    call("path_rename", &[I32, I32, I32, I32, I32, I32]),
    call("path_symlink", &[I32, I32, I32, I32, I32]),
    call("path_unlink_file", &[I32, I32, I32]),
    call("poll_oneoff", &[I32, I32, I32, I32]),
    WasiFunction { name: "proc_exit", params: &[I32], results: &[] },
    call("proc_raise", &[I32]),
    call("random_get", &[I32, I32]),
    call("sched_yield", &[]),
    call("sock_accept", &[I32, I32, I32]),
    call("sock_recv", &[I32, I32, I32, I32, I32, I32]),
    call("sock_send", &[I32, I32, I32, I32, I32]),
    call("sock_shutdown", &[I32, I32]),
];

/// The function of this name.
#[must_use]
pub fn wasi_function(name: &str) -> Option<&'static WasiFunction> {
    let index = WASI_FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
    WASI_FUNCTIONS.get(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert_eq!(WASI_FUNCTIONS.len(), 46);
        assert!(WASI_FUNCTIONS.is_sorted_by(|one, next| one.name < next.name));
        assert!(WASI_FUNCTIONS.iter().all(|function| wasi_function(function.name) == Some(function)));
        assert_eq!(wasi_function("fd_advise_more"), None);
    }

    #[test]
    fn types_read_well() {
        assert_eq!(wasi_function("clock_time_get").unwrap().to_string(), "(i32, i64, i32) -> (i32)");
        assert_eq!(wasi_function("proc_exit").unwrap().to_string(), "(i32) -> ()");
    }
}
