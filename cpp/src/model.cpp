#include "hadamrnn/model.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "finite.hpp"
#include "fp_env.hpp"
#include "isa_tables.hpp"
#include "lanes.hpp"
#include "model_data.hpp"
#include "runner.hpp"
#include "threads.hpp"

namespace hadamrnn {
namespace {

constexpr const char* names[] = {"auto", "fwht", "xnor", "masked_add", "dense"};

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

void check_count(const std::vector<float>& values, int64_t expected, const char* what) {
  if (int64_t(values.size()) != expected) {
    fail(std::string(what) + " has " + std::to_string(values.size()) + " entries, expected " +
         std::to_string(expected));
  }
}

// The order of additions is part of a kernel's meaning, so the rule looks at the model only. The
// transform beats the other kernels at every measured size on a Hadamard matrix, 1-bit states
// included (bench/README.md).
Kernel choose(const ModelSpec& spec, std::string& reason) {
  if (spec.kernel == Kernel::automatic) {
    reason = "auto: the recurrent matrices are Hadamard blocks, n log2 m additions instead of n m";
    return Kernel::fwht;
  }
  reason = "asked for";
  if (spec.kernel == Kernel::xnor) {
    for (const Layer& layer : spec.layers) {
      if (layer.data().activation != Activation::sign) {
        fail(
            "kernel 'xnor' counts bits and needs a 1-bit or integer state, but this model's state is float32: "
            "quantize the model, or use kernel 'fwht', 'masked_add' or 'dense'");
      }
    }
  }
  return spec.kernel;
}

// Natural unit of each storage index, -1 in the padding.
std::vector<int64_t> natural_units(const Storage& storage) {
  std::vector<int64_t> unit(size_t(storage.size()), -1);
  for (int64_t i = 0; i < storage.hidden_size; ++i) unit[size_t(storage.index[size_t(i)])] = i;
  return unit;
}

PackedLayer pack_layer(const Layer& layer, const LayerData* below, Kernel kernel) {
  PackedLayer p{layer, {}, {}, {}, {}, 0};
  const LayerData& d = layer.data();
  const int64_t size = d.storage.size();
  const std::vector<int64_t> unit = natural_units(d.storage);
  const Entry entry = [&](int64_t i, int64_t j) {
    const int64_t a = unit[size_t(i)], b = unit[size_t(j)];
    return a < 0 || b < 0 ? 0 : d.hadamard.entry(a, b);
  };
  if (kernel == Kernel::masked_add) p.recurrent = PackedTernary(size, size, entry);
  if (kernel == Kernel::dense) {
    p.dense.resize(size_t(size * size));
    for (int64_t j = 0; j < size; ++j) {
      for (int64_t i = 0; i < size; ++i) p.dense[size_t(j * size + i)] = float(entry(i, j));
    }
  }
  if (kernel == Kernel::xnor) {
    p.block = PackedBinary(d.storage.block_size, d.storage.block_size,
                           [&](int64_t i, int64_t j) { return d.hadamard.entry(i, j); });
  }
  if (below) {
    const std::vector<int64_t> from = natural_units(below->storage);
    p.input = PackedTernary(size, below->storage.size(), [&](int64_t i, int64_t j) {
      const int64_t a = unit[size_t(i)], b = from[size_t(j)];
      return a < 0 || b < 0 ? 0 : int(d.input_signs[size_t(a * d.input_size + b)]);
    });
    p.input_scale = float(1.0 / std::sqrt(double(d.input_size)));
  }
  return p;
}

void pack_input(const ModelSpec& spec, ModelData& m) {
  const LayerData& first = m.layers.front().data();
  const Storage& s = first.storage;
  const int64_t size = s.size(), width = spec.input_size;
  if (!spec.tokens) {
    m.input_panels = s.panels(spec.input_weight.data(), width, width);
    return;
  }
  m.token_rows.resize(size_t(m.token_count * size));
  const DefaultFpEnv env;
  if (spec.tokens_count > 0) {
    m.kernels->project_f32(s.panels(spec.input_weight.data(), width, width).data(), first.bias.data(),
                           spec.embedding.data(), width, size, m.token_count, m.input_activation, m.token_rows.data());
  } else {
    const float one = 1;  // one-hot: column t of U, which a product with 1 leaves as it is
    for (int64_t t = 0; t < m.token_count; ++t) {
      m.kernels->project_f32(s.panels(&spec.input_weight[size_t(t)], width, 1).data(), first.bias.data(), &one, 1, size,
                             1, m.input_activation, m.token_rows.data() + t * size);
    }
  }
}

Pool<float> pack_pool(const ModelSpec& spec, const Storage& storage) {
  Pool<float> pool;
  const bool mean = spec.output == Output::mean;
  if (!mean && spec.pool.count == 0) return pool;
  pool.thresholds = mean ? 1 : spec.pool.count;
  pool.excess = mean || spec.pool.excess;
  pool.share = !mean && spec.pool.share;
  pool.time_constant = mean ? 0 : spec.pool.time_constant;
  if (pool.groups() < 1) fail("a pool has no features; expected excess or share");
  if (pool.time_constant < 0 || pool.time_constant > 15) fail("the time constant of a pool is not 0 .. 15");
  pool.threshold.resize(size_t(pool.thresholds * storage.size()));  // 0 of a mean
  if (mean) return pool;
  check_count(spec.pool.thresholds, pool.thresholds * storage.hidden_size, "thresholds");
  for (int64_t k = 0; k < pool.thresholds; ++k) {
    storage.to_storage(&spec.pool.thresholds[size_t(k * storage.hidden_size)],
                       &pool.threshold[size_t(k * storage.size())]);
  }
  return pool;
}

// Sequences of a batch that run together: as many side by side as is best, those of nearly the same length, and the
// rest each alone. All of them alone where there would be less than one group for each thread.
struct Groups {
  Groups(const ModelData& m, const Batch& batch, int threads) : size(batch.size), lanes(Lanes::best(m)) {
    full = lanes > 1 && size >= lanes * threads ? size / lanes : 0;
    if (full == 0 || !batch.lengths) return;
    order.resize(size_t(size));
    std::iota(order.begin(), order.end(), int64_t(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return batch.lengths[a] > batch.lengths[b]; });
  }
  int64_t count() const { return full + size - full * lanes; }
  int64_t count(int64_t group) const { return group < full ? lanes : 1; }
  int64_t sequence(int64_t group, int64_t k) const {
    const int64_t at = group < full ? group * lanes + k : full * lanes + group - full;
    return order.empty() ? at : order[size_t(at)];
  }

