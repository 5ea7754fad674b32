// Fast Walsh-Hadamard transform, written once over a vector type V (see vec_*.hpp).
//
// The order of additions is fixed by definition: stages of stride 1, 2, 4, ... in index order, then
// the dense base matrix. Every schedule below respects that graph, so every instruction set gives
// the same float bits. Strides inside a register take a permutation and one add of +-x
// (V::butterfly); strides between registers take one add and one subtract.
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

constexpr int ilog2(int x) { return x <= 1 ? 0 : 1 + ilog2(x / 2); }

// Stages of stride S, 2S, ... below V::W inside one register.
template <class V, int S = 1>
HADAMRNN_INLINE typename V::reg lanes(typename V::reg x) {
  if constexpr (S < V::W) {
    return lanes<V, 2 * S>(V::template butterfly<S>(x));
  } else {
    return x;
  }
}

// The same below 2^log2 <= V::W, inside each of N registers.
template <class V, int N, int S = 1>
HADAMRNN_INLINE void some_lanes(typename V::reg (&r)[N], int log2) {
  if constexpr (S < V::W) {
    if (log2 <= ilog2(S)) return;
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::template butterfly<S>(r[i]);
    some_lanes<V, N, 2 * S>(r, log2);
  }
}

// Stages of stride H, 2H, ... below `end` <= N registers, across N registers.
template <class V, int N, int H = 1>
HADAMRNN_INLINE void across(typename V::reg (&r)[N], int64_t end = N) {
  if constexpr (H < N) {
    if (end <= H) return;
    HADAMRNN_UNROLL
    for (int i = 0; i < N / 2; ++i) {
      const int a = (i / H) * 2 * H + i % H;
      const typename V::reg x = r[a], y = r[a + H];
      r[a] = V::add(x, y);
      r[a + H] = V::sub(x, y);
    }
    across<V, N, 2 * H>(r, end);
  }
}

// All stages of N registers held in r if `full`, else the first log2. Those are asked for at run time: a kernel for
// each size of block would be several times the code and no faster.
template <class V, int N, bool full>
HADAMRNN_INLINE void tile(typename V::reg (&r)[N], int log2) {
  if (!full && log2 < ilog2(V::W)) return some_lanes<V, N>(r, log2);
  HADAMRNN_UNROLL
  for (int i = 0; i < N; ++i) r[i] = lanes<V>(r[i]);
  across<V, N>(r, full ? N : (int64_t(1) << log2) / V::W);
}

// Registers of the largest tile, and the number of stages that it covers; the same of a tile that leaves registers
// free.
template <class V>
constexpr int tile_regs = V::tile_regs;
template <class V>
constexpr int tile_log2 = ilog2(V::W) + ilog2(V::tile_regs);
template <class V>
constexpr int pass_log2 = ilog2(V::W) + ilog2(V::pass_regs);

// An epilogue e(r, j, stride) changes the results r[i] of elements j + i*stride before they are stored.
// The loops below take a copy of it: through a reference its pointers would be read again after
// every store, which may alias anything.
struct Identity {
  template <class Regs>
  HADAMRNN_INLINE void operator()(Regs&, int64_t, int64_t) const {}
};

// The first stages of blocks, from element `begin` of a row on: all that N registers hold if `full`, else the first
// log2, and what is left, too few for N registers, in half as many.
template <class V, int N, bool full>
void tiles(const typename V::T* in, typename V::T* out, int64_t begin, int64_t row, int log2) {
  int64_t j = begin;
  for (; j + N * V::W <= row; j += N * V::W) {
    typename V::reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(in + j + i * V::W);
    tile<V, N, full>(r, log2);
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) V::store(out + j + i * V::W, r[i]);
  }
  if constexpr (!full && N > 1) {
    if (j < row) tiles<V, N / 2, full>(in, out, j, row, log2);
  }
}

// Stages of stride h, 2h, ... R*h/2 (R a power of two) in place, then the epilogue.
template <class V, int R, class E>
HADAMRNN_INLINE void radix(typename V::T* x, int64_t row, int64_t h, const E& epilogue) {
  const E e = epilogue;
  for (int64_t block = 0; block < row; block += R * h) {
    for (int64_t j = block; j < block + h; j += V::W) {
      typename V::reg r[R];
      HADAMRNN_UNROLL
      for (int i = 0; i < R; ++i) r[i] = V::load(x + j + i * h);
      across<V, R>(r);
      e(r, j, h);
      HADAMRNN_UNROLL
      for (int i = 0; i < R; ++i) V::store(x + j + i * h, r[i]);
    }
  }
}

template <class V, class E>
void radix_pass(typename V::T* x, int64_t row, int64_t h, int stages, const E& e) {
  switch (stages) {
    case 1: return radix<V, 2>(x, row, h, e);
    case 2: return radix<V, 4>(x, row, h, e);
    case 3:
      if constexpr (V::max_radix_log2 >= 3) return radix<V, 8>(x, row, h, e);
      break;
    default:
      if constexpr (V::max_radix_log2 >= 4) return radix<V, 16>(x, row, h, e);
  }
}

