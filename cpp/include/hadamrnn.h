/* Model files for C, and for every language that calls C: a shared library, which the CMake option HADAMRNN_SHARED
 * builds. The logits have the bits of Model.infer in Python.
 *
 * Functions that can fail return NULL or a number other than 0; hadamrnn_last_error() then says why. Nothing is thrown.
 * A model may be used by any number of threads at once, a stream by one.
 *
 *   hadamrnn_model* model = hadamrnn_open("smnist.safetensors");
 *   if (!model) { fprintf(stderr, "%s\n", hadamrnn_last_error()); return 1; }
 *   hadamrnn_infer(model, pixels, HADAMRNN_U8, 1, 784, NULL, logits, 1);
 *   hadamrnn_close(model);
 */
#ifndef HADAMRNN_H
#define HADAMRNN_H

#include <stddef.h>
#include <stdint.h>

#if defined(HADAMRNN_BUILD) && defined(_WIN32)
#define HADAMRNN_API __declspec(dllexport)
#elif defined(_WIN32)
#define HADAMRNN_API __declspec(dllimport)
#else
#define HADAMRNN_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hadamrnn_model hadamrnn_model;
typedef struct hadamrnn_stream hadamrnn_stream;

/* Types of a caller's numbers. */
enum {
  HADAMRNN_F32 = 0,
  HADAMRNN_F64 = 1,
  HADAMRNN_I8 = 2,
  HADAMRNN_I16 = 3,
  HADAMRNN_I32 = 4,
  HADAMRNN_I64 = 5,
  HADAMRNN_U8 = 6,
  HADAMRNN_U16 = 7,
  HADAMRNN_U32 = 8,
  HADAMRNN_U64 = 9
};

/* When a model answers: after the last step, after every step, or after the last one with the mean of all. */
enum { HADAMRNN_LAST = 0, HADAMRNN_ALL = 1, HADAMRNN_MEAN = 2 };

/* The last error of the calling thread, "" if there was none. Valid until the thread's next call fails. */
HADAMRNN_API const char* hadamrnn_last_error(void);

/* The model in a file, or in the bytes of one, which are not kept. NULL on failure. */
HADAMRNN_API hadamrnn_model* hadamrnn_open(const char* path);
HADAMRNN_API hadamrnn_model* hadamrnn_open_bytes(const void* data, size_t size);
/* NULL is taken. Streams of the model stay valid. */
HADAMRNN_API void hadamrnn_close(hadamrnn_model* model);

/* Of a model; -1 for NULL. */
HADAMRNN_API int hadamrnn_takes_tokens(const hadamrnn_model* model);
HADAMRNN_API int hadamrnn_output(const hadamrnn_model* model);
/* Features of a step, or how many tokens there are. */
HADAMRNN_API int64_t hadamrnn_input_size(const hadamrnn_model* model);
/* Logits. A single one is that of the second of two classes. */
HADAMRNN_API int64_t hadamrnn_output_size(const hadamrnn_model* model);
/* The number of steps of every sequence, where the model reads them in an order of its own; else 0. */
HADAMRNN_API int64_t hadamrnn_steps(const hadamrnn_model* model);
/* The name of a class as UTF-8, valid as long as the model; NULL if it has none. */
HADAMRNN_API const char* hadamrnn_label(const hadamrnn_model* model, int64_t index);

/* Logits of a batch of raw sequences: features (batch, steps, input_size) or tokens (batch, steps) of any integer type.
 * lengths: (batch), each 1 .. steps, or NULL if all are `steps` long. logits: (batch, steps, output_size) for
 * HADAMRNN_ALL, zero past each length, else (batch, output_size). threads: 1 .. 1024. 0 if all went well. */
HADAMRNN_API int hadamrnn_infer(const hadamrnn_model* model, const void* x, int type, int64_t batch, int64_t steps,
                                const int64_t* lengths, float* logits, int threads);

/* One sequence that is fed as it arrives. NULL for a model that reads its steps in another order. */
HADAMRNN_API hadamrnn_stream* hadamrnn_stream_new(const hadamrnn_model* model);
/* Takes one step, and writes the logits of the sequence so far, (output_size). A step that fails changes nothing. */
HADAMRNN_API int hadamrnn_stream_step(hadamrnn_stream* stream, const void* x, int type, float* logits);
/* Back to the beginning of a sequence. */
HADAMRNN_API void hadamrnn_stream_reset(hadamrnn_stream* stream);
HADAMRNN_API void hadamrnn_stream_free(hadamrnn_stream* stream);

#ifdef __cplusplus
}
#endif

#endif
