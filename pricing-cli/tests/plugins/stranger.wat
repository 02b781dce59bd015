;; A module that asks for something no host of plugins has.
(module
  (import "env" "gpu\1b[2Jtemperature" (func (result f64)))
  (memory (export "memory") 1)
  (func (export "_start")))
