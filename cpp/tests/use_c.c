/* The header is C, and a program in C runs a model: the logits of an image of 784 bytes, whole and pixel by pixel.
 *   use_c MODEL IMAGE */
#include <stdio.h>
#include <string.h>

#include "hadamrnn.h"

int main(int argc, char** argv) {
  unsigned char pixels[784];
  float logits[10], last[10];
  hadamrnn_model* model;
  hadamrnn_stream* stream;
  FILE* image;
  int i;
  if (argc != 3 || !(image = fopen(argv[2], "rb")) || fread(pixels, 1, 784, image) != 784) return 2;
  fclose(image);
  if (hadamrnn_open("no such file") || !strstr(hadamrnn_last_error(), "no such file")) return 3;
  if (!(model = hadamrnn_open(argv[1]))) {
    fprintf(stderr, "%s\n", hadamrnn_last_error());
    return 1;
  }
  if (hadamrnn_infer(model, pixels, HADAMRNN_U8, 1, 784, NULL, logits, 1)) return 4;
  if (hadamrnn_infer(model, pixels, 10, 1, 784, NULL, logits, 1) == 0) return 5;
  if (hadamrnn_infer(model, NULL, HADAMRNN_U8, 1, 784, NULL, logits, 1) == 0) return 5;
  if (hadamrnn_infer(model, pixels, HADAMRNN_U8, 1, 784, NULL, logits, 0) == 0) return 5;
  if (hadamrnn_infer(NULL, pixels, HADAMRNN_U8, 1, 784, NULL, logits, 1) == 0) return 5;
  if (hadamrnn_open(NULL) || hadamrnn_input_size(NULL) != -1 || hadamrnn_input_size(model) != 1) return 5;
  if (!hadamrnn_label(model, 9) || hadamrnn_label(model, 10)) return 5;
  if (!(stream = hadamrnn_stream_new(model))) return 6;
  hadamrnn_close(model);
  for (i = 0; i < 784; ++i) {
    if (hadamrnn_stream_step(stream, pixels + i, HADAMRNN_U8, last)) return 7;
  }
  hadamrnn_stream_free(stream);
  for (i = 0; i < 10; ++i) printf("%a\n", logits[i]);
  return memcmp(logits, last, sizeof last) == 0 ? 0 : 8;
}
