// The one door between the core and the instruction sets: a table of plain function pointers,
// none of them null. Vectors are in storage order (see storage.hpp), padded with zeros to a
// multiple of `lane_group` elements; no alignment is assumed.
#pragma once

#include "hadamrnn/isa.hpp"
#include "kernels/block.hpp"
#include "kernels/geometry.hpp"
#include "kernels/integer.hpp"

namespace hadamrnn {

// h_t = act(su * H h_(t-1) + v_t) for t = 1..steps; act(NaN) is NaN. `out` receives every state at out + t*stride,
// or only the last one when stride == 0.
template <class T>
struct Recur {
  Geometry<T> geometry;
  Activation activation;
  const T* su;       // signs / sqrt(m)
  const T* modrelu;  // threshold a unit, only for Activation::modrelu
  // v_t is weight*x[t] + bias when `x` is given, else the row number ids[t] (or t) of `rows`.
  const T* x;
  const T* weight;
  const T* bias;
  const T* rows;
  const int32_t* ids;
  const T* in;  // h_0
  T* out;
  int64_t stride;
  T* scratch;   // geometry.size() elements, used when base > 1
  T limit = 0;  // positive: states are whole numbers in -limit .. limit - 1 (round, act, saturate)
};

// The same of several sequences side by side: of base 1, blocks of 32 to 512 units, and no padding. What belongs to a
// sequence has its place in the lanes as its last axis.
struct RecurLanes {
  Geometry<float> geometry;
  Activation activation;
  const float* su;
  const float* modrelu;
  // v_t is phi(weight x[t] + bias); x is (steps, d, lanes); weight lies in panels (linear-inl.hpp).
  int64_t d;
  const float* x;
  const float* weight;
  const float* bias;
  InputActivation phi;
  float* h;  // (n, lanes): the state, before and after
};

// One step back through the recurrence, for training; see recur_back in backward-inl.hpp.
template <class T>
struct RecurBack {
  Geometry<T> geometry;
  Activation activation;
  const T* su;
  const T* modrelu;
  const T* h0;      // may be null: zeros
  const T* h;       // (steps, size), the states of the forward pass
  const T* grad_h;  // (steps, size); may be null: zeros
  T* dv;            // (steps, size), which may be grad_h; not written by powers_back
  T* carry;         // size: W^T dz of the step after, in and out
  T* dsu;           // size: accumulates dL/d(su)
  T* dmodrelu;      // size: accumulates, only for Activation::modrelu
  T* scratch;       // 3 * geometry.size()
  T limit = 0;      // as in Recur: no gradient where a state is at a limit
};

// What is read instead of a state; see pool-inl.hpp.
template <class T>
struct Pooling {
  int64_t size;        // units, padded
  int64_t thresholds;  // of each unit
  bool excess, share;  // which features there are, of `size` sums each, threshold by threshold
  T rate;              // of running means 2^-k, or of integers k; 0: sums
  const T* threshold;  // (thresholds, size); what it is in the padding leaves no excess and no share there
  int32_t more = 0;    // bits that running means of an integer excess have more than it; those of a share are 15
};

// The way back through a pool; see pool_back in pool-inl.hpp.
struct PoolBack {
  Pooling<float> pool;
  const float* grad;    // of the features, laid out as their sums are
  const float* weight;  // (steps): how much a step counts in the mean
  float* dthreshold;    // (thresholds, size): accumulates; may be null
};

// Sums over time of a few steps' gradients; see accumulate in training-inl.hpp.
struct Accumulate {
  int64_t n;
  const float* dv;  // (steps, n)
  const float* z;   // (steps, n)
  const float* x;   // (steps), for dweight
  float* dsum;      // n: += dv * z
  float* dbias;     // n: += dv; may be null
  float* dweight;   // n: += dv * x; may be null, and is if dbias is
};

// A ternary matrix by strips of 64 outputs; a strip lists only the columns that it uses.
struct TernaryMatrix {
  int64_t strips;
  const int64_t* begin;      // strips + 1 offsets into the entries
  const int32_t* column;     // of each entry
  const uint64_t* nonzero;   // bit i: output i of the strip has a weight there
  const uint64_t* negative;  // bit i: that weight is -1
};

// A binary matrix, bit 1 = -1, bit j of a row being column j. The same bits lie in two orders: groups of
// 8 rows interleaved by 64-bit word, for processors that count the bits of a word, and strips of 64 rows
// interleaved by byte, for those that look bytes up (and for activations of several bits on all of them).
struct BinaryMatrix {
  int64_t columns;
  int64_t words;  // of a row
  int64_t groups;
  const uint64_t* words8;  // word w of row 8g+i is words8[(g*words + w)*8 + i]
  int64_t bytes;           // of a row
  int64_t strips;
  const uint8_t* bytes64;  // byte b of row 64s+i is bytes64[(s*bytes + b)*64 + i]
};

struct KernelTable {
  Isa isa;

