/* bidprice.h: the pricing engine in your own process. `cargo xtask header` writes this file. */

#ifndef BIDPRICE_H
#define BIDPRICE_H

#include <stddef.h>
#include <stdint.h>

/*
 * An engine is opened with a configuration (the one that `bidprice serve` takes), asked from any number of threads, and
 * closed. Its handle is a number. After it was closed, calls with it return BIDPRICE_CODE_CLOSED.
 *
 * Requests and answers are messages of bidprice.v1, as the service takes them on its socket. Every answer is freed with
 * `bidprice_free`, whatever the code was: if it is not BIDPRICE_CODE_OK, the answer is the text of the error (UTF-8, without
 * a zero byte at its end).
 *
 * The engine has threads of its own, which a fork does not have. In a process that was forked from one that uses the
 * library, every call returns BIDPRICE_CODE_CLOSED, without a text. Start another program (exec) there.
 *
 * Log lines go to standard error, as the section `tracing` of the first configuration says. `level = "off"` writes none.
 */

/*
 What a call returns.
 */
typedef enum {
  /*
   It was answered. A decline and a fault are answers, too.
   */
  BIDPRICE_CODE_OK = 0,
  /*
   An argument cannot be used: a null pointer, a length that no object has, a configuration that is refused, a buffer
   that is not the library's.
   */
  BIDPRICE_CODE_BAD_ARGUMENT = 1,
  /*
   The bytes are not a message, or the message is not a request that can be answered.
   */
  BIDPRICE_CODE_BAD_MESSAGE = 2,
  /*
   The deadline has passed.
   */
  BIDPRICE_CODE_DEADLINE = 3,
  /*
   There are too many calls at once, or the reload needs somebody to accept it. The engine is as it was.
   */
  BIDPRICE_CODE_REFUSED = 4,
  /*
   There is no engine with this handle: it was closed, it was never opened, or it belongs to the process that this one
   was forked from.
   */
  BIDPRICE_CODE_CLOSED = 5,
  /*
   A bug in the library, or the system refused what it needs.
   */
  BIDPRICE_CODE_INTERNAL = 6,
} bidprice_code;

/*
 Bytes that the library hands out: an answer, or the text of an error. They are the caller's until `bidprice_free`.
 */
typedef struct {
  /*
   The bytes. Null if there are none.
   */
  const uint8_t *data;
  /*
   The number of bytes.
   */
  size_t length;
} bidprice_buffer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens an engine with a configuration file, the one that `bidprice serve` takes. Its sections `listen` and `tune` are not
 used. It blocks until the files have settled and the plugin is compiled, and up to two seconds longer until the first
 inventory is there.

 Writes the engine's handle, or 0 and the text of the error. `error` may be null.

 # Safety
 `length` bytes can be read at `path`. A handle can be written at `handle`, and a buffer at `error`, unless they are
 null.
 */
bidprice_code bidprice_open_file(const char *path,
                                 size_t length,
                                 uint64_t *handle,
                                 bidprice_buffer *error);

/*
 Opens an engine with a configuration in memory. Relative paths in it start from a folder. Otherwise as
 `bidprice_open_file`: the files that it names are read again whenever they change.

 # Safety
 `length` bytes can be read at `text`, and `folder_length` at `folder`. A handle can be written at `handle`, and a
 buffer at `error`, unless they are null.
 */
bidprice_code bidprice_open_text(const uint8_t *text,
                                 size_t length,
                                 const char *folder,
                                 size_t folder_length,
                                 uint64_t *handle,
                                 bidprice_buffer *error);

/*
 Prices an order: a `QuoteRequest` is answered with a `QuoteResponse`. A decline and a fault are answers, too.

 A `timeout` in milliseconds of 0, or one that is longer than `limits.deadline`, stands for that. As with every call,
 `answer` gets the text of the error if the code is not 0; both are freed with `bidprice_free`.

 # Safety
 `length` bytes can be read at `request`, and a buffer can be written at `answer`, unless they are null.
 */
bidprice_code bidprice_quote(uint64_t handle,
                             const uint8_t *request,
                             size_t length,
                             uint32_t timeout,
                             bidprice_buffer *answer);

/*
 Declines an order that would be declined wherever it was placed: a `ScreenRequest` is answered with a `ScreenResponse`.

 # Safety
 As `bidprice_quote`.
 */
bidprice_code bidprice_screen(uint64_t handle,
                              const uint8_t *request,
                              size_t length,
                              uint32_t timeout,
                              bidprice_buffer *answer);

/*
 Releases capacity that is held back for an order: a `ReleaseRequest` is answered with a `ReleaseResponse`.

 # Safety
 As `bidprice_quote`.
 */
bidprice_code bidprice_release(uint64_t handle,
                               const uint8_t *request,
                               size_t length,
                               bidprice_buffer *answer);

/*
 Reads the configuration, the rates and the plugin again: a `ReloadRequest` is answered with a `ReloadResponse`. It blocks
 until the files have settled. Files that change are also read again without it.

 # Safety
 As `bidprice_quote`.
 */
bidprice_code bidprice_reload(uint64_t handle,
                              const uint8_t *request,
                              size_t length,
                              bidprice_buffer *answer);

/*
 What the engine prices with at the moment, and its health: a `StatusResponse`.

 # Safety
 A buffer can be written at `answer`, unless it is null.
 */
bidprice_code bidprice_status(uint64_t handle, bidprice_buffer *answer);

/*
 The metrics as text, in the format of Prometheus.

 # Safety
 As `bidprice_status`.
 */
bidprice_code bidprice_metrics(uint64_t handle, bidprice_buffer *answer);

/*
 The text of the last error of an engine; with another handle, such as 0, that of the last call without an open engine.
 It is empty if there was none. Where several threads call, the text that comes with the call's code is the call's own,
 and this one is that of any thread.

 # Safety
 As `bidprice_status`.
 */
bidprice_code bidprice_last_error(uint64_t handle,
                                  bidprice_buffer *answer);

/*
 Closes an engine: later calls fail, calls that are running end (for at most `limits.drain`), the bid log is written to
 its end. Buffers that were handed out stay valid.
 */
bidprice_code bidprice_close(uint64_t handle);

/*
 Frees a buffer, and makes it empty. Freeing an empty one does nothing.

 # Safety
 A buffer can be read and written at `buffer`, unless it is null.
 */
bidprice_code bidprice_free(bidprice_buffer *buffer);

/*
 The version of the library, such as `0.1.0`, which ends with a zero byte. It stays valid.
 */
const char *bidprice_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BIDPRICE_H */
