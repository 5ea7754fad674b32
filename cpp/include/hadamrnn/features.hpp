// Numbers as a caller has them -> the float32 features that a model reads.
#pragma once

#include <cstdint>
#include <vector>

namespace hadamrnn {

// The type of a caller's numbers.
enum class Number : int8_t { f32, f64, i8, i16, i32, i64, u8, u16, u32, u64 };

struct FeaturesSpec {
  int64_t size = 0;                   // d, numbers of one time step
  bool pixels = false;                // a model of pixels: its integers are bytes, and no others are taken
  float byte_scale = 0;               // positive: what a byte of u8 is multiplied by; 0: not even bytes are taken
  std::vector<double> offset, scale;  // (size) each, or empty: no normalization
  bool fine = false;                  // float32 cannot hold the signal: only wider numbers are taken
};

// What float32 holds exactly (float32 itself, integers of up to 16 bits, and a byte that is scaled, float32(byte) *
// byte_scale) is normalized in float32 throughout: (x - float32(offset)) / float32(scale). All wider numbers in
// float64, and rounded once: float32((x - offset) / scale), so that a small signal on a large offset keeps its digits.
// Without a normalization a number is rounded to float32.
class Features {
 public:
  // Throws std::invalid_argument where the sizes do not fit.
  explicit Features(const FeaturesSpec& spec);

  int64_t size() const { return size_; }
  bool takes(Number type) const;
  // Whether numbers of this type may lose something as float32.
  static bool wide(Number type);
  // Whether float32 is read as it is.
  bool plain() const { return wide_.offset.empty(); }
  // x (rows, size) -> out, which may be x for float32. The position of the first one that is not finite, or -1.
  int64_t read(const void* x, Number type, int64_t rows, float* out) const;

 private:
  template <class T>
  void read_steps(const T* x, int64_t rows, float* out) const;

  int64_t size_;
  bool pixels_, fine_;
  float byte_scale_;
  struct {
    std::vector<float> offset, scale;
  } narrow_;
  struct {
    std::vector<double> offset, scale;
  } wide_;
};

// The position of the first number that is infinite or NaN, or -1.
int64_t first_nonfinite(const float* x, int64_t n);

}  // namespace hadamrnn