  // out[i] = H in[i] (or H^T) for each of `count` vectors; in and out may be the same memory.
  // scratch as in Recur.
  void (*transform_f32)(const Geometry<float>&, const float* in, float* out, float* scratch, int64_t count,
                        bool transpose);
  void (*transform_f64)(const Geometry<double>&, const double* in, double* out, double* scratch, int64_t count,
                        bool transpose);
  void (*transform_i32)(const Geometry<int32_t>&, const int32_t* in, int32_t* out, int32_t* scratch, int64_t count,
                        bool transpose);

  void (*recur_f32)(const Recur<float>&, int64_t steps);
  void (*recur_f64)(const Recur<double>&, int64_t steps);
  void (*recur_back_f32)(const RecurBack<float>&, int64_t steps);
  void (*recur_back_f64)(const RecurBack<double>&, int64_t steps);
  void (*powers_back_f32)(const RecurBack<float>&, int64_t steps);
  void (*powers_back_f64)(const RecurBack<double>&, int64_t steps);

  // Training in pieces (training-inl.hpp): dv rows back through the recurrence, sums over time,
  // and the gradients of the readout and of the softmax.
  void (*back_rows_f32)(const RecurBack<float>&, int64_t steps);
  void (*accumulate_f32)(const Accumulate&, int64_t steps);
  void (*scatter_rows_f32)(const float* dv, const int32_t* ids, int64_t n, int64_t steps, float* rows);
  void (*outer_f32)(const float* a, int64_t step, int64_t stride, const float* b, int64_t n, int64_t count,
                    int64_t steps, bool rectify, float* out);
  void (*logits_f32)(const float* weight, const float* bias, const float* h, int64_t n, int64_t o, int64_t count,
                     float* y, int64_t stride);
  void (*readout_back_f32)(const float* weight, const float* h, const float* dy, int64_t stride, int64_t n, int64_t o,
                           int64_t steps, float* grad);
  void (*softmax_f32)(float* y, int64_t stride, int64_t o, int64_t steps, float* peak, float* sum);

  // How many sequences run side by side; 1: none do, and recur_lanes_f32 does nothing.
  int32_t lanes;
  void (*recur_lanes_f32)(const RecurLanes&, int64_t steps);

  // One step whose product H h is already in `acc`; reads `recur.x`, `rows` at time t.
  void (*update_f32)(const Recur<float>&, const float* acc, int64_t t, float* out);

  // v[i] = phi(weight x[i] + bias) for `count` rows x of d values; weight is in panels (Storage::panels).
  void (*project_f32)(const float* weight, const float* bias, const float* x, int64_t d, int64_t n, int64_t count,
                      InputActivation phi, float* v);
  // y[i] = weight relu(h[i]) + bias; weight is (o, n), n padded; h is (count, n), y is (count, o).
  void (*readout_f32)(const float* weight, const float* bias, const float* h, int64_t n, int64_t o, int64_t count,
                      float* y);

  // `steps` rows of states, one after another, into the sums of a pool, which began with +0; the integers must fit.
  void (*pool_f32)(const Pooling<float>&, const float* h, int64_t steps, float* sums);
  // out = sums / steps, n numbers each; they do not overlap.
  void (*means_f32)(const float* sums, int64_t n, float steps, float* out);
  void (*pool_back_f32)(const PoolBack&, const float* h, int64_t steps, float* grad_h);
  void (*pool_i32)(const Pooling<int32_t>&, const int32_t* z, int64_t steps, int32_t* sums);
  void (*pool_i16)(const Pooling<int16_t>&, const int16_t* z, int64_t steps, int16_t* sums);  // no running means
  // Whether none of the n numbers is infinite or NaN.
  bool (*finite_f32)(const float* x, int64_t n);

