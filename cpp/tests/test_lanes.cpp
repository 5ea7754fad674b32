// Sequences in lanes against the kernels that run one after another, bit for bit.
#include "check.hpp"
#include "data.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

struct Shape {
  int32_t log2;
  int64_t blocks, d;
};

void compare(const KernelTable& table, const Shape& s, Activation activation, InputActivation phi, bool special) {
  Random random(uint64_t(s.log2 * 100 + s.blocks * 10 + s.d));
  const int64_t n = s.blocks << s.log2, lanes = table.lanes, steps = 5;
  const auto draw = [&](int64_t count) { return special ? random.specials(count) : random.reals<float>(count); };
  const std::vector<float> x = draw(lanes * steps * s.d), h0 = draw(lanes * n);  // sequence by sequence
  Unaligned<float> su(draw(n)), modrelu(draw(n)), weight(draw(n * s.d)), bias(draw(n)), side_x(lanes * steps * s.d),
      side_h(lanes * n);
  for (int64_t i = 0; i < lanes; ++i) {
    for (int64_t k = 0; k < steps * s.d; ++k) side_x.data()[k * lanes + i] = x[size_t(i * steps * s.d + k)];
    for (int64_t j = 0; j < n; ++j) side_h.data()[j * lanes + i] = h0[size_t(i * n + j)];
  }
  RecurLanes p{};
  p.geometry = {n, s.log2, 1, nullptr, nullptr};
  p.activation = activation;
  p.su = su.data();
  p.modrelu = modrelu.data();
  p.d = s.d;
  p.x = side_x.data();
  p.weight = weight.data();
  p.bias = bias.data();
  p.phi = phi;
  p.h = side_h.data();
  table.recur_lanes_f32(p, steps);

  const std::string what = "lanes of " + std::to_string(s.blocks) + " blocks of 2^" + std::to_string(s.log2) + ", " +
                           std::to_string(s.d) + " inputs, activation " + std::to_string(int(activation)) + ", phi " +
                           std::to_string(int(phi)) + (special ? ", special values" : "");
  check(side_x.intact() && side_h.intact(), what + ": nothing else is written");
  for (int64_t i = 0; i < lanes; ++i) {
    std::vector<float> rows(size_t(steps * n)), h(static_cast<size_t>(n)), got = h;
    table.project_f32(weight.data(), bias.data(), &x[size_t(i * steps * s.d)], s.d, n, steps, phi, rows.data());
    Recur<float> one{};
    one.geometry = p.geometry;
    one.activation = activation;
    one.su = su.data();
    one.modrelu = modrelu.data();
    one.rows = rows.data();
    one.in = &h0[size_t(i * n)];
    one.out = h.data();
    table.recur_f32(one, steps);
    for (int64_t j = 0; j < n; ++j) got[size_t(j)] = side_h.data()[j * lanes + i];
    check_same(what + ", sequence " + std::to_string(i), got.data(), h.data(), n);
  }
}

}  // namespace

void test_lanes(const KernelTable& table) {
  check(table.lanes == (table.isa == Isa::avx512 ? 16 : table.isa == Isa::avx2 ? 8 : 1), "the number of lanes");
  if (table.lanes == 1) return;
  for (const Shape& s : {Shape{5, 1, 1}, {5, 3, 3}, {6, 1, 2}, {6, 2, 1}, {7, 1, 9}, {7, 3, 1}, {8, 1, 1}, {9, 1, 2}}) {
    for (int a = 0; a < 4; ++a) {
      for (int phi = 0; phi < 3; ++phi) {
        for (const bool special : {false, true}) compare(table, s, Activation(a), InputActivation(phi), special);
      }
    }
  }
}

}  // namespace hadamrnn::test
