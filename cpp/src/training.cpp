#include "hadamrnn/training.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "threads.hpp"
#include "training_pass.hpp"

namespace hadamrnn {
namespace {

void check_input(const TrainInput& in) {
  for (int64_t i = 0; in.ids && i < in.batch * in.steps; ++i) {
    if (in.ids[i] < 0 || in.ids[i] >= in.row_count) {
      throw std::invalid_argument("row number " + std::to_string(in.ids[i]) + " is outside 0.." +
                                  std::to_string(in.row_count - 1));
    }
  }
  for (int64_t i = 0; in.lengths && i < in.batch; ++i) {
    if (in.lengths[i] < 1 || in.lengths[i] > in.steps) {
      throw std::invalid_argument("length " + std::to_string(in.lengths[i]) + " is outside 1.." +
                                  std::to_string(in.steps));
    }
  }
}

// Adds the sums of the other threads to the first's, in order of the threads.
template <class Vector>
void add_sums(std::vector<TrainWorker>& workers, Vector TrainSums::*member) {
  Vector& total = workers.front().sums.*member;
  for (size_t w = 1; w < workers.size(); ++w) {
    const Vector& other = workers[w].sums.*member;
    for (size_t i = 0; i < total.size(); ++i) total[i] += other[i];
  }
}

// Thread w takes a fixed share of the sequences, so that sums depend on the number of threads alone.
template <class Body>
void share(std::vector<TrainWorker>& workers, int64_t batch, const Body& body) {
  const int64_t count = int64_t(workers.size());
  parallel_for(count, int(count), [&](int64_t w) {
    for (int64_t i = batch * w / count; i < batch * (w + 1) / count; ++i) body(workers[size_t(w)], i);
  });
}

std::vector<TrainWorker> make_workers(const TrainProblem& p, int64_t segment, int threads) {
  std::vector<TrainWorker> workers;
  const int64_t count = std::clamp<int64_t>(threads, 1, std::max<int64_t>(1, p.input.batch));
  workers.reserve(size_t(count));
  for (int64_t w = 0; w < count; ++w) workers.emplace_back(p, segment);
  return workers;
}

// total -= sum over count rows of a * b
void subtract_products(const float* a, const float* b, int64_t count, Buffer<float>& total) {
  const size_t n = total.size();
  for (int64_t i = 0; i < count; ++i, a += n, b += n) {
    for (size_t j = 0; j < n; ++j) total[j] -= a[j] * b[j];
  }
}

// dL/du = sum_t dv_t * (z_t - v_t) / u, where z_t - v_t = su * H h_(t-1) needs no product again. What was summed is
// dv_t * h_t. Of that v_t takes sum_r row_r * drow_r, or bias * dbias + weight * dweight, as the gradients of the
// input are sums of dv_t themselves, unless phi lies between; and modrelu's threshold a, with h_t = z_t + sgn(z_t) a,
// takes a * da.
void finish_signs(const TrainProblem& p, TrainSums& total, float* out) {
  if (!p.hides_sums()) {
    const TrainInput& in = p.input;
    if (in.modrelu) subtract_products(p.modrelu.data(), total.modrelu.data(), 1, total.signs);
    if (p.phi != InputActivation::linear) {
      // v_t has been taken away at every step
    } else if (in.ids) {
      subtract_products(p.rows, total.rows.data(), in.row_count, total.signs);
    } else {
      subtract_products(p.bias.data(), total.bias.data(), 1, total.signs);
      subtract_products(p.weight.data(), total.weight.data(), in.features, total.signs);
    }
  }
  p.data.storage.to_natural(total.signs.data(), out);
  for (int64_t i = 0; i < p.data.storage.hidden_size; ++i) out[i] /= p.input.signs[i];
}

void finish(const TrainProblem& p, std::vector<TrainWorker>& workers, const TrainGradients& out) {
  const Storage& s = p.data.storage;
  TrainSums& total = workers.front().sums;
  for (const auto member : {&TrainSums::signs, &TrainSums::modrelu, &TrainSums::rows, &TrainSums::bias,
                            &TrainSums::weight, &TrainSums::threshold}) {
    add_sums(workers, member);
  }
  finish_signs(p, total, out.signs);
  if (out.modrelu) s.to_natural(total.modrelu.data(), out.modrelu);
  for (int64_t k = 0; out.threshold && k < p.pooling.thresholds; ++k) {
    s.to_natural(&total.threshold[size_t(k * p.size)], out.threshold + k * s.hidden_size);
  }
  if (p.input.ids) {
    for (int64_t i = 0; i < p.input.row_count; ++i) {
      s.to_natural(&total.rows[size_t(i * p.size)], out.rows + i * s.hidden_size);
    }
    return;
  }
  s.to_natural(total.bias.data(), out.bias);
  for (int64_t i = 0; i < s.hidden_size; ++i) {
    for (int64_t j = 0; j < p.input.features; ++j) {
      out.weight[i * p.input.features + j] = total.weight[size_t(j * p.size + s.index[size_t(i)])];
    }
  }
}

template <class T>
T* row(T* rows, int64_t i, const TrainProblem& p) {
  return rows ? rows + i * p.data.storage.hidden_size : nullptr;
}

}  // namespace

void train_last(const Recurrence& recurrence, const TrainInput& input, const TrainPool* pool, float* h_last,
                float* features, int threads) {
  check_input(input);
  const TrainProblem p(recurrence, input, pool);
  std::vector<TrainWorker> workers = make_workers(p, input.steps, threads);
  share(workers, input.batch,
        [&](TrainWorker& w, int64_t i) { w.last(i, row(h_last, i, p), row(features, i * p.groups, p)); });
}

void train_last_backward(const Recurrence& recurrence, const TrainInput& input, const TrainPool* pool,
                         const float* grad, const float* grad_features, int64_t segment,
                         const TrainGradients& gradients, int threads) {
  check_input(input);
  const TrainProblem p(recurrence, input, pool, gradients.threshold != nullptr);
  std::vector<TrainWorker> workers = make_workers(p, segment, threads);
  share(workers, input.batch, [&](TrainWorker& w, int64_t i) {
    w.backward(i, row(grad, i, p), row(grad_features, i * p.groups, p), row(gradients.h0, i, p));
  });
  finish(p, workers, gradients);
}

TrainLoss train_sequence(const Recurrence& recurrence, const TrainInput& input, const TrainHead& head, int64_t segment,
                         const TrainGradients& gradients, int threads) {
  check_input(input);
  for (int64_t i = 0; head.classes && i < input.batch * input.steps; ++i) {
    if (head.classes[i] != head.ignore && (head.classes[i] < 0 || head.classes[i] >= head.outputs)) {
      throw std::invalid_argument("class " + std::to_string(head.classes[i]) + " is outside 0.." +
                                  std::to_string(head.outputs - 1));
    }
  }
  TrainProblem p(recurrence, input);
  p.head = &head;
  p.out_weight = p.stored(head.weight, head.outputs);
  std::vector<TrainWorker> workers = make_workers(p, segment, threads);
  share(workers, input.batch,
        [&](TrainWorker& w, int64_t i) { w.backward(i, nullptr, nullptr, row(gradients.h0, i, p)); });
  finish(p, workers, gradients);
  add_sums(workers, &TrainSums::out_weight);
  add_sums(workers, &TrainSums::out_bias);
  const TrainSums& total = workers.front().sums;
  TrainLoss loss;
  for (const TrainWorker& w : workers) {
    loss.sum += w.sums.loss.sum;
    loss.count += w.sums.loss.count;
  }
  for (int64_t k = 0; k < head.outputs; ++k) {
    p.data.storage.to_natural(&total.out_weight[size_t(k * p.size)],
                              head.weight_gradient + k * p.data.storage.hidden_size);
    head.bias_gradient[k] = float(total.out_bias[size_t(k)]);
  }
  return loss;
}

}  // namespace hadamrnn
