// The passes over one sequence that training is made of: forward, and back with the gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "hadamrnn/training.hpp"
#include "isa_tables.hpp"
#include "pause.hpp"
#include "recurrence_data.hpp"

namespace hadamrnn {

constexpr int64_t train_chunk = 32;  // steps handled at once: their states, gradients and logits stay in cache

// Everything in storage order, shared by the threads.
struct TrainProblem {
  const KernelTable& kernels;
  const RecurrenceData& data;
  const TrainInput& input;
  int64_t size;
  InputActivation phi;
  Buffer<float> su, modrelu, weight, panels, bias, rows_copy, threshold;  // `panels`: weights that are projected
  const float* rows = nullptr;
  Buffer<float> out_weight;
  const TrainHead* head = nullptr;
  Pooling<float> pooling{};  // of no thresholds where nothing is pooled
  int64_t groups = 0;        // features of a unit
  bool learns_threshold;

  TrainProblem(const Recurrence& recurrence, const TrainInput& in, const TrainPool* pool = nullptr,
               bool threshold_gradient = false)
      : kernels(active_table()),
        data(recurrence.data()),
        input(in),
        size(data.storage.size()),
        phi(parse_input_activation(in.input_activation)),
        learns_threshold(threshold_gradient) {
    const Storage& s = data.storage;
    su = scaled_signs(s, in.signs);
    if (pool) {
      threshold = stored(pool->threshold, pool->thresholds);
      const float rate = pool->time_constant > 0 ? std::ldexp(1.0f, -int(pool->time_constant)) : 0.0f;
      pooling = {size, pool->thresholds, pool->excess, pool->share, rate, threshold.data()};
      groups = pool->thresholds * (pool->excess + pool->share);
    }
    if (in.modrelu) modrelu = stored(in.modrelu, 1);
    if (in.ids) {
      rows = in.rows;
      if (!s.natural()) {
        rows_copy = stored(in.rows, in.row_count);
        rows = rows_copy.data();
      }
      return;
    }
    bias = stored(in.bias, 1);
    weight.resize(size_t(in.features * size));
    for (int64_t i = 0; i < s.hidden_size; ++i) {
      for (int64_t j = 0; j < in.features; ++j) {
        weight[size_t(j * size + s.index[size_t(i)])] = in.weight[i * in.features + j];
      }
    }
    if (projects()) panels = s.panels(in.weight, in.features, in.features);
  }

  Buffer<float> stored(const float* natural, int64_t count) const {
    Buffer<float> out(size_t(count * size));
    for (int64_t i = 0; i < count; ++i) {
      data.storage.to_storage(natural + i * data.storage.hidden_size, &out[size_t(i * size)]);
    }
    return out;
  }
  // Whether states do not tell z, as the others do: signs, and whole numbers.
  bool hides_sums() const { return data.activation == Activation::sign || data.limit > 0; }
  // Whether the input of a step is written before the recurrence takes it, and not computed within.
  bool projects() const { return !input.ids && (input.features > 1 || phi != InputActivation::linear); }
  int64_t length(int64_t sequence) const { return input.lengths ? input.lengths[sequence] : input.steps; }
};

// Sums of gradients over the sequences of one thread, storage order.
struct TrainSums {
  Buffer<float> signs, modrelu, weight, bias, rows, threshold, out_weight;
  Buffer<double> out_bias;
  TrainLoss loss;

  explicit TrainSums(const TrainProblem& p)
      : signs(size_t(p.size)),
        modrelu(size_t(p.input.modrelu ? p.size : 0)),
        weight(size_t(p.input.features * p.size)),
        bias(size_t(p.input.ids ? 0 : p.size)),
        rows(size_t(p.input.row_count * p.size)),
        threshold(size_t(p.learns_threshold ? p.pooling.thresholds * p.size : 0)) {
    if (!p.head) return;
    out_weight.resize(size_t(p.head->outputs * p.size));
    out_bias.resize(size_t(p.head->outputs));
  }
};

// One thread's scratch memory, and the passes over one sequence. On cache lines of its own: it counts at every step.
class alignas(64) TrainWorker {
 public:
  TrainWorker(const TrainProblem& p, int64_t segment) : sums(p), p_(p), n_(p.size), segment_(segment) {
    const int64_t steps = p.input.steps;
    const int64_t segments = (steps + segment - 1) / segment;
    snapshots_.resize(size_t(segments * n_));
    const size_t rows = size_t(train_chunk * n_);
    dv_.resize(rows);
    if (p.projects()) v_.resize(rows);
    if (p.hides_sums() || p.phi != InputActivation::linear) product_.resize(rows);
    features_.resize(size_t(p.groups * n_));
    carry_.resize(size_t(n_));
    scratch_.resize(size_t(3 * n_));
    dy_.resize(size_t(train_chunk * (p.head ? p.head->outputs : 1)));
  }