// Blocks of 2^12 elements and more are cut into such blocks first, which stay in the first-level cache (16 kB of 32).
// From there on the elements of a butterfly are multiples of 4 kB apart, and all fall into one of its sets of eight
// lines: the last pass, whose epilogue reads three more vectors, then takes two elements at a time and no more.
constexpr int cached_log2 = 12;

template <class E>
constexpr bool reads_memory = true;
template <>
constexpr bool reads_memory<Identity> = false;

// Stages that the next pass takes of those left, evenly.
template <class V>
HADAMRNN_INLINE int pass_stages(int left) {
  const int passes = (left + V::max_radix_log2 - 1) / V::max_radix_log2;
  return (left + passes - 1) / passes;
}

// The stages after the first `done` ones, in place; then the epilogue in the last pass.
template <class V, class E>
void across_blocks(typename V::T* out, int64_t row, int done, int log2, const E& e) {
  const int last = reads_memory<E> && log2 >= cached_log2 ? 1 : pass_stages<V>(log2 - done);
  while (done < log2 - last) {
    const int stages = pass_stages<V>(log2 - last - done);
    radix_pass<V>(out, row, int64_t(1) << done, stages, Identity{});
    done += stages;
  }
  radix_pass<V>(out, row, int64_t(1) << done, last, e);
}

// All stages of blocks larger than a tile, then the epilogue.
template <class V, class E>
void large_blocks(const typename V::T* in, typename V::T* out, int64_t row, int log2, const E& e) {
  const int most = reads_memory<E> && log2 == cached_log2 ? cached_log2 - 1 : cached_log2;
  if (log2 > most) {
    const int64_t part = int64_t(1) << most;
    for (int64_t j = 0; j < row; j += part) large_blocks<V>(in + j, out + j, part, most, Identity{});
    across_blocks<V>(out, row, most, log2, e);
  } else if (V::pass_regs == tile_regs<V> || (log2 - tile_log2<V>) % V::max_radix_log2 == 0) {
    tiles<V, tile_regs<V>, true>(in, out, 0, row, log2);
    across_blocks<V>(out, row, tile_log2<V>, log2, e);
  } else {  // a smaller tile takes no more passes and leaves registers free
    tiles<V, V::pass_regs, true>(in, out, 0, row, log2);
    across_blocks<V>(out, row, pass_log2<V>, log2, e);
  }
}

// FWHT of the blocks of one row; in and out may be the same.
template <class V>
void fwht_row(const typename V::T* in, typename V::T* out, int64_t row, int log2) {
  if (log2 <= pass_log2<V>) {
    tiles<V, V::pass_regs, false>(in, out, 0, row, log2);
  } else if (log2 == tile_log2<V>) {
    tiles<V, tile_regs<V>, true>(in, out, 0, row, log2);
  } else {
    large_blocks<V>(in, out, row, log2, Identity{});
  }
}

// out_b = sum_c core[b][c] * in_c over the rows, in order of c, then the epilogue; in != out.
// Costs base - 1 additions an element.
template <class V, class E>
void core_rows(const typename V::T* HADAMRNN_RESTRICT in, typename V::T* HADAMRNN_RESTRICT out, int64_t row, int base,
               const typename V::T* core, const E& epilogue) {
  using reg = typename V::reg;
  const E e = epilogue;
  for (int64_t j = 0; j < row; j += V::W) {
    for (int b = 0; b < base; b += 4) {  // every base order is a multiple of 4
      const typename V::T* s = core + int64_t(b) * base;
      const reg first = V::load(in + j);
      reg acc[4];
      HADAMRNN_UNROLL
      for (int i = 0; i < 4; ++i) acc[i] = V::mul(first, V::set(s[i * base]));
      for (int c = 1; c < base; ++c) {
        const reg y = V::load(in + c * row + j);
        HADAMRNN_UNROLL
        for (int i = 0; i < 4; ++i) acc[i] = V::add_signed(acc[i], y, s[i * base + c]);
      }
      e(acc, b * row + j, row);
      HADAMRNN_UNROLL
      for (int i = 0; i < 4; ++i) V::store(out + (b + i) * row + j, acc[i]);
    }
  }
}

// The whole transform of one vector. `scratch` holds size() elements if base > 1.
template <class V>
void transform(const Geometry<typename V::T>& g, const typename V::T* in, typename V::T* out, typename V::T* scratch,
               bool transpose) {
  if (g.base == 1) {
    fwht_row<V>(in, out, g.row, g.log2);
  } else {  // blocks never straddle rows, so all rows are transformed as one long row
    fwht_row<V>(in, scratch, g.size(), g.log2);
    core_rows<V>(scratch, out, g.row, g.base, transpose ? g.core_t : g.core, Identity{});
  }
}

template <class V>
void transform_many(const Geometry<typename V::T>& g, const typename V::T* in, typename V::T* out,
                    typename V::T* scratch, int64_t count, bool transpose) {
  for (int64_t i = 0; i < count; ++i) {
    transform<V>(g, in + i * g.size(), out + i * g.size(), scratch, transpose);
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
