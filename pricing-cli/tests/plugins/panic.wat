;; A WASI command that says why on stderr, and traps two calls deep. One function has a name that could drive a terminal,
;; one a name as Rust mangles it.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\12\00\00\00")
  (data (i32.const 16) "no rate for \1b[2Jxpu")
  (func $_ZN5rates4find17h0123456789abcdefE
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    unreachable)
  (func $"\1b[31mprice" (call $_ZN5rates4find17h0123456789abcdefE))
  (func (export "_start") (call $"\1b[31mprice")))