  // The state after the sequence's last step and, unless null, the features of the pool, natural order.
  void last(int64_t sequence, float* h_last, float* features) {
    float* h = start(sequence);
    if (features) {
      add_up(sequence, h);
      for (int64_t g = 0; g < p_.groups; ++g) {
        p_.data.storage.to_natural(&features_[size_t(g * n_)], features + g * p_.data.storage.hidden_size);
      }
    } else {
      forward(sequence, 0, p_.length(sequence), h, nullptr);
    }
    p_.data.storage.to_natural(h, h_last);
  }

  // All gradients of one sequence: from dL/dh_last, dL/dfeatures (natural order, may be null) and the head's losses.
  void backward(int64_t sequence, const float* grad_last, const float* grad_features, float* dh0) {
    const int64_t length = p_.length(sequence);
    for (int64_t g = 0; g < p_.groups; ++g) {
      p_.data.storage.to_storage(grad_features + g * p_.data.storage.hidden_size, &features_[size_t(g * n_)]);
    }
    trace_.resize(size_t(std::min(segment_, p_.input.steps) * n_));
    float* h = start(sequence);
    const int64_t segments = (length + segment_ - 1) / segment_;
    for (int64_t k = 0; k + 1 < segments; ++k) {
      float* next = h + n_;
      std::copy_n(h, n_, next);
      forward(sequence, k * segment_, segment_, next, nullptr);
      h = next;
    }
    std::fill(carry_.begin(), carry_.end(), 0.0f);
    if (grad_last) p_.data.storage.to_storage(grad_last, carry_.data());
    for (int64_t k = segments - 1; k >= 0; --k) {
      const int64_t first = k * segment_, steps = std::min(segment_, length - first);
      forward(sequence, first, steps, &snapshots_[size_t(k * n_)], trace_.data());
      if (p_.head && p_.head->h_last && k == segments - 1) {
        p_.data.storage.to_natural(&trace_[size_t((steps - 1) * n_)],
                                   p_.head->h_last + sequence * p_.data.storage.hidden_size);
      }
      for (int64_t c = (steps - 1) / train_chunk * train_chunk; c >= 0; c -= train_chunk) {
        const float* before = c > 0 ? &trace_[size_t((c - 1) * n_)] : &snapshots_[size_t(k * n_)];
        back_chunk(sequence, first + c, std::min(train_chunk, steps - c), &trace_[size_t(c * n_)], before);
      }
    }
    if (dh0) p_.data.storage.to_natural(carry_.data(), dh0);
  }

  TrainSums sums;

 private:
  // h_0 in the first snapshot.
  float* start(int64_t sequence) {
    float* h = snapshots_.data();
    if (p_.input.h0) {
      p_.data.storage.to_storage(p_.input.h0 + sequence * p_.data.storage.hidden_size, h);
    } else {
      std::fill_n(h, n_, 0.0f);
    }
    return h;
  }

  // The recurrence with its input at steps t..; with several features, at most `train_chunk` of them.
  Recur<float> recur_at(int64_t sequence, int64_t t, int64_t steps) {
    const TrainInput& in = p_.input;
    const int64_t at = sequence * in.steps + t;
    Recur<float> r{};
    r.geometry = p_.data.hadamard.geometry<float>();
    r.activation = p_.data.activation;
    r.limit = float(p_.data.limit);
    r.su = p_.su.data();
    r.modrelu = p_.modrelu.data();
    r.scratch = scratch_.data();
    if (in.ids) {
      r.rows = p_.rows;
      r.ids = in.ids + at;
    } else if (p_.projects()) {
      r.rows = project(at, steps);
    } else {
      r.x = in.x + at;
      r.weight = p_.weight.data();
      r.bias = p_.bias.data();
    }
    return r;
  }

  // The input of the recurrence at these steps.
  const float* project(int64_t at, int64_t steps) {
    const TrainInput& in = p_.input;
    p_.kernels.project_f32(p_.panels.data(), p_.bias.data(), in.x + at * in.features, in.features, n_, steps, p_.phi,
                           v_.data());
    return v_.data();
  }