  int64_t size, lanes, full;
  std::vector<int64_t> order;  // of the sequences, the longest first; empty: as they are
};

// Runs all sequences from h_0 = 0 and calls done(runner, place, i) at the end of each. The logits of every step go to
// `y` for Output::all.
template <class Done>
void run_all(const ModelData& m, const Batch& batch, int threads, float* y, const Done& done) {
  const Groups groups(m, batch, threads);
  parallel_for(groups.count(), threads, [&](int64_t g) {
    std::unique_ptr<Runner> runner = m.spares.take();
    if (!runner) runner = make_runner(m, 1);
    const int64_t count = groups.count(g);
    runner->grow(count);
    std::vector<int64_t> places;
    std::vector<Sequence> sequences;
    for (int64_t k = 0; k < count; ++k) {
      runner->reset(k);
      places.push_back(k);
      sequences.push_back(batch_row(m, batch, groups.sequence(g, k)));
    }
    if (count > 1) {
      advance_all(*runner, m, places.data(), sequences.data(), count);
    } else {
      float* rows = m.output == Output::all ? y + groups.sequence(g, 0) * batch.steps * m.output_size : nullptr;
      runner->advance(0, sequences[0], rows);
    }
    for (int64_t k = 0; k < count; ++k) done(*runner, k, groups.sequence(g, k));
    m.spares.put(std::move(runner));
  });
}

}  // namespace

std::vector<PackedLayer> pack_layers(const std::vector<Layer>& layers, Kernel kernel) {
  std::vector<PackedLayer> packed;
  for (size_t l = 0; l < layers.size(); ++l) {
    const int64_t below = l == 0 ? 0 : layers[l - 1].hidden_size();
    if (layers[l].input_size() != below) {
      fail("layer " + std::to_string(l) + " reads " + std::to_string(layers[l].input_size()) +
           " units, but the layer below has " + std::to_string(below));
    }
    packed.push_back(pack_layer(layers[l], l == 0 ? nullptr : &layers[l - 1].data(), kernel));
  }
  return packed;
}

Buffer<float> pack_readout(const std::vector<float>& weight, int64_t output_size, int64_t groups,
                           const Storage& storage) {
  Buffer<float> packed(size_t(output_size * groups * storage.size()));
  for (int64_t k = 0; k < output_size * groups; ++k) {
    storage.to_storage(&weight[size_t(k * storage.hidden_size)], &packed[size_t(k * storage.size())]);
  }
  return packed;
}

Kernel parse_kernel(const std::string& name) {
  for (int i = 0; i < 5; ++i) {
    if (name == names[i]) return Kernel(i);
  }
  fail("kernel '" + name + "' is unknown; expected auto, fwht, xnor, masked_add or dense");
}

Output parse_output(const std::string& name) {
  if (name == "last") return Output::last;
  if (name == "all") return Output::all;
  if (name == "mean") return Output::mean;
  fail("output '" + name + "' is unknown; expected last, all or mean");
}

const char* kernel_name(Kernel kernel) { return names[int(kernel)]; }

Model::Model(const ModelSpec& spec) {
  if (spec.layers.empty()) fail("a model needs at least one layer");
  const bool pooled = spec.pool.count > 0 && spec.output != Output::mean;
  const int64_t groups = pooled ? spec.pool.count * (spec.pool.excess + spec.pool.share) : 1;
  check_count(spec.input_weight, spec.layers.front().hidden_size() * spec.input_size, "input_weight");
  check_count(spec.embedding, spec.tokens_count * spec.input_size, "embedding");
  check_count(spec.output_weight, groups * spec.layers.back().hidden_size() * spec.output_size, "output_weight");
  check_count(spec.output_bias, spec.output_size, "output_bias");
  if (spec.input_size < 1 || spec.output_size < 1) fail("input_size and output_size must be at least 1");

  auto m = std::make_shared<ModelData>();
  m->kernels = &active_table();
  m->kernel = choose(spec, m->kernel_reason);
  m->layers = pack_layers(spec.layers, m->kernel);
  m->tokens = spec.tokens;
  m->output = spec.output;
  if (spec.differences && (spec.tokens || spec.input_size % 2 != 0)) {
    fail("differences are for features, whose number input_size is twice");
  }
  m->input_activation = parse_input_activation(spec.input_activation);
  m->differences = spec.differences;
  m->input_size = spec.differences ? spec.input_size / 2 : spec.input_size;
  m->token_count = !spec.tokens ? 0 : spec.tokens_count > 0 ? spec.tokens_count : spec.input_size;
  m->output_size = spec.output_size;
  pack_input(spec, *m);

  m->pool = pack_pool(spec, m->layers.back().data().storage);
  m->output_weight = pack_readout(spec.output_weight, spec.output_size, groups, m->layers.back().data().storage);
  m->output_bias = spec.output_bias;
  data_ = std::move(m);
}

Kernel Model::kernel() const { return data_->kernel; }
const std::string& Model::kernel_reason() const { return data_->kernel_reason; }
Isa Model::isa() const { return data_->kernels->isa; }
bool Model::takes_tokens() const { return data_->tokens; }
Output Model::output() const { return data_->output; }
int64_t Model::input_size() const { return data_->input_size; }
int64_t Model::token_count() const { return data_->token_count; }
int64_t Model::output_size() const { return data_->output_size; }

int64_t Model::step_work() const { return work_of_step(*data_); }

std::optional<Overflow> Model::infer(const Batch& batch, float* y, int threads, bool finite) const {
  const ModelData& m = *data_;
  check_batch(m, batch, 1);
  const int64_t all = m.output == Output::all ? batch.steps : 1;  // rows of logits of a sequence
  std::atomic<int64_t> first{batch.size};                         // sequence that overflows
  run_all(m, batch, threads, y, [&](Runner& runner, int64_t place, int64_t i) {
    float* rows = y + i * all * m.output_size;
    const int64_t read = m.output == Output::all ? batch_row(m, batch, i).steps : 1;
    if (m.output != Output::all) runner.read(place, rows);
    if (finite && !(runner.finite(place) && all_finite(rows, read * m.output_size))) {
      for (int64_t known = first; i < known && !first.compare_exchange_weak(known, i);) {
      }
    }
    std::fill(rows + read * m.output_size, rows + all * m.output_size, 0.0f);
  });
  if (first == batch.size) return std::nullopt;
  const DefaultFpEnv env;
  const std::unique_ptr<Runner> runner = make_runner(m, 1);
  const int64_t step = first_overflow(*runner, 0, m, batch_row(m, batch, first), m.output == Output::all);
  return Overflow{first, step};
}

int64_t Model::features() const {
  if (data_->integer && !data_->integer->blocks) return 0;
  return data_->groups() * data_->layers.back().data().storage.hidden_size;
}

void Model::features(const Batch& batch, float* r, int threads) const {
  const ModelData& m = *data_;
  if (features() == 0) fail("the model has no pool that gives features");
  check_batch(m, batch, 1);
  run_all(m, batch, threads, nullptr,
          [&](Runner& runner, int64_t place, int64_t i) { runner.features(place, r + i * features()); });
}

}  // namespace hadamrnn
