;; A WASI command that counts for a while in one function, then bids.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\04\00\00\00")
  (data (i32.const 16) "1.5\n")
  (func $count (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
  (func (export "_start")
    (call $count)
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