  // Advances h to the sequence's end, and makes features_ those of the pool.
  void add_up(int64_t sequence, float* h) {
    const int64_t length = p_.length(sequence);
    float* trace = dv_.data();
    std::fill(features_.begin(), features_.end(), 0.0f);
    for (int64_t t = 0; t < length; t += train_chunk) {
      const int64_t steps = std::min(train_chunk, length - t);
      forward(sequence, t, steps, h, trace);
      std::copy_n(trace + (steps - 1) * n_, n_, h);
      p_.kernels.pool_f32(p_.pooling, trace, steps, features_.data());
    }
    if (p_.pooling.rate == 0) {
      for (float& sum : features_) sum /= float(length);
    }
  }

  // Advances h by `steps` steps, keeping every state in `trace` if given; then h stays as it was.
  void forward(int64_t sequence, int64_t t, int64_t steps, float* h, float* trace) {
    const int64_t piece = v_.empty() ? pause_steps(n_) : train_chunk;
    for (int64_t c = 0; c < steps; c += piece) {
      const int64_t count = std::min(piece, steps - c);
      pause(count * n_);
      Recur<float> r = recur_at(sequence, t + c, count);
      r.in = trace && c > 0 ? trace + (c - 1) * n_ : h;
      r.out = trace ? trace + c * n_ : h;
      r.stride = trace ? n_ : 0;
      p_.kernels.recur_f32(r, count);
    }
  }

  void back_chunk(int64_t sequence, int64_t t, int64_t steps, const float* h, const float* before) {
    const TrainInput& in = p_.input;
    pause(3 * steps * n_);
    const bool in_every_step = p_.head || p_.groups > 0;
    if (p_.head) {
      head_chunk(sequence, t, steps, h);
    } else if (in_every_step) {
      pool_chunk(sequence, t, steps, h);
    }
    RecurBack<float> b{};
    b.geometry = p_.data.hadamard.geometry<float>();
    b.activation = p_.data.activation;
    b.limit = float(p_.data.limit);
    b.su = p_.su.data();
    b.modrelu = p_.modrelu.data();
    b.h = h;
    b.grad_h = in_every_step ? dv_.data() : nullptr;
    b.dv = dv_.data();
    b.carry = carry_.data();
    b.dmodrelu = sums.modrelu.data();
    b.scratch = scratch_.data();
    p_.kernels.back_rows_f32(b, steps);

    Accumulate a{};
    a.n = n_;
    a.dv = dv_.data();
    const int64_t at = sequence * in.steps + t;
    const bool bent = p_.phi != InputActivation::linear;
    const float* v = bent ? project(at, steps) : nullptr;
    a.z = p_.hides_sums() ? product(steps, h, before) : bent ? without(v, steps, h) : h;
    a.dsum = sums.signs.data();
    if (!in.ids && !bent) a.dbias = sums.bias.data();
    if (in.features == 1 && !bent) {
      a.x = in.x + at;
      a.dweight = sums.weight.data();
    }
    p_.kernels.accumulate_f32(a, steps);
    if (bent) {
      back_through_phi(v, steps);
      const float one = 1;
      p_.kernels.outer_f32(&one, 0, 1, dv_.data(), n_, 1, steps, false, sums.bias.data());
    }
    if (in.ids) {
      p_.kernels.scatter_rows_f32(dv_.data(), in.ids + at, n_, steps, sums.rows.data());
    } else if (p_.projects()) {
      p_.kernels.outer_f32(in.x + at * in.features, in.features, 1, dv_.data(), n_, in.features, steps, false,
                           sums.weight.data());
    }
  }

  // dL/dh_t of a chunk, from the features of the pool.
  void pool_chunk(int64_t sequence, int64_t t, int64_t steps, const float* h) {
    const int64_t length = p_.length(sequence);
    const double rate = double(p_.pooling.rate);
    for (int64_t i = 0; i < steps; ++i) {
      dy_[size_t(i)] = rate > 0 ? float(rate * std::pow(1 - rate, double(length - 1 - t - i))) : 1 / float(length);
    }
    p_.kernels.pool_back_f32(
        {p_.pooling, features_.data(), dy_.data(), p_.learns_threshold ? sums.threshold.data() : nullptr}, h, steps,
        dv_.data());
  }

