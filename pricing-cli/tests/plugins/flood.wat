;; A WASI command that writes a line to stderr a million times, then bids.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\02\00\00\00\22\00\00\00\04\00\00\00")
  (data (i32.const 32) "x\n1.5\n")
  (func (export "_start") (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $again
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))