  // y = M x; y has 64 * strips elements.
  void (*masked_add_f32)(const TernaryMatrix&, const float* x, float* y);
  void (*masked_add_i32)(const TernaryMatrix&, const int32_t* x, int32_t* y);
  // acc_i = sum_j weight[j*n + i] * x_j, added in order of j.
  void (*dense_f32)(const float* weight, const float* x, int64_t columns, int64_t n, float* acc);

  // XNOR-popcount of a +-1 matrix with +-1 activations (bit 1 = -1): y has 64 * strips elements.
  void (*xnor_signs_i32)(const BinaryMatrix&, const uint64_t* activation, int32_t* y);
  // ... and with k-bit two's complement activations, k <= 16, padded with zeros to a multiple of 16.
  void (*xnor_i32)(const BinaryMatrix&, const int32_t* x, int32_t k, int32_t* y);
  // Bit j of the packed words is set where x_j < 0; n is padded to a multiple of 16.
  void (*pack_signs_f32)(const float* x, int64_t n, uint64_t* words);
  void (*pack_signs_i32)(const int32_t* x, int64_t n, uint64_t* words);

  // Integer models. Callers prove that no sum leaves 32 bits where it is said to fit there.
  void (*recur_i32)(const IntegerRecur&, int64_t steps);
  // One step whose product H z is already in `acc`; reads the input at time t.
  void (*update_i32)(const IntegerRecur&, const int32_t* acc, int64_t t, int32_t* out);
  // Integer models that forget, in lanes of 32 and of 16 bits.
  void (*recur_blocks_i32)(const BlockRecur<int32_t>&, int64_t steps);
  void (*recur_blocks_i16)(const BlockRecur<int16_t>&, int64_t steps);
  void (*update_blocks_i32)(const BlockRecur<int32_t>&, const int32_t* acc, int64_t t, int32_t* out);
  // v + half of `count` inputs, pairs of features each.
  void (*project_blocks_i32)(const BlockInput&, const int32_t* pairs, int64_t count, int32_t* rows);
  void (*project_blocks_i16)(const BlockInput&, const int32_t* pairs, int64_t count, int16_t* rows);
  void (*add_sums_i32)(const int32_t* x, int64_t n, int64_t* sums);  // sums += x
  void (*add_sums_i16)(const int16_t* x, int64_t n, int64_t* sums);
  void (*widen_i16)(const int16_t* x, int64_t n, int32_t* out);
  // x[j] = (means[j] >> shift) - feature_offset, or float(means[j] >> shift) scale[j]; and y[k] = codes[k] x for o rows
  // of n codes of 8 bits in 16: exact. n is a multiple of feature_group.
  void (*short_features_i32)(const int32_t* means, int64_t n, int32_t shift, int16_t* x);
  void (*float_features_i32)(const int32_t* means, int64_t n, int32_t shift, const float* scale, float* x);
  void (*readout_i16)(const int16_t* codes, const int16_t* x, int64_t n, int64_t o, int64_t* y);
  // 16-bit lanes of n integers, in the order in which the recurrence wants them.
  void (*shorten_i32)(const int32_t* x, int64_t n, int16_t* out);
  // q = clamp(rint(x / scale)) of `count` numbers, none of them NaN; low and high fit 16 bits.
  void (*quantize_f32)(const float* x, int64_t count, float scale, float low, float high, int32_t* q);
  // rows[i] = codes x[i] for `count` rows x of d values; codes are (d, n), n padded.
  void (*project_i32)(const int8_t* codes, const int32_t* x, int64_t d, int64_t n, int64_t count, int32_t* rows);
  // y[i] = codes relu(z[i]) + bias; codes are (o, n), n padded; z is (count, n), y is (count, o).
  void (*readout_i32)(const int8_t* codes, const int32_t* bias, const int32_t* z, int64_t n, int64_t o, int64_t count,
                      int32_t* y);
};

namespace scalar {
extern const KernelTable table;
// float64 serves checks of the training gradients only; every table points to the scalar code.
void transform_f64(const Geometry<double>&, const double* in, double* out, double* scratch, int64_t count,
                   bool transpose);
void recur_f64(const Recur<double>&, int64_t steps);
void recur_back_f64(const RecurBack<double>&, int64_t steps);
void powers_back_f64(const RecurBack<double>&, int64_t steps);
}  // namespace scalar
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}
namespace neon {
extern const KernelTable table;
}

}  // namespace hadamrnn