  // h_t - v_t of the chunk.
  const float* without(const float* v, int64_t steps, const float* h) {
    float* product = product_.data();
    for (int64_t i = 0; i < steps * n_; ++i) product[i] = h[i] - v[i];
    return product;
  }

  // dv_ from the gradient of phi(a) to that of a: nothing where phi is level, which shows in its value v.
  void back_through_phi(const float* v, int64_t steps) {
    const bool clips = p_.phi == InputActivation::clip;
    const float low = clips ? -1.0f : 0.0f, high = clips ? 1.0f : std::numeric_limits<float>::infinity();
    float* dv = dv_.data();
    const int64_t count = steps * n_;
    for (int64_t i = 0; i < count; ++i) dv[i] = v[i] > low && v[i] < high ? dv[i] : 0.0f;
  }

  // su * H h_(t-1) of the chunk.
  const float* product(int64_t steps, const float* h, const float* before) {
    const Geometry<float> g = p_.data.hadamard.geometry<float>();
    p_.kernels.transform_f32(g, before, product_.data(), scratch_.data(), 1, false);
    p_.kernels.transform_f32(g, h, product_.data() + n_, scratch_.data(), steps - 1, false);
    float* product = product_.data();
    const float* su = p_.su.data();
    const int64_t n = n_;  // a local copy, which no store can change
    for (int64_t t = 0; t < steps; ++t) {
      for (int64_t j = 0; j < n; ++j) product[t * n + j] *= su[j];
    }
    return product;
  }

  // Logits, losses and their gradients of a chunk: dv_ receives dL/dh_t.
  void head_chunk(int64_t sequence, int64_t t, int64_t steps, const float* h) {
    const TrainHead& head = *p_.head;
    const int64_t o = head.outputs, at = sequence * p_.input.steps + t;
    float* dy = dy_.data();
    p_.kernels.logits_f32(p_.out_weight.data(), head.bias, h, n_, o, steps, dy, train_chunk);
    if (head.classes) {
      cross_entropy(head.classes + at, steps);
    } else {
      squared_error(head.values + at * o, steps);
    }
    for (int64_t k = 0; k < o; ++k) {
      for (int64_t t = 0; t < steps; ++t) sums.out_bias[size_t(k)] += dy[k * train_chunk + t];
    }
    p_.kernels.outer_f32(dy, 1, train_chunk, h, n_, o, steps, true, sums.out_weight.data());
    p_.kernels.readout_back_f32(p_.out_weight.data(), h, dy, train_chunk, n_, o, steps, dv_.data());
  }

  // These add the losses of a chunk, and turn its logits into their gradients, in place.
  void squared_error(const float* values, int64_t steps) {
    const int64_t o = p_.head->outputs;
    for (int64_t t = 0; t < steps; ++t) {
      for (int64_t k = 0; k < o; ++k) {
        float& y = dy_[size_t(k * train_chunk + t)];
        const float error = y - values[t * o + k];
        sums.loss.sum += double(error) * error;
        y = 2 * error;
      }
    }
    sums.loss.count += steps * o;
  }

  void cross_entropy(const int64_t* classes, int64_t steps) {
    const int64_t o = p_.head->outputs, ignore = p_.head->ignore;
    float of_class[train_chunk], peak[train_chunk], total[train_chunk];
    for (int64_t t = 0; t < steps; ++t) {
      if (classes[t] != ignore) of_class[t] = dy_[size_t(classes[t] * train_chunk + t)];
    }
    p_.kernels.softmax_f32(dy_.data(), train_chunk, o, round_up(steps, lane_group), peak, total);
    double product = 1;  // of the sums: one logarithm for many steps
    for (int64_t t = 0; t < steps; ++t) {
      float* dy = &dy_[size_t(t)];
      if (classes[t] == ignore) {
        for (int64_t k = 0; k < o; ++k) dy[k * train_chunk] = 0;
        continue;
      }
      dy[classes[t] * train_chunk] -= 1;
      ++sums.loss.count;
      sums.loss.sum += double(peak[t]) - of_class[t];
      product *= total[t];
      if (product > 1e200) {
        sums.loss.sum += std::log(product);
        product = 1;
      }
    }
    sums.loss.sum += std::log(product);
  }

  const TrainProblem& p_;
  const int64_t n_;
  const int64_t segment_;
  Buffer<float> snapshots_, trace_, dv_, v_, product_, carry_, scratch_, dy_;
  Buffer<float> features_;  // of the pool, or their gradient
};

}  // namespace hadamrnn
